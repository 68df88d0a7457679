//! Closed months as files, and one history out of them and the database.

#![expect(clippy::unwrap_used, reason = "what a test cannot have fails it")]

use std::{ffi::OsString, fs, path::PathBuf, process::ExitCode, sync::Arc};

use daybook_adapters::{
    clock::RandomIds,
    log::{PostgresLog, contract},
    postgres::PoolRole,
    testing::TestDatabase,
};
use daybook_domain::{
    event_log::{Position, RecordedEvent, StreamId},
    ids::{IdSource as _, TenantId},
};
use daybook_projections::{
    registry::projectors,
    runner::{Runner, RunnerConfig},
};
use daybook_replay_tools::{
    Archive, ArchiveFormat, Archived, History, MerkleTree, Past, Source, archive, import,
    verify_archived,
};
use sqlx::PgPool;
use tempfile::TempDir;

use crate::{
    proofs::forge,
    replay::{six_events, source, verified},
};

const FORMATS: [ArchiveFormat; 2] = [ArchiveFormat::Ndjson, ArchiveFormat::Parquet];

/// Six events: two of August, none of September, two of October, two of November, which is open.
const MONTHS: &str = "UPDATE log.events SET recorded_at = CASE
    WHEN position <= 2 THEN timestamptz '2026-08-31 23:59:59.999999Z'
    WHEN position = 3 THEN timestamptz '2026-10-01 00:00:00Z'
    WHEN position = 4 THEN timestamptz '2026-10-31 12:00:00.000001Z'
    ELSE timestamptz '2026-11-02 08:00:00Z' END";

/// Nobody at all.
const OFFLINE: Source = Source { database_url: None, data_dir: None };

struct Kept {
    database: TestDatabase,
    owner: PgPool,
    tenant: TenantId,
    directory: TempDir,
}

impl Kept {
    async fn new() -> Self {
        let (database, owner, tenant) = six_events().await;
        forge(&owner, MONTHS).await;
        Self { database, owner, tenant, directory: TempDir::new().unwrap() }
    }

    async fn open(&self) -> History {
        source(&self.database).open(self.tenant.uuid()).await.unwrap()
    }

