//! API keys: shown once, several at a time, with an expiry; created, rotated and revoked in the
//! tenant's history (SEC-24).
//!
//! A key reads `dbk_<id>_<secret>`: the id finds its tenant, the secret is 256 random bits in hex. The
//! events of its stream say what it may do and until when, and hold the SHA-256 of the secret. The
//! row of `ops.api_keys` is made from them once they are appended: it finds and lists keys, and is
//! never asked whether a key is valid.

mod outcome;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use daybook_domain::{
    aggregate::{Evolve as _, decode},
    api_key::{ApiKey, ApiKeyCommand, SecretHash},
    commands::{One, Saved},
    dispatch::{CommandContext, Dispatcher, Done},
    event_log::{Position, Revision},
    ids::TenantId,
    ports::EventLog,
};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;
use subtle::ConstantTimeEq as _;
use tokio::time::timeout;
use uuid::Uuid;

pub use self::outcome::{Issued, KeyError, KeyHolder, KeyRow, NewKey, Rotation};
use crate::postgres::{Held, STATEMENT, Scope};

/// How long a key is good for unless it is said otherwise (SEC-24).
pub const DEFAULT_LIFETIME: TimeDelta = TimeDelta::days(90);

/// The keys of all tenants. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ApiKeys<L> {
    pool: PgPool,
    dispatcher: Dispatcher<L>,
}

impl<L: EventLog> ApiKeys<L> {
    /// Keys over a pool of the application's role and the dispatcher of their events.
    pub const fn new(pool: PgPool, dispatcher: Dispatcher<L>) -> Self {
        Self { pool, dispatcher }
    }

    /// Creates a key. The answer is the only time that its secret is seen.
    pub async fn create(
        &self,
        context: &CommandContext,
        key_id: Uuid,
        new: NewKey,
    ) -> Result<Issued, KeyError> {
        let secret = Secret::random()?;
        let NewKey { name, scopes, expires_at } = new;
        let scopes: BTreeSet<String> = scopes.into_iter().collect();
        let (secret_hash, at) = (secret.hash, context.at);
        let command = ApiKeyCommand::Create { name, scopes, secret_hash, at, expires_at };
        let done = self.run(context, key_id, command, None).await?;
        Ok(secret.issued(done))
    }

    /// Gives a key a new secret; the previous one stays valid for a while. The answer is the only time
    /// that the new secret is seen.
    pub async fn rotate(
        &self,
        context: &CommandContext,
        key_id: Uuid,
        rotation: Rotation,
    ) -> Result<Issued, KeyError> {
        let secret = Secret::random()?;
        let Rotation { overlap, expires_at, expected } = rotation;
        let (secret_hash, at) = (secret.hash, context.at);
        let command = ApiKeyCommand::Rotate { secret_hash, at, overlap, expires_at };
        let done = self.run(context, key_id, command, expected).await?;
        Ok(secret.issued(done))
    }

    /// Revokes a key. A key that is already revoked stays as it is.
    pub async fn revoke(
        &self,
        context: &CommandContext,
        key_id: Uuid,
        expected: Option<u64>,
    ) -> Result<Done<Saved>, KeyError> {
        self.run(context, key_id, ApiKeyCommand::Revoke { at: context.at }, expected).await
    }

    async fn run(
        &self,
        context: &CommandContext,
        id: Uuid,
        command: ApiKeyCommand,
        expected: Option<u64>,
    ) -> Result<Done<Saved>, KeyError> {
        let command = One::<ApiKey> { id, command, expected };
        let done = self.dispatcher.run(context, &command).await?;
        if !context.dry_run {
            // A repeated command answers for the key that it made the first time.
            self.refresh(context.tenant, done.answer.id).await?;
        }
        Ok(done)
    }

    /// The holder of a key at an instant; `None` when the key is unknown, wrong, expired or revoked.
    pub async fn holder(
        &self,
        key: &SecretString,
        at: DateTime<Utc>,
    ) -> Result<Option<KeyHolder>, KeyError> {
        let Some((key_id, secret)) = parts(key.expose_secret()) else { return Ok(None) };
        let mut held = Held::acquire(&self.pool).await?;
        let query = sqlx::query_scalar(include_str!("find.sql")).bind(key_id);
        let found = timeout(STATEMENT, query.fetch_one(&mut *held)).await;
        let tenant: Option<Uuid> = held.finish(found)?;
        let Some(tenant) = tenant.map(TenantId::new) else { return Ok(None) };
        let (state, _) = self.state(tenant, key_id).await?;
        let shown = hash(secret);
        // Every secret is compared, whichever it is.
        let is_good = state
            .good_secrets(at)
            .fold(false, |found, good| found | bool::from(shown.0.ct_eq(&good.0)));
        let Some(name) = state.name().filter(|_| is_good) else { return Ok(None) };
        let (name, scopes) = (name.to_owned(), state.scopes().to_vec());
        Ok(Some(KeyHolder { tenant, key_id, name, scopes }))
    }

