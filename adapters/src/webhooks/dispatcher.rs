//! Hands out what happened and sends what is due, one turn at a time.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use daybook_domain::{
    event_log::{Position, RecordedEvent},
    ids::{IdSource, TenantId},
    ports::{EventLog, LogError},
};
use daybook_projections::runner::LeasedRanges;
use futures::{StreamExt as _, stream};
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    WebhookError,
    endpoints::bound_to,
    queue::{Behind, Due, Queue},
    sender::{Message, Outcome, WebhookSender},
    signature::{Secret, sign},
    verdict::settled,
};
use crate::{
    clock::Clock,
    log::PostgresLog,
    vault::{Vault, VaultError},
};

/// An event as clients see it, with personal data or without.
pub type Render =
    Arc<dyn Fn(&RecordedEvent, bool) -> Result<Value, serde_json::Error> + Send + Sync>;

/// Random numbers that spread retries.
pub type Chance = Arc<dyn Fn() -> u16 + Send + Sync>;

/// Events that are looked at in one go.
const BATCH: usize = 1000;
/// How long a delivery is taken for: longer than any attempt lasts.
const LEASE: TimeDelta = TimeDelta::seconds(60);
/// Attempts at the same time, in all and of one endpoint.
pub(super) const MOST: usize = 32;
pub(super) const EACH: usize = 4;
/// A body is smaller than 20 kB.
const LARGEST_BODY: usize = 20_000;
/// How long what was settled can be looked at and sent again by its id.
const KEPT: TimeDelta = TimeDelta::days(30);

/// What a dispatcher works with.
pub struct DispatcherParts<L> {
    /// Needs the sender's role.
    pub pool: PgPool,
    /// Opens the secrets that sign.
    pub vault: Vault,
    /// What is sealed stays sealed here: enough to know what is asked for.
    pub sealed: PostgresLog,
    /// Messages are made from this one.
    pub log: L,
    /// How.
    pub render: Render,
    /// Sends them.
    pub sender: WebhookSender,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids of leases.
    pub ids: Arc<dyn IdSource>,
    /// What spreads retries.
    pub chance: Chance,
}

/// Hands out and sends, for all tenants. Any number of processes may do so at once.
pub struct Dispatcher<L> {
    parts: DispatcherParts<L>,
    queue: Queue,
}

impl<L> std::fmt::Debug for DispatcherParts<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DispatcherParts(…)")
    }
}

impl<L> std::fmt::Debug for Dispatcher<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Dispatcher(…)")
    }
}

/// What a turn did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// Events that were looked at for an endpoint.
    pub looked_at: usize,
    /// Attempts that were made.
    pub attempted: usize,
}

/// Why there is nothing to send.
enum Unsendable {
    /// For the moment: it is tried again when the lease is over.
    Now(WebhookError),
    /// As it stands: it counts as an attempt.
    Ever(&'static str),
}

impl<L: EventLog> Dispatcher<L> {
    /// A dispatcher.
    pub fn new(parts: DispatcherParts<L>) -> Self {
        Self { queue: Queue::new(parts.pool.clone()), parts }
    }

    /// Hands out everything, then sends what is due until nothing is.
    pub async fn turn(&self) -> Result<Turn, WebhookError> {
        let mut turn = Turn { looked_at: self.hand_out().await?, attempted: 0 };
        loop {
            let due = self.take(MOST, &[]).await?;
            if due.is_empty() {
                return Ok(turn);
            }
            turn.attempted += due.len();
            let attempts = stream::iter(due).map(|due| self.attempt(due));
            let outcomes: Vec<_> = attempts.buffer_unordered(MOST).collect().await;
            outcomes.into_iter().collect::<Result<(), _>>()?;
        }
    }

    /// Writes deliveries for everything that happened. How many events were looked at.
    pub async fn hand_out(&self) -> Result<usize, WebhookError> {
        let mut looked_at = 0;
        let all = LeasedRanges::all().get();
        loop {
            let (seen, is_more) = self.hand_out_some(&all).await?;
            looked_at += seen;
            if !is_more {
                return Ok(looked_at);
            }
        }
    }

    /// As [`Dispatcher::hand_out`], for the tenants of some ranges, and at most one batch of each endpoint, so that one with a long history
    /// before it does not keep the others waiting. How many events, and whether there are more.
    pub(super) async fn hand_out_some(
        &self,
        ranges: &[i32],
    ) -> Result<(usize, bool), WebhookError> {
        let (mut looked_at, mut is_more) = (0, false);
        for behind in self.queue.behind(ranges).await? {
            match self.hand_out_to(&behind).await {
                Ok(seen) => {
                    looked_at += seen;
                    is_more |= seen == BATCH;
                }
                // What one tenant's history suffers from is not the others' fault.
                Err(error) => {
                    let (tenant, endpoint) = (behind.tenant_id, behind.endpoint_id);
                    tracing::warn!(%error, %tenant, %endpoint, "a webhook is not handed out to");
                }
            }
        }
        Ok((looked_at, is_more))
    }

    async fn hand_out_to(&self, behind: &Behind) -> Result<usize, WebhookError> {
        let tenant = TenantId::new(behind.tenant_id);
        let after = Position(u64::try_from(behind.position).unwrap_or(0));
        let events = self.parts.sealed.read_tenant(tenant, after, BATCH).await?;
        let Some(last) = events.last() else { return Ok(0) };
        let reached = i64::try_from(last.position.0).unwrap_or(i64::MAX);
        let now = self.parts.clock.now();
        if !self.queue.hand_out(behind, &events, reached, now).await? {
            // Another process was quicker, or the endpoint was changed: the next turn sees.
            return Ok(0);
        }
        Ok(events.len())
    }

