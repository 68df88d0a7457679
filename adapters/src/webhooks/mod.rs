//! Outgoing webhooks: what happens is told to the URLs that tenants name, as Standard Webhooks.
//!
//! - Each endpoint has a position in its tenant's history. Moving it on and writing a delivery for
//!   each event that was asked for is one statement: no event is lost, none is written twice.
//! - A delivery is taken for a while before it is sent. Whoever dies with it lets go of it by that: a
//!   message may arrive twice, always under the same id, and never not at all.
//! - A message is made from the log when it is sent, so that who was forgotten meanwhile is not in it.
//! - Only public addresses are reached, whatever a name resolves to at that moment.

pub mod address;
mod answers;
mod dispatcher;
mod endpoints;
mod queue;
pub mod schedule;
mod sender;
pub mod signature;
#[cfg(test)]
mod tests;
mod verdict;
mod worker;

pub use self::{
    answers::WithSecret,
    dispatcher::{Chance, Dispatcher, DispatcherParts, Render, Turn},
    endpoints::{Attempt, Delivery, DeliveryFilter, Endpoint, Endpoints, MOST_ENDPOINTS, Wanted},
    queue::Due,
    sender::{SenderError, WebhookSender},
    worker::Worker,
};
use crate::vault::VaultError;

/// Why webhooks could not be kept or sent.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The database cannot be reached.
    #[error("the webhooks cannot be reached")]
    Unavailable(#[from] sqlx::Error),
    /// An idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// A secret cannot be sealed or opened.
    #[error("the secret of a webhook cannot be kept")]
    Vault(#[from] VaultError),
    /// A secret cannot be made.
    #[error("the secret of a webhook cannot be made")]
    Secret(#[from] signature::SignatureError),
    /// The log does not answer.
    #[error("the log of a webhook's events does not answer")]
    Log(#[from] daybook_domain::ports::LogError),
}
