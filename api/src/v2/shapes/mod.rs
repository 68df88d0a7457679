//! The shapes of what the API takes and answers, for the OpenAPI document alone.
//!
//! The domain knows no OpenAPI, so its types are drawn again here. The stories hold each answer
//! against the document, so that a drawing cannot drift from what it shows.

#![expect(dead_code, reason = "shapes are drawn, never made")]

pub(super) mod availability;
pub(super) mod bookings;
pub(super) mod catalog;
pub(super) mod customers;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Nothing but a wish to see what would happen.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    /// Decides and answers, and records nothing.
    dry_run: Option<bool>,
}

/// Nothing.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// What was saved.
#[derive(ToSchema)]
pub(super) struct Saved {
    id: Uuid,
    /// Its version now, for `If-Match`.
    version: u64,
}

/// A page; `next` is `after` of the next one.
#[derive(Serialize, ToSchema)]
pub(super) struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

/// An amount in the smallest unit of its currency.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Money {
    #[schema(example = 4500)]
    amount_minor: i64,
    #[schema(pattern = "^[A-Z]{3}$", example = "EUR")]
    currency: String,
}
