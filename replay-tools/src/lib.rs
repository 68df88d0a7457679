//! What the auditor's program does: it reads a tenant's history, proves that it is whole, and says
//! what an aggregate looked like at any moment of it.
//!
//! Reading commands need a connection that may read one tenant, nothing more: they take the role
//! `daybook_app` for that tenant, in sessions that cannot write. Personal data stays sealed.

mod cli;
mod history;
mod source;
mod state;
mod verify;

use std::{ffi::OsString, io::Write as _, process::ExitCode};

use clap::Parser as _;

use self::cli::{Cli, Command};

pub use self::{
    source::{History, Source},
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

async fn carry_out(cli: &Cli) -> anyhow::Result<()> {
    let history = cli.source.open(cli.tenant).await?;
    let done = match &cli.command {
        Command::Verify => verify::run(&history, cli.json).await,
        Command::History(wish) => history::run(&history, wish, cli.json).await,
        Command::State(wish) => state::run(&history, wish, cli.json).await,
    };
    history.close().await;
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
