//! The command line.

use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, Utc};
use clap::{Args, Parser, Subcommand};
use ed25519_dalek::VerifyingKey;
use uuid::Uuid;

use crate::{
    archive::{ArchiveFormat, Month},
    erase::{PersonFormat, Reason},
    keys,
    models::SecretText,
    reporting::{Format, View},
    rows::RowsWish,
    source::Source,
    stock::StockWish,
};

/// Replays and verifies the history of a tenant.
#[derive(Debug, Parser)]
#[command(
    name = "daybook-replay",
    version,
    after_help = "Examples:\n  \
        daybook-replay --data-dir /var/lib/daybook --tenant <id> verify\n  \
        DATABASE_URL=postgres://… daybook-replay --tenant <id> history --appointment <id>\n  \
        daybook-replay --tenant <id> history --customer <id> --from 2026-11-01T00:00:00Z --json\n  \
        daybook-replay --tenant <id> state appointment <id> --at 2026-11-20T12:00:00Z\n  \
        daybook-replay --tenant <id> head sign --key signing.key --out head.json\n  \
        daybook-replay head check-proof proof.json --public-key <hex>\n  \
        daybook-replay --tenant <id> export --out log.ndjson"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) source: Source,
    /// The tenant's id.
    #[arg(long, env = "DAYBOOK_TENANT", global = true, default_value_t = Uuid::nil(), hide_default_value = true)]
    pub(crate) tenant: Uuid,
    /// The key that wraps those of the customers, for read models with personal data. Without it the
    /// file `master.key` of the data directory is used, if there is one.
    #[arg(long, env = "DAYBOOK_MASTER_KEY", hide_env_values = true, global = true)]
    pub(crate) master_key: Option<SecretText>,
    /// One JSON document per line instead of text for people.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Recomputes the hash chain from the first event to the head, reads every event, and holds
    /// every read model against a fresh fold. Ends with 1 and the first bad position or row if
    /// something is wrong.
    Verify {
        /// The log alone, without the read models.
        #[arg(long)]
        log_only: bool,
        /// A directory of archived months: they are read first, the log from there on in the
        /// database, if one is named, whose read models are held against both.
        #[arg(long, value_name = "DIR")]
        archive: Option<PathBuf>,
    },
    /// Tells what happened, in order: who, when, what, and through which surface.
    History(HistoryWish),
    /// Folds one aggregate as it was at a moment.
    State(StateWish),
    /// The rows of a read model as of a moment, as lines of JSON.
    #[command(after_help = "Examples:\n  \
        daybook-replay --tenant <id> rows appointments --at 2026-11-20T00:00:00Z\n  \
        daybook-replay --tenant <id> rows customers --position 120 --json > customers.ndjson")]
    Rows(RowsWish),
    /// Tells which rows of the live read models are not what the log says, or how a read model has
    /// changed between two positions.
    #[command(after_help = "Examples:\n  \
        daybook-replay --tenant <id> diff\n  \
        daybook-replay --tenant <id> diff --projector appointments --limit 100 --json\n  \
        daybook-replay --tenant <id> diff --projector appointments --from-position 100 --to-position 120")]
    Diff(DiffWish),
    /// Makes read models again from the log while the live ones go on, tells what has changed, and
    /// puts them in their place. Broken off, it goes on where it stopped. For operators: the login
    /// must be a member of the program's roles.
    #[command(after_help = "Examples:\n  \
        daybook-replay --data-dir /var/lib/daybook --tenant <id> rebuild --projector appointments\n  \
        daybook-replay --data-dir /var/lib/daybook --tenant <id> rebuild --projector appointments --take-back\n  \
        daybook-replay --data-dir /var/lib/daybook rebuild --all-tenants")]
    Rebuild(RebuildWish),
    /// Decides the history again in memory under other hours, terms or services, and tells what would
    /// have been refused, accepted or charged. Nothing is written. Without --changes it is the control:
    /// everything must come out as it did.
    #[command(after_help = "Examples:\n  \
        daybook-replay simulate --example-changes > changes.json\n  \
        daybook-replay --tenant <id> simulate\n  \
        daybook-replay --tenant <id> simulate --changes changes.json --control --from 2026-09-01")]
    Simulate(SimulateWish),
    /// Streams that a projector could not follow: they wait here, the others go on. For operators.
    #[command(subcommand)]
    Parked(ParkedCommand),
    /// People who are to be forgotten, or are at once. For operators; needs the keys.
    #[command(subcommand)]
    Erase(EraseCommand),
    /// Writes everything that is kept of a customer to a file. For operators; needs the keys.
    #[command(after_help = "Examples:\n  \
        daybook-replay --data-dir /var/lib/daybook --tenant <id> person --customer <id> --format csv --out person.csv")]
    Person(PersonWish),
    /// Signed heads and proofs: what shows a cut tail, a rewritten history, or a single event to
    /// someone who does not hold the database.
    #[command(subcommand)]
    Head(HeadCommand),
    /// Writes the tenant's log to a file: a header, one line per event and stored answer, a
    /// trailer. With --view, a view of schema `reporting` instead, for analysts.
    #[command(after_help = "Examples:\n  \
        daybook-replay --tenant <id> export --out log.ndjson\n  \
        daybook-replay --tenant <id> export --out since.ndjson --from-position 120001\n  \
        daybook-replay --tenant <id> export --view appointments --format parquet --out a.parquet\n  \
        daybook-replay --tenant <id> export --view phases --format csv --out p.csv --from 2026-11-01")]
    Export(ExportWish),
    /// Writes closed months of the log to files, each with its segment of the chain: `verify`,
    /// `history` and `state` read them with --archive. The log itself stays as it is. A month (UTC)
    /// is closed when it lies wholly before that of the newest event.
    #[command(after_help = "Examples:\n  \
        daybook-replay --tenant <id> archive --out-dir archive\n  \
        daybook-replay --tenant <id> archive --month 2026-10 --out-dir archive --format parquet\n  \
        daybook-replay verify --archive archive\n  \
        daybook-replay --data-dir /var/lib/daybook state appointment <id> --archive archive")]
    Archive(ArchiveWish),
    /// Brings an exported log, or the history of a system on stock postgres-es, into this database,
    /// whose tenant must have no events yet: all of it or nothing, then verified. For operators: the
    /// login must be a member of `daybook_append`. A log comes unchanged to the byte; its personal
    /// data stays sealed until the rows of the vault are moved too.
    #[command(after_help = "Examples:\n  \
        DATABASE_URL=postgres://… daybook-replay import --from log.ndjson\n  \
        daybook-replay --tenant <id> import --from-postgres-es postgres://… --instant recorded_at --dry-run")]
    Import(ImportWish),
    /// Tells what every view of schema `reporting` and every column of it means, as Markdown.
    Dictionary,
    /// Logins that see the views of one tenant, and nothing else. For operators: the login owns the
    /// schema.
    #[command(subcommand)]
    Analyst(AnalystCommand),
}