    /// The keys of a tenant, oldest first.
    pub async fn list(&self, tenant: TenantId) -> Result<Vec<KeyRow>, KeyError> {
        self.rows(tenant, None).await
    }

    /// One key of a tenant.
    pub async fn find(&self, tenant: TenantId, key_id: Uuid) -> Result<Option<KeyRow>, KeyError> {
        Ok(self.rows(tenant, Some(key_id)).await?.pop())
    }

    async fn rows(&self, tenant: TenantId, key_id: Option<Uuid>) -> Result<Vec<KeyRow>, KeyError> {
        let mut scope = Scope::acquire(&self.pool, tenant).await?;
        let rows = sqlx::query_as(include_str!("list.sql")).bind(tenant.uuid()).bind(key_id);
        Ok(rows.fetch_all(&mut *scope).await?)
    }

    /// Notes that a key let somebody in, at most once a minute. Whether it was noted.
    pub async fn touch(&self, holder: &KeyHolder, at: DateTime<Utc>) -> Result<bool, KeyError> {
        let mut scope = Scope::acquire(&self.pool, holder.tenant).await?;
        let done = sqlx::query(include_str!("touch.sql"))
            .bind(holder.tenant.uuid())
            .bind(holder.key_id)
            .bind(at)
            .execute(&mut *scope)
            .await?;
        Ok(0 < done.rows_affected())
    }

    /// Makes the rows of all keys of a tenant from its history, as after an import.
    pub async fn refresh_all(&self, tenant: TenantId) -> Result<(), KeyError> {
        let log = self.dispatcher.log();
        let head = log.head(tenant).await?.map_or(Position(0), |head| head.position);
        let events = log.scan(tenant, (Position(0), head), &[ApiKey::TYPE]).await?;
        let ids: BTreeSet<Uuid> =
            events.iter().filter_map(|it| it.stream.aggregate_id.parse().ok()).collect();
        for key_id in ids {
            self.refresh(tenant, key_id).await?;
        }
        Ok(())
    }

    /// Makes the row of a key from its events.
    async fn refresh(&self, tenant: TenantId, key_id: Uuid) -> Result<(), KeyError> {
        let (state, Revision(version)) = self.state(tenant, key_id).await?;
        let (Some(name), Some(created_at)) = (state.name(), state.created_at()) else {
            return Ok(());
        };
        let mut scope = Scope::acquire(&self.pool, tenant).await?;
        sqlx::query(include_str!("upsert.sql"))
            .bind(tenant.uuid())
            .bind(key_id)
            .bind(i64::try_from(version).unwrap_or(i64::MAX))
            .bind(name)
            .bind(state.scopes())
            .bind(created_at)
            .bind(state.rotated_at())
            .bind(state.expires_at())
            .bind(state.revoked_at())
            .execute(&mut *scope)
            .await?;
        Ok(())
    }

    /// A key as the log has it now.
    async fn state(&self, tenant: TenantId, key_id: Uuid) -> Result<(ApiKey, Revision), KeyError> {
        let asked = [(ApiKey::stream(key_id), Revision(0))];
        let tails = self.dispatcher.log().read_streams(tenant, &asked).await?;
        let (mut state, mut revision) = (ApiKey::default(), Revision(0));
        for tail in &tails {
            for event in &tail.events {
                state.evolve(&decode::<ApiKey>(event)?);
            }
            revision = tail.revision;
        }
        Ok((state, revision))
    }
}

/// A secret that was just made.
struct Secret {
    text: String,
    hash: SecretHash,
}

impl Secret {
    fn random() -> Result<Self, KeyError> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes).map_err(|_no_source| KeyError::Randomness)?;
        let text = hex::encode(bytes);
        Ok(Self { hash: hash(&text), text })
    }

    /// The answer of the command that took it. One that was repeated took an earlier secret.
    fn issued(self, done: Done<Saved>) -> Issued {
        let key = format!("dbk_{}_{}", done.answer.id.simple(), self.text);
        let is_good = !done.repeated && done.position.is_some();
        Issued { key: is_good.then(|| key.into()), done }
    }
}

fn hash(secret: &str) -> SecretHash {
    SecretHash(Sha256::digest(secret.as_bytes()).into())
}

fn parts(key: &str) -> Option<(Uuid, &str)> {
    let (id, secret) = key.strip_prefix("dbk_")?.split_once('_')?;
    Some((Uuid::parse_str(id).ok()?, secret))
}
