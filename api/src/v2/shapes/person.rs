//! Everything that is kept of a person.

use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    ChangedBy, Money, ReasonCode,
    bookings::Status,
    customers::{Consent, NoteKind, NoteVisibility, WishedErasure},
    reports::{Reached, Stage},
};
use crate::http::fields::Instant;

/// Everything that is kept of a person.
#[derive(ToSchema)]
pub(in crate::v2) struct Person {
    customer_id: Uuid,
    company_id: Uuid,
    exported_at: Instant,
    /// The latest event that it rests on.
    position: u64,
    /// What is left of somebody who was forgotten says nothing of the person.
    erased: bool,
    erasure: Option<WishedErasure>,
    /// The latest comes last.
    contacts: Vec<PersonContact>,
    /// Given and withdrawn, in order.
    consents: Vec<PersonConsent>,
    notes: Vec<PersonNote>,
    appointments: Vec<PersonAppointment>,
    journey: PersonJourney,
}

#[derive(ToSchema)]
struct PersonContact {
    since: Instant,
    name: Option<String>,
    /// E.164.
    phone: Option<String>,
    phone_extension: Option<String>,
    /// Whether a numbering plan uses the number.
    phone_is_valid: Option<bool>,
    email: Option<String>,
    language: Option<String>,
    preferred_branch_id: Option<Uuid>,
    external_ref: Option<String>,
}

#[derive(ToSchema)]
struct PersonConsent {
    consent: Consent,
    is_given: bool,
    at: Instant,
}

#[derive(ToSchema)]
struct PersonNote {
    note_id: Uuid,
    at: Instant,
    kind: NoteKind,
    visibility: NoteVisibility,
    is_pinned: bool,
    text: Option<String>,
}

#[derive(ToSchema)]
struct PersonAppointment {
    appointment_id: Uuid,
    status: Status,
    booked_at: Instant,
    branch_id: Uuid,
    zone: String,
    service_ids: Vec<Uuid>,
    staff_id: Uuid,
    starts_at: Instant,
    ends_at: Instant,
    price: Money,
    source: String,
    notes: Option<String>,
    external_ref: Option<String>,
    call_id: Option<String>,
    series_id: Option<Uuid>,
    #[schema(value_type = Vec<Object>)]
    phases: Vec<serde_json::Value>,
    modifications: Vec<PersonModification>,
}

#[derive(ToSchema)]
struct PersonModification {
    at: Instant,
    what: Change,
    by: ChangedBy,
    /// Why, in one word.
    reason_code: Option<ReasonCode>,
    /// Why, in the words of whoever wanted it.
    reason: Option<String>,
    from: Option<Instant>,
    to: Option<Instant>,
    fee: Option<Money>,
}

#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PersonChange)]
enum Change {
    Cancelled,
    Rescheduled,
    Rejected,
}

#[derive(ToSchema)]
struct PersonJourney {
    stage: Stage,
    #[schema(maximum = 1000)]
    engagement: u16,
    booked: u64,
    completed: u64,
    cancelled: u64,
    missed: u64,
    spent_minor: i64,
    history: Vec<Reached>,
}
