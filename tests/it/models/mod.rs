//! What the auditor's program says of read models and does to them.

#![expect(clippy::unwrap_used, reason = "what a test cannot have fails it")]

mod all_tenants;

use std::{ffi::OsString, sync::Arc};

use daybook_adapters::{
    clock::RandomIds,
    log::{PostgresLog, contract},
    postgres::PoolRole,
    testing::TestDatabase,
    vault::{MasterKey, SealedLog, Vault},
};
use daybook_domain::{
    commands::One,
    dispatch::{CommandContext, Dispatcher},
    event_log::{Append, EventData, ExpectedRevision, Position, StreamId, StreamWrite},
    ids::{IdSource as _, TenantId},
    ports::EventLog as _,
    tenant::{Tenant, TenantCommand},
};
use daybook_projections::{
    registry::projectors,
    runner::{Runner, RunnerConfig},
};
use serde_json::json;
use sqlx::{ConnectOptions as _, PgPool};

const KEY: &str = "7777777777777777777777777777777777777777777777777777777777777777";

const METADATA: &str =
    r#"{"actor":"key:1","at":"2026-11-01T00:00:00Z","correlation_id":"r1","source":"api"}"#;

type Log = SealedLog<PostgresLog>;

/// A tenant whose read models are up to date.
struct Bench {
    database: Arc<TestDatabase>,
    owner: PgPool,
    log: Arc<Log>,
    runner: Runner<Log>,
    tenant: TenantId,
}

impl Bench {
    async fn new() -> Self {
        let database = Arc::new(TestDatabase::new().await);
        let below = PostgresLog::new(database.pool(PoolRole::Append).await);
        let tenant = contract::tenant(&below).await;
        let keys = database.pool(PoolRole::Vault).await;
        let vault = Vault::open(keys, MasterKey::parse(KEY).unwrap()).await.unwrap();
        let log = Arc::new(SealedLog::new(below, vault));
        let pool = database.pool(PoolRole::Projector).await;
        let (id, config) = (RandomIds.next_id(), RunnerConfig::default());
        let runner = Runner::new(id, Arc::clone(&log), pool, projectors(), config);
        let owner = PgPool::connect_with(database.options.clone()).await.unwrap();
        let bench = Self { database, owner, log, runner, tenant };
        bench.open().await;
        bench
    }

    /// The same with another tenant, which is up to date as well.
    async fn beside(&self) -> Self {
        let tenant = contract::tenant(self.log.inner()).await;
        let (database, owner) = (self.database.clone(), self.owner.clone());
        let (log, runner) = (Arc::clone(&self.log), self.runner.clone());
        let bench = Self { database, owner, log, runner, tenant };
        bench.open().await;
        bench
    }

    /// The tenant is opened and has a customer with a name.
    async fn open(&self) {
        self.log.open_tenant(self.tenant).await.unwrap();
        let dispatcher = Dispatcher::new(self.log.as_ref().clone());
        let context = CommandContext {
            tenant: self.tenant,
            ids: Arc::new(RandomIds),
            ..daybook_domain::testing::context(chrono::DateTime::UNIX_EPOCH)
        };
        let command = TenantCommand::Open { name: "Salon".to_owned() };
        let open = One::<Tenant> { id: self.tenant.uuid(), command, expected: None };
        dispatcher.run(&context, &open).await.unwrap();
        let id = RandomIds.next_id();
        let contact = json!({ "name": { "$personal": id, "value": "Anna" },
            "phone": { "$personal": id, "value": "+4915112345678" } });
        let registered = json!({ "type": "registered", "company_id": id, "contact": contact });
        self.append(("customer", "registered", "1.0.0"), id, &registered).await;
        self.runner.settle().await.unwrap();
    }

    /// Appends an event of a type and a version to the stream of an aggregate.
    async fn append(
        &self,
        (kind, name, version): (&'static str, &str, &'static str),
        id: uuid::Uuid,
        payload: &serde_json::Value,
    ) -> Position {
        let event = EventData {
            event_id: RandomIds.next_id(),
            event_type: format!("{kind}.{name}").into(),
            event_version: version.into(),
            payload: payload.to_string(),
            metadata: METADATA.into(),
        };
        let stream = StreamId::new(kind, id.to_string());
        let writes =
            vec![StreamWrite { stream, expected: ExpectedRevision::Any, events: vec![event] }];
        let append = Append { tenant: self.tenant, command: None, writes, unchanged: Vec::new() };
        self.log.append(append).await.unwrap();
        self.log.head(self.tenant).await.unwrap().unwrap().position
    }

