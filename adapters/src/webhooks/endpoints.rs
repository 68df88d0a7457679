//! A tenant's endpoints and what became of their messages, for the API.

use chrono::{DateTime, TimeDelta, Utc};
use daybook_domain::{dispatch::CommandKey, event_log::Position, ids::TenantId};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgPool, Postgres, query::QueryAs, types::Json};
use uuid::Uuid;

use super::{
    WebhookError,
    answers::WithSecret,
    signature::{Scheme, Secret},
};
use crate::{postgres::Scope, vault::Vault};

/// The most endpoints of a tenant.
pub const MOST_ENDPOINTS: i64 = 50;

/// How long a secret signs beside the one that replaced it.
const OVERLAP: TimeDelta = TimeDelta::hours(24);

/// An endpoint, without its secrets.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its own id.
    pub id: Uuid,
    /// Where it is.
    pub url: String,
    /// What people call it.
    pub description: Option<String>,
    /// What it is told of; nothing means everything.
    pub event_types: Vec<String>,
    /// Whether personal data is sent to it.
    pub include_personal: bool,
    /// How its messages are signed.
    #[serde(default)]
    pub signature: Scheme,
    /// What a receiver checks them with, if they are signed with a key pair: `whpk_…`.
    pub public_key: Option<String>,
    /// Whether anything is sent to it.
    pub is_enabled: bool,
    /// Why the sender disabled it.
    pub disabled_reason: Option<String>,
    /// How far the tenant's history was handed out.
    pub position: i64,
    /// The receiver asked to be left in peace until then.
    pub paused_until: Option<DateTime<Utc>>,
    /// Until when the secret before the last rotation signs too.
    pub previous_until: Option<DateTime<Utc>>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

/// URLs may hold secrets of the receiver.
impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Endpoint({})", self.id)
    }
}

/// What a tenant wants of an endpoint.
#[derive(Clone)]
pub struct Wanted {
    /// Where it is, checked.
    pub url: String,
    /// What people call it.
    pub description: Option<String>,
    /// What it is told of; nothing means everything.
    pub event_types: Vec<String>,
    /// Whether personal data is sent to it.
    pub include_personal: bool,
}

/// URLs may hold secrets of the receiver.
impl std::fmt::Debug for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wanted(…)")
    }
}

/// A message to an endpoint.
#[derive(Clone, Debug, FromRow, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// The same on every attempt.
    pub message_id: String,
    /// Of the event.
    pub position: i64,
    /// Of the event.
    pub event_id: Uuid,
    /// Of the event.
    pub event_type: String,
    /// `pending`, `delivered`, `failed` or `skipped`.
    pub state: String,
    /// How often it was attempted.
    pub attempts: i32,
    /// When it is attempted next, if it is.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When it was attempted last.
    pub last_attempt_at: Option<DateTime<Utc>>,
    /// What the receiver answered last.
    pub last_status: Option<i16>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// When it was handed out.
    pub created_at: DateTime<Utc>,
}

/// Which deliveries are asked for, newest events first.
#[derive(Clone, Debug)]
pub struct DeliveryFilter {
    /// In this state.
    pub state: Option<String>,
    /// Of events before this position.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: u32,
}

/// An attempt at a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// Counted from 1.
    pub number: i32,
    /// When.
    pub at: DateTime<Utc>,
    /// What the receiver answered; nothing when no answer came.
    pub status: Option<i16>,
    /// How long it took.
    pub latency_ms: i32,
    /// Why it failed.
    pub error: Option<String>,
}

#[derive(FromRow)]
struct AttemptRow {
    number: Option<i32>,
    at: Option<DateTime<Utc>>,
    status: Option<i16>,
    latency_ms: Option<i32>,
    error: Option<String>,
}

/// The endpoints of all tenants; the pool needs the API's role.
#[derive(Clone, Debug)]
pub struct Endpoints {
    pool: PgPool,
    vault: Vault,
}

/// What a sealed secret is bound to.
pub(super) fn bound_to(endpoint_id: Uuid) -> String {
    format!("webhook:{endpoint_id}")
}

fn as_bigint(position: Position) -> i64 {
    i64::try_from(position.0).unwrap_or(i64::MAX)
}

