//! API keys: shown once, kept as a hash, several at a time, with an expiry (SEC-24).
//!
//! A key reads `dbk_<id>_<secret>`: the id finds its row, the secret is 256 random bits in hex.

use chrono::{DateTime, TimeDelta, Utc};
use daybook_domain::ids::TenantId;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use sqlx::{FromRow, PgPool};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use crate::postgres::Scope;

/// How long a key is good for unless it is said otherwise (SEC-24).
pub const DEFAULT_LIFETIME: TimeDelta = TimeDelta::days(90);

/// Who a key lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHolder {
    /// Whose data.
    pub tenant: TenantId,
    /// The key's own id.
    pub key_id: Uuid,
    /// What it may do.
    pub scopes: Vec<String>,
}

/// A key as it is listed: never the secret.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct KeyRow {
    /// The key's own id.
    pub key_id: Uuid,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Since when it is good.
    pub created_at: DateTime<Utc>,
    /// Until when it is good.
    pub expires_at: DateTime<Utc>,
    /// Since when it is good no more.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it let somebody in last, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// Why a key could not be made or looked up.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The database cannot be reached.
    #[error("the keys cannot be reached")]
    Unavailable(#[from] sqlx::Error),
    /// The machine gives no random bytes.
    #[error("the machine gives no random bytes")]
    Randomness,
}

/// The keys of all tenants; the pool needs the API's role.
#[derive(Clone, Debug)]
pub struct ApiKeys {
    pool: PgPool,
}

#[derive(FromRow)]
struct Found {
    tenant_id: Uuid,
    secret_hash: Vec<u8>,
    scopes: Vec<String>,
    expires_at: DateTime<Utc>,
    revoked_at: Option<DateTime<Utc>>,
}

