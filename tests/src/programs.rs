//! PostgreSQL's own programs, as an operator calls them.

use std::{env, process::Command};

use daybook_adapters::embedded_postgres::find_binaries;
use sqlx::{ConnectOptions as _, postgres::PgConnectOptions};

/// The address of a database as PostgreSQL's own programs take it.
pub fn address(database: &PgConnectOptions) -> String {
    let url = database.to_url_lossy().to_string();
    let (base, rest) = url.split_once('?').unwrap_or((&url, ""));
    let known = rest.split('&').filter(|it| !it.starts_with("statement-cache"));
    format!("{base}?{}", known.collect::<Vec<_>>().join("&"))
}

/// Runs a program such as `pg_dump` to its end.
///
/// # Panics
/// When it fails: with what it said.
pub async fn run(name: &'static str, args: Vec<String>) {
    let done = tokio::task::spawn_blocking(move || {
        let binaries = find_binaries(None, &env::temp_dir(), None)
            .unwrap_or_else(|error| panic!("no PostgreSQL: {error}"));
        Command::new(binaries.dir.join(name)).args(args).output()
    });
    match done.await {
        Ok(Ok(done)) => {
            let said = String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success(), "{name}: {said}");
        }
        Ok(Err(error)) => panic!("{name} cannot be run: {error}"),
        Err(error) => panic!("{name}: {error}"),
    }
}
