//! Where wrapped keys are kept.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use daybook_domain::ids::{CustomerId, TenantId};
use sqlx::PgPool;
use uuid::Uuid;

use super::VaultError;
use crate::postgres::Scope;

type Subjects = BTreeMap<(TenantId, CustomerId), Option<Vec<u8>>>;

/// Wrapped keys by tenant and subject; a destroyed one stays as `None`.
pub(super) enum KeyStore {
    Postgres(PgPool),
    Memory { subjects: Mutex<Subjects>, tenants: Mutex<BTreeMap<TenantId, Vec<u8>>> },
}

impl KeyStore {
    pub(super) fn memory() -> Self {
        Self::Memory { subjects: Mutex::default(), tenants: Mutex::default() }
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

    /// Keeps a key unless there is one, or was one: the answer is what counts.
    pub(super) async fn insert_subject(
        &self,
        tenant: TenantId,
        subject: CustomerId,
        wrapped: Vec<u8>,
    ) -> Result<Option<Vec<u8>>, VaultError> {
        match self {
            Self::Memory { subjects, .. } => {
                let mut subjects = subjects.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(subjects.entry((tenant, subject)).or_insert(Some(wrapped)).clone())
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
                Ok(kept.remove(&subject).flatten())
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
            Self::Postgres(pool) => {
                let mut scope = Scope::acquire(pool, tenant).await?;
                let query = "SELECT wrapped_key FROM vault.tenant_keys WHERE tenant_id = $1";
                let found = sqlx::query_scalar(query).bind(tenant.uuid());
                Ok(found.fetch_optional(&mut *scope).await?)
            }
        }
    }

    /// Keeps a key unless there is one: the answer is what counts.
    pub(super) async fn insert_tenant(
        &self,
        tenant: TenantId,
        wrapped: Vec<u8>,
    ) -> Result<Vec<u8>, VaultError> {
        match self {
            Self::Memory { tenants, .. } => {
                let mut tenants = tenants.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(tenants.entry(tenant).or_insert(wrapped).clone())
            }
            Self::Postgres(pool) => {
                let mut scope = Scope::acquire(pool, tenant).await?;
                sqlx::query(include_str!("insert_tenant_key.sql"))
                    .bind(tenant.uuid())
                    .bind(&wrapped)
                    .execute(&mut *scope)
                    .await?;
                drop(scope);
                Ok(Box::pin(self.tenant(tenant)).await?.unwrap_or(wrapped))
            }
        }
    }
}