/// What is archived.
#[derive(Debug, Args)]
pub(crate) struct ArchiveWish {
    /// The month, such as 2026-10. Without it every closed month that is not there yet.
    #[arg(long)]
    pub(crate) month: Option<Month>,
    /// The directory; it holds one tenant's months. Files that are there stay.
    #[arg(long, value_name = "DIR")]
    pub(crate) out_dir: PathBuf,
    /// The format of the files.
    #[arg(long, default_value = "ndjson")]
    pub(crate) format: ArchiveFormat,
}

/// What is brought in.
#[derive(Debug, Args)]
pub(crate) struct ImportWish {
    /// The file, whole from position 1 on.
    #[arg(long, required_unless_present = "from_postgres_es")]
    pub(crate) from: Option<PathBuf>,
    /// The database of a system on stock postgres-es. A password may come from PGPASSWORD or the
    /// password file instead.
    #[arg(long, value_name = "URL", conflicts_with = "from")]
    pub(crate) from_postgres_es: Option<String>,
    #[command(flatten)]
    pub(crate) stock: StockWish,
}

/// What is done with analysts.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  \
    daybook-replay --tenant <id> analyst grant --login anna\n  \
    daybook-replay analyst revoke --login anna\n  \
    daybook-replay analyst list")]
pub(crate) enum AnalystCommand {
    /// Binds a login, which must be there, to the tenant.
    Grant {
        /// The login: CREATE ROLE … LOGIN.
        #[arg(long)]
        login: String,
    },
    /// Takes that back.
    Revoke {
        /// The login.
        #[arg(long)]
        login: String,
    },
    /// Tells who sees what.
    List,
}

