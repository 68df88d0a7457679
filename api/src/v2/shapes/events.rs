//! The feed.

use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::fields::Instant;

/// What happened, and how far was looked: `next` is `after` of the next page.
#[derive(ToSchema)]
pub(in crate::v2) struct Feed {
    items: Vec<FeedItem>,
    next: u64,
}

/// Something that happened.
#[derive(ToSchema)]
struct FeedItem {
    /// Its place in the tenant's history: there are no gaps.
    position: u64,
    event_id: Uuid,
    r#type: String,
    event_version: String,
    aggregate_type: String,
    aggregate_id: String,
    /// Its place in the stream of its aggregate.
    version: u64,
    /// `key:<id>`, `user:<id>` or `system:<what>`.
    actor: Option<String>,
    /// What the actor was called then: the name of the API key.
    actor_name: Option<String>,
    /// `employee:` or `customer:` with an id or a reference, as `On-Behalf-Of` said.
    on_behalf_of: Option<String>,
    source: Option<String>,
    request_id: Option<String>,
    causation_id: Option<String>,
    /// When it was decided.
    at: Instant,
    /// When the log took it.
    recorded_at: Instant,
    /// What the event says. A personal value that is not shown is `{"withheld_of": subject}`, one
    /// whose person was forgotten `{"erased_of": subject}`.
    #[schema(value_type = Object)]
    data: serde_json::Value,
    /// `true` when the event cannot be decoded: `data` is what can be read of it, and `actor`, `source`
    /// and `request_id` may be missing. The next event follows as usual.
    #[schema(required = false)]
    is_undecodable: Option<bool>,
}
