//! Where wrapped keys are kept.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use daybook_domain::ids::{CustomerId, TenantId};
use sqlx::PgPool;
use uuid::Uuid;

use super::{Vault, VaultError};
use crate::postgres::Scope;

type Subjects = BTreeMap<(TenantId, CustomerId), Option<Vec<u8>>>;

/// Wrapped keys by tenant and subject; a destroyed one stays as `None`.
pub(super) enum KeyStore {
    Postgres(PgPool),
    Memory {
        subjects: Mutex<Subjects>,
        tenants: Mutex<BTreeMap<TenantId, Vec<u8>>>,
    },
    /// Another vault's keys, and beside them those that are not to be kept yet.
    Staged {
        below: Vault,
        made: Mutex<Subjects>,
        made_tenants: Mutex<BTreeMap<TenantId, Vec<u8>>>,
    },
}

impl KeyStore {
    pub(super) fn memory() -> Self {
        Self::Memory { subjects: Mutex::default(), tenants: Mutex::default() }
    }

    pub(super) fn staged(below: Vault) -> Self {
        let (made, made_tenants) = (Mutex::new(BTreeMap::new()), Mutex::new(BTreeMap::new()));
        Self::Staged { below, made, made_tenants }
    }

    /// The connections to a database, if the keys are in one.
    pub(super) fn pool(&self) -> Option<&PgPool> {
        match self {
            Self::Postgres(pool) => Some(pool),
            Self::Memory { .. } => None,
            Self::Staged { below, .. } => below.inner.store.pool(),
        }
    }

    /// Keeps the keys of a tenant that were held back: all of them, or none.
    pub(super) async fn keep_made(&self, tenant: TenantId) -> Result<(), VaultError> {
        let Self::Staged { below, made, made_tenants } = self else { return Ok(()) };
        let own = {
            let made = made_tenants.lock().unwrap_or_else(PoisonError::into_inner);
            made.get(&tenant).cloned()
        };
        if let Some(key) = own
            && !Box::pin(below.inner.store.insert_tenant(tenant, key)).await?
        {
            return Err(VaultError::Rotated);
        }
        let made: Vec<(CustomerId, Vec<u8>)> = {
            let made = made.lock().unwrap_or_else(PoisonError::into_inner);
            let own = made.iter().filter(|((of, _), _)| *of == tenant);
            own.filter_map(|((_, subject), key)| Some((*subject, key.clone()?))).collect()
        };
        if made.is_empty() {
            return Ok(());
        }
        match &below.inner.store {
            Self::Postgres(pool) => insert_subjects(pool, tenant, made).await,
            store => {
                for (subject, key) in made {
                    let _kept = Box::pin(store.insert_subject(tenant, subject, key)).await?;
                }
                Ok(())
            }
        }
    }

    pub(super) async fn subjects(
        &self,
        tenant: TenantId,
        asked: &[CustomerId],
    ) -> Result<BTreeMap<CustomerId, Option<Vec<u8>>>, VaultError> {
        match self {
            Self::Memory { subjects, .. } => {
                let subjects = subjects.lock().unwrap_or_else(PoisonError::into_inner);
                let found = asked.iter().filter_map(|subject| {
                    Some((*subject, subjects.get(&(tenant, *subject))?.clone()))
                });
                Ok(found.collect())
            }
            Self::Staged { below, made, .. } => {
                let mut found = Box::pin(below.inner.store.subjects(tenant, asked)).await?;
                let made = made.lock().unwrap_or_else(PoisonError::into_inner);
                for subject in asked {
                    if let Some(key) = made.get(&(tenant, *subject)) {
                        found.insert(*subject, key.clone());
                    }
                }
                Ok(found)
            }
            Self::Postgres(pool) => {
                let asked: Vec<Uuid> = asked.iter().map(|subject| subject.uuid()).collect();
                let mut scope = Scope::acquire(pool, tenant).await?;
                let rows: Vec<(Uuid, Option<Vec<u8>>)> =
                    sqlx::query_as(include_str!("subject_keys.sql"))
                        .bind(tenant.uuid())
                        .bind(asked)
                        .fetch_all(&mut *scope)
                        .await?;
                Ok(rows.into_iter().map(|(id, key)| (CustomerId::new(id), key)).collect())
            }
        }
    }

