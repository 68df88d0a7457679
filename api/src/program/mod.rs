//! The command line of `daybook`.

mod apply;
mod config;
mod database;
mod demo;
mod keys;
mod manifest;
mod rotate;
mod serve;
mod signals;
mod tenants;

use std::{ffi::OsString, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use daybook_adapters::embedded_postgres::fetch_postgres;
use tracing_subscriber::EnvFilter;
use uuid::Uuid;

use self::{config::Config, database::Database};

/// The system of record for appointments.
#[derive(Debug, Parser)]
#[command(
    name = "daybook",
    version,
    after_help = "Examples:\n  \
        daybook demo\n  \
        daybook demo --listen 127.0.0.1:9090 --data-dir /tmp/daybook --reset\n  \
        DATABASE_URL=postgres://… DAYBOOK_MASTER_KEY=… daybook serve\n  \
        daybook tenant create --name \"Salon group\"\n  \
        daybook key create --tenant <id> --name till --scope bookings:read --scope bookings:write\n  \
        daybook apply --tenant <id> -f tenant.yaml"
)]
struct Cli {
    #[command(flatten)]
    config: Config,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Starts with three demo companies and prints a key and requests to try.
    Demo {
        /// Forgets everything that is in the data directory first.
        #[arg(long)]
        reset: bool,
    },
    /// Serves the API and keeps the read models up to date.
    Serve,
    /// Brings the schema of the database up to date, and ends.
    Migrate,
    /// The private PostgreSQL.
    Db {
        #[command(subcommand)]
        command: DbCommand,
    },
    /// Tenants.
    Tenant {
        #[command(subcommand)]
        command: TenantCommand,
    },
    /// API keys.
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Makes a tenant's master data what a file says. Repeating it changes nothing.
    Apply {
        /// The tenant's id.
        #[arg(long)]
        tenant: Uuid,
        /// The file; `api/demo/salon.yaml` is an example.
        #[arg(short, long)]
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum DbCommand {
    /// Fetches a pinned PostgreSQL into the data directory, for machines without one.
    FetchPostgres,
}

#[derive(Debug, Subcommand)]
enum TenantCommand {
    /// Creates a tenant and prints its id.
    Create {
        /// What people call it.
        #[arg(long)]
        name: String,
        /// An idempotency key: repeating the command with it prints the id of the same tenant.
        #[arg(long)]
        key: Option<String>,
    },
    /// Refuses every change of a tenant, so that its log can be moved whole. Reads go on.
    ///
    /// The order of a move:
    ///
    /// 1. `daybook key recipient` at the new installation prints its recipient key.
    /// 2. `daybook-replay export --out log.ndjson --recipient <key>` here, then `daybook-replay import
    ///    --from log.ndjson` there, while the tenant is still in use here.
    /// 3. `daybook tenant freeze` here, then an export with --from-position for what was added since,
    ///    and its import.
    /// 4. `daybook tenant moved --to https://…` here: every request is answered 421 with the address.
    #[command(verbatim_doc_comment)]
    Freeze {
        /// The tenant's id.
        #[arg(long)]
        tenant: Uuid,
    },
    /// Lets a tenant take changes again that was frozen or marked as moved.
    Unfreeze {
        /// The tenant's id.
        #[arg(long)]
        tenant: Uuid,
    },
    /// Marks a tenant as moved to another installation: every request is answered 421 with its
    /// address.
    Moved {
        /// The tenant's id.
        #[arg(long)]
        tenant: Uuid,
        /// The base URL of its new address.
        #[arg(long, value_name = "URL")]
        to: String,
    },
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Makes a key and prints it: the only time that it is seen.
    Create {
        /// The tenant's id.
        #[arg(long)]
        tenant: Uuid,
        /// What the key is for.
        #[arg(long)]
        name: String,
        /// What it may do; may be repeated. `admin` is everything.
        #[arg(long = "scope", required = true)]
        scopes: Vec<String>,
        /// After how many days it ends.
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=3650))]
        days: u16,
    },
    /// Lists the keys of a tenant, never the secrets.
    List {
        /// The tenant's id.
        #[arg(long)]
        tenant: Uuid,
    },
    /// Replaces the master key. Running servers go on, and may be restarted with either key.
    ///
    /// 1. `daybook key rotate-master` makes the new key the master key and wraps every key with it.
    ///    With DATABASE_URL the current key is DAYBOOK_MASTER_KEY and the new one
    ///    DAYBOOK_NEW_MASTER_KEY; in a data directory a new key is generated, and the old one is kept
    ///    beside it as `master.key.<fingerprint>`, for backups that were made with it.
    /// 2. Restart the servers with the new key, one after another.
    /// 3. `daybook key rotate-master --complete`, with the new key as DAYBOOK_MASTER_KEY: from then
    ///    on the old key opens nothing.
    ///
    /// An interrupted rotation is continued by running step 1 again with the same keys.
    #[command(verbatim_doc_comment)]
    RotateMaster {
        /// The new master key: 64 hexadecimal digits, or base64 of 32 bytes.
        #[arg(
            long,
            env = "DAYBOOK_NEW_MASTER_KEY",
            hide_env_values = true,
            conflicts_with = "complete"
        )]
        new_master_key: Option<secrecy::SecretString>,
        /// Completes the rotation: all servers run with the new key.
        #[arg(long)]
        complete: bool,
    },
    /// Ends a key now.
    Revoke {
        /// The tenant's id.
        #[arg(long)]
        tenant: Uuid,
        /// The key's id, as `list` shows it.
        #[arg(long)]
        key: Uuid,
    },
}

/// Runs the program with its arguments, the program's own name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(help_or_error) => {
            let code = u8::try_from(help_or_error.exit_code()).unwrap_or(2);
            // Nobody is there to be told when even this cannot be printed.
            drop(help_or_error.print());
            return ExitCode::from(code);
        }
    };
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_unset| EnvFilter::new("info,sqlx::postgres::notice=off"));
    let logging = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second call, as in tests, finds the first one's logging.
    drop(logging.try_init());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let ended = runtime.context("the runtime cannot be started").and_then(|runtime| {
        let ended = runtime.block_on(execute(cli));
        // What still runs in a thread of its own has nobody left to answer.
        runtime.shutdown_timeout(Duration::from_secs(1));
        ended
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say_error(&format!("daybook: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn execute(Cli { config, command }: Cli) -> anyhow::Result<()> {
    match command {
        Command::Demo { reset } => demo::run(config, reset).await,
        Command::Serve => serve::run(config).await,
        Command::Migrate => {
            let database = Database::open_beside(&config).await?;
            say("the schema is up to date");
            database.close().await;
            Ok(())
        }
        Command::Db { command: DbCommand::FetchPostgres } => {
            let data_dir = config.data_dir()?;
            let found = fetch_postgres(&data_dir).await?;
            say(&format!("PostgreSQL is in {}", found.display()));
            Ok(())
        }
        Command::Tenant { command } => tenants::run(&config, command).await,
        Command::Key { command } => keys::run(&config, command).await,
        Command::Apply { tenant, file } => apply::run(&config, tenant, &file).await,
    }
}

/// Standard output is for what people and scripts asked for; the log goes to standard error.
#[expect(clippy::print_stdout, reason = "the answer of a command goes to standard output")]
fn say(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "why the program ends goes to standard error")]
fn say_error(text: &str) {
    eprintln!("{text}");
}
