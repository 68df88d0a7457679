//! A salon that ran on stock postgres-es brings its history along.

#![expect(clippy::unwrap_used, reason = "what a test cannot have fails it")]

mod refusals;

use std::collections::HashMap;

use cqrs_es::{Aggregate, CqrsFramework, persist::PersistedEventStore};
use daybook_adapters::{
    clock::RandomIds,
    log::{PostgresLog, contract},
    postgres::PoolRole,
    testing::TestDatabase,
    vault::{MasterKey, SealedLog, Vault},
};
use daybook_domain::{
    commands::One,
    customer::{Contact, Customer, CustomerCommand, Phone},
    dispatch::{CommandContext, Dispatcher},
    event_log::{Position, RecordedEvent},
    ids::{CompanyId, CustomerId, IdSource as _, TenantId},
    personal::Personal,
    ports::EventLog as _,
    tenant::{Tenant, TenantCommand},
    unique_key::{UniqueKey, UniqueKeyCommand},
};
use daybook_replay_tools::{SecretText, StockImport, StockReport, StockWish, import_stock};
use postgres_es::PostgresEventRepository;
use sqlx::{ConnectOptions as _, PgPool};

use crate::replay::{source, verified};

const KEY: &str = "7777777777777777777777777777777777777777777777777777777777777777";

/// As the documentation of postgres-es has it, in a schema.
const TABLE: &str = "CREATE SCHEMA old; CREATE TABLE old.events (aggregate_type text NOT NULL,
    aggregate_id text NOT NULL, sequence bigint CHECK (sequence >= 0) NOT NULL, event_type text NOT NULL,
    event_version text NOT NULL, payload json NOT NULL, metadata json NOT NULL,
    CONSTRAINT events_pkey PRIMARY KEY (aggregate_type, aggregate_id, sequence))";

/// A stock system with a history, and a Daybook that has none yet.
struct Move {
    old: TestDatabase,
    pool: PgPool,
    new: TestDatabase,
    tenant: TenantId,
    customer: CustomerId,
}

impl Move {
    /// The stock framework writes three streams, by turns: a tenant, a customer, a name that is taken.
    async fn new() -> Self {
        let old = TestDatabase::new().await;
        let pool = PgPool::connect_with(old.options.clone()).await.unwrap();
        sqlx::raw_sql(TABLE).execute(&pool).await.unwrap();
        let tenant = TenantId::new(RandomIds.next_id());
        let customer = CustomerId::new(RandomIds.next_id());
        let moved = Self { old, pool, new: TestDatabase::new().await, tenant, customer };
        let id = customer.to_string();
        let open = TenantCommand::Open { name: "Salon".to_owned() };
        moved.happens::<Tenant>(&tenant.to_string(), "2025-03-01T08:00:00Z", open).await;
        let company_id = CompanyId::new(RandomIds.next_id());
        let register = CustomerCommand::Register { company_id, contact: moved.contact("1") };
        moved.happens::<Customer>(&id, "2025-03-01T09:00:00Z", register).await;
        let claim = UniqueKeyCommand::Claim { owner: "a".to_owned(), field: "name" };
        moved.happens::<UniqueKey>("k", "2025-03-01T09:30:00Z", claim).await;
        let change = CustomerCommand::ChangeContact { contact: moved.contact("2") };
        moved.happens::<Customer>(&id, "2025-03-02T09:00:00Z", change).await;
        let feature = "sms".to_owned();
        let set = TenantCommand::SetFeature { feature, is_enabled: true };
        moved.happens::<Tenant>(&tenant.to_string(), "2025-03-01T10:00:00Z", set).await;
        moved
    }

    fn contact(&self, last_digit: &str) -> Contact {
        let phone = Phone::try_from(format!("+491511234567{last_digit}")).unwrap();
        Contact {
            name: Some(Personal::new(self.customer, "Anna Beispiel".to_owned())),
            phone: Some(Personal::new(self.customer, phone)),
            phone_is_valid: None,
            email: None,
            language: None,
            preferred_branch_id: None,
            external_ref: None,
        }
    }

    /// Something happens in the stock system.
    async fn happens<A>(&self, id: &str, at: &str, command: A::Command)
    where
        A: Aggregate<Services = ()>,
        A::Error: std::fmt::Debug,
    {
        let stock =
            PostgresEventRepository::new(self.pool.clone()).with_tables("old.events", "none");
        let store = PersistedEventStore::<_, A>::new_event_store(stock);
        let metadata = [("when", at), ("who", "7"), ("ip", "203.0.113.9")];
        let metadata = metadata.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let framework = CqrsFramework::<A, _>::new(store, Vec::new(), ());
        framework.execute_with_metadata(id, command, HashMap::from(metadata)).await.unwrap();
    }

