//! The server that the tests run on must itself keep them apart.

use std::borrow::Cow;

use daybook_adapters::testing::postgres::server;
use sqlx::{
    Connection, PgConnection,
    migrate::{Migration, MigrationType, Migrator},
};

fn migrator(sql: &'static str) -> Migrator {
    let migration = Migration::new(1, "test".into(), MigrationType::Simple, sql.into(), false);
    Migrator { migrations: Cow::Owned(vec![migration]), ..Migrator::DEFAULT }
}

async fn names_in(connection: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar("SELECT name FROM guests ORDER BY name").fetch_all(connection).await.unwrap()
}

#[tokio::test]
async fn every_test_gets_a_migrated_database_of_its_own() {
    let guests = migrator("CREATE TABLE guests (name text PRIMARY KEY)");
    let (first, second) = tokio::join!(server().database(&guests), server().database(&guests));
    let mut in_first = PgConnection::connect_with(&first.options).await.unwrap();
    let mut in_second = PgConnection::connect_with(&second.options).await.unwrap();
    sqlx::query("INSERT INTO guests VALUES ('Ada')").execute(&mut in_first).await.unwrap();
    assert_eq!(names_in(&mut in_first).await, ["Ada"]);
    assert!(names_in(&mut in_second).await.is_empty());
}

#[tokio::test]
async fn another_set_of_migrations_gets_another_template() {
    let one = server().database(&migrator("CREATE TABLE only_one (id int)")).await;
    let other = server().database(&migrator("CREATE TABLE only_other (id int)")).await;
    for (database, table) in [(one, "only_one"), (other, "only_other")] {
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT tablename::text FROM pg_tables WHERE tablename LIKE 'only%'",
        )
        .fetch_all(&database.pool())
        .await
        .unwrap();
        assert_eq!(tables, [table]);
    }
}

#[tokio::test]
async fn a_database_is_dropped_with_its_test() {
    let database = server().empty_database().await;
    let name = database.name().to_owned();
    let pool = database.pool();
    sqlx::query("SELECT 1").execute(&pool).await.unwrap();
    drop(database);
    let other = server().empty_database().await;
    let watch = other.pool();
    // The drop happens in the background: ask until it has, for as long as a loaded machine may need.
    let gone = async {
        while sqlx::query("SELECT FROM pg_database WHERE datname = $1")
            .bind(&name)
            .fetch_optional(&watch)
            .await
            .unwrap()
            .is_some()
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), gone).await.unwrap();
}

#[tokio::test]
async fn durability_is_on_for_tests_as_well() {
    let database = server().empty_database().await;
    let pool = database.pool();
    for setting in ["fsync", "full_page_writes", "synchronous_commit", "data_checksums"] {
        let value: String = sqlx::query_scalar("SELECT current_setting($1)")
            .bind(setting)
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(value, "on", "{setting}");
    }
}
