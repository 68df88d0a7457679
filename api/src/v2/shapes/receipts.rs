//! Receipts.

use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::fields::Instant;

/// What was asked and answered.
#[derive(ToSchema)]
pub(in crate::v2) struct Receipt {
    receipt_id: Uuid,
    /// The time of the decision.
    at: Instant,
    key_id: Uuid,
    request_id: String,
    /// Such as `POST /api/v2/availability/search`.
    route: String,
    /// What was asked, without personal data.
    #[schema(value_type = Object)]
    question: serde_json::Value,
    status: u16,
    /// Why it was refused.
    code: Option<String>,
    /// The position that the answer rests on.
    position: Option<u64>,
    /// SHA-256, hexadecimal.
    answer_hash: String,
    /// Unless it was long.
    #[schema(value_type = Option<Object>)]
    answer: Option<serde_json::Value>,
}

/// Whether the same would be answered again.
#[derive(ToSchema)]
pub(in crate::v2) struct Replayed {
    receipt_id: Uuid,
    is_same: bool,
    answer_hash: String,
    #[schema(value_type = Object)]
    answer: serde_json::Value,
}
