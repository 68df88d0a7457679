//! Stock cqrs-es on our log, and stock postgres-es reading what we wrote.

use std::collections::HashMap;

use cqrs_es::{
    AggregateError, CqrsFramework, EventEnvelope,
    persist::{EventStoreAggregateContext, PersistedEventStore},
};
use daybook_domain::{
    aggregate::Evolve as _,
    tenant::{Tenant, TenantCommand},
    unique_key::{UniqueKey, UniqueKeyCommand},
};
use postgres_es::PostgresEventRepository;
use sqlx::postgres::PgPoolOptions;

use super::*;
use crate::{
    clock::RandomIds,
    log::{MemoryLog, PostgresLog, contract},
    postgres::PoolRole,
    testing::TestDatabase,
};

type Store<L> = PersistedEventStore<EventRepository<L>, UniqueKey>;

fn store<L: EventLog>(log: &Arc<L>, tenant: TenantId) -> Store<L> {
    let ids = Arc::new(RandomIds);
    PersistedEventStore::new_event_store(EventRepository::new(Arc::clone(log), tenant, ids))
}

fn claim(owner: &str) -> UniqueKeyCommand {
    UniqueKeyCommand::Claim { owner: owner.to_owned(), field: "name" }
}

fn release(owner: &str) -> UniqueKeyCommand {
    UniqueKeyCommand::Release { owner: owner.to_owned() }
}

/// Runs the stock framework over a log.
async fn run_stock_framework(log: Arc<impl EventLog>) {
    let tenant = contract::tenant(&*log).await;
    let framework = CqrsFramework::new(store(&log, tenant), Vec::new(), ());
    let metadata = HashMap::from([("actor".to_owned(), "user:7".to_owned())]);
    framework.execute_with_metadata("k", claim("a"), metadata).await.expect("it is free");
    let taken = framework.execute("k", claim("b")).await;
    assert!(matches!(taken, Err(AggregateError::UserError(_))), "{taken:?}");
    framework.execute("k", release("a")).await.expect("it is the owner's");
    framework.execute("k", claim("b")).await.expect("it is free again");

    let events = contract::history(&*log, tenant).await;
    let seen: Vec<_> = events.iter().map(|event| (event.position.0, event.revision.0)).collect();
    assert_eq!(seen, [(1, 1), (2, 2), (3, 3)]);
    assert_eq!(events[0].metadata, r#"{"actor":"user:7"}"#);
    assert_eq!(events[0].stream, UniqueKey::stream("k"));

    // Who decided on an older state is told so.
    let repository = EventRepository::new(Arc::clone(&log), tenant, Arc::new(RandomIds));
    let stale = repository.get_last_events::<UniqueKey>("k", 2).await.expect("it is read");
    assert_eq!(stale.len(), 1);
    let again = repository.persist::<UniqueKey>(&stale, None).await;
    assert!(matches!(again, Err(PersistenceError::OptimisticLockError)), "{again:?}");
}

#[tokio::test]
async fn the_stock_framework_runs_on_the_log_in_memory() {
    run_stock_framework(Arc::new(MemoryLog::new())).await;
}

#[tokio::test]
async fn the_stock_framework_runs_on_the_log_on_postgresql() {
    let database = TestDatabase::new().await;
    run_stock_framework(Arc::new(PostgresLog::new(database.pool(PoolRole::Append).await))).await;
}

#[tokio::test]
async fn a_stock_replay_gets_every_event_of_a_type_in_the_order_of_the_history() {
    let log = Arc::new(MemoryLog::new());
    let tenant = contract::tenant(&*log).await;
    let framework = CqrsFramework::new(store(&log, tenant), Vec::new(), ());
    for id in ["b", "a", "b"] {
        framework.execute(id, claim("x")).await.expect("it is accepted");
        framework.execute(id, release("x")).await.expect("it is accepted");
    }
    contract::grow(&*log, tenant, "of another type", 3).await;
    let repository = EventRepository::new(Arc::clone(&log), tenant, Arc::new(RandomIds));
    let mut replay = repository.stream_all_events::<UniqueKey>().await.expect("it begins");
    let mut seen = Vec::new();
    while let Some(event) = replay.next::<UniqueKey>(&[]).await {
        let EventEnvelope { aggregate_id, sequence, .. } = event.expect("it is read");
        seen.push(format!("{aggregate_id}{sequence}"));
    }
    assert_eq!(seen, ["b1", "b2", "a1", "a2", "b3", "b4"]);
}

#[tokio::test]
async fn snapshots_are_refused_rather_than_lost() {
    let log = Arc::new(MemoryLog::new());
    let tenant = contract::tenant(&*log).await;
    let repository = EventRepository::new(log, tenant, Arc::new(RandomIds));
    let snapshot = Some(("k".to_owned(), Value::Null, 1));
    let outcome = repository.persist::<UniqueKey>(&[], snapshot).await;
    assert!(matches!(outcome, Err(PersistenceError::UnknownError(_))), "{outcome:?}");
}

/// Row-level security narrows the stock reader, which knows nothing of tenants, to one.
#[tokio::test]
async fn a_stock_postgres_repository_loads_our_streams_of_its_tenant() {
    let database = TestDatabase::new().await;
    let log = Arc::new(PostgresLog::new(database.pool(PoolRole::Append).await));
    let (ours, theirs) = (contract::tenant(&*log).await, contract::tenant(&*log).await);
    for (tenant, name) in [(ours, "Salon"), (theirs, "Studio")] {
        let ids = Arc::new(RandomIds);
        let repository = EventRepository::new(Arc::clone(&log), tenant, ids);
        let store = PersistedEventStore::new_event_store(repository);
        let framework = CqrsFramework::<Tenant, _>::new(store, Vec::new(), ());
        let open = TenantCommand::Open { name: name.to_owned() };
        framework.execute("t", open).await.expect("it opens");
        let is_enabled = tenant == ours;
        let set = TenantCommand::SetFeature { feature: "sms".to_owned(), is_enabled };
        framework.execute("t", set).await.expect("it is set");
    }

    let tenant_id = ours.to_string();
    let session = [("role", "daybook_app"), ("app.tenant_id", tenant_id.as_str())];
    let options = database.options.clone().options(session);
    let pool = PgPoolOptions::new().max_connections(1).connect_with(options).await;
    let stock =
        PostgresEventRepository::new(pool.expect("a pool opens")).with_tables("log.events", "none");
    let events = stock.get_events::<Tenant>("t").await.expect("the stock reader reads");
    let own = EventRepository::new(Arc::clone(&log), ours, Arc::new(RandomIds));
    assert_eq!(events, own.get_events::<Tenant>("t").await.expect("ours reads"));
    assert_eq!(events.len(), 2, "{events:?}");

    let store = PersistedEventStore::<_, Tenant>::new_event_store(stock);
    let loaded: EventStoreAggregateContext<Tenant> =
        cqrs_es::EventStore::load_aggregate(&store, "t").await.expect("the stock store folds");
    assert!(loaded.aggregate.has_feature("sms"));
}
