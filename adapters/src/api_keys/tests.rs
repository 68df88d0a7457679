//! Keys over a real PostgreSQL: who is let in, and what the history says of it.

use std::sync::Arc;

use daybook_domain::{ids::IdSource as _, ports::EventLog as _};

use super::*;
use crate::{clock::RandomIds, log::PostgresLog, postgres::PoolRole, testing::TestDatabase};

fn day(number: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000 + number)
}

fn at(tenant: TenantId, at: DateTime<Utc>) -> CommandContext {
    CommandContext::system(tenant, "test", at, Arc::new(RandomIds))
}

async fn keys() -> (ApiKeys<PostgresLog>, TenantId, TestDatabase) {
    let database = TestDatabase::new().await;
    let log = PostgresLog::new(database.pool(PoolRole::Append).await);
    let tenant = TenantId::new(RandomIds.next_id());
    log.open_tenant(tenant).await.expect("a tenant is opened");
    let pool = database.pool(PoolRole::App).await;
    (ApiKeys::new(pool, Dispatcher::new(log)), tenant, database)
}

fn new_key() -> NewKey {
    let scopes = vec!["bookings:read".to_owned()];
    NewKey { name: "till".to_owned(), scopes, expires_at: day(0) + DEFAULT_LIFETIME }
}

async fn made(keys: &ApiKeys<PostgresLog>, tenant: TenantId) -> (Uuid, SecretString) {
    let key_id = RandomIds.next_id();
    let issued = keys.create(&at(tenant, day(0)), key_id, new_key()).await;
    (key_id, issued.expect("a key is made").key.expect("its secret is shown"))
}

async fn is_let_in(keys: &ApiKeys<PostgresLog>, key: &SecretString, at: DateTime<Utc>) -> bool {
    keys.holder(key, at).await.expect("keys answer").is_some()
}

#[tokio::test]
async fn two_keys_work_at_once_and_each_ends_at_day_90() {
    let (keys, tenant, _database) = keys().await;
    for (key_id, key) in [made(&keys, tenant).await, made(&keys, tenant).await] {
        let holder = keys.holder(&key, day(89)).await.expect("keys answer");
        assert_eq!(holder.map(|it| (it.tenant, it.key_id)), Some((tenant, key_id)));
        assert!(!is_let_in(&keys, &key, day(90)).await);
    }
}

#[tokio::test]
async fn a_revoked_key_lets_nobody_in_and_another_tenant_cannot_revoke_it() {
    let (keys, tenant, _database) = keys().await;
    let stranger = TenantId::new(RandomIds.next_id());
    keys.dispatcher.log().open_tenant(stranger).await.expect("a tenant is opened");
    let (key_id, key) = made(&keys, tenant).await;
    keys.revoke(&at(stranger, day(1)), key_id, None).await.expect_err("it is not the stranger's");
    assert!(is_let_in(&keys, &key, day(1)).await);
    keys.revoke(&at(tenant, day(1)), key_id, None).await.expect("it is revoked");
    assert!(!is_let_in(&keys, &key, day(1)).await);
    let row = keys.find(tenant, key_id).await.expect("keys answer").expect("it is listed");
    assert_eq!((row.revoked_at, row.version), (Some(day(1)), 2));
}

#[tokio::test]
async fn a_rotated_key_lets_both_secrets_in_until_the_overlap_ends() {
    let (keys, tenant, _database) = keys().await;
    let (key_id, old) = made(&keys, tenant).await;
    let rotation = Rotation { overlap: TimeDelta::days(1), expires_at: day(100), expected: None };
    let issued = keys.rotate(&at(tenant, day(10)), key_id, rotation).await.expect("it rotates");
    let new = issued.key.expect("the new secret is shown");
    assert!(is_let_in(&keys, &old, day(10)).await && is_let_in(&keys, &new, day(10)).await);
    assert!(!is_let_in(&keys, &old, day(11)).await);
    assert!(is_let_in(&keys, &new, day(99)).await);
}

