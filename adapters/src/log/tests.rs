//! What only PostgreSQL can promise of the log: triggers, roles, row-level security.

use daybook_domain::{event_log::Position, ports::EventLog as _};
use sqlx::PgPool;

use super::{Hint, HintRelay, PostgresLog, contract};
use crate::{postgres::PoolRole, testing::TestDatabase};

#[tokio::test]
async fn not_even_the_owner_changes_an_event() {
    let database = TestDatabase::new().await;
    let log = PostgresLog::new(database.pool(PoolRole::Append).await);
    let tenant = contract::tenant(&log).await;
    contract::grow(&log, tenant, "a", 2).await;
    let owner = PgPool::connect_with(database.options.clone()).await.expect("a pool opens");
    for statement in [
        "UPDATE log.events SET payload = '{}'",
        "DELETE FROM log.events",
        "DELETE FROM log.events WHERE false",
        "TRUNCATE log.events",
    ] {
        let refused = sqlx::query(statement).execute(&owner).await.expect_err(statement);
        assert!(refused.to_string().contains("append-only"), "{statement}: {refused}");
    }
    assert_eq!(contract::history(&log, tenant).await.len(), 2);
}

#[tokio::test]
async fn the_roles_of_the_program_may_only_do_their_own() {
    let database = TestDatabase::new().await;
    for (role, statement) in [
        (PoolRole::Append, "UPDATE log.events SET payload = '{}'"),
        (PoolRole::Append, "DELETE FROM log.events"),
        (PoolRole::Append, "DELETE FROM log.tenant_head"),
        (PoolRole::Append, "UPDATE log.commands SET result = '{}'"),
        (PoolRole::Append, "SELECT FROM vault.subject_keys"),
        (PoolRole::Projector, "INSERT INTO log.tenant_head (tenant_id) VALUES (gen_random_uuid())"),
        (PoolRole::Projector, "SELECT FROM vault.subject_keys"),
        (PoolRole::App, "INSERT INTO log.tenant_head (tenant_id) VALUES (gen_random_uuid())"),
        (PoolRole::App, "SELECT FROM vault.tenant_keys"),
        (PoolRole::Vault, "SELECT FROM log.events"),
    ] {
        let pool = database.pool(role).await;
        let refused = sqlx::query(statement).execute(&pool).await.expect_err(statement);
        let code = refused.as_database_error().and_then(sqlx::error::DatabaseError::code);
        assert_eq!(code.as_deref(), Some("42501"), "{role:?}: {statement}");
    }
}

#[tokio::test]
async fn every_table_of_the_log_and_the_vault_holds_its_owner_to_row_level_security() {
    let database = TestDatabase::new().await;
    let owner = PgPool::connect_with(database.options.clone()).await.expect("a pool opens");
    let open: Vec<String> = sqlx::query_scalar(
        "SELECT c.oid::regclass::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
          WHERE n.nspname IN ('log', 'vault') AND c.relkind IN ('r', 'p')
            AND NOT (c.relrowsecurity AND c.relforcerowsecurity)",
    )
    .fetch_all(&owner)
    .await
    .expect("the catalog is read");
    assert_eq!(open, [] as [String; 0]);
}

#[tokio::test]
async fn a_gap_in_a_history_is_damage() {
    let database = TestDatabase::new().await;
    let log = PostgresLog::new(database.pool(PoolRole::Append).await);
    let tenant = contract::tenant(&log).await;
    contract::grow(&log, tenant, "a", 3).await;
    let owner = PgPool::connect_with(database.options.clone()).await.expect("a pool opens");
    sqlx::raw_sql(
        "ALTER TABLE log.events DISABLE TRIGGER ALL; DELETE FROM log.events WHERE position = 2",
    )
    .execute(&owner)
    .await
    .expect("someone with all rights tampers");
    let outcome = log.read_tenant(tenant, Position(0), 10).await;
    let error = outcome.expect_err("a gap was read over").to_string();
    assert!(error.contains("position 3 after 1"), "{error}");
}

#[tokio::test]
async fn a_malformed_append_does_not_disturb_those_in_its_batch() {
    let database = TestDatabase::new().await;
    let log = PostgresLog::new(database.pool(PoolRole::Append).await);
    let tenant = contract::tenant(&log).await;
    let appends = (0..20).map(|number| {
        let id = number.to_string();
        let mut write = contract::write(&id, contract::at(0), 1);
        if number == 7 {
            write.events[0].payload = "no json".to_owned();
        }
        log.append(contract::append(tenant, vec![write]))
    });
    let outcomes = futures::future::join_all(appends).await;
    let failed: Vec<_> = (0..20).filter(|number| outcomes[*number].is_err()).collect();
    assert_eq!(failed, [7], "{outcomes:?}");
    assert_eq!(contract::history(&log, tenant).await.len(), 19);
}

#[tokio::test]
async fn a_process_hears_of_the_commits_of_another_and_not_of_its_own_twice() {
    let database = TestDatabase::new().await;
    let here = PostgresLog::new(database.pool(PoolRole::Append).await);
    let there = PostgresLog::new(database.pool(PoolRole::Append).await);
    let mut relays = Vec::new();
    for log in [&here, &there] {
        let process = uuid::Uuid::from_bytes(contract::random());
        let relay = HintRelay::start(database.options.clone(), log.hints().clone(), process);
        relays.push(relay.await);
    }
    let tenant = contract::tenant(&here).await;
    let (mut ours, mut theirs) = (here.hints().subscribe(), there.hints().subscribe());
    contract::grow(&here, tenant, "a", 3).await;
    let patience = std::time::Duration::from_secs(10);
    let heard = tokio::time::timeout(patience, theirs.recv()).await.expect("nobody told");
    assert_eq!(heard, Ok(Hint { tenant, position: Position(3) }));
    // Whatever the other one says comes after an echo of ours would have.
    contract::grow(&there, tenant, "b", 2).await;
    let mut heard = Vec::new();
    while heard.last() != Some(&Position(5)) {
        let hint = tokio::time::timeout(patience, ours.recv()).await.expect("nobody told");
        heard.push(hint.expect("no hint is lost").position);
    }
    assert_eq!(heard, [Position(3), Position(5)]);
}
