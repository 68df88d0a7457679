//! The auditor's program: recomputes a tenant's hash chain and reads every event with the current
//! code.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use daybook_adapters::{
    log::{PostgresLog, chain},
    postgres::{PoolRole, connect_pool},
};
use daybook_domain::{
    event_log::{Position, RecordedEvent},
    ids::TenantId,
    ports::EventLog as _,
    registry,
};
use uuid::Uuid;

/// Events per read.
const BATCH: usize = 5000;

/// Replays and verifies the history of a tenant.
#[derive(Debug, Parser)]
#[command(
    name = "daybook-replay",
    version,
    after_help = "Example:\n  DATABASE_URL=postgres://… daybook-replay verify --tenant <id>"
)]
struct Cli {
    /// The database that holds the log.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true)]
    database_url: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Recomputes the hash chain from the first event to the head, and reads every event. Ends with
    /// 1 and the first bad position if something is wrong.
    Verify {
        /// The tenant's id.
        #[arg(long)]
        tenant: Uuid,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let Cli { database_url, command: Command::Verify { tenant } } = Cli::parse();
    match verify(database_url, TenantId::new(tenant)).await {
        Ok(events) => {
            say(&format!("{events} events: the chain is whole and every event can be read"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&format!("daybook-replay: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "the finding is what the program is for")]
fn say(text: &str) {
    println!("{text}");
}

async fn verify(database_url: Option<String>, tenant: TenantId) -> anyhow::Result<u64> {
    let url = database_url.context("--database-url or DATABASE_URL is needed")?;
    let options = url.parse().map_err(|_may_hold_a_password: sqlx::Error| {
        anyhow::anyhow!("the database URL is no URL")
    })?;
    let log = PostgresLog::new(connect_pool(options, PoolRole::Append, 2).await?);
    let head = log.head(tenant).await?.with_context(|| format!("there is no tenant {tenant}"))?;
    let (mut position, mut hash) = (Position(0), chain::GENESIS);
    loop {
        let events = log.read_tenant(tenant, position, BATCH).await?;
        if events.is_empty() {
            break;
        }
        (position, hash) = chain::verify_chain(tenant, (position, hash), &events)?;
        events.iter().try_for_each(check_readable)?;
    }
    anyhow::ensure!(
        head.position <= position,
        "the history ends at {position}, but its head says {}",
        head.position
    );
    anyhow::ensure!(
        head.position < position || head.hash == hash,
        "the head at {position} has another hash than its last event"
    );
    Ok(position.0)
}

/// Whether the current code knows the event's type and version. Sealed fields stay sealed.
fn check_readable(event: &RecordedEvent) -> anyhow::Result<()> {
    let (kind, position) = (&event.stream.aggregate_type, event.position);
    let aggregate = registry::find(kind)
        .with_context(|| format!("position {position}: aggregate {kind} is unknown"))?;
    let text = registry::EventText {
        event_type: event.event_type.clone(),
        event_version: event.event_version.clone(),
        payload: event.payload.clone(),
    };
    aggregate.reencode(&text).with_context(|| format!("position {position}"))?;
    Ok(())
}
