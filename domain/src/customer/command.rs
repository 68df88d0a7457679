//! What a caller may ask of a customer. Visits are recorded by the booking commands.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{ids::CompanyId, personal::Personal};

use super::{Consent, Contact, ErasureReason, NoteKind, NoteVisibility};

/// What a caller may ask of a customer.
#[derive(Clone, Debug)]
pub enum CustomerCommand {
    /// Register the customer.
    Register {
        /// Whose customer.
        company_id: CompanyId,
        /// How to reach the customer.
        contact: Contact,
    },
    /// Change name, number, address or preferences.
    ChangeContact {
        /// All of it, as it is to be.
        contact: Contact,
    },
    /// Record that the customer agrees to something, or no longer.
    SetConsent {
        /// To what.
        consent: Consent,
        /// Whether.
        is_given: bool,
        /// When.
        at: DateTime<Utc>,
    },
    /// Write something down.
    AddNote {
        /// The note.
        note_id: Uuid,
        /// What it is about.
        kind: NoteKind,
        /// Who may read it.
        visibility: NoteVisibility,
        /// Whether it stands on top.
        is_pinned: bool,
        /// The text.
        text: Personal<String>,
    },
    /// Note the wish to be forgotten.
    RequestErasure {
        /// When.
        at: DateTime<Utc>,
        /// When the customer is to be forgotten: within [`super::GRACE`].
        due_at: DateTime<Utc>,
    },
    /// Take the wish back.
    WithdrawErasure {
        /// When.
        at: DateTime<Utc>,
    },
    /// Forget the customer.
    Erase {
        /// On which ground.
        reason: ErasureReason,
    },
}
