//! Signed heads and proofs: what a chain cannot show by itself is found, and one event is proved to
//! someone who has no database.

#![expect(clippy::unwrap_used, reason = "what a test cannot have fails it")]

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use chrono::{DateTime, Utc};
use daybook_adapters::{
    log::{PostgresLog, contract},
    postgres::PoolRole,
    testing::TestDatabase,
};
use daybook_domain::{event_log::Position, ids::TenantId};
use daybook_replay_tools::{
    History, InclusionProof, SignedHead, check_head, check_proof, make_key, parse_proof, prove,
    read_head, read_key, run, sign_head,
};
use serde_json::Value;
use sqlx::PgPool;
use tempfile::TempDir;

use crate::replay::{six_events, source};

/// Computes the chain of the only tenant anew, and its head.
const RECHAIN: &str = "
    DO $$
    DECLARE
        v_row record;
        v_hash bytea := decode(repeat('00', 32), 'hex');
    BEGIN
        FOR v_row IN SELECT * FROM log.events ORDER BY position LOOP
            v_hash := sha256(v_hash || convert_to(log.canonical(
                v_row.tenant_id, v_row.position, v_row.aggregate_type, v_row.aggregate_id,
                v_row.sequence, v_row.event_id, v_row.event_type, v_row.event_version,
                v_row.payload::text, v_row.metadata::text,
                (extract(epoch FROM v_row.recorded_at) * 1000000)::bigint), 'UTF8'));
            UPDATE log.events SET hash = v_hash WHERE position = v_row.position;
            UPDATE log.tenant_head SET position = v_row.position, hash = v_hash;
        END LOOP;
    END $$";

/// Someone with all rights cuts the last event off and sets the head back.
const CUT: &str = "
    ALTER TABLE log.events DISABLE TRIGGER ALL;
    DELETE FROM log.events WHERE position = 6;
    UPDATE log.tenant_head AS h SET position = e.position, hash = e.hash
      FROM log.events AS e WHERE e.position = 5";

/// Someone with all rights changes events and makes the chain whole again behind them.
pub(crate) async fn forge(owner: &PgPool, tampering: &str) {
    let statements = format!("ALTER TABLE log.events DISABLE TRIGGER ALL; {tampering}; {RECHAIN}");
    sqlx::raw_sql(&statements).execute(owner).await.unwrap();
}

/// Six events, and a head that was signed over them.
struct Signed {
    database: TestDatabase,
    owner: PgPool,
    tenant: TenantId,
    head: SignedHead,
    directory: TempDir,
}

impl Signed {
    async fn new() -> Self {
        let (database, owner, tenant) = six_events().await;
        let directory = TempDir::new().unwrap();
        let key = directory.path().join("signing.key");
        make_key(&key).unwrap();
        let history = source(&database).open(tenant.uuid()).await.unwrap();
        let now = DateTime::<Utc>::UNIX_EPOCH;
        let head = sign_head(&history, &read_key(&key).unwrap(), now).await.unwrap();
        history.close().await;
        Self { database, owner, tenant, head, directory }
    }

    async fn open(&self) -> History {
        source(&self.database).open(self.tenant.uuid()).await.unwrap()
    }

    async fn prove(&self, position: u64) -> anyhow::Result<InclusionProof> {
        let history = self.open().await;
        let proof = prove(&history, Position(position), self.head.clone()).await;
        history.close().await;
        proof
    }

    /// How many events came since, or what is wrong.
    async fn check(&self, head: &SignedHead) -> Result<u64, String> {
        let history = self.open().await;
        let outcome = check_head(&history, head, None).await;
        history.close().await;
        outcome.map_err(|error| format!("{error:#}"))
    }

