//! Who may see the views: a login is bound to one tenant by its name, which no session can change.

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{Executor as _, PgConnection, postgres::PgDatabaseError, prelude::FromRow};
use uuid::Uuid;

use crate::{
    cli::AnalystCommand,
    document::instant,
    say,
    source::{Operator, Source},
};

/// A login that is bound.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize)]
pub struct Analyst {
    /// The login.
    pub login: String,
    /// The tenant that it sees.
    pub tenant_id: Uuid,
    /// Since when.
    #[serde(with = "instant")]
    pub granted_at: DateTime<Utc>,
}

/// Lets a login see the views of one tenant.
pub async fn grant(operator: &mut Operator, login: &str, tenant: Uuid) -> anyhow::Result<()> {
    let connection = &mut operator.connection;
    let is_there: bool = sqlx::query_scalar(include_str!("tenant_exists.sql"))
        .bind(tenant)
        .fetch_one(&mut *connection)
        .await?;
    anyhow::ensure!(is_there, "there is no tenant {tenant}");
    as_oneself(connection).await?;
    sqlx::query(include_str!("grant.sql"))
        .bind(name(login)?)
        .bind(tenant)
        .execute(connection)
        .await
        .map_err(told)?;
    Ok(())
}

/// Takes that back.
pub async fn revoke(operator: &mut Operator, login: &str) -> anyhow::Result<()> {
    as_oneself(&mut operator.connection).await?;
    let was_bound: bool = sqlx::query_scalar(include_str!("revoke.sql"))
        .bind(name(login)?)
        .fetch_one(&mut operator.connection)
        .await
        .map_err(told)?;
    anyhow::ensure!(was_bound, "the login {login} is bound to no tenant");
    Ok(())
}

/// Everyone who is bound, by login.
pub async fn list(operator: &mut Operator) -> anyhow::Result<Vec<Analyst>> {
    as_oneself(&mut operator.connection).await?;
    let rows = sqlx::query_as(include_str!("list.sql")).fetch_all(&mut operator.connection);
    rows.await.map_err(told)
}

/// With the rights of the login: the table belongs to whoever migrates.
async fn as_oneself(connection: &mut PgConnection) -> anyhow::Result<()> {
    connection.execute("SET ROLE NONE").await?;
    Ok(())
}

/// PostgreSQL would cut a longer name, and so mean another one.
fn name(login: &str) -> anyhow::Result<&str> {
    anyhow::ensure!(login.len() < 64, "a login has at most 63 bytes");
    Ok(login)
}

/// What the database says, with its advice.
fn told(error: sqlx::Error) -> anyhow::Error {
    let known = error.as_database_error().and_then(|it| it.try_downcast_ref::<PgDatabaseError>());
    let Some(refusal) = known else { return error.into() };
    match refusal.hint() {
        Some(hint) => anyhow::anyhow!("{}. {hint}", refusal.message()),
        None => anyhow::anyhow!("{}", refusal.message()),
    }
}

pub(crate) async fn run(
    source: &Source,
    command: &AnalystCommand,
    tenant: Uuid,
    as_json: bool,
) -> anyhow::Result<()> {
    if matches!(command, AnalystCommand::Grant { .. }) {
        anyhow::ensure!(!tenant.is_nil(), "--tenant is missing: which tenant's rows?");
    }
    let mut operator = source.operator().await?;
    let done = carry_out(&mut operator, command, tenant, as_json).await;
    operator.close().await;
    done
}

async fn carry_out(
    operator: &mut Operator,
    command: &AnalystCommand,
    tenant: Uuid,
    as_json: bool,
) -> anyhow::Result<()> {
    let answer = |login: &str, is_bound: bool, text: String| {
        let json = || serde_json::json!({ "login": login, "is_bound": is_bound }).to_string();
        say(&if as_json { json() } else { text })
    };
    match command {
        AnalystCommand::Grant { login } => {
            grant(operator, login, tenant).await?;
            answer(login, true, format!("{login} sees tenant {tenant}"))
        }
        AnalystCommand::Revoke { login } => {
            revoke(operator, login).await?;
            answer(login, false, format!("{login} sees nothing any more"))
        }
        AnalystCommand::List => {
            for analyst in list(operator).await? {
                say(&if as_json {
                    serde_json::to_string(&analyst).context("an analyst cannot be written")?
                } else {
                    let since = instant::text(&analyst.granted_at);
                    format!("{} {} since {since}", analyst.login, analyst.tenant_id)
                })?;
            }
            Ok(())
        }
    }
}
