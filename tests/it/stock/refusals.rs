//! What is wrong with a stock history is told, all of it, and nothing is brought in.

use daybook_domain::{event_log::Position, ports::EventLog as _};
use daybook_replay_tools::{Fault, StockReport, StockWish};
use sqlx::{ConnectOptions as _, PgPool};

use super::{KEY, Move, by_instant, expected, told};

/// How many rows of any kind the new database has in its log.
async fn rows(moved: &Move) -> i64 {
    let owner = PgPool::connect_with(moved.new.options.clone()).await.unwrap();
    let count = "SELECT (SELECT count(*) FROM log.events) + (SELECT count(*) FROM log.tenant_head)
                      + (SELECT count(*) FROM vault.subject_keys)";
    sqlx::query_scalar(count).fetch_one(&owner).await.unwrap()
}

fn faults(report: &StockReport) -> Vec<String> {
    let shown = |it: &Fault| {
        let kind = it.stream.split('/').next().unwrap();
        format!("{kind} {}: {}", it.sequence, it.fault)
    };
    report.told.iter().map(shown).collect()
}

#[tokio::test]
async fn every_fault_is_told_with_its_stream_and_sequence_and_nothing_is_written() {
    let moved = Move::new().await;
    moved
        .spoil(
            "ALTER TABLE old.events DROP CONSTRAINT events_pkey;
             INSERT INTO old.events SELECT * FROM old.events
              WHERE aggregate_type = 'tenant' AND sequence = 2;
             UPDATE old.events SET sequence = 4 WHERE aggregate_type = 'customer' AND sequence = 2;
             UPDATE old.events SET sequence = 0, payload = '{\"type\":\"claimed\",\"name\":\"Anna\"}'
              WHERE aggregate_type = 'unique_key';
             INSERT INTO old.events SELECT aggregate_type, aggregate_id, 5, event_type, '0.9.0', payload,
                    '{}' FROM old.events WHERE aggregate_type = 'customer' AND sequence = 4",
        )
        .await;
    let report = moved.import(&by_instant(), Some(KEY)).await.unwrap();
    assert!(!report.imported);
    assert_eq!(
        faults(&report),
        [
            "customer 4: there is a gap: sequence 1 stands before it",
            "customer 5: event customer.contact_changed has the unknown version 0.9.0",
            "tenant 2: the sequence is there twice",
            "unique_key 0: the stream begins at sequence 0, not at 1",
            "unique_key 0: event unique_key.claimed does not have the shape of its version: \
             `owner` is missing",
        ]
    );
    let few = StockWish { faults: Some(2), ..by_instant() };
    let report = moved.import(&few, Some(KEY)).await.unwrap();
    assert_eq!((report.faults, report.told.len()), (5, 2));
    assert_eq!(rows(&moved).await, 0);
    let url = moved.old.options.to_url_lossy().to_string();
    let import = ["import", "--from-postgres-es", &url, "--table", "old.events"];
    assert!(!moved.run(&import).await);
    assert_eq!(rows(&moved).await, 0);
}

#[tokio::test]
async fn kinds_that_daybook_does_not_know_are_refused_with_their_counts_or_left_out() {
    let moved = Move::new().await;
    moved
        .spoil(
            "INSERT INTO old.events SELECT 'loyalty', 'l' || n, 1, 'loyalty.earned', '1.0', '{}', '{}'
               FROM generate_series(1, 3) AS n;
             UPDATE old.events SET sequence = 3 WHERE aggregate_type = 'tenant' AND sequence = 2;
             INSERT INTO old.events SELECT aggregate_type, aggregate_id, 2, 'tenant.renamed', '1.0', '{}',
                    '{}' FROM old.events WHERE aggregate_type = 'tenant' AND sequence = 1",
        )
        .await;
    let report = moved.import(&by_instant(), Some(KEY)).await.unwrap();
    let unknown: Vec<_> =
        report.unknown.iter().map(|it| (it.event_type.as_str(), it.events)).collect();
    assert_eq!(unknown, [("loyalty.earned", 3), ("tenant.renamed", 1)]);
    assert!(!report.imported && report.faults == 0, "{report:?}");
    assert_eq!(rows(&moved).await, 0);

    let leave_out = vec!["loyalty".to_owned(), "tenant.renamed".to_owned()];
    let wish = StockWish { leave_out, ..by_instant() };
    let report = moved.import(&wish, Some(KEY)).await.unwrap();
    assert_eq!((report.imported, report.left_out.len()), (true, 2));
    let tenants: Vec<_> =
        told(&moved.written().await).into_iter().filter(|it| it.0.starts_with("tenant")).collect();
    assert_eq!(tenants, expected(&[("tenant.opened", 1), ("tenant.feature_set", 2)]));

    let nothing = StockWish { leave_out: vec!["nothing".to_owned()], ..by_instant() };
    let refused = Move::new().await.import(&nothing, Some(KEY)).await.unwrap_err().to_string();
    assert!(refused.contains("--leave-out nothing"), "{refused}");
}

