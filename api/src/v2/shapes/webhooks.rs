//! Webhooks.

use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::fields::{Instant, Text};

/// Where events are told, and what of them.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::v2) struct WebhookFields {
    /// Begins with `https://` and leads to a public address.
    #[schema(value_type = Text<2000>, format = "uri", pattern = "^https://[^\\x00]+$", example = "https://example.org/hook")]
    url: String,
    /// What people call it.
    description: Option<Text<200>>,
    /// Names such as `appointment.booked`, or `appointment.*`; none means everything.
    #[schema(value_type = Option<Vec<Text<100>>>, max_items = 50)]
    event_types: Option<Vec<String>>,
    /// Sends personal data too; needs the scope `customers:read`.
    include_personal: Option<bool>,
}

/// A new endpoint.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::v2) struct CreateWebhook {
    #[schema(value_type = Text<2000>, format = "uri", pattern = "^https://[^\\x00]+$", example = "https://example.org/hook")]
    url: String,
    /// What people call it.
    description: Option<Text<200>>,
    /// Names such as `appointment.booked`, or `appointment.*`; none means everything.
    #[schema(value_type = Option<Vec<Text<100>>>, max_items = 50)]
    event_types: Option<Vec<String>>,
    /// Sends personal data too; needs the scope `customers:read`.
    include_personal: Option<bool>,
    /// `v1` signs with a shared secret; `v1a` with Ed25519, for receivers that are to check and not to
    /// sign. It stays as it is made.
    signature: Option<WebhookSignature>,
    /// Tells what comes after this position; without it, what comes from now on.
    after: Option<u64>,
}

#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
enum WebhookSignature {
    V1,
    V1a,
}

/// A position to go on from.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::v2) struct ReplayWebhook {
    /// What comes after it is told, again if need be; what waits up to it is skipped.
    after: u64,
}

/// An endpoint.
#[derive(ToSchema)]
pub(in crate::v2) struct Webhook {
    id: Uuid,
    url: String,
    description: Option<String>,
    event_types: Vec<String>,
    include_personal: bool,
    signature: WebhookSignature,
    /// What checks `v1a`: `whpk_` and the base64 of 32 bytes.
    public_key: Option<String>,
    is_enabled: bool,
    /// Why it was disabled when nobody asked for it: `gone` (it answered 410) or `exhausted` (a
    /// message failed ten times).
    disabled_reason: Option<String>,
    /// How far the history was handed out to it.
    position: u64,
    /// It asked to be left in peace until then.
    paused_until: Option<Instant>,
    /// Until when the secret before the last rotation signs too.
    previous_until: Option<Instant>,
    created_at: Instant,
    updated_at: Instant,
}

/// An endpoint and its secret, which is told this once.
#[derive(ToSchema)]
pub(in crate::v2) struct WebhookWithSecret {
    #[serde(flatten)]
    webhook: Webhook,
    /// What signs its messages (Standard Webhooks); null with `v1a`, where `public_key` is all that is needed.
    #[schema(pattern = "^whsec_", example = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")]
    secret: Option<String>,
}

/// A message to an endpoint.
#[derive(ToSchema)]
pub(in crate::v2) struct WebhookDelivery {
    /// `webhook-id`: the same on every attempt.
    message_id: String,
    position: u64,
    event_id: Uuid,
    event_type: String,
    state: WebhookState,
    attempts: u32,
    next_attempt_at: Option<Instant>,
    last_attempt_at: Option<Instant>,
    last_status: Option<u16>,
    last_error: Option<String>,
    created_at: Instant,
}

#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
enum WebhookState {
    Pending,
    Delivered,
    /// It was attempted ten times, or the endpoint is gone.
    Failed,
    /// The tenant resumed behind it.
    Skipped,
}

/// An attempt at a message.
#[derive(ToSchema)]
pub(in crate::v2) struct WebhookAttempt {
    number: u32,
    at: Instant,
    /// What was answered; null when no answer came.
    status: Option<u16>,
    latency_ms: u32,
    /// `refused`, `redirected`, `gone`, `timed_out`, `unreachable`, `tls_failed`, `broken_off`, `address_refused`,
    /// `event_unreadable` or `secret_unreadable`; null after a success.
    error: Option<String>,
}
