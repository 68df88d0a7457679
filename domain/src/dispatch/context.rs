//! Who asks, when, and in which thread.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    event_log::Metadata,
    ids::{IdSource, TenantId},
};

use super::OnBehalfOf;

/// The circumstances of one command. Time and ids come in here, and nowhere else.
#[derive(Clone)]
pub struct CommandContext {
    /// Whose command it is.
    pub tenant: TenantId,
    /// Who asks: `key:<id>`, `user:<id>`, `system:<what>`.
    pub actor: String,
    /// What the actor is called, such as the name of the API key.
    pub actor_name: Option<String>,
    /// For whom the client acts, if it says so.
    pub on_behalf_of: Option<OnBehalfOf>,
    /// The command's own time: every rule is judged at this instant.
    pub at: DateTime<Utc>,
    /// The thread that the command belongs to; the request id when it begins one.
    pub correlation_id: String,
    /// What caused it directly, if not a request of its own.
    pub causation_id: Option<String>,
    /// The surface it came through, such as `api`.
    pub source: Option<String>,
    /// The client's idempotency key, if it gave one.
    pub key: Option<CommandKey>,
    /// Answer what would happen, append nothing.
    pub dry_run: bool,
    /// Where fresh ids come from.
    pub ids: Arc<dyn IdSource>,
}

/// A client's idempotency key and the request that it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandKey {
    /// The key as the client sent it.
    pub key: String,
    /// A keyed hash of the request.
    pub request_hash: [u8; 32],
}

impl CommandContext {
    /// The circumstances of a command that a part of Daybook gives by itself, through the surface of
    /// the same name. It begins a thread of its own.
    pub fn system(tenant: TenantId, what: &str, at: DateTime<Utc>, ids: Arc<dyn IdSource>) -> Self {
        Self {
            tenant,
            actor: format!("system:{what}"),
            actor_name: None,
            on_behalf_of: None,
            at,
            correlation_id: ids.next_id().to_string(),
            causation_id: None,
            source: Some(what.to_owned()),
            key: None,
            dry_run: false,
            ids,
        }
    }

    /// A fresh id.
    pub fn next_id(&self) -> Uuid {
        self.ids.next_id()
    }

    /// What every event of this command carries.
    pub fn metadata(&self) -> Metadata {
        Metadata {
            actor: self.actor.clone(),
            at: self.at,
            correlation_id: self.correlation_id.clone(),
            causation_id: self.causation_id.clone(),
            source: self.source.clone(),
            actor_name: self.actor_name.clone(),
            on_behalf_of: self.on_behalf_of.as_ref().map(ToString::to_string),
        }
    }
}

impl std::fmt::Debug for CommandContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CommandContext")
            .field("tenant", &self.tenant)
            .field("actor", &self.actor)
            .field("at", &self.at)
            .field("correlation_id", &self.correlation_id)
            .field("dry_run", &self.dry_run)
            .finish_non_exhaustive()
    }
}