#[tokio::test]
async fn a_dry_run_tells_what_would_be_and_writes_nothing() {
    let moved = Move::new().await;
    let wish = StockWish { dry_run: true, ..by_instant() };
    let report = moved.import(&wish, None).await.unwrap();
    assert_eq!((report.events, report.personal, report.imported), (5, 2, false));
    assert!(!report.keys_are_there);
    assert_eq!(rows(&moved).await, 0);
    let url = moved.old.options.to_url_lossy().to_string();
    let import = ["import", "--from-postgres-es", &url, "--table", "old.events"];
    assert!(moved.run(&[&import[..], &["--dry-run", "--json"]].concat()).await);
    assert_eq!(rows(&moved).await, 0);
    assert!(moved.run(&[&["--master-key", KEY][..], &import].concat()).await);
    assert_eq!(moved.written().await.len(), 5);
}

#[tokio::test]
async fn what_cannot_be_sealed_or_would_mix_histories_is_refused() {
    let moved = Move::new().await;
    let no_key = moved.import(&by_instant(), None).await.unwrap_err().to_string();
    assert!(no_key.contains("2 events hold personal data"), "{no_key}");
    assert_eq!(rows(&moved).await, 0);
    moved.import(&by_instant(), Some(KEY)).await.unwrap();
    let again = moved.import(&by_instant(), Some(KEY)).await.unwrap_err().to_string();
    assert!(again.contains("has 5 events in this database already"), "{again}");
}

#[tokio::test]
async fn a_table_that_the_stock_reader_would_stumble_over_is_refused() {
    let moved = Move::new().await;
    let table = |name: &str| StockWish { table: Some(name.parse().unwrap()), ..by_instant() };
    for (change, name, problem) in [
        ("", "old.nothing", "it is not there"),
        ("CREATE TABLE old.a AS SELECT 'x' AS aggregate_type", "old.a", "aggregate_id is missing"),
        (
            "CREATE TABLE old.b (LIKE old.events); ALTER TABLE old.b ALTER sequence TYPE int",
            "old.b",
            "the column sequence is of type integer",
        ),
        (
            "CREATE TABLE old.c AS TABLE old.events; UPDATE old.c SET metadata = NULL WHERE sequence = 2",
            "old.c",
            "2 rows have a NULL",
        ),
    ] {
        moved.spoil(change).await;
        let refused = moved.import(&table(name), Some(KEY)).await.unwrap_err().to_string();
        assert!(refused.contains(problem), "{problem}: {refused}");
    }
    assert_eq!(rows(&moved).await, 0);
}

#[tokio::test]
async fn an_import_that_breaks_off_leaves_no_key_behind_and_can_be_repeated() {
    let moved = Move::new().await;
    let owner = PgPool::connect_with(moved.new.options.clone()).await.unwrap();
    let wall = "ALTER TABLE log.events ADD CONSTRAINT wall CHECK (event_type <> 'customer.contact_changed')";
    sqlx::raw_sql(wall).execute(&owner).await.unwrap();
    moved.import(&by_instant(), Some(KEY)).await.expect_err("it breaks off behind the sealing");
    assert_eq!(rows(&moved).await, 0);
    sqlx::raw_sql("ALTER TABLE log.events DROP CONSTRAINT wall").execute(&owner).await.unwrap();
    assert!(moved.import(&by_instant(), Some(KEY)).await.unwrap().imported);
    let open = moved.log().await.read_tenant(moved.tenant, Position(1), 1).await.unwrap();
    assert!(open[0].payload.contains("Anna Beispiel"), "{open:?}");
}
