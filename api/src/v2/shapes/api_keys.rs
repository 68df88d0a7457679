//! API keys.

use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::fields::{Instant, Text};

/// A new API key.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::v2) struct CreateApiKey {
    /// What the key is for.
    name: Text<200>,
    /// What it may do. A key cannot give away scopes that it does not have; `admin` has all of them.
    #[schema(min_items = 1, max_items = 64)]
    scopes: Vec<String>,
    /// When it expires, at most ten years from now; 90 days from now without it.
    expires_at: Option<Instant>,
    /// Decides and answers, and records nothing.
    dry_run: Option<bool>,
}

/// A new secret for an API key.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::v2) struct RotateApiKey {
    /// How long the secret before stays valid beside the new one, 0 to 2592000 (30 days); 86400 without
    /// it.
    #[schema(minimum = 0, maximum = 2_592_000)]
    overlap_seconds: Option<i64>,
    /// When the new secret expires, at most ten years from now; 90 days from now without it.
    expires_at: Option<Instant>,
    /// Decides and answers, and records nothing.
    dry_run: Option<bool>,
}

/// An API key, without its secret.
#[derive(ToSchema)]
pub(in crate::v2) struct ApiKey {
    id: Uuid,
    /// The version, for `If-Match`.
    version: u64,
    name: String,
    scopes: Vec<String>,
    created_at: Instant,
    /// When it was last rotated.
    #[schema(required = true)]
    rotated_at: Option<Instant>,
    expires_at: Instant,
    #[schema(required = true)]
    revoked_at: Option<Instant>,
    /// To the minute.
    #[schema(required = true)]
    last_used_at: Option<Instant>,
}

/// An API key with its secret.
#[derive(ToSchema)]
pub(in crate::v2) struct IssuedApiKey {
    id: Uuid,
    version: u64,
    /// What goes into `Authorization: Bearer …`. It is shown this once; null for a dry run and when the
    /// answer to an earlier request is repeated.
    #[schema(required = true)]
    key: Option<String>,
    expires_at: Instant,
}
