//! Who may see the views, as the operator says it.

use chrono::{DateTime, Utc};
use daybook_projections::reporting::{self, Analyst, ReportError};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    cli::AnalystCommand,
    document::instant,
    say,
    source::{Operator, Source},
};

/// Lets a login see the views of one tenant.
pub async fn grant(operator: &mut Operator, login: &str, tenant: Uuid) -> Result<(), ReportError> {
    reporting::grant(&mut operator.connection, login, tenant).await
}

/// Takes that back.
pub async fn revoke(operator: &mut Operator, login: &str) -> Result<(), ReportError> {
    reporting::revoke(&mut operator.connection, login).await
}

/// Everyone who is bound, by login.
pub async fn list(operator: &mut Operator) -> Result<Vec<Analyst>, ReportError> {
    reporting::list(&mut operator.connection).await
}

/// An analyst as a line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    login: &'a str,
    tenant_id: Uuid,
    #[serde(with = "instant")]
    granted_at: DateTime<Utc>,
}

impl<'a> From<&'a Analyst> for Line<'a> {
    fn from(analyst: &'a Analyst) -> Self {
        let Analyst { login, tenant_id, granted_at } = analyst;
        Self { login, tenant_id: *tenant_id, granted_at: *granted_at }
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
                    serde_json::to_string(&Line::from(&analyst))?
                } else {
                    let since = instant::text(&analyst.granted_at);
                    format!("{} {} since {since}", analyst.login, analyst.tenant_id)
                })?;
            }
            Ok(())
        }
    }
}