    /// Runs the program on the tenant; whether it ended well.
    async fn run(&self, args: &[&str]) -> bool {
        let tenant = self.tenant.to_string();
        self.run_for_any(&[&["--tenant", &tenant], args].concat()).await
    }

    /// Runs the program on the database; whether it ended well.
    async fn run_for_any(&self, args: &[&str]) -> bool {
        let url = self.database.options.to_url_lossy().to_string();
        let before = ["daybook-replay", "--database-url", &url];
        let args = before.iter().chain(args).map(OsString::from);
        let code = daybook_replay_tools::run(args.collect::<Vec<_>>()).await;
        format!("{code:?}") == format!("{:?}", std::process::ExitCode::SUCCESS)
    }

    async fn spoil(&self, statement: &str) {
        assert!(0 < sqlx::query(statement).execute(&self.owner).await.unwrap().rows_affected());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verify_finds_a_read_model_that_is_not_what_the_log_says_and_a_rebuild_mends_it() {
    let bench = Bench::new().await;
    assert!(bench.run(&["verify"]).await);
    assert!(bench.run(&["--master-key", KEY, "verify"]).await);
    bench.spoil("UPDATE read.activity_log SET actor = 'nobody' WHERE position = 1").await;
    assert!(!bench.run(&["verify"]).await);
    assert!(bench.run(&["verify", "--log-only"]).await);
    assert!(!bench.run(&["diff", "--projector", "activity_log", "--json"]).await);
    assert!(bench.run(&["diff", "--projector", "customers"]).await);
    assert!(bench.run(&["rebuild", "--projector", "activity_log"]).await);
    assert!(bench.run(&["verify"]).await);
    assert!(bench.run(&["rebuild", "--projector", "activity_log", "--take-back"]).await);
    assert!(!bench.run(&["verify"]).await);
    assert!(!bench.run(&["diff", "--projector", "nothing"]).await);
    assert!(bench.run(&["diff", "--from-position", "1", "--to-position", "2"]).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn personal_columns_are_compared_and_made_only_with_the_key() {
    let bench = Bench::new().await;
    bench.spoil("UPDATE read.customers SET name = 'Somebody else'").await;
    assert!(bench.run(&["verify"]).await, "without the key a name is not looked at");
    assert!(!bench.run(&["--master-key", KEY, "verify"]).await);
    assert!(!bench.run(&["rebuild", "--projector", "customers"]).await, "no key, no names");
    assert!(bench.run(&["--master-key", KEY, "rebuild"]).await);
    let name: String = sqlx::query_scalar("SELECT name FROM read.customers")
        .fetch_one(&bench.owner)
        .await
        .unwrap();
    assert_eq!(name, "Anna");
    assert!(bench.run(&["--master-key", KEY, "verify"]).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parked_stream_is_skipped_with_a_reason_that_stays_in_the_history() {
    let bench = Bench::new().await;
    let id = RandomIds.next_id();
    let bad = bench.append(("appointment", "booked", "99.0.0"), id, &json!({})).await;
    bench.runner.settle().await.unwrap();
    let parked = bench.runner.parked(bench.tenant).await.unwrap().len();
    assert!(1 < parked);
    let position = bad.0.to_string();
    for args in [
        &["parked", "list"][..],
        &["parked", "list", "--json"],
        &["parked", "show", "--position", &position],
    ] {
        assert!(bench.run(args).await, "{args:?}");
    }
    let at = ["--position", &position];
    assert!(!bench.run(&[&["parked", "retry"][..], &at].concat()).await, "it cannot be read yet");
    assert!(!bench.run(&["parked", "skip", "--position", "1", "--reason", "x"]).await);
    let skip = [&["parked", "skip", "--reason", "made by a later version"][..], &at].concat();
    assert!(bench.run(&skip).await);
    assert_eq!(bench.runner.parked(bench.tenant).await.unwrap().len(), 0);
    let events = bench.log.read_tenant(bench.tenant, bad, 100).await.unwrap();
    let skipped: Vec<_> =
        events.iter().filter(|it| it.event_type == "tenant.event_skipped").collect();
    assert_eq!(skipped.len(), parked);
    assert!(skipped[0].payload.contains("made by a later version"));
    // Whoever folds the history from now on passes it over, too.
    bench.runner.settle().await.unwrap();
    assert!(bench.run(&["--master-key", KEY, "diff"]).await);
    assert!(bench.run(&["--master-key", KEY, "rebuild", "--projector", "appointments"]).await);
}
