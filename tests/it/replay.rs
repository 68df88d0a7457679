//! The auditor's proof: whatever is done to a stored event, `verify` names where.

#![expect(clippy::unwrap_used, reason = "what a test cannot have fails it")]

use daybook_adapters::{
    log::{PostgresLog, contract},
    postgres::PoolRole,
    testing::TestDatabase,
};
use daybook_domain::{
    dispatch::{CommandContext, Dispatcher},
    ids::TenantId,
    tenant::{Tenant, TenantCommand},
};
use daybook_replay_tools::{Source, verify};
use sqlx::{ConnectOptions as _, PgPool};

/// A tenant with a history of six events, and someone with all rights on the database.
pub(crate) async fn six_events() -> (TestDatabase, PgPool, TenantId) {
    let database = TestDatabase::new().await;
    let log = PostgresLog::new(database.pool(PoolRole::Append).await);
    let tenant = contract::tenant(&log).await;
    let dispatcher = Dispatcher::new(log);
    let context = CommandContext {
        tenant,
        ids: std::sync::Arc::new(daybook_adapters::clock::RandomIds),
        ..daybook_domain::testing::context(chrono::DateTime::UNIX_EPOCH)
    };
    let open = TenantCommand::Open { name: "Salon".to_owned() };
    let features = ["a", "b", "c", "d", "e"]
        .map(|feature| TenantCommand::SetFeature { feature: feature.to_owned(), is_enabled: true });
    for command in std::iter::once(open).chain(features) {
        let one =
            daybook_domain::commands::One::<Tenant> { id: tenant.uuid(), command, expected: None };
        dispatcher.run(&context, &one).await.unwrap();
    }
    let owner = PgPool::connect_with(database.options.clone()).await.unwrap();
    (database, owner, tenant)
}

/// A database as the program is told of it.
pub(crate) fn source(database: &TestDatabase) -> Source {
    let database_url = Some(database.options.to_url_lossy().to_string());
    Source { database_url, data_dir: None }
}

pub(crate) async fn verified(database: &TestDatabase, tenant: TenantId) -> Result<u64, String> {
    let history = source(database).open(tenant.uuid()).await.unwrap();
    let outcome = verify(&history).await;
    history.close().await;
    outcome.map(|it| it.events).map_err(|error| format!("{error:#}"))
}

#[tokio::test]
async fn a_whole_history_is_verified_by_a_login_that_can_read_one_tenant() {
    let (database, _owner, tenant) = six_events().await;
    assert_eq!(verified(&database, tenant).await, Ok(6));
}

#[tokio::test]
async fn verify_names_the_first_position_that_was_tampered_with() {
    const SWAP: &str = "UPDATE log.events AS e SET payload = o.payload FROM log.events AS o \
                        WHERE (e.position, o.position) IN ((3, 4), (4, 3))";
    for (tampering, position) in [
        (
            "UPDATE log.events SET payload = replace(payload::text, '\"b\"', '\"x\"')::json WHERE position = 3",
            3,
        ),
        (
            "UPDATE log.events SET metadata = replace(metadata::text, 'test', 'tesT')::json WHERE position = 2",
            2,
        ),
        (
            "UPDATE log.events SET recorded_at = recorded_at + interval '1 microsecond' WHERE position = 5",
            5,
        ),
        ("UPDATE log.events SET event_type = 'tenant.opened' WHERE position = 6", 6),
        ("UPDATE log.events SET hash = sha256(hash) WHERE position = 4", 4),
        ("DELETE FROM log.events WHERE position = 4", 5),
        (SWAP, 3),
        ("DELETE FROM log.events WHERE position = 6", 6),
    ] {
        let (database, owner, tenant) = six_events().await;
        let statement = format!("ALTER TABLE log.events DISABLE TRIGGER ALL; {tampering}");
        sqlx::raw_sql(&statement).execute(&owner).await.unwrap();
        let problem = verified(&database, tenant).await.expect_err(tampering);
        assert!(problem.contains(&position.to_string()), "{tampering}: {problem}");
    }
}