    /// Something is done to the table of the stock system.
    async fn spoil(&self, statement: &str) {
        sqlx::raw_sql(statement).execute(&self.pool).await.unwrap();
    }

    async fn import(&self, wish: &StockWish, key: Option<&str>) -> anyhow::Result<StockReport> {
        let from = self.old.options.to_url_lossy().to_string();
        let master_key: Option<SecretText> = key.map(|key| key.parse().unwrap());
        let into = source(&self.new);
        let import = StockImport {
            from: &from,
            into: &into,
            tenant: self.tenant,
            master_key: master_key.as_ref(),
            now: "2026-11-21T10:00:00Z".parse().unwrap(),
        };
        import_stock(&import, wish).await
    }

    /// What the log has.
    async fn written(&self) -> Vec<RecordedEvent> {
        let log = PostgresLog::new(self.new.pool(PoolRole::Append).await);
        contract::history(&log, self.tenant).await
    }

    /// The log as the program reads it.
    async fn log(&self) -> SealedLog<PostgresLog> {
        let log = PostgresLog::new(self.new.pool(PoolRole::Append).await);
        let keys = self.new.pool(PoolRole::Vault).await;
        SealedLog::new(log, Vault::open(keys, MasterKey::parse(KEY).unwrap()).await.unwrap())
    }

    /// Runs the program into the new database; whether it ended well.
    async fn run(&self, args: &[&str]) -> bool {
        let url = source(&self.new).database_url.unwrap();
        let tenant = self.tenant.to_string();
        let before = ["daybook-replay", "--database-url", &url, "--tenant", &tenant];
        let args: Vec<_> = before.iter().chain(args).map(std::ffi::OsString::from).collect();
        daybook_replay_tools::run(args).await == std::process::ExitCode::SUCCESS
    }
}

/// The table, ordered by the instants, acted by whom the metadata say.
fn by_instant() -> StockWish {
    StockWish {
        table: Some("old.events".parse().unwrap()),
        instant: Some("when".to_owned()),
        actor: Some("who".to_owned()),
        ..StockWish::default()
    }
}

fn told(events: &[RecordedEvent]) -> Vec<(String, u64)> {
    events.iter().map(|it| (it.event_type.clone(), it.revision.0)).collect()
}

fn expected(events: &[(&str, u64)]) -> Vec<(String, u64)> {
    events.iter().map(|(name, revision)| ((*name).to_owned(), *revision)).collect()
}

#[tokio::test]
async fn a_stock_history_stands_in_the_order_of_its_instants_and_verifies() {
    let moved = Move::new().await;
    let report = moved.import(&by_instant(), Some(KEY)).await.unwrap();
    assert!(report.imported && report.is_clean(), "{report:?}");
    assert_eq!((report.events, report.streams, report.personal, report.redated), (5, 3, 2, 0));
    assert_eq!(report.unplaced, [("ip".to_owned(), 5)].into());
    assert_eq!(verified(&moved.new, moved.tenant).await, Ok(5));
    let events = moved.written().await;
    let order = [
        ("tenant.opened", 1),
        ("customer.registered", 1),
        ("unique_key.claimed", 1),
        ("tenant.feature_set", 2),
        ("customer.contact_changed", 2),
    ];
    assert_eq!(told(&events), expected(&order));
    assert_eq!(events[4].recorded_at.to_rfc3339(), "2025-03-02T09:00:00+00:00");
    let metadata = events[1].metadata().unwrap();
    assert_eq!((metadata.actor.as_str(), metadata.source.as_deref()), ("user:7", Some("import")));
    assert!(!events.iter().any(|it| it.metadata.contains("203.0.113.9")), "{events:?}");
}

#[tokio::test]
async fn personal_data_are_sealed_on_the_way_and_can_be_opened_with_the_key() {
    let moved = Move::new().await;
    moved.import(&by_instant(), Some(KEY)).await.unwrap();
    for event in moved.written().await {
        assert!(!event.payload.contains("Anna") && !event.payload.contains("4915"), "{event:?}");
    }
    let log = moved.log().await;
    let open = log.read_tenant(moved.tenant, Position(1), 1).await.unwrap();
    assert!(open[0].payload.contains("Anna Beispiel"), "{open:?}");
    log.vault().destroy(moved.tenant, moved.customer).await.unwrap();
    let erased = log.read_tenant(moved.tenant, Position(1), 1).await.unwrap();
    assert!(!erased[0].payload.contains("Anna"), "{erased:?}");
    assert_eq!(verified(&moved.new, moved.tenant).await, Ok(5));
}