#[tokio::test]
async fn the_history_says_what_became_of_a_key_and_never_its_secret() {
    let (keys, tenant, _database) = keys().await;
    let (key_id, key) = made(&keys, tenant).await;
    let rotation = Rotation { overlap: TimeDelta::zero(), expires_at: day(100), expected: Some(1) };
    keys.rotate(&at(tenant, day(1)), key_id, rotation).await.expect("it rotates");
    keys.revoke(&at(tenant, day(2)), key_id, None).await.expect("it is revoked");
    let events = keys.dispatcher.log().read_tenant(tenant, Position(0), 10).await.expect("a log");
    let types: Vec<_> = events.iter().map(|event| event.event_type.as_str()).collect();
    assert_eq!(types, ["api_key.created", "api_key.rotated", "api_key.revoked"]);
    let (_, secret) = parts(key.expose_secret()).expect("it is a key");
    assert!(events.iter().all(|event| !event.payload.contains(secret)));
}

#[tokio::test]
async fn a_repeated_creation_makes_one_key_and_shows_no_second_secret() {
    let (keys, tenant, _database) = keys().await;
    let key = daybook_domain::dispatch::CommandKey { key: "a".to_owned(), request_hash: [1; 32] };
    let context = CommandContext { key: Some(key), ..at(tenant, day(0)) };
    let first = keys.create(&context, RandomIds.next_id(), new_key()).await.expect("it is made");
    let again = keys.create(&context, RandomIds.next_id(), new_key()).await.expect("the same");
    assert!(first.key.is_some() && again.key.is_none() && again.done.repeated);
    assert_eq!(again.done.answer.id, first.done.answer.id);
    assert_eq!(keys.list(tenant).await.expect("keys are listed").len(), 1);
}

#[tokio::test]
async fn rows_that_were_lost_are_made_again_from_the_history() {
    let (keys, tenant, database) = keys().await;
    let (key_id, key) = made(&keys, tenant).await;
    let rows = keys.list(tenant).await.expect("keys are listed");
    let owner = PgPool::connect_with(database.options.clone()).await.expect("a pool opens");
    sqlx::query("TRUNCATE ops.api_keys").execute(&owner).await.expect("the rows are gone");
    assert!(!is_let_in(&keys, &key, day(1)).await);
    keys.refresh_all(tenant).await.expect("the rows are made again");
    assert!(is_let_in(&keys, &key, day(1)).await);
    assert_eq!(keys.list(tenant).await.expect("keys are listed"), rows);
    assert_eq!(rows[0].key_id, key_id);
}

#[tokio::test]
async fn a_wrong_secret_lets_nobody_in() {
    let (keys, tenant, _database) = keys().await;
    let (key_id, _key) = made(&keys, tenant).await;
    let wrong = format!("dbk_{}_{}", key_id.simple(), "0".repeat(64));
    let unknown = format!("dbk_{}_{}", RandomIds.next_id().simple(), "0".repeat(64));
    for key in [wrong.as_str(), unknown.as_str(), "", "dbk_", "dbk_x_y", "Bearer"] {
        assert!(!is_let_in(&keys, &key.to_owned().into(), day(1)).await, "{key}");
    }
}

#[tokio::test]
async fn last_use_is_noted_once_a_minute() {
    let (keys, tenant, _database) = keys().await;
    let (_, key) = made(&keys, tenant).await;
    let holder = keys.holder(&key, day(1)).await.expect("keys answer").expect("it is good");
    let second = TimeDelta::seconds(1);
    let uses = [(0, true), (1, false), (60, false), (61, true), (62, false)];
    for (seconds, is_noted) in uses {
        let noted = keys.touch(&holder, day(1) + second * seconds).await.expect("it is noted");
        assert_eq!(noted, is_noted, "after {seconds} s");
    }
    let rows = keys.list(tenant).await.expect("keys are listed");
    assert_eq!(rows[0].last_used_at, Some(day(1) + second * 61));
}