impl ApiKeys {
    /// Keys on a database.
    pub const fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Makes a key. The answer is the only time that it is seen.
    pub async fn create(
        &self,
        tenant: TenantId,
        key_id: Uuid,
        name: &str,
        scopes: &[String],
        (created_at, expires_at): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<SecretString, KeyError> {
        let mut secret = [0_u8; 32];
        getrandom::fill(&mut secret).map_err(|_no_source| KeyError::Randomness)?;
        let secret = hex::encode(secret);
        let mut scope = Scope::acquire(&self.pool, tenant).await?;
        sqlx::query(include_str!("create.sql"))
            .bind(tenant.uuid())
            .bind(key_id)
            .bind(name)
            .bind(hash(&secret))
            .bind(scopes)
            .bind(created_at)
            .bind(expires_at)
            .execute(&mut *scope)
            .await?;
        Ok(format!("dbk_{}_{secret}", key_id.simple()).into())
    }

    /// Whom a key lets in at an instant; `None` when it is unknown, wrong, expired or revoked.
    pub async fn holder(
        &self,
        key: &SecretString,
        at: DateTime<Utc>,
    ) -> Result<Option<KeyHolder>, KeyError> {
        let Some((key_id, secret)) = parts(key.expose_secret()) else { return Ok(None) };
        let found: Option<Found> = sqlx::query_as(include_str!("find.sql"))
            .bind(key_id)
            .fetch_optional(&self.pool)
            .await?;
        let Some(found) = found else { return Ok(None) };
        let matches: bool = hash(secret).ct_eq(&found.secret_hash).into();
        let is_good = matches && found.revoked_at.is_none() && at < found.expires_at;
        let tenant = TenantId::new(found.tenant_id);
        Ok(is_good.then_some(KeyHolder { tenant, key_id, scopes: found.scopes }))
    }

    /// The keys of a tenant, oldest first.
    pub async fn list(&self, tenant: TenantId) -> Result<Vec<KeyRow>, KeyError> {
        let mut scope = Scope::acquire(&self.pool, tenant).await?;
        let rows = sqlx::query_as(include_str!("list.sql")).bind(tenant.uuid());
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

    /// Makes a key good no more. Whether there was one to revoke.
    pub async fn revoke(
        &self,
        tenant: TenantId,
        key_id: Uuid,
        at: DateTime<Utc>,
    ) -> Result<bool, KeyError> {
        let mut scope = Scope::acquire(&self.pool, tenant).await?;
        let done = sqlx::query(include_str!("revoke.sql"))
            .bind(tenant.uuid())
            .bind(key_id)
            .bind(at)
            .execute(&mut *scope)
            .await?;
        Ok(0 < done.rows_affected())
    }
}

fn hash(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

fn parts(key: &str) -> Option<(Uuid, &str)> {
    let (id, secret) = key.strip_prefix("dbk_")?.split_once('_')?;
    Some((Uuid::parse_str(id).ok()?, secret))
}

#[cfg(test)]
mod tests {
    use daybook_domain::ids::IdSource as _;

    use super::*;
    use crate::{clock::RandomIds, postgres::PoolRole, testing::TestDatabase};

    fn day(number: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000 + number)
    }

    async fn keys() -> (ApiKeys, TestDatabase) {
        let database = TestDatabase::new().await;
        (ApiKeys::new(database.pool(PoolRole::App).await), database)
    }

    async fn made(keys: &ApiKeys, tenant: TenantId) -> (Uuid, SecretString) {
        let key_id = RandomIds.next_id();
        let life = (day(0), day(0) + DEFAULT_LIFETIME);
        let key = keys.create(tenant, key_id, "till", &["bookings:read".to_owned()], life).await;
        (key_id, key.expect("a key is made"))
    }

    #[tokio::test]
    async fn two_keys_work_at_once_and_each_ends_at_day_90() {
        let (keys, _database) = keys().await;
        let tenant = TenantId::new(RandomIds.next_id());
        for (key_id, key) in [made(&keys, tenant).await, made(&keys, tenant).await] {
            let holder = keys.holder(&key, day(89)).await.expect("keys answer");
            assert_eq!(holder.map(|it| (it.tenant, it.key_id)), Some((tenant, key_id)));
            assert_eq!(keys.holder(&key, day(90)).await.expect("keys answer"), None);
        }
    }

    #[tokio::test]
    async fn a_revoked_key_lets_nobody_in_and_another_tenant_cannot_revoke_it() {
        let (keys, _database) = keys().await;
        let tenant = TenantId::new(RandomIds.next_id());
        let stranger = TenantId::new(RandomIds.next_id());
        let (key_id, key) = made(&keys, tenant).await;
        assert!(!keys.revoke(stranger, key_id, day(1)).await.expect("keys answer"));
        assert!(keys.holder(&key, day(1)).await.expect("keys answer").is_some());
        assert!(keys.revoke(tenant, key_id, day(1)).await.expect("keys answer"));
        assert_eq!(keys.holder(&key, day(1)).await.expect("keys answer"), None);
    }

    #[tokio::test]
    async fn a_wrong_secret_lets_nobody_in() {
        let (keys, _database) = keys().await;
        let (key_id, _key) = made(&keys, TenantId::new(RandomIds.next_id())).await;
        let wrong = format!("dbk_{}_{}", key_id.simple(), "0".repeat(64));
        for key in [wrong.as_str(), "", "dbk_", "dbk_x_y", "Bearer"] {
            let holder = keys.holder(&key.to_owned().into(), day(1)).await.expect("keys answer");
            assert_eq!(holder, None);
        }
    }

    #[tokio::test]
    async fn last_use_is_noted_once_a_minute() {
        let (keys, _database) = keys().await;
        let tenant = TenantId::new(RandomIds.next_id());
        let (_, key) = made(&keys, tenant).await;
        let holder = keys.holder(&key, day(1)).await.expect("keys answer").expect("it is good");
        let second = TimeDelta::seconds(1);
        let uses = [(0, true), (1, false), (60, false), (61, true), (62, false)];
        for (seconds, is_noted) in uses {
            let noted = keys.touch(&holder, day(1) + second * seconds).await.expect("it is noted");
            assert_eq!(noted, is_noted, "after {seconds} s");
        }
        let rows = keys.list(tenant).await.expect("keys are listed");
        assert_eq!(rows[0].last_used_at, Some(day(1) + second * 61));
    }
}
