//! What happened to a customer.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    ids::{AppointmentId, CompanyId, ServiceId},
    personal::Personal,
};

use super::{Consent, Contact, ErasureReason, NoteKind, NoteVisibility};

/// What happened to a customer. Released variants never change; a new meaning is a new version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum CustomerEvent {
    /// First contact.
    Registered {
        /// Whose customer.
        company_id: CompanyId,
        /// How to reach the customer.
        contact: Contact,
    },
    /// Name, number, address or preferences changed.
    ContactChanged {
        /// All of it, as it is now.
        contact: Contact,
    },
    /// The customer agreed to something.
    ConsentGiven {
        /// To what.
        consent: Consent,
        /// When.
        at: DateTime<Utc>,
    },
    /// The customer no longer agrees to something.
    ConsentWithdrawn {
        /// To what.
        consent: Consent,
        /// When.
        at: DateTime<Utc>,
    },
    /// Somebody wrote something down.
    NoteAdded {
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
    /// An appointment was booked.
    VisitBooked {
        /// Which.
        appointment_id: AppointmentId,
        /// For what.
        service_ids: Vec<ServiceId>,
        /// When it starts.
        #[serde(with = "crate::instant")]
        starts_at: DateTime<Utc>,
        /// When it ends.
        #[serde(with = "crate::instant")]
        ends_at: DateTime<Utc>,
        /// The local date of its start, by which daily limits count.
        local_date: NaiveDate,
    },
    /// An appointment moved.
    VisitMoved {
        /// Which.
        appointment_id: AppointmentId,
        /// When it starts now.
        #[serde(with = "crate::instant")]
        starts_at: DateTime<Utc>,
        /// When it ends now.
        #[serde(with = "crate::instant")]
        ends_at: DateTime<Utc>,
        /// The local date of its start.
        local_date: NaiveDate,
    },
    /// An appointment was cancelled or rejected.
    VisitCancelled {
        /// Which.
        appointment_id: AppointmentId,
        /// The local month in which it was cancelled, `2026-11`; absent when the company rejected
        /// it, which is not counted against the customer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        counted_in: Option<String>,
    },
    /// The customer came.
    VisitCompleted {
        /// To which appointment.
        appointment_id: AppointmentId,
    },
    /// The customer did not come.
    VisitMissed {
        /// Which appointment.
        appointment_id: AppointmentId,
    },
    /// The customer asked to be forgotten (GDPR-02).
    ErasureRequested {
        /// When.
        at: DateTime<Utc>,
        /// When the customer is to be forgotten; 30 days later when absent (GDPR-07).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due_at: Option<DateTime<Utc>>,
    },
    /// The customer wants to stay.
    ErasureWithdrawn {
        /// When.
        at: DateTime<Utc>,
    },
    /// The customer is forgotten; the key is destroyed.
    Erased {
        /// On which ground; absent when nobody said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<ErasureReason>,
    },
}

crate::event_kinds!(CustomerEvent {
    Registered => "customer.registered" @ "1.0.0",
    ContactChanged => "customer.contact_changed" @ "1.0.0",
    ConsentGiven => "customer.consent_given" @ "1.0.0",
    ConsentWithdrawn => "customer.consent_withdrawn" @ "1.0.0",
    NoteAdded => "customer.note_added" @ "1.0.0",
    VisitBooked => "customer.visit_booked" @ "1.0.0",
    VisitMoved => "customer.visit_moved" @ "1.0.0",
    VisitCancelled => "customer.visit_cancelled" @ "1.0.0",
    VisitCompleted => "customer.visit_completed" @ "1.0.0",
    VisitMissed => "customer.visit_missed" @ "1.0.0",
    ErasureRequested => "customer.erasure_requested" @ "1.0.0",
    ErasureWithdrawn => "customer.erasure_withdrawn" @ "1.0.0",
    Erased => "customer.erased" @ "1.0.0",
});