type Query<'q, T> = QueryAs<'q, Postgres, T, sqlx::postgres::PgArguments>;

impl Endpoints {
    /// Endpoints on a database.
    pub const fn new(pool: PgPool, vault: Vault) -> Self {
        Self { pool, vault }
    }

    pub(super) const fn pool(&self) -> &PgPool {
        &self.pool
    }

    pub(super) const fn vault(&self) -> &Vault {
        &self.vault
    }

    async fn changed<T>(
        &self,
        tenant: TenantId,
        query: Query<'_, T>,
    ) -> Result<Option<T>, sqlx::Error>
    where
        T: for<'r> FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
    {
        let mut scope = Scope::acquire(&self.pool, tenant).await?;
        query.fetch_optional(&mut *scope).await
    }

    async fn shown(
        &self,
        tenant: TenantId,
        query: Query<'_, (Json<Endpoint>,)>,
    ) -> Result<Option<Endpoint>, sqlx::Error> {
        Ok(self.changed(tenant, query).await?.map(|(Json(endpoint),)| endpoint))
    }

    /// Makes an endpoint that is told of what comes after `after`. The answer is the only time that
    /// the secret is seen, unless it is asked for again with the same key; `None` when the tenant has
    /// as many as it may have.
    pub async fn create(
        &self,
        tenant: TenantId,
        id: Uuid,
        (wanted, signature): (&Wanted, Scheme),
        (after, at): (Position, DateTime<Utc>),
        key: Option<&CommandKey>,
    ) -> Result<Option<WithSecret>, WebhookError> {
        if let Some(key) = key
            && let Some(answer) = self.answered(tenant, key).await?
        {
            return Ok(Some(answer));
        }
        let secret = Secret::random()?;
        let sealed = self.vault.seal_secret(tenant, &bound_to(id), secret.bytes()).await?;
        let query = sqlx::query_as(include_str!("create_endpoint.sql"))
            .bind(tenant.uuid())
            .bind(id)
            .bind(&wanted.url)
            .bind(&wanted.description)
            .bind(&wanted.event_types)
            .bind(wanted.include_personal)
            .bind(sealed)
            .bind(as_bigint(after))
            .bind(at)
            .bind(MOST_ENDPOINTS)
            .bind(key.map(|key| &key.key))
            .bind(key.map(|key| key.request_hash.as_slice()))
            .bind(signature)
            .bind(match signature {
                Scheme::V1 => None,
                Scheme::V1a => Some(secret.public_key()?),
            });
        let made = self.shown(tenant, query).await;
        self.once((tenant, key), &secret, made).await
    }

