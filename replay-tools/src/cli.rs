//! The command line.

use chrono::{DateTime, Utc};
use clap::{Args, Parser, Subcommand};
use uuid::Uuid;

use crate::source::Source;

/// Replays and verifies the history of a tenant.
#[derive(Debug, Parser)]
#[command(
    name = "daybook-replay",
    version,
    after_help = "Examples:\n  \
        daybook-replay --data-dir /var/lib/daybook --tenant <id> verify\n  \
        DATABASE_URL=postgres://… daybook-replay --tenant <id> history --appointment <id>\n  \
        daybook-replay --tenant <id> history --customer <id> --from 2026-11-01T00:00:00Z --json\n  \
        daybook-replay --tenant <id> state appointment <id> --at 2026-11-20T12:00:00Z"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) source: Source,
    /// The tenant's id.
    #[arg(long, env = "DAYBOOK_TENANT", global = true, default_value_t = Uuid::nil(), hide_default_value = true)]
    pub(crate) tenant: Uuid,
    /// One JSON document per line instead of text for people.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Recomputes the hash chain from the first event to the head and reads every event. Ends with
    /// 1 and the first bad position if something is wrong.
    Verify,
    /// Tells what happened, in order: who, when, what, and through which surface.
    History(HistoryWish),
    /// Folds one aggregate as it was at a moment.
    State(StateWish),
}

/// Which part of the history is told; all of it unless something is named.
#[derive(Debug, Args)]
pub(crate) struct HistoryWish {
    /// Everything about an appointment: its phases and its places on calendars too.
    #[arg(long)]
    pub(crate) appointment: Option<Uuid>,
    /// Everything about a customer: the appointments too.
    #[arg(long)]
    pub(crate) customer: Option<Uuid>,
    /// Everything about a staff member: the calendar too.
    #[arg(long)]
    pub(crate) staff: Option<Uuid>,
    /// One aggregate type, such as `service`.
    #[arg(long)]
    pub(crate) aggregate: Option<String>,
    /// From this instant on (RFC 3339).
    #[arg(long)]
    pub(crate) from: Option<DateTime<Utc>>,
    /// Until before this instant (RFC 3339).
    #[arg(long)]
    pub(crate) to: Option<DateTime<Utc>>,
    /// After this position.
    #[arg(long, default_value_t = 0)]
    pub(crate) after: u64,
    /// At most so many events.
    #[arg(long)]
    pub(crate) limit: Option<usize>,
    /// With the payload of each event.
    #[arg(long)]
    pub(crate) payload: bool,
}

/// Which aggregate, and when.
#[derive(Debug, Args)]
pub(crate) struct StateWish {
    /// The type of the aggregate, such as `appointment`.
    pub(crate) aggregate: String,
    /// Its id.
    pub(crate) id: String,
    /// As of this revision of its stream.
    #[arg(long, conflicts_with_all = ["at", "position"])]
    pub(crate) revision: Option<u64>,
    /// As of this position of the tenant's history.
    #[arg(long, conflicts_with = "at")]
    pub(crate) position: Option<u64>,
    /// As of this instant (RFC 3339).
    #[arg(long)]
    pub(crate) at: Option<DateTime<Utc>>,
}
