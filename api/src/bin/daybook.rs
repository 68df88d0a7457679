//! The `daybook` program. All of it lives in the library, so that tests can run it.

use std::process::ExitCode;

fn main() -> ExitCode {
    daybook_api::program::run(std::env::args_os())
}