    /// The endpoints of a tenant, oldest first.
    pub async fn list(
        &self,
        tenant: TenantId,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Endpoint>, WebhookError> {
        let mut scope = Scope::acquire(&self.pool, tenant).await?;
        let query = sqlx::query_as(include_str!("endpoints.sql")).bind(tenant.uuid()).bind(after);
        let found: Vec<(Json<Endpoint>,)> =
            query.bind(i64::from(limit)).fetch_all(&mut *scope).await?;
        Ok(found.into_iter().map(|(Json(endpoint),)| endpoint).collect())
    }

    /// One endpoint.
    pub async fn find(&self, tenant: TenantId, id: Uuid) -> Result<Option<Endpoint>, WebhookError> {
        let query = sqlx::query_as(include_str!("endpoint.sql")).bind(tenant.uuid()).bind(id);
        Ok(self.shown(tenant, query).await?)
    }

    /// Changes what is wanted of an endpoint.
    pub async fn change(
        &self,
        tenant: TenantId,
        id: Uuid,
        wanted: &Wanted,
        at: DateTime<Utc>,
    ) -> Result<Option<Endpoint>, WebhookError> {
        let query = sqlx::query_as(include_str!("change_endpoint.sql"))
            .bind(tenant.uuid())
            .bind(id)
            .bind(&wanted.url)
            .bind(&wanted.description)
            .bind(&wanted.event_types)
            .bind(wanted.include_personal)
            .bind(at);
        Ok(self.shown(tenant, query).await?)
    }

    /// Enables or disables an endpoint. What waits for it goes on waiting.
    pub async fn switch(
        &self,
        tenant: TenantId,
        id: Uuid,
        is_enabled: bool,
        at: DateTime<Utc>,
    ) -> Result<Option<Endpoint>, WebhookError> {
        let query = sqlx::query_as(include_str!("switch_endpoint.sql")).bind(tenant.uuid());
        Ok(self.shown(tenant, query.bind(id).bind(is_enabled).bind(at)).await?)
    }

    /// Deletes an endpoint with its deliveries, and answers it as it was.
    pub async fn delete(
        &self,
        tenant: TenantId,
        id: Uuid,
    ) -> Result<Option<Endpoint>, WebhookError> {
        let query = sqlx::query_as(include_str!("delete_endpoint.sql")).bind(tenant.uuid());
        Ok(self.shown(tenant, query.bind(id)).await?)
    }

    /// Gives an endpoint another secret, once for each key; the one before signs too for a day.
    pub async fn rotate(
        &self,
        tenant: TenantId,
        id: Uuid,
        at: DateTime<Utc>,
        key: Option<&CommandKey>,
    ) -> Result<Option<WithSecret>, WebhookError> {
        if let Some(key) = key
            && let Some(answer) = self.answered(tenant, key).await?
        {
            return Ok(Some(answer));
        }
        let secret = Secret::random()?;
        let sealed = self.vault.seal_secret(tenant, &bound_to(id), secret.bytes()).await?;
        let query = sqlx::query_as(include_str!("rotate_secret.sql"))
            .bind(tenant.uuid())
            .bind(id)
            .bind(sealed)
            .bind(at + OVERLAP)
            .bind(at)
            .bind(key.map(|key| &key.key))
            .bind(key.map(|key| key.request_hash.as_slice()))
            .bind(secret.public_key()?);
        let rotated = self.shown(tenant, query).await;
        self.once((tenant, key), &secret, rotated).await
    }

    /// Hands out everything after a position, again if need be; what waits up to it is skipped.
    pub async fn replay(
        &self,
        tenant: TenantId,
        id: Uuid,
        after: Position,
        at: DateTime<Utc>,
    ) -> Result<Option<Endpoint>, WebhookError> {
        let query = sqlx::query_as(include_str!("replay.sql")).bind(tenant.uuid()).bind(id);
        Ok(self.shown(tenant, query.bind(as_bigint(after)).bind(at)).await?)
    }

    /// The deliveries of an endpoint, newest events first.
    pub async fn deliveries(
        &self,
        tenant: TenantId,
        id: Uuid,
        filter: &DeliveryFilter,
    ) -> Result<Vec<Delivery>, WebhookError> {
        let mut scope = Scope::acquire(&self.pool, tenant).await?;
        let query = sqlx::query_as(include_str!("deliveries.sql"))
            .bind(tenant.uuid())
            .bind(id)
            .bind(&filter.state)
            .bind(filter.before)
            .bind(i64::from(filter.limit));
        Ok(query.fetch_all(&mut *scope).await?)
    }

    /// Sends a message once more, with a schedule of its own.
    pub async fn redeliver(
        &self,
        tenant: TenantId,
        id: Uuid,
        event_id: Uuid,
        at: DateTime<Utc>,
    ) -> Result<Option<Delivery>, WebhookError> {
        let query = sqlx::query_as(include_str!("redeliver.sql")).bind(tenant.uuid()).bind(id);
        Ok(self.changed(tenant, query.bind(event_id).bind(at)).await?)
    }

    /// The last attempts at a message, oldest first; `None` when there is no such message.
    pub async fn attempts(
        &self,
        tenant: TenantId,
        id: Uuid,
        event_id: Uuid,
    ) -> Result<Option<Vec<Attempt>>, WebhookError> {
        let mut scope = Scope::acquire(&self.pool, tenant).await?;
        let query = sqlx::query_as(include_str!("attempts.sql")).bind(tenant.uuid()).bind(id);
        let rows: Vec<AttemptRow> = query.bind(event_id).fetch_all(&mut *scope).await?;
        let attempt = |row: &AttemptRow| {
            let (number, at, latency_ms) = (row.number?, row.at?, row.latency_ms?);
            Some(Attempt { number, at, status: row.status, latency_ms, error: row.error.clone() })
        };
        Ok((!rows.is_empty()).then(|| rows.iter().filter_map(attempt).collect()))
    }
}
