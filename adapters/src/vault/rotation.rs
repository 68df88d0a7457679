//! Another master key for a vault in use.
//!
//! While it is under way, and until it is completed, processes may be started with either key, and
//! those that run go on: a wrapped key names its master key, and whoever meets one that it does not
//! hold reads the handover. Completing it removes the old key, and with it the handover.

use daybook_domain::{
    ids::{CustomerId, TenantId},
    ports::{EventLog, LogError},
};
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    VaultError,
    master_key::{Fingerprint, MasterKey},
    masters::{self, Masters},
};
use crate::postgres::{Scope, transaction};

/// Tenants per page.
const TENANTS: usize = 500;
/// Wrapped keys per statement.
const KEYS: i64 = 1000;

/// Why a rotation did not go through. It can be run again.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// The vault did not take part.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The tenants cannot be listed.
    #[error("the tenants cannot be listed")]
    Tenants(#[from] LogError),
    /// The new key is the old one.
    #[error("the new master key is the current one ({0})")]
    SameKey(Fingerprint),
    /// A rotation to another key was begun and not completed.
    #[error("a rotation to master key {0} is under way: complete it first")]
    UnderWay(Fingerprint),
    /// There is nothing to complete.
    #[error("no rotation of the master key is under way")]
    NotUnderWay,
}

impl From<sqlx::Error> for RotationError {
    fn from(error: sqlx::Error) -> Self {
        Self::Vault(error.into())
    }
}

/// What a rotation did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The master key before.
    pub from: Fingerprint,
    /// The master key from now on.
    pub to: Fingerprint,
    /// How many keys were wrapped anew.
    pub keys: u64,
}

/// Makes `new` the master key of a vault and wraps every key with it; the pool has the vault's role.
/// One that was interrupted is taken up again by the same call.
pub async fn rotate_master(
    pool: &PgPool,
    log: &impl EventLog,
    (old, new): (&MasterKey, &MasterKey),
) -> Result<Rotated, RotationError> {
    if old.check_value() == new.check_value() {
        return Err(RotationError::SameKey(new.fingerprint()));
    }
    let held = Masters::open(pool, old).await?;
    if held.previous.is_none() {
        begin(pool, old.clone(), new.clone()).await?;
    }
    let held = Masters::open(pool, old).await?;
    if held.current.check_value() != new.check_value() {
        return Err(RotationError::UnderWay(held.current.fingerprint()));
    }
    rewrap_all(pool, log, &held).await
}

/// Ends a rotation: what is still wrapped by the old key is wrapped anew, and the old key opens
/// nothing any more. `master` is the current key.
pub async fn complete_rotation(
    pool: &PgPool,
    log: &impl EventLog,
    master: &MasterKey,
) -> Result<Rotated, RotationError> {
    let held = Masters::open(pool, master).await?;
    let rotated = rewrap_all(pool, log, &held).await?;
    let check = held.current.check_value().to_vec();
    transaction(pool, move |tx| {
        Box::pin(async move {
            sqlx::query(include_str!("delete_previous_master_key.sql")).execute(&mut *tx).await?;
            sqlx::query(include_str!("complete_rotation.sql")).bind(check).execute(tx).await?;
            Ok::<(), sqlx::Error>(())
        })
    })
    .await?;
    Ok(rotated)
}

async fn begin(pool: &PgPool, old: MasterKey, new: MasterKey) -> Result<(), RotationError> {
    let (to_new, to_old) = (masters::handover(&old, &new)?, masters::handover(&new, &old)?);
    transaction(pool, move |tx| {
        Box::pin(async move {
            let retired = sqlx::query(include_str!("retire_master_key.sql"))
                .bind(old.check_value().as_slice())
                .bind(to_new)
                .execute(&mut *tx)
                .await?;
            // Somebody else began one at this moment: theirs is found by whoever looks again.
            if retired.rows_affected() == 1 {
                sqlx::query(include_str!("insert_successor.sql"))
                    .bind(new.check_value().as_slice())
                    .bind(to_old)
                    .execute(tx)
                    .await?;
            }
            Ok::<(), sqlx::Error>(())
        })
    })
    .await?;
    Ok(())
}

async fn rewrap_all(
    pool: &PgPool,
    log: &impl EventLog,
    held: &Masters,
) -> Result<Rotated, RotationError> {
    let Some(previous) = &held.previous else { return Err(RotationError::NotUnderWay) };
    let (from, to) = (previous.fingerprint(), held.current.fingerprint());
    let mut rotated = Rotated { from, to, keys: 0 };
    // A second pass finds what was made with the old key while the first one ran.
    loop {
        let before = rotated.keys;
        let mut after = None;
        loop {
            let heads = log.heads(after, TENANTS).await?;
            let Some(last) = heads.last() else { break };
            after = Some(last.tenant);
            for head in &heads {
                rotated.keys += rewrap(pool, head.tenant, (previous, &held.current)).await?;
            }
        }
        if rotated.keys == before {
            return Ok(rotated);
        }
    }
}

/// Wraps the keys of a tenant anew. A key that somebody destroys meanwhile stays destroyed.
async fn rewrap(
    pool: &PgPool,
    tenant: TenantId,
    (old, new): (&MasterKey, &MasterKey),
) -> Result<u64, VaultError> {
    let mut scope = Scope::acquire(pool, tenant).await?;
    let mut count = 0;
    let own: Option<Vec<u8>> = sqlx::query_scalar(include_str!("tenant_key.sql"))
        .bind(tenant.uuid())
        .fetch_optional(&mut *scope)
        .await?;
    if let Some(own) = own.filter(|wrapped| old.has_wrapped(wrapped)) {
        let wrapped = new.wrap(&old.unwrap(&own, tenant, None)?, tenant, None)?;
        let done = sqlx::query(include_str!("rewrap_tenant_key.sql"))
            .bind(tenant.uuid())
            .bind(own)
            .bind(wrapped)
            .execute(&mut *scope)
            .await?;
        count += done.rows_affected();
    }
    let mut after = Uuid::nil();
    loop {
        let rows: Vec<(Uuid, Vec<u8>)> =
            sqlx::query_as(include_str!("subject_keys_wrapped_by.sql"))
                .bind(tenant.uuid())
                .bind(after)
                .bind(old.fingerprint().bytes().as_slice())
                .bind(KEYS)
                .fetch_all(&mut *scope)
                .await?;
        let Some((last, _)) = rows.last() else { return Ok(count) };
        after = *last;
        let (mut subjects, mut from, mut to) = (Vec::new(), Vec::new(), Vec::new());
        for (subject, wrapped) in rows {
            let customer = Some(CustomerId::new(subject));
            to.push(new.wrap(&old.unwrap(&wrapped, tenant, customer)?, tenant, customer)?);
            subjects.push(subject);
            from.push(wrapped);
        }
        let done = sqlx::query(include_str!("rewrap_subject_keys.sql"))
            .bind(tenant.uuid())
            .bind(subjects)
            .bind(from)
            .bind(to)
            .execute(&mut *scope)
            .await?;
        count += done.rows_affected();
    }
}