    async fn archive(
        &self,
        month: Option<&str>,
        format: ArchiveFormat,
    ) -> Result<Vec<Archived>, String> {
        let history = self.open().await;
        let month = month.map(|month| month.parse().unwrap());
        let done = archive(&history, month, self.directory.path(), format).await;
        history.close().await;
        done.map_err(|error| format!("{error:#}"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What someone finds who has the files, and perhaps the database.
    async fn verify(&self, live: bool) -> Result<u64, String> {
        let found = async {
            let archive = Archive::open(self.directory.path())?;
            let history = if live { Some(self.open().await) } else { None };
            let verified = verify_archived(&archive, history.as_ref()).await;
            if let Some(history) = history {
                history.close().await;
            }
            verified
        };
        found.await.map(|it| it.events).map_err(|error: anyhow::Error| format!("{error:#}"))
    }

    async fn past(&self, source: &Source) -> anyhow::Result<Past> {
        Past::open(source, self.tenant.uuid(), Some(self.directory.path())).await
    }

    async fn history(&self) -> Vec<RecordedEvent> {
        let log = PostgresLog::new(self.database.pool(PoolRole::Append).await);
        contract::history(&log, self.tenant).await
    }

    /// Takes the events of closed months out of the database, as nobody but a test does.
    async fn forget_closed_months(&self) {
        let forget = "ALTER TABLE log.events DISABLE TRIGGER ALL; DELETE FROM log.events WHERE position <= 4";
        sqlx::raw_sql(forget).execute(&self.owner).await.unwrap();
    }
}

async fn followed(past: &Past, after: u64) -> Vec<RecordedEvent> {
    let (mut all, mut pages) = (Vec::new(), past.follow(Position(after)));
    loop {
        let page = pages.page().await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

async fn program(args: &[&str]) -> bool {
    let args = ["daybook-replay"].iter().chain(args).map(OsString::from);
    daybook_replay_tools::run(args.collect::<Vec<_>>()).await == ExitCode::SUCCESS
}

#[tokio::test]
async fn every_closed_month_becomes_a_file_with_its_segment_of_the_chain() {
    for format in FORMATS {
        let kept = Kept::new().await;
        let written = kept.archive(None, format).await.unwrap();
        let shown: Vec<_> = written
            .iter()
            .map(|it| (it.month.month.to_string(), it.from_position.0, it.month.to_position.0))
            .collect();
        assert_eq!(shown, [("2026-08".to_owned(), 1, 2), ("2026-10".to_owned(), 3, 4)]);
        let events = kept.history().await;
        for month in &written {
            let range = usize::try_from(month.from_position.0).unwrap() - 1
                ..usize::try_from(month.month.to_position.0).unwrap();
            let mut tree = MerkleTree::default();
            events[range.clone()].iter().for_each(|event| tree.push(&event.hash));
            assert_eq!(month.month.merkle_root, tree.finish().0);
            assert_eq!(month.month.head_hash, events[range.end - 1].hash);
        }
        assert_eq!(kept.verify(false).await, Ok(4));
        assert_eq!(kept.verify(true).await, Ok(6));
        assert_eq!(kept.archive(None, format).await, Ok(Vec::new()), "they are there");
        assert_eq!(kept.history().await, events, "the log stays as it is");
        assert_eq!(verified(&kept.database, kept.tenant).await, Ok(6));
    }
}

#[tokio::test]
async fn files_and_database_read_as_one_history_to_the_byte() {
    for format in FORMATS {
        let kept = Kept::new().await;
        let before = kept.history().await;
        kept.archive(None, format).await.unwrap();
        kept.forget_closed_months().await;
        assert!(verified(&kept.database, kept.tenant).await.is_err(), "alone it is not whole");
        assert_eq!(kept.verify(true).await, Ok(6));
        let past = kept.past(&source(&kept.database)).await.unwrap();
        assert_eq!(followed(&past, 0).await, before);
        for after in 1..=6 {
            assert_eq!(followed(&past, after).await, before[usize::try_from(after).unwrap()..]);
        }
        let stream = StreamId::new("tenant", kept.tenant.to_string());
        assert_eq!(past.stream(stream.clone()).await.unwrap(), before);
        past.close().await;
        let offline = kept.past(&OFFLINE).await.unwrap();
        assert_eq!(followed(&offline, 1).await, before[1..4]);
        assert_eq!(offline.stream(stream).await.unwrap(), before[..4]);
    }
}

#[tokio::test]
async fn the_program_reads_an_archive_with_and_without_a_database() {
    let kept = Kept::new().await;
    let url = source(&kept.database).database_url.unwrap();
    let (tenant, folder) =
        (kept.tenant.to_string(), kept.directory.path().to_str().unwrap().to_owned());
    let database = ["--database-url", &url, "--tenant", &tenant];
    let write = ["archive", "--out-dir", &folder, "--month"];
    assert!(program(&[&database[..], &write, &["2026-08"]].concat()).await);
    assert!(!program(&[&database[..], &write, &["2026-08"]].concat()).await, "it is there already");
    assert!(
        program(&[&database[..], &write, &["2026-10", "--format", "parquet", "--json"]].concat())
            .await
    );
    for command in [
        &["verify", "--archive", &folder][..],
        &["verify", "--archive", &folder, "--json"],
        &["history", "--archive", &folder],
        &["state", "tenant", &tenant, "--archive", &folder],
        &["state", "tenant", &tenant, "--archive", &folder, "--position", "3"],
    ] {
        assert!(program(command).await, "{command:?} without a database");
        assert!(program(&[&database[..], command].concat()).await, "{command:?} with a database");
    }
    assert!(!program(&["verify", "--archive", "/nowhere"]).await);
    let stranger = "00000000-0000-0000-0000-000000000001";
    assert!(!program(&["--tenant", stranger, "verify", "--archive", &folder]).await);
}

#[tokio::test]
async fn a_month_is_not_archived_beside_itself_in_the_other_format() {
    let kept = Kept::new().await;
    kept.archive(Some("2026-08"), ArchiveFormat::Ndjson).await.unwrap();
    let refused = kept.archive(Some("2026-08"), ArchiveFormat::Parquet).await;
    assert_eq!(refused, Err("2026-08 is archived already".to_owned()));
    assert_eq!(kept.verify(false).await, Ok(2));
}

#[tokio::test]
async fn read_models_are_held_against_files_and_database_together() {
    let kept = Kept::new().await;
    let url = source(&kept.database).database_url.unwrap();
    kept.archive(None, ArchiveFormat::Ndjson).await.unwrap();
    let folder = kept.directory.path().to_str().unwrap().to_owned();
    let log = Arc::new(PostgresLog::new(kept.database.pool(PoolRole::Append).await));
    let pool = kept.database.pool(PoolRole::Projector).await;
    let runner = Runner::new(RandomIds.next_id(), log, pool, projectors(), RunnerConfig::default());
    runner.settle().await.unwrap();
    kept.forget_closed_months().await;
    let key = "7".repeat(64);
    let verify =
        ["--database-url", &url, "--master-key", &key, "verify", "--archive", &folder, "--json"];
    assert!(program(&verify).await, "they are what files and database say");
    let spoil = "UPDATE read.activity_log SET actor = 'key:somebody else' WHERE position = 1";
    let spoiled = sqlx::query(spoil).execute(&kept.owner).await.unwrap().rows_affected();
    assert_eq!(spoiled, 1);
    assert!(!program(&verify).await, "what was archived is looked at, too");
    assert!(program(&[&verify[..], &["--log-only"]].concat()).await);
}

#[tokio::test]
async fn a_month_that_is_open_or_empty_is_not_archived() {
    let kept = Kept::new().await;
    for (month, problem) in [
        ("2026-11", "2026-11 is not closed: the newest event is of 2026-11"),
        ("2027-01", "not closed"),
        ("2026-09", "nothing happened in 2026-09"),
        ("2020-01", "nothing happened in 2020-01"),
    ] {
        let refused = kept.archive(Some(month), ArchiveFormat::Ndjson).await.unwrap_err();
        assert!(refused.contains(problem), "{problem}: {refused}");
    }
    assert_eq!(fs::read_dir(kept.directory.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_missing_swapped_or_doubled_month_is_found_with_its_positions() {
    for format in FORMATS {
        let kept = Kept::new().await;
        kept.archive(None, format).await.unwrap();
        let extension = if format == ArchiveFormat::Ndjson { "ndjson" } else { "parquet" };
        let [august, october, aside] =
            ["2026-08", "2026-10", "aside"].map(|name| kept.path(&format!("{name}.{extension}")));
        fs::rename(&august, &aside).unwrap();
        let missing = kept.verify(false).await.unwrap_err();
        assert!(missing.contains("positions 1 to 2 are missing"), "{missing}");
        fs::rename(&october, &august).unwrap();
        let swapped = kept.verify(false).await.unwrap_err();
        assert!(swapped.contains("holds positions 3 to 4, which are of 2026-10"), "{swapped}");
        fs::rename(&august, &october).unwrap();
        fs::rename(&aside, &august).unwrap();
        let other = FORMATS.into_iter().find(|it| *it != format).unwrap();
        fs::rename(&october, &aside).unwrap();
        kept.archive(Some("2026-10"), other).await.unwrap();
        fs::rename(&aside, &october).unwrap();
        let doubled = kept.verify(false).await.unwrap_err();
        assert!(doubled.contains("begins at position 3, which another month holds"), "{doubled}");
    }
}

#[tokio::test]
async fn a_changed_or_torn_month_is_found_with_the_first_bad_position() {
    let kept = Kept::new().await;
    kept.archive(None, ArchiveFormat::Ndjson).await.unwrap();
    let path = kept.path("2026-10.ndjson");
    let whole = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let changed = |number: usize, from: &str, to: &str| {
        let mut changed: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        changed[number] = changed[number].replacen(from, to, 1);
        assert_ne!(changed, lines, "{from} is not in line {number}");
        changed.join("\n") + "\n"
    };
    let head = hex::encode(Archive::open(kept.directory.path()).unwrap().end().1);
    let other = "0".repeat(64);
    for (text, problem) in [
        (
            changed(2, "is_enabled", "is_Enabled"),
            "the event at position 4 is not what was appended",
        ),
        (changed(1, "\"position\":3", "\"position\":4"), "position 3 is missing"),
        (lines[..2].join("\n") + "\n", "after position 2: the file has no trailer"),
        (lines[..3].join("\n") + "\n", "after position 3: the file has no trailer"),
        (whole[..whole.len() - 1].to_owned(), "after position 3: line 4 has no end"),
        ([lines[0], lines[1], lines[3]].join("\n") + "\n", "after position 3: the trailer"),
        (
            changed(0, "\"to_position\":4", "\"to_position\":5"),
            "ends at position 4, but its header",
        ),
        (changed(0, "\"from_position\":3", "\"from_position\":4"), "positions 3 to 3 are missing"),
        (
            changed(0, &format!("\"head_hash\":\"{head}"), &format!("\"head_hash\":\"{other}")),
            "position 4 has another hash than the header says",
        ),
        (changed(0, "\"merkle_root\":\"", "\"merkle_root\":\"0"), "header"),
        (changed(0, "\"2026-10\"", "\"2026-09\""), "which are of 2026-09"),
        (changed(0, "\"archive\":", "\"Archive\":"), "the header"),
        (String::new(), "the file is empty"),
    ] {
        fs::write(&path, text).unwrap();
        let found = kept.verify(false).await.expect_err(problem);
        assert!(found.contains(problem) && found.contains("2026-10"), "{problem}: {found}");
    }
    let root = lines[0].split("\"merkle_root\":\"").nth(1).unwrap()[..64].to_owned();
    fs::write(&path, changed(0, &root, &other)).unwrap();
    let found = kept.verify(false).await.unwrap_err();
    assert!(found.contains("up to position 4 have another Merkle root"), "{found}");
    fs::write(&path, &whole).unwrap();
    assert_eq!(kept.verify(true).await, Ok(6));
}

#[tokio::test]
async fn a_torn_or_changed_parquet_month_is_found() {
    let kept = Kept::new().await;
    kept.archive(None, ArchiveFormat::Parquet).await.unwrap();
    let path = kept.path("2026-10.parquet");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 9]).unwrap();
    let torn = kept.verify(false).await.unwrap_err();
    assert!(torn.contains("2026-10.parquet: it is no whole Parquet file"), "{torn}");
    // Written again from a log in which somebody changed an event, under the old header.
    let august = fs::read(kept.path("2026-08.parquet")).unwrap();
    fs::remove_file(&path).unwrap();
    let forged = "UPDATE log.events SET payload = replace(payload::text, '\"c\"', '\"x\"')::json WHERE position = 4";
    forge(&kept.owner, forged).await;
    kept.archive(None, ArchiveFormat::Parquet).await.unwrap();
    fs::write(kept.path("2026-08.parquet"), august).unwrap();
    assert_eq!(kept.verify(false).await, Ok(4), "a forged log is whole by itself");
    fs::write(&path, whole).unwrap();
    let forked = kept.verify(true).await.unwrap_err();
    assert!(forked.contains("position 5"), "{forked}");
}

#[tokio::test]
async fn a_database_that_does_not_go_on_where_the_archive_ends_is_refused() {
    for (tampering, verifying, opening) in [
        (
            "UPDATE log.events SET event_id = gen_random_uuid() WHERE position = 2",
            "the event at position 5 is not what was appended",
            "does not go on where the archive ends: the event at position 5",
        ),
        (
            "DELETE FROM log.events WHERE position > 3; UPDATE log.tenant_head SET position = 3",
            "the database ends at position 3, but 4 positions are archived",
            "its tail is missing; both histories are the same up to position 3",
        ),
        (
            "DELETE FROM log.events WHERE position = 5",
            "has position 6 after 4",
            "position 5 is missing in the database",
        ),
    ] {
        let kept = Kept::new().await;
        kept.archive(None, ArchiveFormat::Ndjson).await.unwrap();
        if tampering.starts_with("UPDATE") {
            forge(&kept.owner, tampering).await;
        } else {
            let tampering = format!("ALTER TABLE log.events DISABLE TRIGGER ALL; {tampering}");
            sqlx::raw_sql(&tampering).execute(&kept.owner).await.unwrap();
        }
        let verified = kept.verify(true).await.expect_err(verifying);
        assert!(verified.contains(verifying), "{verifying}: {verified}");
        let opened = kept.past(&source(&kept.database)).await.expect_err(opening);
        let opened = format!("{opened:#}");
        assert!(opened.contains(opening), "{opening}: {opened}");
    }
}

#[tokio::test]
async fn a_later_month_is_not_put_beside_an_archive_that_it_does_not_follow() {
    let kept = Kept::new().await;
    kept.archive(Some("2026-08"), ArchiveFormat::Ndjson).await.unwrap();
    forge(&kept.owner, "UPDATE log.events SET event_id = gen_random_uuid() WHERE position = 1")
        .await;
    let refused = kept.archive(Some("2026-10"), ArchiveFormat::Ndjson).await.unwrap_err();
    assert!(refused.contains("2026-08 was archived with another hash at position 2"), "{refused}");
}

#[tokio::test]
async fn an_archived_month_is_not_imported_as_if_it_were_a_whole_log() {
    let kept = Kept::new().await;
    kept.archive(None, ArchiveFormat::Ndjson).await.unwrap();
    let target = TestDatabase::new().await;
    let mut operator = source(&target).operator().await.unwrap();
    let refused =
        import(&mut operator, &kept.path("2026-08.ndjson"), None, None).await.unwrap_err();
    operator.close().await;
    assert!(refused.to_string().contains("archived month"), "{refused}");
}
