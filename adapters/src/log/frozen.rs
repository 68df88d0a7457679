//! Tenants that are moved to another installation: frozen first, so that the head stands still, and
//! marked as moved once the other side has everything.
//!
//! Both marks are columns of the head row, whose lock orders the appends: when
//! [`PostgresLog::freeze`] has answered, no append of any process comes behind it.

use daybook_domain::{
    event_log::{Head, Position},
    ids::TenantId,
    ports::LogError,
};
use sqlx::Row as _;

use super::{PostgresLog, rows};

/// Whether a tenant takes appends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Open,
    /// It does not for now.
    Frozen,
    /// It never will again here: it was moved to this base URL.
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
        let found = self.rows(query).await?;
        let row = found.first().ok_or(LogError::UnknownTenant(tenant))?;
        let decoded = || -> Result<(i64, [u8; 32]), sqlx::Error> {
            Ok((row.try_get("position")?, rows::hash(row.try_get("hash")?)?))
        };
        let (position, hash) = decoded().map_err(rows::unreadable)?;
        Ok(Head { tenant, position: Position(rows::count(position)?), hash })
    }

    /// Whether a tenant takes appends. One that was never opened is `Open`: appending says more.
    pub async fn standing(&self, tenant: TenantId) -> Result<Standing, LogError> {
        let statement = sqlx::query(include_str!("standing.sql")).bind(tenant.uuid());
        let found = self.rows(statement).await?;
        let moved_to: Option<Option<String>> =
            found.first().map(|row| row.try_get(0)).transpose().map_err(rows::unreadable)?;
        Ok(match moved_to {
            None => Standing::Open,
            Some(None) => Standing::Frozen,
            Some(Some(address)) => Standing::Moved(address),
        })
    }
}