    async fn cut(&self) {
        sqlx::raw_sql(CUT).execute(&self.owner).await.unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs the program as a shell would.
    async fn program(&self, arguments: &[&str]) -> ExitCode {
        let database_url = source(&self.database).database_url.unwrap();
        let tenant = self.tenant.to_string();
        let source = ["--database-url", &database_url, "--tenant", &tenant];
        without_database(&[&source, arguments].concat()).await
    }
}

async fn without_database(arguments: &[&str]) -> ExitCode {
    let name = std::iter::once("daybook-replay");
    run(name.chain(arguments.iter().copied()).map(OsString::from)).await
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn a_signed_head_holds_while_the_history_grows() {
    let signed = Signed::new().await;
    assert_eq!(signed.head.position, Position(6));
    assert_eq!(signed.check(&signed.head).await, Ok(0));
    let log = PostgresLog::new(signed.database.pool(PoolRole::Append).await);
    contract::grow(&log, signed.tenant, "a", 2).await;
    assert_eq!(signed.check(&signed.head).await, Ok(2));
    check_proof(&signed.prove(6).await.unwrap(), None).unwrap();
}

#[tokio::test]
async fn a_cut_tail_verifies_by_itself_and_is_found_by_the_signed_head() {
    let signed = Signed::new().await;
    signed.cut().await;
    assert_eq!(crate::replay::verified(&signed.database, signed.tenant).await, Ok(5));
    let problem = signed.check(&signed.head).await.unwrap_err();
    assert!(problem.contains("ends at position 5"), "{problem}");
    assert!(problem.contains("tail is missing"), "{problem}");
}

#[tokio::test]
async fn a_history_rewritten_behind_a_new_chain_is_found_by_the_signed_head() {
    let signed = Signed::new().await;
    let tampering = r#"UPDATE log.events SET payload = replace(payload::text, '"b"', '"x"')::json
                        WHERE position = 3"#;
    forge(&signed.owner, tampering).await;
    assert_eq!(crate::replay::verified(&signed.database, signed.tenant).await, Ok(6));
    let problem = signed.check(&signed.head).await.unwrap_err();
    assert!(problem.contains("position 6 has the hash"), "{problem}");
    let unproved = signed.prove(3).await.unwrap_err().to_string();
    assert!(unproved.contains("rewritten"), "{unproved}");
}

#[tokio::test]
async fn no_field_of_a_signed_head_can_be_changed() {
    let signed = Signed::new().await;
    let head = &signed.head;
    let other = SignedHead {
        public_key: make_key(&signed.path("other.key")).unwrap().to_bytes(),
        ..head.clone()
    };
    for changed in [
        SignedHead { tenant: TenantId::new(uuid::Uuid::max()), ..head.clone() },
        SignedHead { position: Position(5), ..head.clone() },
        SignedHead { head_hash: [1; 32], ..head.clone() },
        SignedHead { merkle_root: [1; 32], ..head.clone() },
        SignedHead { signed_at: DateTime::<Utc>::MAX_UTC, ..head.clone() },
        SignedHead { signature: [1; 64], ..head.clone() },
        other.clone(),
    ] {
        changed.check_signature(None).unwrap_err();
    }
    let key = read_key(&signed.path("other.key")).unwrap().verifying_key();
    let problem = head.check_signature(Some(&key)).unwrap_err().to_string();
    assert!(problem.contains("another key"), "{problem}");
}

#[tokio::test]
async fn every_event_is_proved_without_the_database() {
    let signed = Signed::new().await;
    let key = read_key(&signed.path("signing.key")).unwrap().verifying_key();
    for position in 1..=6 {
        let proof = signed.prove(position).await.unwrap();
        assert_eq!(proof.event.position, position);
        check_proof(&proof, Some(&key)).unwrap();
    }
    for position in [0, 7, u64::MAX] {
        let problem = signed.prove(position).await.unwrap_err().to_string();
        assert!(problem.contains("covers 1 to 6"), "{problem}");
    }
}

#[tokio::test]
async fn no_byte_of_a_proof_can_be_changed() {
    let signed = Signed::new().await;
    let text = serde_json::to_vec(&signed.prove(3).await.unwrap()).unwrap();
    check_proof(&parse_proof(std::str::from_utf8(&text).unwrap()).unwrap(), None).unwrap();
    for place in 0..text.len() {
        // 0x20 turns the case of a letter.
        for bits in [0x01, 0x20] {
            let mut bent = text.clone();
            bent[place] ^= bits;
            let Ok(bent) = String::from_utf8(bent) else { continue };
            let checked = parse_proof(&bent).and_then(|proof| check_proof(&proof, None));
            assert!(checked.is_err(), "byte {place} was changed unnoticed: {bent}");
        }
    }
}

#[tokio::test]
async fn the_program_signs_checks_and_proves_and_ends_with_1_when_something_is_wrong() {
    let signed = Signed::new().await;
    let paths = ["cli.key", "head.json", "proof.json"].map(|name| signed.path(name));
    let [key, head, proof] = paths.each_ref().map(|path| text(path));
    let keygen = ["head", "keygen", "--out", key];
    assert_eq!(without_database(&keygen).await, ExitCode::SUCCESS);
    assert_eq!(fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600);
    let secret = fs::read(key).unwrap();
    assert_eq!(without_database(&keygen).await, ExitCode::FAILURE, "a key was overwritten");
    assert_eq!(fs::read(key).unwrap(), secret);

    let sign = ["head", "sign", "--key", key, "--out", head];
    assert_eq!(signed.program(&sign).await, ExitCode::SUCCESS);
    let public_key = read_key(Path::new(key)).unwrap().verifying_key();
    assert_eq!(read_head(Path::new(head)).unwrap().public_key, public_key.to_bytes());
    let written: Value = serde_json::from_slice(&fs::read(head).unwrap()).unwrap();
    let known = written["public_key"].as_str().unwrap();
    let check = ["head", "check", head, "--public-key", known];
    assert_eq!(signed.program(&check).await, ExitCode::SUCCESS);
    let prove = ["head", "prove", "--position", "2", "--head", head, "--out", proof];
    assert_eq!(signed.program(&prove).await, ExitCode::SUCCESS);
    let check_proof = ["head", "check-proof", proof, "--public-key", known];
    assert_eq!(without_database(&check_proof).await, ExitCode::SUCCESS);

    signed.cut().await;
    assert_eq!(signed.program(&check).await, ExitCode::FAILURE);
    let bent = fs::read_to_string(proof).unwrap().replace("tenant.feature", "tenant.future");
    fs::write(proof, bent.replace("\\\"a\\\"", "\\\"z\\\"")).unwrap();
    assert_eq!(without_database(&check_proof).await, ExitCode::FAILURE);
}
