//! API keys and the master key from the command line.

use std::sync::Arc;

use anyhow::Context as _;
use chrono::TimeDelta;
use daybook_adapters::api_keys::{KeyError, NewKey};
use daybook_domain::{
    dispatch::{CommandContext, CommandError},
    ids::TenantId,
    ports::EventLog as _,
};
use secrecy::ExposeSecret as _;
use uuid::Uuid;

use super::{KeyCommand, config::Config, database::Database, rotate, say, serve};
use crate::state::App;

/// The circumstances of a command that an operator gives.
pub(super) fn operator(app: &App, tenant: TenantId) -> CommandContext {
    CommandContext::system(tenant, "cli", app.clock.now(), Arc::clone(&app.ids))
}

/// What the operator is told of a command that failed.
pub(super) fn failed<R: std::fmt::Display>(error: CommandError<R>) -> anyhow::Error {
    match error {
        CommandError::Refused { refusal, .. } => anyhow::anyhow!("{refusal}"),
        CommandError::Failed(error) => error.into(),
        CommandError::KeyReused | CommandError::Contended => {
            anyhow::anyhow!("others change the same; try again")
        }
    }
}

/// Says to the operator why an API key could not be changed.
fn key_failed(error: KeyError) -> anyhow::Error {
    match error {
        KeyError::Command(error) => failed(error),
        error => error.into(),
    }
}

/// Makes a key and answers it, the only time that it is seen.
pub(super) async fn create_key(
    app: &App,
    tenant: TenantId,
    name: &str,
    scopes: &[String],
    days: u16,
) -> anyhow::Result<(Uuid, String)> {
    let context = operator(app, tenant);
    let expires_at = context.at + TimeDelta::days(days.into());
    let new = NewKey { name: name.to_owned(), scopes: scopes.to_vec(), expires_at };
    let issued = app.keys.create(&context, app.ids.next_id(), new).await.map_err(key_failed)?;
    let key = issued.key.context("the API key was created by an earlier command")?;
    Ok((issued.done.answer.id, key.expose_secret().to_owned()))
}

pub(super) async fn run(config: &Config, command: KeyCommand) -> anyhow::Result<()> {
    if matches!(command, KeyCommand::Recipient) {
        say(&config.master_key()?.recipient()?.to_string());
        return Ok(());
    }
    let database = Database::open_beside(config).await?;
    let done = match command {
        KeyCommand::RotateMaster { new_master_key, complete } => {
            rotate::run(config, &database, new_master_key.as_ref(), complete).await
        }
        command => {
            let app = serve::connect(config, &database).await?;
            carry_out(&app, command).await
        }
    };
    database.close().await;
    done
}

async fn carry_out(app: &App, command: KeyCommand) -> anyhow::Result<()> {
    match command {
        KeyCommand::Create { tenant, name, scopes, days } => {
            let tenant = TenantId::new(tenant);
            let head = app.dispatcher.log().head(tenant).await?;
            anyhow::ensure!(head.is_some(), "there is no tenant {tenant}");
            let (key_id, key) = create_key(app, tenant, &name, &scopes, days).await?;
            say(&format!("{key}\nid {key_id}, shown this once; it ends in {days} days"));
        }
        KeyCommand::List { tenant } => {
            for row in app.keys.list(TenantId::new(tenant)).await? {
                let state = match row.revoked_at {
                    Some(at) => format!("revoked {at}"),
                    None => format!("until {}", row.expires_at),
                };
                let used = row.last_used_at.map_or_else(
                    || "never used".to_owned(),
                    |at| format!("last used {}", at.format("%Y-%m-%d %H:%MZ")),
                );
                let scopes = row.scopes.join(" ");
                say(&format!("{}  {}  {state}  {used}  [{scopes}]", row.key_id, row.name));
            }
        }
        KeyCommand::Revoke { tenant, key } => {
            let context = operator(app, TenantId::new(tenant));
            app.keys.revoke(&context, key, None).await.map_err(key_failed)?;
            say("revoked");
        }
        KeyCommand::Recipient | KeyCommand::RotateMaster { .. } => {
            unreachable!("it is carried out without a tenant")
        }
    }
    Ok(())
}
