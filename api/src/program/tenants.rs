//! Tenants from the command line: created, and moved to another installation.

use anyhow::Context as _;
use daybook_domain::{
    commands::One,
    dispatch::{CommandContext, CommandError, CommandKey},
    event_log::Head,
    ids::TenantId,
    ports::EventLog as _,
    tenant::{Tenant, TenantCommand as Command},
};
use uuid::Uuid;

use super::{
    TenantCommand,
    config::Config,
    database::Database,
    keys::{failed, operator},
    say, serve,
};
use crate::state::App;

/// The ids of tenants that were created with a key are derived from it in this namespace.
const KEYED_TENANTS: Uuid = Uuid::from_u128(0x5fd2_5a2e_8c7b_4d0e_9a63_1b7f_0c2d_4e91);

/// Creates a tenant. The same key and name answer the same tenant again.
pub(super) async fn open_tenant(
    app: &App,
    name: String,
    key: Option<&str>,
) -> anyhow::Result<TenantId> {
    let id =
        key.map_or_else(|| app.ids.next_id(), |key| Uuid::new_v5(&KEYED_TENANTS, key.as_bytes()));
    let tenant = TenantId::new(id);
    app.dispatcher.log().open_tenant(tenant).await?;
    let mut context: CommandContext = operator(app, tenant);
    if let Some(key) = key {
        let request_hash = app.vault.request_key(tenant).await?.hash(&[name.as_bytes()]);
        context.key = Some(CommandKey { key: key.to_owned(), request_hash });
    }
    let open = One::<Tenant> { id, command: Command::Open { name }, expected: None };
    match app.dispatcher.run(&context, &open).await {
        Err(CommandError::KeyReused) => {
            anyhow::bail!("the key was used to create tenant {tenant} with another name")
        }
        done => done.map_err(failed)?,
    };
    Ok(tenant)
}

pub(super) async fn run(config: &Config, command: TenantCommand) -> anyhow::Result<()> {
    let database = Database::open_beside(config).await?;
    let done = match serve::connect(config, &database).await {
        Ok(app) => carry_out(&app, command).await,
        Err(error) => Err(error),
    };
    database.close().await;
    done
}

async fn carry_out(app: &App, command: TenantCommand) -> anyhow::Result<()> {
    let log = app.dispatcher.log().inner();
    match command {
        TenantCommand::Create { name, key } => {
            say(&open_tenant(app, name, key.as_deref()).await?.to_string());
        }
        TenantCommand::Freeze { tenant } => {
            let Head { position, hash, .. } = log.freeze(TenantId::new(tenant)).await?;
            say(&format!("frozen at position {position} (head {})", hex::encode(hash)));
        }
        TenantCommand::Unfreeze { tenant } => {
            let Head { position, .. } = log.unfreeze(TenantId::new(tenant)).await?;
            say(&format!("takes changes again, after position {position}"));
        }
        TenantCommand::Moved { tenant, to } => {
            let is_address = to.starts_with("https://") || to.starts_with("http://");
            anyhow::ensure!(is_address, "--to must be the base URL of the new address");
            let head = log.mark_moved(TenantId::new(tenant), &to).await;
            let Head { position, .. } = head.context("the tenant cannot be marked")?;
            say(&format!("moved at position {position}: every request is answered 421 with {to}"));
        }
    }
    Ok(())
}
