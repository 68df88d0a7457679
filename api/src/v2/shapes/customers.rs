//! Customers.

use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::fields::{Instant, Notes};

/// A customer.
#[derive(ToSchema)]
pub(in crate::v2) struct Customer {
    id: Uuid,
    version: u64,
    company_id: Uuid,
    name: Option<String>,
    /// E.164.
    phone: Option<String>,
    /// Digits to dial behind the number.
    phone_extension: Option<String>,
    /// Whether a numbering plan uses the number; a number that is only possible is accepted, too.
    phone_is_valid: Option<bool>,
    email: Option<String>,
    language: Option<String>,
    preferred_branch_id: Option<Uuid>,
    external_ref: Option<String>,
    consents: Vec<GivenConsent>,
    upcoming_count: u64,
    completed_count: u64,
    no_show_count: u64,
    is_erased: bool,
    /// The wish to be forgotten.
    erasure: Option<WishedErasure>,
}

#[derive(ToSchema)]
pub(super) struct WishedErasure {
    requested_at: Instant,
    due_at: Instant,
}

#[derive(ToSchema)]
struct GivenConsent {
    consent: Consent,
    at: Instant,
}

#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Consent {
    Gdpr,
    Marketing,
    Privacy,
    Sms,
}

/// A customer of a list.
#[derive(ToSchema)]
pub(in crate::v2) struct CustomerRow {
    customer_id: Uuid,
    position: u64,
    version: u64,
    company_id: Uuid,
    name: Option<String>,
    /// E.164.
    phone: Option<String>,
    /// Digits to dial behind the number.
    phone_extension: Option<String>,
    /// Whether a numbering plan uses the number.
    phone_is_valid: Option<bool>,
    email: Option<String>,
    language: Option<String>,
    preferred_branch_id: Option<Uuid>,
    external_ref: Option<String>,
    consents: Vec<Consent>,
    erasure_requested_at: Option<Instant>,
    erasure_due_at: Option<Instant>,
    is_erased: bool,
    registered_at: Instant,
    updated_at: Instant,
}

/// A note on a customer.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::v2) struct AddNote {
    text: Notes,
    #[schema(required = false)]
    kind: NoteKind,
    #[schema(required = false)]
    visibility: NoteVisibility,
    #[schema(required = false)]
    is_pinned: bool,
    dry_run: Option<bool>,
}

#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum NoteKind {
    General,
    Complaint,
    Feedback,
    Medical,
}

#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum NoteVisibility {
    Staff,
    Management,
    All,
}
