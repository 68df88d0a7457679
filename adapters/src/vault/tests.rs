//! What is sealed opens for its subject and event only, and never after the key is gone.

use daybook_domain::event_log::{EventData, ExpectedRevision, StreamWrite};

use super::*;
use crate::{
    log::{MemoryLog, PostgresLog, chain},
    postgres::PoolRole,
    testing::TestDatabase,
};
use daybook_domain::{
    event_log::{Append, Position, RecordedEvent, Revision, StreamId},
    ports::{EventLog, LogError},
};
use uuid::Uuid;

const TENANT: TenantId = TenantId::new(Uuid::from_u128(1));
const ANNA: CustomerId = CustomerId::new(Uuid::from_u128(0xA));
const BERT: CustomerId = CustomerId::new(Uuid::from_u128(0xB));

fn master(digit: char) -> MasterKey {
    MasterKey::parse(&digit.to_string().repeat(64)).expect("64 digits are a key")
}

fn named(subject: CustomerId, name: &str) -> String {
    format!(r#"{{"type":"registered","name":{{"$personal":"{subject}","value":"{name}"}}}}"#)
}

fn write(stream: &str, event_id: u128, payload: String) -> Append {
    let event = EventData {
        event_id: Uuid::from_u128(event_id),
        event_type: "customer.registered".into(),
        event_version: "1.0.0".into(),
        payload,
        metadata: "{}".into(),
    };
    let stream = StreamId::new("customer", stream);
    let writes = vec![StreamWrite { stream, expected: ExpectedRevision::Any, events: vec![event] }];
    Append { tenant: TENANT, command: None, writes, unchanged: Vec::new() }
}

async fn open(pool: &PgPool, digit: char) -> Vault {
    Vault::open(pool.clone(), master(digit)).await.expect("the vault opens")
}

async fn memory() -> SealedLog<MemoryLog> {
    let log = SealedLog::new(MemoryLog::new(), Vault::memory(master('1')));
    log.open_tenant(TENANT).await.expect("a tenant opens");
    log
}

async fn all<L: EventLog>(log: &L) -> Vec<RecordedEvent> {
    log.read_tenant(TENANT, Position(0), 100).await.expect("the log reads")
}

#[tokio::test]
async fn what_is_personal_is_clear_above_the_vault_and_sealed_below_it() {
    let log = memory().await;
    log.append(write("a", 1, named(ANNA, "Anna Muster"))).await.expect("it is appended");
    assert!(all(&log).await[0].payload.contains("Anna Muster"));
    let stored = &all(log.inner()).await[0].payload;
    assert!(!stored.contains("Anna") && stored.contains("$sealed"), "{stored}");
}

#[tokio::test]
async fn a_destroyed_key_erases_one_person_and_nobody_else() {
    let log = memory().await;
    log.append(write("a", 1, named(ANNA, "Anna"))).await.expect("it is appended");
    log.append(write("b", 2, named(BERT, "Bert"))).await.expect("it is appended");
    log.vault().destroy(TENANT, ANNA).await.expect("the key is destroyed");
    let events = all(&log).await;
    assert!(events[0].payload.contains("$erased") && !events[0].payload.contains("Anna"));
    assert!(events[1].payload.contains("Bert"));
}

#[tokio::test]
async fn several_fields_of_one_person_are_read_by_a_vault_that_remembers_nothing() {
    let database = TestDatabase::new().await;
    let pool = database.pool(PoolRole::Vault).await;
    let below = PostgresLog::new(database.pool(PoolRole::Append).await);
    let log = SealedLog::new(below.clone(), open(&pool, '1').await);
    log.open_tenant(TENANT).await.expect("a tenant opens");
    let field = |value: &str| format!(r#"{{"$personal":"{ANNA}","value":"{value}"}}"#);
    let payload = format!(r#"{{"name":{},"phone":{}}}"#, field("Anna"), field("+49151"));
    log.append(write("a", 1, payload)).await.expect("it is appended");
    let stored = &all(&below).await[0].payload;
    assert_eq!((stored.matches("$sealed").count(), stored.contains("$erased")), (2, false));
    let fresh = SealedLog::new(below, open(&pool, '1').await);
    let read = &all(&fresh).await[0].payload;
    assert!(read.contains("Anna") && read.contains("+49151"), "{read}");
}

#[tokio::test]
async fn nothing_new_is_kept_of_an_erased_person() {
    let log = memory().await;
    log.vault().destroy(TENANT, ANNA).await.expect("the key is destroyed");
    log.append(write("a", 1, named(ANNA, "Anna"))).await.expect("it is appended");
    assert!(all(log.inner()).await[0].payload.contains("$erased"));
}

#[tokio::test]
async fn a_ciphertext_of_another_event_does_not_open() {
    let log = memory().await;
    log.append(write("a", 1, named(ANNA, "Anna"))).await.expect("it is appended");
    let stolen = all(log.inner()).await[0].payload.clone();
    log.inner().append(write("b", 2, stolen)).await.expect("the log below takes it");
    let read = log.read_streams(TENANT, &[(StreamId::new("customer", "b"), Revision(0))]).await;
    assert!(matches!(read, Err(LogError::Damaged(_))), "{read:?}");
}

#[tokio::test]
async fn another_master_key_is_refused_with_both_fingerprints() {
    let database = TestDatabase::new().await;
    let pool = database.pool(PoolRole::Vault).await;
    open(&pool, '1').await.make_tenant_key(TENANT).await.expect("a key is made");
    let refused = Vault::open(pool.clone(), master('2')).await.expect_err("another key");
    let said = refused.to_string();
    for digit in ['1', '2'] {
        assert!(said.contains(&master(digit).fingerprint().to_string()), "{said}");
    }
    open(&pool, '1').await;
}

#[tokio::test]
async fn of_two_first_keys_one_becomes_the_master_key() {
    let database = TestDatabase::new().await;
    let pool = database.pool(PoolRole::Vault).await;
    let (one, two) = tokio::join!(
        Vault::open(pool.clone(), master('1')),
        Vault::open(pool.clone(), master('2'))
    );
    assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
}

#[tokio::test]
async fn a_lost_tenant_key_is_an_error_and_is_not_made_anew() {
    let database = TestDatabase::new().await;
    let pool = database.pool(PoolRole::Vault).await;
    let below = PostgresLog::new(database.pool(PoolRole::Append).await);
    let log = SealedLog::new(below.clone(), open(&pool, '1').await);
    log.open_tenant(TENANT).await.expect("a tenant opens");
    log.append(write("a", 1, named(ANNA, "Anna"))).await.expect("it is appended");
    let owner = PgPool::connect_with(database.options.clone()).await.expect("the owner connects");
    let lost = sqlx::raw_sql("TRUNCATE vault.tenant_keys; TRUNCATE vault.subject_keys");
    lost.execute(&owner).await.expect("the rows are lost");
    let after = SealedLog::new(below, open(&pool, '1').await);
    after.open_tenant(TENANT).await.expect("repeating it changes nothing");
    let index = after.vault().blind_index(TENANT, "phone", "+491511234567").await;
    assert!(matches!(index, Err(VaultError::NoTenantKey(it)) if it == TENANT), "{index:?}");
    let sealed = after.append(write("a", 2, named(ANNA, "Anna"))).await;
    assert!(sealed.is_err(), "nothing is sealed with a second key: {sealed:?}");
}

#[tokio::test]
async fn a_running_vault_goes_on_while_the_master_key_is_replaced() {
    let database = TestDatabase::new().await;
    let pool = database.pool(PoolRole::Vault).await;
    let below = PostgresLog::new(database.pool(PoolRole::Append).await);
    let running = SealedLog::new(below.clone(), open(&pool, '1').await);
    running.open_tenant(TENANT).await.expect("a tenant opens");
    running.append(write("a", 1, named(ANNA, "Anna"))).await.expect("it is appended");
    let index = running.vault().blind_index(TENANT, "phone", "1").await.expect("an index");

    let keys = (&master('1'), &master('2'));
    let rotated = rotate_master(&pool, &below, keys).await.expect("it rotates");
    assert_eq!(rotated.keys, 2);
    let again = rotate_master(&pool, &below, keys).await.expect("it is repeated");
    assert_eq!(again.keys, 0);
    let other = rotate_master(&pool, &below, (&master('2'), &master('3'))).await;
    assert!(matches!(other, Err(RotationError::UnderWay(_))), "{other:?}");

    // Keys that are made with the old one now are not kept: the new one is learnt.
    running.append(write("b", 2, named(BERT, "Bert"))).await.expect("it is appended");
    for digit in ['1', '2'] {
        let started = SealedLog::new(below.clone(), open(&pool, digit).await);
        let read = all(&started).await;
        assert!(read[0].payload.contains("Anna") && read[1].payload.contains("Bert"), "{digit}");
        let same = started.vault().blind_index(TENANT, "phone", "1").await.expect("an index");
        assert_eq!(same, index);
    }
    let completed = complete_rotation(&pool, &below, &master('2')).await.expect("it completes");
    assert_eq!(completed.keys, 0);
    assert!(all(&running).await[1].payload.contains("Bert"), "who runs has the new key");
    let old = Vault::open(pool.clone(), master('1')).await;
    assert!(matches!(old, Err(VaultError::WrongMasterKey { .. })), "{old:?}");
    let left: Vec<Option<Vec<u8>>> = sqlx::query_scalar("SELECT handover FROM vault.master_keys")
        .fetch_all(&pool)
        .await
        .expect("the role may read it");
    assert_eq!(left, [None], "no key is left that the old one opens");
}

#[tokio::test]
async fn a_rotation_that_broke_off_is_taken_up_again() {
    let database = TestDatabase::new().await;
    let pool = database.pool(PoolRole::Vault).await;
    let below = PostgresLog::new(database.pool(PoolRole::Append).await);
    let running = SealedLog::new(below.clone(), open(&pool, '1').await);
    running.open_tenant(TENANT).await.expect("a tenant opens");
    running.append(write("a", 1, named(ANNA, "Anna"))).await.expect("it is appended");
    // Not a tenant that the log knows: as if the program had ended before the first key.
    let nobody = MemoryLog::new();
    let keys = (&master('1'), &master('2'));
    let begun = rotate_master(&pool, &nobody, keys).await.expect("it begins");
    assert_eq!(begun.keys, 0);
    let started = SealedLog::new(below.clone(), open(&pool, '2').await);
    assert!(all(&started).await[0].payload.contains("Anna"), "half-way both keys open");
    assert_eq!(rotate_master(&pool, &below, keys).await.expect("it goes on").keys, 2);
}

#[tokio::test]
async fn the_chain_of_an_erased_history_still_verifies() {
    let database = TestDatabase::new().await;
    let vault = open(&database.pool(PoolRole::Vault).await, '1').await;
    let log = SealedLog::new(PostgresLog::new(database.pool(PoolRole::Append).await), vault);
    log.open_tenant(TENANT).await.expect("a tenant opens");
    log.append(write("a", 1, named(ANNA, "Anna"))).await.expect("it is appended");
    log.append(write("a", 2, named(ANNA, "Anne"))).await.expect("it is appended");
    log.vault().destroy(TENANT, ANNA).await.expect("the key is destroyed");
    assert!(all(&log).await.iter().all(|event| event.payload.contains("$erased")));
    let stored = all(log.inner()).await;
    chain::verify_chain(TENANT, (Position(0), chain::GENESIS), &stored)
        .expect("the chain verifies");
}

#[tokio::test]
async fn a_blind_index_finds_a_value_again_in_its_tenant_and_purpose_only() {
    let vault = Vault::memory(master('1'));
    for tenant in [1, 2] {
        let tenant = TenantId::new(Uuid::from_u128(tenant));
        vault.make_tenant_key(tenant).await.expect("the tenant has a key");
    }
    let index = async |tenant, purpose| {
        vault.blind_index(tenant, purpose, "+491511234567").await.expect("an index is made")
    };
    let other = TenantId::new(Uuid::from_u128(2));
    assert_eq!(index(TENANT, "phone").await, index(TENANT, "phone").await);
    assert_ne!(index(TENANT, "phone").await, index(TENANT, "email").await);
    assert_ne!(index(TENANT, "phone").await, index(other, "phone").await);
}

#[test]
fn a_master_key_file_is_made_once_and_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("master.key");
    let first = MasterKey::load_or_create(&path).expect("a key is made");
    let again = MasterKey::load_or_create(&path).expect("the key is read");
    let mode = std::fs::metadata(&path).expect("the file is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let wrapped = first.wrap(&Key::new([7; 32]), TENANT, None).expect("it wraps");
    assert_eq!(again.unwrap(&wrapped, TENANT, None).expect("it unwraps").bytes(), &[7; 32]);
}

#[test]
fn what_is_no_key_is_refused() {
    for text in ["", "secret", &"0".repeat(63)] {
        assert!(matches!(MasterKey::parse(text), Err(MasterKeyError::NotAKey)));
    }
}