    /// Takes what is due, at most `most`, nothing of the endpoints that are busy. Each of them is
    /// to be attempted: whoever does not, leaves it to others when the lease is over.
    pub async fn take(&self, most: usize, busy: &[Uuid]) -> Result<Vec<Due>, WebhookError> {
        let now = self.parts.clock.now();
        let limits = [most, EACH].map(|it| i64::try_from(it).unwrap_or(i64::MAX));
        let lease_id = self.parts.ids.next_id();
        let time = (now, now + LEASE);
        Ok(self.queue.take(time, lease_id, limits.into(), busy).await?)
    }

    /// Attempts a delivery and writes down what came of it.
    pub async fn attempt(&self, due: Due) -> Result<(), WebhookError> {
        let at = self.parts.clock.now();
        let outcome = match self.message(&due, at).await {
            Ok(message) => self.parts.sender.send(message).await,
            Err(Unsendable::Now(error)) => return Err(error),
            Err(Unsendable::Ever(error)) => {
                tracing::error!(endpoint = %due.endpoint_id, error, "a webhook cannot be made");
                Outcome::of_ours(error)
            }
        };
        let step = u16::try_from(due.step).unwrap_or(0).saturating_add(1);
        let settled = settled(step, &outcome, (at, self.parts.clock.now()), (self.parts.chance)());
        if let Some(reason) = settled.disabled_reason {
            tracing::warn!(tenant = %due.tenant_id, endpoint = %due.endpoint_id, reason, "a webhook was disabled");
        }
        Ok(self.queue.settle(&due, &settled).await?)
    }

    /// The message of a delivery, made and signed now.
    async fn message(&self, due: &Due, at: DateTime<Utc>) -> Result<Message, Unsendable> {
        let mut secrets = Vec::new();
        for sealed in [Some(&due.secret), due.previous_secret.as_ref()].into_iter().flatten() {
            let bound_to = bound_to(due.endpoint_id);
            let opened = self.parts.vault.open_secret(due.tenant(), &bound_to, sealed).await;
            secrets.push(Secret::from_bytes(opened.map_err(|error| match error {
                VaultError::Sealed { .. } => Unsendable::Ever("secret_unreadable"),
                error => Unsendable::Now(error.into()),
            })?));
        }
        let body = self.body(due).await?;
        let id = due.message_id();
        let signature = sign(due.signature, &secrets, (&id, at), body.as_bytes());
        let signature = signature.map_err(|error| Unsendable::Now(error.into()))?;
        Ok(Message { url: due.url.clone(), id, at, signature, body })
    }

    async fn body(&self, due: &Due) -> Result<String, Unsendable> {
        let unreadable = || Unsendable::Ever("event_unreadable");
        let before = u64::try_from(due.position).unwrap_or(0).saturating_sub(1);
        let read = self.parts.log.read_tenant(due.tenant(), Position(before), 1).await;
        let events = read.map_err(|error| match error {
            LogError::Damaged(_) => unreadable(),
            error => Unsendable::Now(error.into()),
        })?;
        let event = events.first().filter(|it| it.event_id == due.event_id);
        let event = event.ok_or_else(unreadable)?;
        let item = (self.parts.render)(event, due.include_personal)
            .map_err(|_undecodable| unreadable())?;
        Ok(body(&event.event_type, item))
    }

    /// Forgets what was settled or answered long ago. How many deliveries.
    pub async fn forget(&self) -> Result<u64, WebhookError> {
        let before = self.parts.clock.now() - KEPT;
        self.queue.forget_answers(before).await?;
        let mut forgotten = 0;
        // Some of each endpoint at a time.
        loop {
            match self.queue.forget(before).await? {
                0 => return Ok(forgotten),
                some => forgotten += some,
            }
        }
    }
}

/// What is sent of an event: the feed's item. One that is too large is sent without what the event
/// says, which the feed has at the same position.
fn body(event_type: &str, mut item: Value) -> String {
    let timestamp = item["at"].clone();
    let wrapped = |item: &Value| {
        json!({ "type": event_type, "timestamp": timestamp, "data": item }).to_string()
    };
    let whole = wrapped(&item);
    if whole.len() < LARGEST_BODY {
        return whole;
    }
    if let Some(fields) = item.as_object_mut() {
        fields.insert("data".to_owned(), Value::Null);
        fields.insert("is_abridged".to_owned(), Value::Bool(true));
    }
    wrapped(&item)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_is_sent_without_what_it_says() {
        for (length, is_abridged) in [(10, false), (LARGEST_BODY, true)] {
            let said = json!({ "text": "x".repeat(length) });
            let item = json!({ "position": 7, "at": "2026-12-01T07:00:00Z", "data": said });
            let body = body("appointment.booked", item);
            assert!(body.len() < LARGEST_BODY);
            let body: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(body["timestamp"], "2026-12-01T07:00:00Z");
            assert_eq!(body["data"]["position"], 7);
            assert_eq!(body["data"]["data"].is_null(), is_abridged);
            assert_eq!(body["data"]["is_abridged"] == true, is_abridged);
        }
    }
}
