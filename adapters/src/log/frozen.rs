//! Tenants that are moved to another installation: frozen first, so that the head does not advance, and
//! marked as moved once the other installation has the whole history.
//!
//! Both marks are columns of the head row, whose lock orders the appends: when
//! [`PostgresLog::freeze`] has answered, no append of any process comes behind it.

use daybook_domain::{
    event_log::{Head, Position},
    ids::TenantId,
    ports::LogError,
};
use sqlx::Row as _;
use tokio::time::timeout;

use super::{PostgresLog, rows};
use crate::postgres::{Held, STATEMENT};

/// Whether appends of a tenant are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenantStatus {
    /// They are.
    Open,
    /// They are refused until the tenant is unfrozen.
    Frozen,
    /// They are refused: the tenant was moved to this base URL.
    Moved(String),
}

impl PostgresLog {
    /// Refuses every append of a tenant from now on. Answers where its history ends, which stays so
    /// until [`PostgresLog::unfreeze`].
    pub async fn freeze(&self, tenant: TenantId) -> Result<Head, LogError> {
        self.mark(include_str!("freeze.sql"), tenant, None).await
    }

    /// Lets a tenant take appends again, also one that was marked as moved.
    pub async fn unfreeze(&self, tenant: TenantId) -> Result<Head, LogError> {
        self.mark(include_str!("unfreeze.sql"), tenant, None).await
    }

    /// Marks a tenant as moved to another installation; it is frozen with it.
    pub async fn mark_moved(&self, tenant: TenantId, address: &str) -> Result<Head, LogError> {
        self.mark(include_str!("mark_moved.sql"), tenant, Some(address)).await
    }

    async fn mark(
        &self,
        statement: &'static str,
        tenant: TenantId,
        address: Option<&str>,
    ) -> Result<Head, LogError> {
        let mut query = sqlx::query(statement).bind(tenant.uuid());
        if let Some(address) = address {
            query = query.bind(address);
        }
        let mut held = Held::acquire(self.pool()).await.map_err(rows::unavailable)?;
        let found = timeout(STATEMENT, query.fetch_optional(&mut *held)).await;
        let row = held.finish(found).map_err(rows::unavailable)?;
        let row = row.ok_or(LogError::UnknownTenant(tenant))?;
        let decoded = || -> Result<(i64, [u8; 32]), sqlx::Error> {
            Ok((row.try_get("position")?, rows::hash(row.try_get("hash")?)?))
        };
        let (position, hash) = decoded().map_err(rows::unreadable)?;
        Ok(Head { tenant, position: Position(rows::count(position)?), hash })
    }

    /// Whether appends of a tenant are accepted. An unknown tenant is `Open`: the append itself
    /// answers [`LogError::UnknownTenant`].
    pub async fn tenant_status(&self, tenant: TenantId) -> Result<TenantStatus, LogError> {
        let mut held = Held::acquire(self.pool()).await.map_err(rows::unavailable)?;
        let query = sqlx::query_scalar(include_str!("tenant_status.sql")).bind(tenant.uuid());
        let found = timeout(STATEMENT, query.fetch_optional(&mut *held)).await;
        let found: Option<Option<String>> = held.finish(found).map_err(rows::unavailable)?;
        Ok(match found {
            None => TenantStatus::Open,
            Some(None) => TenantStatus::Frozen,
            Some(Some(address)) => TenantStatus::Moved(address),
        })
    }
}
