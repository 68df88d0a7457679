//! What the auditor's program does: it reads a tenant's history, proves that it is whole, and says
//! what an aggregate looked like at any moment of it.
//!
//! Reading commands need a connection that may read one tenant, nothing more: they take the role
//! `daybook_app` for that tenant, in sessions that cannot write (what is folded aside goes to temporary
//! tables). Personal data stays sealed, unless the keys are given. The import, rebuilds and parked streams
//! are an operator's, whose login takes the roles of the program. Reports are read as an analyst sees
//! them, and an operator says who is one.

mod answers;
mod archive;
mod cli;
mod diff;
mod document;
mod erase;
mod export;
mod head;
mod history;
mod import;
mod keys;
mod log_file;
mod merkle;
mod models;
mod parked;
mod progress;
mod proof;
mod rebuild;
mod record;
mod reporting;
mod rows;
pub mod simulate;
mod source;
mod state;
mod stock;
mod verify;
mod walk;

use std::{ffi::OsString, io::Write as _, path::Path, process::ExitCode, sync::Arc};

use clap::Parser as _;
use daybook_adapters::clock::{Clock as _, SystemClock};
use daybook_domain::ids::TenantId;
use daybook_projections::projector::Projector;

use self::cli::{Cli, Command, ExportWish, HeadCommand, ImportWish, RebuildWish};

pub use self::{
    answers::{CommandAnswer, StoredCommand},
    archive::{
        Archive, ArchiveFormat, Archived, ArchivedMonth, Follow, Month, Past, archive,
        verify_archived,
    },
    diff::ProjectorDiff,
    export::{Header, Trailer, export},
    head::{SignedHead, check_head, read_head, sign_head},
    import::import,
    keys::{make_key, read_key},
    merkle::{Hash, MerkleTree, leaf, root_of},
    models::{OpenLog, SecretText, Workshop},
    proof::{InclusionProof, Sibling, check_proof, parse_proof, prove},
    record::EventRecord,
    reporting::{
        Analyst, Column, Exported, Format, View, ViewEntry, Wish, dictionary, export_view,
        grant as grant_analyst, list as list_analysts, revoke as revoke_analyst,
    },
    source::{History, Operator, Reporting, Source},
    stock::{Fault, StockImport, StockReport, StockWish, import_stock},
    verify::{Verified, verify},
};

/// Runs the program with these arguments, the first of which is its name.
pub async fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(help) => help.exit(),
    };
    match carry_out(&cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&cli, &error);
            ExitCode::FAILURE
        }
    }
}

/// What needs no history is done without one.
async fn carry_out(cli: &Cli) -> anyhow::Result<()> {
    let json = cli.json;
    match &cli.command {
        Command::Verify { archive, log_only } => {
            carry_out_verify(cli, archive.as_deref(), *log_only).await
        }
        Command::Diff(wish) => {
            let projectors = models::named(&wish.projector)?;
            let positions = wish.from_position.zip(wish.to_position);
            let keys = cli.master_key.as_ref();
            with(cli, None, async |it| {
                let keys = it.keys(keys, &cli.source).await?;
                diff::run(it, it.log().clone(), &keys, projectors, positions, (wish.limit, json))
                    .await
            })
            .await
        }
        Command::Rebuild(wish) => {
            let projectors = models::named(&wish.projector)?;
            if wish.all_tenants {
                return rebuild_all(cli, &projectors, wish).await;
            }
            in_workshop(cli, async |it| rebuild::run(it, projectors, wish, json).await).await
        }
        Command::Parked(command) => {
            in_workshop(cli, async |it| parked::run(it, command, json).await).await
        }
        Command::Erase(command) => {
            in_workshop(cli, async |it| erase::run(it, command, json).await).await
        }
        Command::Person(wish) => {
            in_workshop(cli, async |it| erase::write_person(it, wish, json).await).await
        }
        Command::History(wish) => {
            let archive = wish.archive.as_deref();
            let keys = (cli.master_key.as_ref(), &cli.source);
            with_past(cli, archive, async |it| history::run(it, wish, keys, json).await).await
        }
        Command::State(wish) => {
            let archive = wish.archive.as_deref();
            with_past(cli, archive, async |it| state::run(it, wish, json).await).await
        }
        Command::Rows(wish) => {
            let given = cli.master_key.as_ref();
            with(cli, None, async |it| {
                rows::run(it, &it.keys(given, &cli.source).await?, wish, json).await
            })
            .await
        }
        Command::Archive(wish) => {
            let target = (wish.out_dir.as_path(), wish.format);
            with(cli, None, async |it| archive::run(it, wish.month, target, json).await).await
        }
        Command::Simulate(wish) if wish.example_changes => {
            say(simulate::EXAMPLE_CHANGES.trim_end())
        }
        Command::Simulate(wish) => {
            with(cli, None, async |it| simulate::run(it, wish, json).await).await
        }
        Command::Export(wish) => carry_out_export(cli, wish).await,
        Command::Import(wish) => carry_out_import(cli, wish).await,
        Command::Head(command) => carry_out_head(cli, command).await,
        Command::Dictionary => reporting::run_dictionary(&cli.source, json).await,
        Command::Analyst(command) => {
            reporting::run_analysts(&cli.source, command, cli.tenant, json).await
        }
    }
}