/// What is done with people who are to be forgotten.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  \
    daybook-replay --data-dir /var/lib/daybook --tenant <id> erase list\n  \
    daybook-replay --data-dir /var/lib/daybook --tenant <id> erase request --customer <id>\n  \
    daybook-replay --data-dir /var/lib/daybook --tenant <id> erase withdraw --customer <id>\n  \
    daybook-replay --data-dir /var/lib/daybook --tenant <id> erase now --customer <id> --reason objected")]
pub(crate) enum EraseCommand {
    /// Who waits to be forgotten, and until when.
    List,
    /// Notes the wish to be forgotten.
    Request {
        /// Who.
        #[arg(long)]
        customer: Uuid,
        /// Days in which it can be taken back, 0 to 30; 30 without it.
        #[arg(long, value_parser = clap::value_parser!(u8).range(0..=30))]
        grace_days: Option<u8>,
    },
    /// Takes that wish back.
    Withdraw {
        /// Who.
        #[arg(long)]
        customer: Uuid,
    },
    /// Forgets somebody at once: what is to come is called off, the key is destroyed.
    Now {
        /// Who.
        #[arg(long)]
        customer: Uuid,
        /// On which ground; it stays in the history.
        #[arg(long)]
        reason: Reason,
    },
}

/// Whose data are written, and how.
#[derive(Debug, Args)]
pub(crate) struct PersonWish {
    /// Who.
    #[arg(long)]
    pub(crate) customer: Uuid,
    /// The format of the file.
    #[arg(long, default_value = "json")]
    pub(crate) format: PersonFormat,
    /// The file; one that is there stays.
    #[arg(long)]
    pub(crate) out: PathBuf,
}

/// What is compared.
#[derive(Debug, Args)]
pub(crate) struct DiffWish {
    /// This read model alone; may be given several times.
    #[arg(long)]
    pub(crate) projector: Vec<String>,
    /// How it was at this position, instead of how it is.
    #[arg(long, requires = "to_position")]
    pub(crate) from_position: Option<u64>,
    /// How it was at this position, instead of how the log says it is.
    #[arg(long, requires = "from_position")]
    pub(crate) to_position: Option<u64>,
    /// At most so many differences are told of each.
    #[arg(long, default_value_t = 20)]
    pub(crate) limit: usize,
}

/// What is simulated.
#[derive(Debug, Args)]
pub(crate) struct SimulateWish {
    /// What would have been otherwise (JSON).
    #[arg(long)]
    pub(crate) changes: Option<PathBuf>,
    /// Prints a file of changes that is valid, and does nothing else. Needs no database.
    #[arg(long)]
    pub(crate) example_changes: bool,
    /// Decisions from this date on are told (UTC); all of them are made.
    #[arg(long, value_name = "DATE")]
    pub(crate) from: Option<NaiveDate>,
    /// Decisions until this date are told, included.
    #[arg(long, value_name = "DATE")]
    pub(crate) to: Option<NaiveDate>,
    /// First decides everything again without changes; what does not come out as it did is told apart
    /// as not simulated faithfully.
    #[arg(long)]
    pub(crate) control: bool,
    /// What was refused and would have been accepted takes its place, so that later bookings may find
    /// it taken. Without this it is only said.
    #[arg(long)]
    pub(crate) take_refused: bool,
    /// At most so many decisions are told of each kind.
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: usize,
}

/// What is made again.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct RebuildWish {
    /// This read model alone; may be given several times. Without it all of them.
    #[arg(long)]
    pub(crate) projector: Vec<String>,
    /// One tenant after the other, instead of the one that --tenant names. One that fails is told, and
    /// the others go on.
    #[arg(long, conflicts_with_all = ["take_back", "abandon"])]
    pub(crate) all_tenants: bool,
    /// As fast as it goes. Without this a rebuild gives way to those who book meanwhile, and takes some
    /// times as long.
    #[arg(long)]
    pub(crate) full_speed: bool,
    /// Puts what the latest rebuild has replaced back in its place.
    #[arg(long, conflicts_with = "abandon")]
    pub(crate) take_back: bool,
    /// Forgets a rebuild that was broken off.
    #[arg(long)]
    pub(crate) abandon: bool,
}

