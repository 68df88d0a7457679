//! Where read models are compared, made again and unparked: a database with the roles for it, and the
//! keys of the vault where they are at hand.

use std::{fmt, path::Path, str::FromStr, sync::Arc};

use anyhow::Context as _;
use daybook_adapters::{
    clock::{Clock as _, RandomIds, SystemClock},
    embedded_postgres::EmbeddedPostgres,
    log::PostgresLog,
    postgres::{PoolRole, connect_pool},
    vault::{MasterKey, SealedLog, Vault},
};
use daybook_domain::{
    commands::One,
    dispatch::{CommandContext, Dispatcher},
    ids::{IdSource as _, TenantId},
    tenant::{Tenant, TenantCommand},
};
use daybook_projections::{
    projector::Projector,
    registry,
    runner::{Runner, RunnerConfig},
};
use sqlx::{PgPool, postgres::PgConnectOptions};
use uuid::Uuid;

use crate::source::Source;

/// The log as read models see it: what can be opened is open.
pub type OpenLog = SealedLog<PostgresLog>;

/// A key on the command line. It is not for the eye.
#[derive(Clone)]
pub struct SecretText(String);

impl FromStr for SecretText {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

/// The vault of a database: with its keys, or one in which everything reads as erased.
pub(crate) struct Keys {
    pub(crate) vault: Vault,
    /// Whether personal data can be read.
    pub(crate) are_there: bool,
}

/// The master key: that which was given, or the file of a private database. It is never made here.
fn master_key(given: Option<&SecretText>, source: &Source) -> anyhow::Result<Option<MasterKey>> {
    if let Some(text) = given {
        return Ok(Some(MasterKey::parse(&text.0)?));
    }
    let file = source.data_dir.as_deref().map(|dir: &Path| dir.join("master.key"));
    match file.filter(|file| file.is_file()) {
        Some(file) => {
            let text = std::fs::read_to_string(&file);
            let text = text.with_context(|| format!("{} cannot be read", file.display()))?;
            Ok(Some(MasterKey::parse(&text)?))
        }
        None => Ok(None),
    }
}

pub(crate) async fn keys(
    given: Option<&SecretText>,
    source: &Source,
    database: &PgConnectOptions,
) -> anyhow::Result<Keys> {
    let Some(key) = master_key(given, source)? else {
        let none = MasterKey::parse(&"0".repeat(64))?;
        return Ok(Keys { vault: Vault::memory(none), are_there: false });
    };
    let pool = connect_pool(database.clone(), PoolRole::Vault, 2).await;
    let pool = pool.context("the login is no member of daybook_vault")?;
    Ok(Keys { vault: Vault::open(pool, key).await?, are_there: true })
}

/// A database that is worked on: for operators, whose login takes the roles of the program.
pub struct Workshop {
    /// Whose read models.
    pub tenant: TenantId,
    /// The log, open as far as the keys are there.
    pub log: Arc<OpenLog>,
    /// Connections of the projector role.
    pub pool: PgPool,
    keys_are_there: bool,
    server: Option<EmbeddedPostgres>,
}

impl fmt::Debug for Workshop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workshop").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

impl Workshop {
    /// Opens the read models of a tenant.
    pub async fn open(
        source: &Source,
        tenant: Uuid,
        master_key: Option<&SecretText>,
    ) -> anyhow::Result<Self> {
        anyhow::ensure!(!tenant.is_nil(), "--tenant is missing: which tenant's read models?");
        let mut workshop = Self::open_for_all(source, master_key).await?;
        workshop.turn_to(TenantId::new(tenant));
        Ok(workshop)
    }

    /// Opens the read models of whichever tenant it is turned to.
    pub(crate) async fn open_for_all(
        source: &Source,
        master_key: Option<&SecretText>,
    ) -> anyhow::Result<Self> {
        let (database, server) = source.connect().await?;
        let append = connect_pool(database.clone(), PoolRole::Append, 3).await;
        let append = append.context("the login is no member of daybook_append")?;
        let pool = connect_pool(database.clone(), PoolRole::Projector, 3).await;
        let pool = pool.context("the login is no member of daybook_projector")?;
        let keys = keys(master_key, source, &database).await?;
        let log = Arc::new(SealedLog::new(PostgresLog::new(append), keys.vault));
        let keys_are_there = keys.are_there;
        Ok(Self { tenant: TenantId::new(Uuid::nil()), log, pool, keys_are_there, server })
    }

    /// Goes on with the read models of this tenant.
    pub(crate) const fn turn_to(&mut self, tenant: TenantId) {
        self.tenant = tenant;
    }

    /// A runner on it, which is asked and never started.
    pub fn runner(&self) -> Runner<OpenLog> {
        let (log, pool) = (Arc::clone(&self.log), self.pool.clone());
        Runner::new(RandomIds.next_id(), log, pool, registry::projectors(), RunnerConfig::default())
    }

    /// Refuses to write a read model whose personal columns it could not fill.
    pub fn must_read(&self, projector: &dyn Projector) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.keys_are_there || projector.personal().is_empty(),
            "{} holds personal data, which cannot be read without the master key: \
             DAYBOOK_MASTER_KEY or --master-key",
            projector.name()
        );
        Ok(())
    }

    /// Lets a projector pass an event over: an event of the tenant that says why.
    pub async fn skip(&self, projector: &str, position: u64, reason: &str) -> anyhow::Result<()> {
        let (now, ids) = (SystemClock.now(), Arc::new(RandomIds));
        let context = CommandContext::system(self.tenant, "daybook-replay", now, ids);
        let command = TenantCommand::SkipEvent {
            projector: projector.to_owned(),
            position,
            reason: reason.to_owned(),
        };
        let one = One::<Tenant> { id: self.tenant.uuid(), command, expected: None };
        let log = self.log.as_ref().clone();
        Dispatcher::new(log)
            .run(&context, &one)
            .await
            .map_err(|error| anyhow::anyhow!("{error}"))?;
        Ok(())
    }

    /// Closes the connections, and stops the server if it was started for this.
    pub async fn close(self) {
        self.pool.close().await;
        if let Some(server) = self.server {
            server.stop_async().await;
        }
    }
}

/// The projectors that are named, all of them if none is.
pub(crate) fn named(names: &[String]) -> anyhow::Result<Vec<Arc<dyn Projector>>> {
    let all = registry::projectors();
    let known: Vec<&str> = all.iter().map(|projector| projector.name()).collect();
    for name in names {
        anyhow::ensure!(
            known.contains(&name.as_str()),
            "there is no projector {name}; there are {}",
            known.join(", ")
        );
    }
    let is_meant =
        |it: &Arc<dyn Projector>| names.is_empty() || names.iter().any(|n| n == it.name());
    Ok(all.into_iter().filter(is_meant).collect())
}