async fn carry_out_verify(cli: &Cli, archive: Option<&Path>, log_only: bool) -> anyhow::Result<()> {
    let (given, json) = (cli.master_key.as_ref(), cli.json);
    if archive.is_some() {
        return with_past(cli, archive, async |it| {
            let keys = if log_only { None } else { it.keys(given, &cli.source).await? };
            archive::run_verify(it, keys.as_ref(), json).await
        })
        .await;
    }
    with(cli, None, async |it| {
        let keys = if log_only { None } else { Some(it.keys(given, &cli.source).await?) };
        verify::run(it, keys.as_ref(), json).await
    })
    .await
}

async fn carry_out_import(cli: &Cli, wish: &ImportWish) -> anyhow::Result<()> {
    let tenant = (!cli.tenant.is_nil()).then(|| TenantId::new(cli.tenant));
    match (&wish.from, &wish.from_postgres_es) {
        (_, Some(url)) => {
            let databases = (url.as_str(), &cli.source);
            stock::run(databases, tenant, &wish.stock, cli.master_key.as_ref(), cli.json).await
        }
        (Some(from), None) => import::run(&cli.source, from, tenant, cli.json).await,
        (None, None) => anyhow::bail!("--from or --from-postgres-es is needed"),
    }
}

async fn carry_out_export(cli: &Cli, wish: &ExportWish) -> anyhow::Result<()> {
    let (out, from, json) = (wish.out.as_path(), wish.from_position, cli.json);
    let (Some(view), Some(format)) = (wish.view, wish.format) else {
        return with(cli, None, async |it| export::run(it, out, from, json).await).await;
    };
    let wish = Wish { view, format, from: wish.from, to: wish.to };
    let tenant = (!cli.tenant.is_nil()).then_some(cli.tenant);
    reporting::run_export(&cli.source, tenant, (&wish, out), json).await
}

async fn carry_out_head(cli: &Cli, command: &HeadCommand) -> anyhow::Result<()> {
    let json = cli.json;
    match command {
        HeadCommand::Keygen { out } => head::keygen(out, json),
        HeadCommand::Sign { key, out } => {
            let files = (key.as_path(), out.as_deref());
            let now = SystemClock.now();
            with(cli, None, async |it| head::sign(it, files, now, json).await).await
        }
        HeadCommand::Check { file, key } => {
            let (signed, key) = (read_head(file)?, key.public_key.as_ref());
            let tenant = Some(signed.tenant);
            with(cli, tenant, async |it| head::check(it, &signed, key, json).await).await
        }
        HeadCommand::Prove { position, head, out } => {
            let signed = read_head(head)?;
            let tenant = Some(signed.tenant);
            with(cli, tenant, async |it| proof::run(it, *position, signed, out, json).await).await
        }
        HeadCommand::CheckProof { file, key } => proof::check(file, key.public_key.as_ref(), json),
    }
}

/// Opens the history of the tenant that the command line names, else of the one that a file does.
async fn with(
    cli: &Cli,
    named: Option<TenantId>,
    work: impl AsyncFnOnce(&History) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let tenant = named.filter(|_| cli.tenant.is_nil()).map_or(cli.tenant, TenantId::uuid);
    let history = cli.source.open(tenant).await?;
    let done = work(&history).await;
    history.close().await;
    done
}

/// Opens archived months, and the database from there on if one is named.
async fn with_past(
    cli: &Cli,
    archive: Option<&Path>,
    work: impl AsyncFnOnce(&Past) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let past = Past::open(&cli.source, cli.tenant, archive).await?;
    let done = work(&past).await;
    past.close().await;
    done
}

/// Opens the read models of the tenant for an operator.
async fn in_workshop(
    cli: &Cli,
    work: impl AsyncFnOnce(&Workshop) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let workshop = Workshop::open(&cli.source, cli.tenant, cli.master_key.as_ref()).await?;
    let done = work(&workshop).await;
    workshop.close().await;
    done
}

/// Makes the read models of every tenant again.
async fn rebuild_all(
    cli: &Cli,
    projectors: &[Arc<dyn Projector>],
    wish: &RebuildWish,
) -> anyhow::Result<()> {
    // Before the command or behind it: the command line sees it only there.
    anyhow::ensure!(cli.tenant.is_nil(), "--all-tenants and --tenant exclude each other");
    let mut workshop = Workshop::open_for_all(&cli.source, cli.master_key.as_ref()).await?;
    let done = rebuild::run_for_all(&mut workshop, projectors, wish, cli.json).await;
    workshop.close().await;
    done
}

/// Writes a line to standard output. A reader that has seen enough ends the program quietly.
fn say(line: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}

#[expect(clippy::print_stderr, reason = "the complaint is for whoever runs the program")]
fn complain(cli: &Cli, error: &anyhow::Error) {
    let is_closed = |cause: &(dyn std::error::Error + 'static)| {
        let io = cause.downcast_ref::<std::io::Error>();
        io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
    };
    if error.chain().any(is_closed) {
        return;
    }
    if cli.json {
        eprintln!("{}", serde_json::json!({ "error": format!("{error:#}") }));
    } else {
        eprintln!("daybook-replay: {error:#}");
    }
}