    /// Keeps a key unless there is one, or was one: the answer is what counts. `None` if there is
    /// none because its master key was replaced.
    pub(super) async fn insert_subject(
        &self,
        tenant: TenantId,
        subject: CustomerId,
        wrapped: Vec<u8>,
    ) -> Result<Option<Option<Vec<u8>>>, VaultError> {
        match self {
            Self::Memory { subjects, .. } | Self::Staged { made: subjects, .. } => {
                let mut subjects = subjects.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(Some(subjects.entry((tenant, subject)).or_insert(Some(wrapped)).clone()))
            }
            Self::Postgres(pool) => {
                let mut scope = Scope::acquire(pool, tenant).await?;
                sqlx::query(include_str!("insert_subject_key.sql"))
                    .bind(tenant.uuid())
                    .bind(subject.uuid())
                    .bind(wrapped)
                    .execute(&mut *scope)
                    .await?;
                drop(scope);
                let mut kept = Box::pin(self.subjects(tenant, &[subject])).await?;
                Ok(kept.remove(&subject))
            }
        }
    }

    pub(super) async fn destroy(
        &self,
        tenant: TenantId,
        subject: CustomerId,
    ) -> Result<(), VaultError> {
        match self {
            Self::Memory { subjects, .. } => {
                let mut subjects = subjects.lock().unwrap_or_else(PoisonError::into_inner);
                subjects.insert((tenant, subject), None);
            }
            Self::Staged { below, made, .. } => {
                Box::pin(below.inner.store.destroy(tenant, subject)).await?;
                made.lock().unwrap_or_else(PoisonError::into_inner).remove(&(tenant, subject));
            }
            Self::Postgres(pool) => {
                let mut scope = Scope::acquire(pool, tenant).await?;
                sqlx::query(include_str!("destroy_subject_key.sql"))
                    .bind(tenant.uuid())
                    .bind(subject.uuid())
                    .execute(&mut *scope)
                    .await?;
            }
        }
        Ok(())
    }

    pub(super) async fn tenant(&self, tenant: TenantId) -> Result<Option<Vec<u8>>, VaultError> {
        match self {
            Self::Memory { tenants, .. } => {
                let tenants = tenants.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(tenants.get(&tenant).cloned())
            }
            Self::Staged { below, made_tenants, .. } => {
                let made = {
                    let made = made_tenants.lock().unwrap_or_else(PoisonError::into_inner);
                    made.get(&tenant).cloned()
                };
                match made {
                    Some(key) => Ok(Some(key)),
                    None => Box::pin(below.inner.store.tenant(tenant)).await,
                }
            }
            Self::Postgres(pool) => {
                let mut scope = Scope::acquire(pool, tenant).await?;
                let query = include_str!("tenant_key.sql");
                let found = sqlx::query_scalar(query).bind(tenant.uuid());
                Ok(found.fetch_optional(&mut *scope).await?)
            }
        }
    }

    /// Keeps a key unless there is one. `false` if there is none because its master key was
    /// replaced.
    pub(super) async fn insert_tenant(
        &self,
        tenant: TenantId,
        wrapped: Vec<u8>,
    ) -> Result<bool, VaultError> {
        match self {
            Self::Memory { tenants, .. } => {
                let mut tenants = tenants.lock().unwrap_or_else(PoisonError::into_inner);
                tenants.entry(tenant).or_insert(wrapped);
                Ok(true)
            }
            Self::Staged { made_tenants, .. } => {
                if Box::pin(self.tenant(tenant)).await?.is_none() {
                    let mut made = made_tenants.lock().unwrap_or_else(PoisonError::into_inner);
                    made.insert(tenant, wrapped);
                }
                Ok(true)
            }
            Self::Postgres(pool) => {
                let mut scope = Scope::acquire(pool, tenant).await?;
                let done = sqlx::query(include_str!("insert_tenant_key.sql"))
                    .bind(tenant.uuid())
                    .bind(&wrapped)
                    .execute(&mut *scope)
                    .await?;
                drop(scope);
                Ok(done.rows_affected() == 1 || Box::pin(self.tenant(tenant)).await?.is_some())
            }
        }
    }
}

/// Keeps the keys of subjects that have none: one statement, so that there are all of them or none.
async fn insert_subjects(
    pool: &PgPool,
    tenant: TenantId,
    keys: Vec<(CustomerId, Vec<u8>)>,
) -> Result<(), VaultError> {
    let (subjects, keys): (Vec<Uuid>, Vec<Vec<u8>>) =
        keys.into_iter().map(|(subject, key)| (subject.uuid(), key)).unzip();
    let expected = subjects.len() as u64;
    let mut scope = Scope::acquire(pool, tenant).await?;
    // Should one of them have a key by now, the unique key breaks it off: what was sealed could not be
    // read with that one.
    let done = sqlx::query(include_str!("insert_subject_keys.sql"))
        .bind(tenant.uuid())
        .bind(subjects)
        .bind(keys)
        .execute(&mut *scope)
        .await?;
    if done.rows_affected() == expected { Ok(()) } else { Err(VaultError::Rotated) }
}
