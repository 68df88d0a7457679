//! The auditor's program.

use std::process::ExitCode;

/// Events are many small allocations: over a history the system's allocator takes a tenth longer.
/// It holds half the memory, though, which is what counts in the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    daybook_replay_tools::run(std::env::args_os()).await
}
