//! A log leaves one database and enters another: unchanged to the byte, all of it or nothing.

#![expect(clippy::unwrap_used, reason = "what a test cannot have fails it")]

use std::{ffi::OsString, fs, path::PathBuf, process::ExitCode};

use daybook_adapters::{
    clock::RandomIds,
    log::{PostgresLog, contract},
    postgres::PoolRole,
    testing::TestDatabase,
};
use daybook_domain::{
    commands::One,
    dispatch::{CommandContext, Dispatcher},
    event_log::{Head, Position, RecordedEvent},
    ids::TenantId,
    ports::EventLog as _,
    tenant::{Tenant, TenantCommand},
};
use daybook_replay_tools::{export, import, verify_exported};
use serde_json::Value;
use sqlx::PgPool;
use tempfile::TempDir;

use crate::{
    proofs::forge,
    replay::{six_events, source, verified},
};

/// The log of six events and one stored answer, in a file.
struct Exported {
    database: TestDatabase,
    owner: PgPool,
    tenant: TenantId,
    directory: TempDir,
}

impl Exported {
    async fn new() -> Self {
        let (database, owner, tenant) = six_events().await;
        let log = PostgresLog::new(database.pool(PoolRole::Append).await);
        let nothing = contract::append(tenant, Vec::new());
        log.append(contract::answering("booking 1", 7, "{\"id\" : 7}", nothing)).await.unwrap();
        let exported = Self { database, owner, tenant, directory: TempDir::new().unwrap() };
        exported.export("log.ndjson", 1).await.unwrap();
        exported
    }

    async fn export(&self, name: &str, from: u64) -> anyhow::Result<()> {
        let history = source(&self.database).open(self.tenant.uuid()).await.unwrap();
        let outcome = export(&history, &self.path(name), Position(from), None).await;
        history.close().await;
        outcome.map(|_trailer| ())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("log.ndjson")).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    /// Imports these lines into a database, and says what was wrong with them.
    async fn import(&self, lines: &[String], into: &TestDatabase) -> Result<(), String> {
        let path = self.path("changed.ndjson");
        let mut text = lines.join("\n");
        if !lines.is_empty() {
            text.push('\n');
        }
        fs::write(&path, text).unwrap();
        let mut operator = source(into).operator().await.unwrap();
        let outcome = import(&mut operator, &path, None, None).await;
        operator.close().await;
        outcome.map(|_imported| ()).map_err(|error| format!("{error:#}"))
    }
}

/// All that the log has of a tenant.
async fn content(
    database: &TestDatabase,
    tenant: TenantId,
) -> (Vec<RecordedEvent>, Option<Head>, String) {
    let log = PostgresLog::new(database.pool(PoolRole::Append).await);
    let answer = format!("{:?}", log.answer(tenant, "booking 1").await.unwrap());
    let head = log.head(tenant).await.unwrap();
    (contract::history(&log, tenant).await, head, answer)
}

/// How many rows of any kind a database has in its log.
async fn rows(database: &TestDatabase) -> i64 {
    let owner = PgPool::connect_with(database.options.clone()).await.unwrap();
    let count = "SELECT (SELECT count(*) FROM log.events) + (SELECT count(*) FROM log.commands)
                      + (SELECT count(*) FROM log.tenant_head)";
    sqlx::query_scalar(count).fetch_one(&owner).await.unwrap()
}

