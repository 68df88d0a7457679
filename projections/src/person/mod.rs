//! Everything that is kept of one person, for that person: the right to access and to take it along
//! (GDPR-03, GDPR-06).
//!
//! It is put together from the person's own streams, so it is as fresh as the log and holds what no read
//! model does: notes, reasons, what a contact was before. Of somebody who was forgotten it tells what is
//! left: ids, dates, amounts.

mod appointment;
mod collect;
mod table;

use chrono::{DateTime, Utc};
use daybook_domain::{
    customer::{Consent, NoteKind, NoteVisibility, WishedErasure, journey::Stage},
    event_log::{Position, RecordedEvent},
    ids::{BranchId, CompanyId, CustomerId},
};
use serde::Serialize;
use uuid::Uuid;

pub use self::{
    appointment::{PersonAppointment, PersonModification},
    collect::{PersonError, person},
    table::csv,
};
use crate::customer_journey::Transition;

/// Everything that is kept of one person.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    /// The person.
    pub customer_id: CustomerId,
    /// Whose customer.
    pub company_id: CompanyId,
    /// When this was put together.
    pub exported_at: DateTime<Utc>,
    /// The latest event that it rests on.
    pub position: Position,
    /// Whether the person was forgotten.
    pub erased: bool,
    /// The wish to be forgotten.
    pub erasure: Option<WishedErasure>,
    /// How the person is reached, now and before; the latest comes last.
    pub contacts: Vec<PersonContact>,
    /// What the person agreed to, or no longer, in order.
    pub consents: Vec<PersonConsent>,
    /// What was written down.
    pub notes: Vec<PersonNote>,
    /// What was booked, with everything that was changed in it.
    pub appointments: Vec<PersonAppointment>,
    /// How far the person has come.
    pub journey: PersonJourney,
}

/// What is known of a person stays out of every debug text.
macro_rules! unseen {
    ($($part:ident),+) => {$(
        impl std::fmt::Debug for $part {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($part), "(…)"))
            }
        }
    )+};
}
unseen!(Person, PersonContact, PersonConsent, PersonNote, PersonAppointment, PersonModification);

/// How a person is reached since an instant.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct PersonContact {
    /// Since when.
    pub since: DateTime<Utc>,
    /// The name.
    pub name: Option<String>,
    /// The phone number, E.164.
    pub phone: Option<String>,
    /// Its extension.
    pub phone_extension: Option<String>,
    /// Whether a numbering plan uses the number.
    pub phone_is_valid: Option<bool>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The language that the person is written to in.
    pub language: Option<String>,
    /// The branch that the person prefers.
    pub preferred_branch_id: Option<BranchId>,
    /// What an outside system calls the person.
    pub external_ref: Option<String>,
}

/// A consent that was given or withdrawn.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct PersonConsent {
    /// To what.
    pub consent: Consent,
    /// Whether it was given.
    pub is_given: bool,
    /// When.
    pub at: DateTime<Utc>,
}

/// A note on a person.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct PersonNote {
    /// The note.
    pub note_id: Uuid,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// What it is about.
    pub kind: NoteKind,
    /// Who may read it.
    pub visibility: NoteVisibility,
    /// Whether it stands on top.
    pub is_pinned: bool,
    /// The text.
    pub text: Option<String>,
}

/// How far a person has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PersonJourney {
    /// The stage.
    pub stage: Stage,
    /// The engagement, 0 to 1000 (CRM-09).
    pub engagement: u16,
    /// Appointments that were booked.
    pub booked: u32,
    /// Appointments that were kept.
    pub completed: u32,
    /// Appointments that the person called off.
    pub cancelled: u32,
    /// Appointments that the person missed.
    pub missed: u32,
    /// What was spent, in the smallest unit of the company's currency.
    pub spent_minor: i64,
    /// The stages that were reached, and when.
    pub history: Vec<Transition>,
}

/// When an event was decided: the time of the business, not that of the database, unless that is all
/// that can be read.
fn decided_at(recorded: &RecordedEvent) -> DateTime<Utc> {
    recorded.metadata().map_or(recorded.recorded_at, |metadata| metadata.at)
}
