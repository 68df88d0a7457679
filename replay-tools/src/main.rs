//! The auditor's program.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    daybook_replay_tools::run(std::env::args_os()).await
}
