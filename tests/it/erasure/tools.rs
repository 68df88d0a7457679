//! What the auditor's program writes and says.

use std::ffi::OsString;

use daybook_domain::event_log::Position;
use daybook_replay_tools::{Source, export};
use sqlx::{ConnectOptions as _, PgPool};
use uuid::Uuid;

use crate::http::TestApp;

const KEY: &str = "7777777777777777777777777777777777777777777777777777777777777777";
const VIEWS: [&str; 11] = [
    "activity",
    "appointments",
    "branches",
    "customers",
    "freshness",
    "modifications",
    "phases",
    "policy_violations",
    "services",
    "staff",
    "utilisation_daily",
];

fn url(app: &TestApp) -> String {
    app.database.options.to_url_lossy().to_string()
}

/// The one tenant of an app.
pub(super) async fn tenant(app: &TestApp) -> Uuid {
    let owner = PgPool::connect_with(app.database.options.clone()).await.unwrap();
    sqlx::query_scalar("SELECT tenant_id FROM log.tenant_head").fetch_one(&owner).await.unwrap()
}

/// Runs the program with the keys, and expects it to end well.
pub(super) async fn run(app: &TestApp, tenant: Uuid, args: &[&str]) {
    let (url, tenant) = (url(app), tenant.to_string());
    let before =
        ["daybook-replay", "--database-url", &url, "--tenant", &tenant, "--master-key", KEY];
    let all = before.iter().chain(args).map(OsString::from).collect::<Vec<_>>();
    let code = daybook_replay_tools::run(all).await;
    assert_eq!(format!("{code:?}"), format!("{:?}", std::process::ExitCode::SUCCESS), "{args:?}");
}

/// The files that it writes: the log, and every view.
pub(super) async fn exports(app: &TestApp, tenant: Uuid) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log.ndjson");
    let source = Source { database_url: Some(url(app)), data_dir: None };
    let history = source.open(tenant).await.unwrap();
    export(&history, &log, Position(1), None).await.unwrap();
    history.close().await;
    let mut texts = vec![("the log".to_owned(), std::fs::read_to_string(&log).unwrap())];
    for view in VIEWS {
        let file = folder.path().join(format!("{view}.csv"));
        let out = file.to_str().unwrap();
        run(app, tenant, &["export", "--view", view, "--format", "csv", "--out", out]).await;
        texts.push((view.to_owned(), std::fs::read_to_string(&file).unwrap()));
    }
    texts
}
