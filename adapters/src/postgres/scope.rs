//! A connection that was taken for one tenant.

use std::ops::{Deref, DerefMut};

use daybook_domain::ids::TenantId;
use daybook_projections::connection::{Held, STATEMENT};
use sqlx::{PgConnection, PgPool};
use tokio::time::timeout;

/// A connection on which row-level security shows one tenant. Statements name the tenant in their
/// predicate all the same; this is the second fence. The pool forgets the tenant when it is
/// given back.
#[derive(Debug)]
pub struct Scope {
    tenant: TenantId,
    connection: Held,
}

impl Scope {
    /// Takes a connection of `pool` for `tenant`.
    pub async fn acquire(pool: &PgPool, tenant: TenantId) -> Result<Self, sqlx::Error> {
        let mut connection = Held::acquire(pool).await?;
        let scoped = sqlx::query("SELECT set_config('app.tenant_id', $1, false)")
            .bind(tenant.to_string())
            .execute(&mut *connection);
        let scoped = timeout(STATEMENT, scoped).await;
        let (connection, _done) = connection.after(scoped)?;
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
