//! A connection that was taken for one tenant.

use std::ops::{Deref, DerefMut};

use daybook_domain::ids::TenantId;
use sqlx::{PgConnection, PgPool, Postgres, pool::PoolConnection};

/// A connection on which row-level security shows one tenant. Statements name the tenant in their
/// predicate all the same; this is the second fence. The pool forgets the tenant when it is
/// given back.
#[derive(Debug)]
pub struct Scope {
    tenant: TenantId,
    connection: PoolConnection<Postgres>,
}

impl Scope {
    /// Takes a connection of `pool` for `tenant`.
    pub async fn acquire(pool: &PgPool, tenant: TenantId) -> Result<Self, sqlx::Error> {
        let mut connection = pool.acquire().await?;
        sqlx::query("SELECT set_config('app.tenant_id', $1, false)")
            .bind(tenant.to_string())
            .execute(&mut *connection)
            .await?;
        Ok(Self { tenant, connection })
    }

    /// Whose rows can be seen.
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }
}

impl Deref for Scope {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Scope {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}