#[tokio::test]
async fn an_imported_log_is_the_exported_one_to_the_byte_and_verifies() {
    let exported = Exported::new().await;
    let target = TestDatabase::new().await;
    exported.import(&exported.lines(), &target).await.unwrap();
    assert_eq!(verified(&target, exported.tenant).await, Ok(6));
    let (events, head, answer) = content(&target, exported.tenant).await;
    assert_eq!(content(&exported.database, exported.tenant).await, (events, head, answer.clone()));
    assert!(answer.contains(r#"{\"id\" : 7}"#), "{answer}");
    assert_eq!(head.unwrap().position, Position(6));
}

#[tokio::test]
async fn an_imported_log_grows_where_it_left_off() {
    let exported = Exported::new().await;
    let target = TestDatabase::new().await;
    exported.import(&exported.lines(), &target).await.unwrap();
    let log = PostgresLog::new(target.pool(PoolRole::Append).await);
    contract::grow(&log, exported.tenant, "a", 2).await;
    assert_eq!(log.head(exported.tenant).await.unwrap().unwrap().position, Position(8));
    assert_eq!(contract::history(&log, exported.tenant).await.len(), 8);
}

#[tokio::test]
async fn the_file_has_a_header_one_line_per_event_and_answer_and_a_trailer() {
    let exported = Exported::new().await;
    let lines: Vec<Value> =
        exported.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 9);
    assert_eq!(lines[0]["daybook_log"], 1);
    assert_eq!(lines[0]["tenant"], exported.tenant.to_string());
    for (line, position) in lines[1..7].iter().zip(1..) {
        assert_eq!(line["position"], position);
        assert!(line["payload"].is_string() && line["metadata"].is_string(), "{line}");
    }
    assert_eq!(lines[7]["command"]["result"], "{\"id\" : 7}");
    assert_eq!((&lines[8]["events"], &lines[8]["head_position"]), (&6.into(), &6.into()));
    assert_eq!(lines[8]["head_hash"], lines[6]["hash"]);
}

#[tokio::test]
async fn a_later_export_continues_the_chain_of_an_earlier_one() {
    let exported = Exported::new().await;
    let whole = exported.lines();
    exported.export("tail.ndjson", 5).await.unwrap();
    let tail = fs::read_to_string(exported.path("tail.ndjson")).unwrap();
    let tail: Vec<&str> = tail.lines().collect();
    assert_eq!(tail[1..3], whole[5..7]);
    let [header, before]: [Value; 2] =
        [tail[0], &whole[4]].map(|line| serde_json::from_str(line).unwrap());
    assert_eq!(header["previous_hash"], before["hash"]);
    exported.export("nothing.ndjson", 7).await.unwrap();
    let beyond = exported.export("beyond.ndjson", 8).await.unwrap_err().to_string();
    assert!(beyond.contains("ends at 6"), "{beyond}");
    let left: Vec<_> = fs::read_dir(exported.directory.path()).unwrap().flatten().collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

#[tokio::test]
async fn a_damaged_file_is_refused_and_leaves_nothing() {
    let exported = Exported::new().await;
    let (target, whole) = (TestDatabase::new().await, exported.lines());
    let changed = |number: usize, from: &str, to: &str| {
        let mut lines = whole.clone();
        lines[number] = lines[number].replacen(from, to, 1);
        assert_ne!(lines, whole, "{from} is not in line {number}");
        lines
    };
    let without = |number: usize| {
        let mut lines = whole.clone();
        lines.remove(number);
        lines
    };
    let mut swapped = whole.clone();
    swapped.swap(2, 3);
    for (lines, problem) in [
        (changed(3, "feature", "future"), "line 4: the event at position 3 is not what"),
        (changed(6, "\"hash\":\"", "\"hash\":\"0"), "line 7 is not what it must be"),
        (changed(1, "{\"tenant_id\"", "{\"extra\":1,\"tenant_id\""), "line 2"),
        (swapped, "position 2 is missing: position 3 comes next"),
        (without(3), "position 3 is missing: position 4 comes next"),
        (without(6), "line 7: the answer rests on position 6"),
        (without(7), "the trailer does not fit"),
        (without(8), "has no trailer"),
        (whole[..5].to_vec(), "has no trailer"),
        (without(0), "the header"),
        (changed(0, "\"daybook_log\":1", "\"daybook_log\":2"), "version 2"),
        (changed(0, "\"from_position\":1", "\"from_position\":2"), "continues position 1"),
        (changed(7, "\\\"id\\\" : 7", "\\\"id\\\" : 8"), "the trailer does not fit"),
        (changed(8, "\"events\":6", "\"events\":7"), "the trailer does not fit"),
        ([whole.clone(), vec![whole[8].clone()]].concat(), "line 9"),
        (Vec::new(), "the file is empty"),
    ] {
        let found = exported.import(&lines, &target).await.expect_err(problem);
        assert!(found.contains(problem), "{problem}: {found}");
        assert_eq!(rows(&target).await, 0, "{problem}");
    }
    exported.import(&whole, &target).await.unwrap();
}

#[tokio::test]
async fn a_history_that_no_log_would_have_taken_is_refused_although_its_chain_is_whole() {
    for (tampering, problem) in [
        ("UPDATE log.events SET sequence = 9 WHERE position = 6", "has a gap in its sequence"),
        (
            "UPDATE log.events SET recorded_at = recorded_at - interval '1 day' WHERE position = 4",
            "position 4: it was recorded before the event before it",
        ),
        ("UPDATE log.events SET event_version = '9.0.0' WHERE position = 5", "position 5"),
        (
            "UPDATE log.events SET payload = '{\"$personal\":1}' WHERE position = 2",
            "position 2: it carries personal data that nobody sealed",
        ),
    ] {
        let exported = Exported::new().await;
        forge(&exported.owner, tampering).await;
        fs::remove_file(exported.path("log.ndjson")).unwrap();
        exported.export("log.ndjson", 1).await.unwrap();
        let target = TestDatabase::new().await;
        let found = exported.import(&exported.lines(), &target).await.expect_err(problem);
        assert!(found.contains(problem), "{problem}: {found}");
        assert_eq!(rows(&target).await, 0, "{problem}");
    }
}

#[tokio::test]
async fn the_program_moves_and_signs_a_log_of_several_pages() {
    let exported = Exported::new().await;
    let many = "INSERT INTO log.events
        SELECT tenant_id, n, aggregate_type, aggregate_id, n, gen_random_uuid(), event_type,
               event_version, payload, metadata, recorded_at, hash
          FROM log.events, generate_series(7, 5100) AS n WHERE position = 6";
    forge(&exported.owner, many).await;
    let target = TestDatabase::new().await;
    let paths = ["many.ndjson", "signing.key", "head.json"].map(|name| exported.path(name));
    let [file, key, head] = paths.each_ref().map(|path| path.to_str().unwrap());
    let tenant = exported.tenant.to_string();
    for (database, arguments) in [
        (&exported.database, &["--tenant", &tenant, "export", "--out", file][..]),
        (&exported.database, &["head", "keygen", "--out", key]),
        (&exported.database, &["--tenant", &tenant, "head", "sign", "--key", key, "--out", head]),
        (&target, &["import", "--from", file, "--without-keys", "--json"]),
        (&target, &["head", "check", head, "--json"]),
    ] {
        let url = source(database).database_url.unwrap();
        let all = [&["daybook-replay", "--database-url", &url], arguments].concat();
        let code = daybook_replay_tools::run(all.into_iter().map(OsString::from)).await;
        assert_eq!(code, ExitCode::SUCCESS, "{arguments:?}");
    }
    assert_eq!(verified(&target, exported.tenant).await, Ok(5100));
}

#[tokio::test]
async fn a_tenant_with_events_is_never_imported_over() {
    let exported = Exported::new().await;
    let before = rows(&exported.database).await;
    let problem = exported.import(&exported.lines(), &exported.database).await.unwrap_err();
    assert!(problem.contains("has 6 events in this database already"), "{problem}");
    assert_eq!(rows(&exported.database).await, before);
}

#[tokio::test]
async fn an_exported_file_is_verified_by_itself_and_against_the_database_it_came_from() {
    let exported = Exported::new().await;
    exported.export("tail.ndjson", 5).await.unwrap();
    for (name, from, events) in [("log.ndjson", 1, 6), ("tail.ndjson", 5, 2)] {
        let found = verify_exported(&exported.path(name)).unwrap();
        assert_eq!((found.from_position, found.trailer.events), (Position(from), events), "{name}");
    }
    let tail = exported.path("tail.ndjson");
    let text = fs::read_to_string(&tail).unwrap();
    fs::write(&tail, text.replacen("feature", "future", 1)).unwrap();
    let problem = format!("{:#}", verify_exported(&tail).unwrap_err());
    assert!(problem.contains("position 5"), "{problem}");

    let file = exported.path("log.ndjson");
    let (file, tenant) = (file.to_str().unwrap(), exported.tenant.to_string());
    let url = source(&exported.database).database_url.unwrap();
    let run = async || {
        let args = [
            "daybook-replay",
            "--database-url",
            &url,
            "--tenant",
            &tenant,
            "verify",
            "--archive",
            file,
        ];
        daybook_replay_tools::run(args.map(OsString::from)).await
    };
    let log = PostgresLog::new(exported.database.pool(PoolRole::Append).await);
    let context = CommandContext {
        tenant: exported.tenant,
        ids: std::sync::Arc::new(RandomIds),
        ..daybook_domain::testing::context(chrono::DateTime::UNIX_EPOCH)
    };
    let command = TenantCommand::SetFeature { feature: "f".to_owned(), is_enabled: true };
    let one = One::<Tenant> { id: exported.tenant.uuid(), command, expected: None };
    Dispatcher::new(log).run(&context, &one).await.unwrap();
    assert_eq!(run().await, ExitCode::SUCCESS, "the database goes on from the file");
    forge(&exported.owner, "UPDATE log.events SET event_id = gen_random_uuid() WHERE position = 6")
        .await;
    assert_eq!(run().await, ExitCode::FAILURE, "the database has another event there");
}