/// What is done with parked streams.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  \
    daybook-replay --data-dir /var/lib/daybook --tenant <id> parked list\n  \
    daybook-replay --data-dir /var/lib/daybook --tenant <id> parked retry --position 17\n  \
    daybook-replay --data-dir /var/lib/daybook --tenant <id> parked skip --position 17 --reason 'written twice'")]
pub(crate) enum ParkedCommand {
    /// What waits, and why.
    List,
    /// The event that failed, as the log has it.
    Show(ParkedWish),
    /// Tries again, after the cause was mended.
    Retry(ParkedWish),
    /// Lets the projector pass the event over: an event of the tenant says so, and why.
    Skip {
        #[command(flatten)]
        wish: ParkedWish,
        /// Why; it stays in the history.
        #[arg(long)]
        reason: String,
    },
}

/// Which parked stream.
#[derive(Debug, Args)]
pub(crate) struct ParkedWish {
    /// Where the event that failed stands.
    #[arg(long)]
    pub(crate) position: u64,
    /// Of this read model alone.
    #[arg(long)]
    pub(crate) projector: Option<String>,
}

/// What is done with heads.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  \
    daybook-replay head keygen --out signing.key\n  \
    daybook-replay --tenant <id> head sign --key signing.key --out head.json\n  \
    daybook-replay --data-dir /var/lib/daybook head check head.json --public-key <hex>\n  \
    daybook-replay --data-dir /var/lib/daybook head prove --position 17 --head head.json --out proof.json\n  \
    daybook-replay head check-proof proof.json --public-key <hex>")]
pub(crate) enum HeadCommand {
    /// Makes a key to sign with (mode 0600) and prints its public key. Needs no database.
    Keygen {
        /// Where the key is written; a file that is there stays.
        #[arg(long)]
        out: PathBuf,
    },
    /// Verifies the chain and signs where the history stands: position, hash and Merkle root.
    Sign {
        /// The key, as `keygen` made it.
        #[arg(long)]
        key: PathBuf,
        /// Where the signed head is written; else to standard output.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Checks that the history of today begins with exactly what was signed; ends with 1 if a tail
    /// is missing or anything below was rewritten.
    Check {
        /// The signed head.
        file: PathBuf,
        #[command(flatten)]
        key: KnownKey,
    },
    /// Writes a proof that one event is under a signed head.
    Prove {
        /// The position of the event.
        #[arg(long)]
        position: u64,
        /// The signed head.
        #[arg(long)]
        head: PathBuf,
        /// Where the proof is written.
        #[arg(long)]
        out: PathBuf,
    },
    /// Checks a proof by itself. Needs no database and no tenant.
    CheckProof {
        /// The proof.
        file: PathBuf,
        #[command(flatten)]
        key: KnownKey,
    },
}

/// The key that a reader trusts.
#[derive(Debug, Args)]
pub(crate) struct KnownKey {
    /// The signer's public key (64 hex digits), from a source that you trust. Without it the one in
    /// the file is used, which shows damage but not who signed.
    #[arg(long, value_name = "HEX", value_parser = keys::public_key)]
    pub(crate) public_key: Option<VerifyingKey>,
}

/// What is exported.
#[derive(Debug, Args)]
pub(crate) struct ExportWish {
    /// The file; one that is there stays.
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// From this position on. Only a file from position 1 on can be imported.
    #[arg(long, default_value_t = 1)]
    pub(crate) from_position: u64,
    /// A view of schema `reporting`, instead of the log.
    #[arg(long, conflicts_with = "from_position", requires = "format")]
    pub(crate) view: Option<View>,
    /// The format of the file.
    #[arg(long, requires = "view")]
    pub(crate) format: Option<Format>,
    /// From this date on: local dates as they are, instants in UTC.
    #[arg(long, value_name = "DATE", requires = "view")]
    pub(crate) from: Option<NaiveDate>,
    /// Until this date, included.
    #[arg(long, value_name = "DATE", requires = "view")]
    pub(crate) to: Option<NaiveDate>,
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
    /// As CSV (RFC 4180), with a line of column names.
    #[arg(long, conflicts_with_all = ["json", "payload"])]
    pub(crate) csv: bool,
    /// A directory of archived months, which are read before the database, if one is named.
    #[arg(long, value_name = "DIR")]
    pub(crate) archive: Option<PathBuf>,
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
    /// A directory of archived months, which are read before the database, if one is named.
    #[arg(long, value_name = "DIR")]
    pub(crate) archive: Option<PathBuf>,
}
