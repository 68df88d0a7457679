//! What is sealed opens for its subject and event only, and never after the key is gone.

use daybook_domain::event_log::{EventData, ExpectedRevision, StreamWrite};

use super::*;
use crate::{
    log::{MemoryLog, PostgresLog, chain},
    postgres::PoolRole,
    testing::TestDatabase,
};
use daybook_domain::{
    event_log::{Append, Position, RecordedEvent, StreamId},
    ports::EventLog,
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
    let log = SealedLog::new(below.clone(), Vault::postgres(pool.clone(), master('1')));
    log.open_tenant(TENANT).await.expect("a tenant opens");
    let field = |value: &str| format!(r#"{{"$personal":"{ANNA}","value":"{value}"}}"#);
    let payload = format!(r#"{{"name":{},"phone":{}}}"#, field("Anna"), field("+49151"));
    log.append(write("a", 1, payload)).await.expect("it is appended");
    let stored = &all(&below).await[0].payload;
    assert_eq!((stored.matches("$sealed").count(), stored.contains("$erased")), (2, false));
    let fresh = SealedLog::new(below, Vault::postgres(pool, master('1')));
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
async fn a_ciphertext_of_another_event_does_not_open_and_the_others_do() {
    let log = memory().await;
    log.append(write("a", 1, named(ANNA, "Anna"))).await.expect("it is appended");
    let stolen = all(log.inner()).await[0].payload.clone();
    log.inner().append(write("b", 2, stolen)).await.expect("the log below takes it");
    let read = all(&log).await;
    assert!(read[0].payload.contains("Anna"));
    assert_eq!(read[1].payload, r#"{"$unreadable":true}"#);
}

#[tokio::test]
async fn another_master_key_is_an_error_and_not_an_erasure() {
    let database = TestDatabase::new().await;
    let pool = database.pool(PoolRole::Vault).await;
    let keys = Vault::postgres(pool.clone(), master('1'));
    keys.subject_keys(TENANT, &[ANNA], true).await.expect("a key is made");
    let wrong = Vault::postgres(pool, master('2'));
    let opened = wrong.subject_keys(TENANT, &[ANNA], false).await;
    assert!(matches!(opened, Err(VaultError::Sealed { .. })));
}

#[tokio::test]
async fn the_chain_of_an_erased_history_still_verifies() {
    let database = TestDatabase::new().await;
    let vault = Vault::postgres(database.pool(PoolRole::Vault).await, master('1'));
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
