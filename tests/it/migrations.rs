//! The schema is brought up to date whatever other logins of the database hold.

use std::time::Duration;

use daybook_adapters::testing::TestDatabase;
use daybook_migrations::{MigrationError, migrate, migrate_within};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, migrate::Migrate as _};

#[tokio::test]
async fn the_advisory_lock_of_another_login_does_not_stop_a_migration() {
    let database = TestDatabase::new().await;
    let mut analyst = database.options.connect().await.unwrap();
    analyst.execute("SET ROLE daybook_analyst").await.unwrap();
    analyst.lock().await.unwrap();
    let refused = analyst.execute("BEGIN; LOCK TABLE _sqlx_migrations IN ACCESS SHARE MODE").await;
    let code = refused.unwrap_err().into_database_error().unwrap().code().unwrap().into_owned();
    assert_eq!(code, "42501", "an analyst takes no lock that a migration waits for");
    let mut owner = database.options.connect().await.unwrap();
    migrate(&mut owner).await.unwrap();
}

#[tokio::test]
async fn a_migration_that_waits_for_a_lock_ends_and_names_its_holder() {
    let database = TestDatabase::new().await;
    let options = database.options.clone().application_name("holiday-report");
    let mut holder = options.connect().await.unwrap();
    let mut held = holder.begin().await.unwrap();
    held.execute("LOCK TABLE _sqlx_migrations IN SHARE UPDATE EXCLUSIVE MODE").await.unwrap();
    let mut owner = database.options.connect().await.unwrap();
    let blocked = migrate_within(&mut owner, Duration::from_millis(200)).await.unwrap_err();
    let said = blocked.to_string();
    let MigrationError::Blocked { blockers, .. } = blocked else { panic!("{said}") };
    assert_eq!(blockers[0].application, "holiday-report");
    assert_eq!(blockers[0].relation, "_sqlx_migrations");
    assert!(
        said.contains(&blockers[0].pid.to_string()) && said.contains("holiday-report"),
        "{said}"
    );
    held.rollback().await.unwrap();
    migrate(&mut owner).await.unwrap();
}

#[tokio::test]
async fn two_first_starts_make_one_schema() {
    let database = daybook_adapters::testing::postgres::server().empty_database().await;
    let start = async || {
        let mut connection = database.options.connect().await.unwrap();
        migrate(&mut connection).await
    };
    let (one, two) = tokio::join!(start(), start());
    one.unwrap();
    two.unwrap();
    let mut connection = database.options.connect().await.unwrap();
    let migrations = connection.list_applied_migrations().await.unwrap();
    assert_eq!(migrations.len(), daybook_migrations::MIGRATOR.iter().count());
}