#[tokio::test]
async fn without_an_instant_stream_comes_after_stream_recorded_now() {
    let moved = Move::new().await;
    let wish = StockWish { instant: None, actor: None, ..by_instant() };
    moved.import(&wish, Some(KEY)).await.unwrap();
    let events = moved.written().await;
    let order = [
        ("customer.registered", 1),
        ("customer.contact_changed", 2),
        ("tenant.opened", 1),
        ("tenant.feature_set", 2),
        ("unique_key.claimed", 1),
    ];
    assert_eq!(told(&events), expected(&order));
    assert!(events.iter().all(|it| it.recorded_at.to_rfc3339() == "2026-11-21T10:00:00+00:00"));
    assert_eq!(events[0].metadata().unwrap().actor, "system:import");
}

#[tokio::test]
async fn an_event_that_is_dated_before_the_one_before_it_in_its_stream_gets_its_instant() {
    let moved = Move::new().await;
    let date_back = "UPDATE old.events SET metadata = '{\"when\":\"2025-01-01T00:00:00Z\"}' \
                     WHERE aggregate_type = 'customer' AND sequence = 2";
    moved.spoil(date_back).await;
    let report = moved.import(&by_instant(), Some(KEY)).await.unwrap();
    assert_eq!(report.redated, 1);
    let events = moved.written().await;
    assert_eq!(events[2].event_type, "customer.contact_changed");
    assert_eq!(events[2].recorded_at, events[1].recorded_at);
    assert_eq!(verified(&moved.new, moved.tenant).await, Ok(5));
}

#[tokio::test]
async fn a_history_that_was_brought_in_grows_where_it_left_off() {
    let moved = Move::new().await;
    moved.import(&by_instant(), Some(KEY)).await.unwrap();
    let context = CommandContext {
        tenant: moved.tenant,
        ids: std::sync::Arc::new(RandomIds),
        ..daybook_domain::testing::context(chrono::DateTime::UNIX_EPOCH)
    };
    let command = TenantCommand::SetFeature { feature: "sms".to_owned(), is_enabled: false };
    let one = One::<Tenant> { id: moved.tenant.uuid(), command, expected: None };
    Dispatcher::new(moved.log().await).run(&context, &one).await.unwrap();
    let last = moved.written().await.pop().unwrap();
    assert_eq!((last.position.0, last.revision.0), (6, 3));
    assert_eq!(verified(&moved.new, moved.tenant).await, Ok(6));
}

#[tokio::test]
async fn a_history_that_does_not_open_its_tenant_can_be_opened_with_a_name() {
    let moved = Move::new().await;
    moved.spoil("DELETE FROM old.events WHERE aggregate_type = 'tenant'").await;
    let look = StockWish { dry_run: true, ..by_instant() };
    assert!(!moved.import(&look, Some(KEY)).await.unwrap().is_opened);
    let wish = StockWish { open: Some("Salon".to_owned()), ..by_instant() };
    let report = moved.import(&wish, Some(KEY)).await.unwrap();
    assert_eq!((report.events, report.is_opened), (4, true));
    let events = moved.written().await;
    assert_eq!((events[0].event_type.as_str(), events[0].revision.0), ("tenant.opened", 1));
    assert_eq!(events[0].recorded_at, events[1].recorded_at);
    assert_eq!(verified(&moved.new, moved.tenant).await, Ok(4));
    let known = Move::new().await;
    assert_eq!(known.import(&wish, Some(KEY)).await.unwrap().events, 5, "it opens itself");
}

#[tokio::test]
async fn many_streams_come_over_in_pages_without_losing_or_mixing_one() {
    let moved = Move::new().await;
    let many = "INSERT INTO old.events SELECT 'unique_key', 'many ' || s, n, event_type, event_version,
        payload, json_build_object('when', timestamptz '2025-04-01 00:00Z' + (n * 100 + s) * interval '1 s')
          FROM old.events, generate_series(1, 60) AS s, generate_series(1, 50) AS n
         WHERE aggregate_type = 'unique_key'";
    moved.spoil(many).await;
    let report = moved.import(&by_instant(), Some(KEY)).await.unwrap();
    assert_eq!((report.events, report.streams), (3005, 63));
    assert_eq!(verified(&moved.new, moved.tenant).await, Ok(3005));
    let events = moved.written().await;
    assert!(events.windows(2).all(|pair| pair[0].recorded_at <= pair[1].recorded_at));
}
