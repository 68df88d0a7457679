//! PostgreSQL as people run it: several hosts, standbys, servers that take no writes, poolers.

use std::{path::Path, process::Command, time::Duration};

use daybook_adapters::embedded_postgres::{EmbeddedConfig, EmbeddedPostgres};
use daybook_testkit::{child::Program, client::Caller, programs::address};
use serde_json::json;
use sqlx::{ConnectOptions as _, postgres::PgConnectOptions};
use tempfile::TempDir;
use tokio::time::{Instant, interval};

use super::torture::KEY;
use crate::http::TestApp;

async fn start(folder: &Path) -> EmbeddedPostgres {
    let config = EmbeddedConfig { max_connections: 100, ..EmbeddedConfig::new(folder) };
    EmbeddedPostgres::start_async(config).await.unwrap()
}

/// A server with what a program has made there, and where it is, stopped.
async fn prepared() -> TempDir {
    let folder = TempDir::new().unwrap();
    let server = start(folder.path()).await;
    let url = address(&server.options());
    tokio::task::block_in_place(|| Program::serve(&url, KEY)).unwrap().kill();
    server.stop_async().await;
    folder
}

/// Makes a stopped server a standby, to which nothing comes until it is promoted.
fn demote(folder: &Path) {
    std::fs::write(folder.join("pg/standby.signal"), "").unwrap();
}

/// A standby that was made from a stopped server.
fn standby_of(primary: &Path) -> TempDir {
    let folder = TempDir::new().unwrap();
    let contents = primary.join(".");
    let copied = Command::new("cp").arg("-a").arg(contents).arg(folder.path()).status().unwrap();
    assert!(copied.success());
    demote(folder.path());
    folder
}

async fn execute(database: &PgConnectOptions, statement: &str) {
    let mut connection = database.connect().await.unwrap();
    sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
}

/// Sends a request until it is answered with a status; panics if that takes too long.
async fn until(caller: &Caller, path: &str, status: u16) -> serde_json::Value {
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut pace = interval(Duration::from_millis(100));
    loop {
        pace.tick().await;
        let answer = caller.get(path).await;
        if answer.status == status {
            return answer.body;
        }
        assert!(Instant::now() < deadline, "{path}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_url_of_several_hosts_leads_to_the_one_that_takes_writes_and_on_to_its_successor() {
    let folder = prepared().await;
    let copy = standby_of(folder.path());
    let (standby, primary) = (start(copy.path()).await, start(folder.path()).await);
    let hosts = [&standby, &primary].map(|it| it.socket_dir().display().to_string());
    let url = format!(
        "postgres://daybook@/postgres?host={}&target_session_attrs=read-write&sslmode=disable",
        hosts.join(",")
    );
    let program = tokio::task::block_in_place(|| Program::serve(&url, KEY)).unwrap();
    let caller = Caller::new(&program.base, "");
    assert_eq!(until(&caller, "/api/health", 200).await["status"], "ok");
    primary.stop_async().await;
    assert_eq!(until(&caller, "/api/health", 503).await["status"], "down");
    execute(&standby.options(), "SELECT pg_promote()").await;
    assert_eq!(until(&caller, "/api/health", 200).await["status"], "ok");
    drop(program);
    standby.stop_async().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_starts_on_a_standby_waits_until_it_is_promoted() {
    let folder = prepared().await;
    demote(folder.path());
    let standby = start(folder.path()).await;
    let url = address(&standby.options());
    let starting = tokio::task::spawn_blocking(move || Program::serve(&url, KEY));
    // It has asked once at least before the server changes.
    let mut pace = interval(Duration::from_secs(2));
    pace.tick().await;
    pace.tick().await;
    assert!(!starting.is_finished(), "it started on a standby, or gave up");
    execute(&standby.options(), "SELECT pg_promote()").await;
    let program = starting.await.unwrap().unwrap();
    let health = Caller::new(&program.base, "").get("/api/health").await;
    assert_eq!((health.status, &health.body["status"]), (200, &json!("ok")));
    drop(program);
    standby.stop_async().await;
}

/// What a server does whose disk is full: it reads, and refuses to write.
async fn reads_go_on_and_writes_are_unavailable(app: &TestApp, status: &str) {
    app.get("/api/v2/services").await.expect(200);
    let company = json!({ "name": "Late", "zone": "UTC", "currency": "EUR", "phone_region": "DE" });
    let refused = app.post("/api/v2/companies", company).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (503, "UNAVAILABLE"));
    assert!(refused.headers.contains_key("retry-after"));
    let health = app.get("/api/health/detailed").await.expect(200);
    assert_eq!(health["status"], "degraded", "{health:#}");
    assert_eq!(health["checks"]["writes"]["status"], status);
}

#[tokio::test]
async fn while_the_disk_is_full_reads_go_on_and_writes_are_unavailable() {
    let app = TestApp::new().await;
    let full = "CREATE FUNCTION public.full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$; \
                CREATE TRIGGER a_full BEFORE INSERT ON log.events \
                FOR EACH STATEMENT EXECUTE FUNCTION public.full()";
    execute(&app.database.options, full).await;
    reads_go_on_and_writes_are_unavailable(&app, "failing (53100)").await;
    execute(&app.database.options, "DROP TRIGGER a_full ON log.events").await;
    let company = json!({ "name": "Late", "zone": "UTC", "currency": "EUR", "phone_region": "DE" });
    app.post("/api/v2/companies", company).await.expect(201);
}

#[tokio::test]
async fn while_the_database_is_read_only_reads_go_on_and_writes_are_unavailable() {
    let app = TestApp::new().await;
    let read_only = "DO $$ BEGIN EXECUTE format( \
                     'ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); \
                     PERFORM pg_terminate_backend(pid) FROM pg_stat_activity \
                      WHERE datname = current_database() AND pid <> pg_backend_pid(); END $$";
    execute(&app.database.options, read_only).await;
    // Those that were used a moment ago are found dead by whoever uses them next.
    while app.get("/api/v2/services").await.status != 200 {}
    reads_go_on_and_writes_are_unavailable(&app, "read_only").await;
}
