//! What the rows of a read model come to, kept per day by triggers.

use daybook_projections::{
    appointments::Appointments,
    aside::{AsideError, ComparedWithLive, Rebuild, compare_with_live},
    registry::projectors,
};

use super::{read_models::followed, *};

async fn looked_at(bench: &Bench, tenant: TenantId, it: Arc<dyn Projector>) -> ComparedWithLive {
    compare_with_live(&bench.pool, Arc::clone(&bench.log), tenant, it, &[], 10).await.unwrap()
}

/// The rows and the digests of all read models agree with each other and with the log.
async fn all_is_true(bench: &Bench, tenant: TenantId, when: &str) {
    for projector in projectors() {
        let found = looked_at(bench, tenant, Arc::clone(&projector)).await;
        assert_eq!(found.digest, found.kept, "{projector:?} {when}");
        assert_eq!(found.digest.rows, found.compared.rows, "{projector:?} {when}");
        assert_eq!(found.compared.differ, 0, "{projector:?} {when}");
    }
}

async fn by_hand(bench: &Bench, statements: &str) {
    let owner = PgPool::connect_with(bench.database.options.clone()).await.unwrap();
    sqlx::raw_sql(statements).execute(&owner).await.unwrap();
}

fn appointments(bench: &Bench, tenant: TenantId) -> Rebuild<MemoryLog> {
    Rebuild::new(bench.pool.clone(), Arc::clone(&bench.log), tenant, Arc::new(Appointments))
}

#[tokio::test]
async fn every_table_of_a_read_model_keeps_its_digests() {
    // Two are indexes, derived from tables that do in the same statement.
    let bench = Bench::new().await;
    let without: Vec<String> = sqlx::query_scalar(
        "SELECT format('%s of %s', n.nspname, c.relname) FROM pg_class AS c \
           JOIN pg_namespace AS n ON n.oid = c.relnamespace \
          WHERE n.nspname IN ('read', 'read_next') AND c.relkind = 'r' \
            AND c.relname NOT IN ('customer_words', 'appointment_keys') \
            AND 4 <> (SELECT count(*) FROM pg_trigger AS t WHERE t.tgrelid = c.oid \
                         AND t.tgname LIKE 'keep\\_digests\\_on\\_%' AND t.tgenabled = 'O')",
    )
    .fetch_all(&bench.pool)
    .await
    .unwrap();
    assert_eq!(without, [] as [String; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn digests_are_true_whatever_is_written_rebuilt_or_taken_back() {
    for seed in 81..=83 {
        let (bench, history) = followed(seed).await;
        let tenant = history.tenant;
        all_is_true(&bench, tenant, "after a history").await;
        let late = "UPDATE read.appointments SET starts_at = starts_at + '40 days', \
                    ends_at = ends_at + '40 days'; \
                    DELETE FROM read.activity_log WHERE position < 20";
        by_hand(&bench, late).await;
        for projector in projectors() {
            let (pool, log) = (bench.pool.clone(), Arc::clone(&bench.log));
            let rebuild = Rebuild::new(pool, log, tenant, Arc::clone(&projector));
            rebuild.run(|_| ()).await.unwrap();
        }
        all_is_true(&bench, tenant, "after the rebuilds").await;
        appointments(&bench, tenant).take_back().await.unwrap();
        let found = looked_at(&bench, tenant, Arc::new(Appointments)).await;
        assert_eq!(found.digest, found.kept, "after it was taken back");
        assert!(0 < found.compared.differ, "what was late is late again");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_names_the_days_that_differ_and_compares_no_rows_when_none_does() {
    let (bench, history) = followed(84).await;
    let tenant = history.tenant;
    let done = appointments(&bench, tenant).run(|_| ()).await.unwrap();
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM read.appointments")
        .fetch_one(&bench.pool)
        .await
        .unwrap();
    assert_eq!((done.days.len(), done.compared.differ, done.is_replaced), (0, 0, false));
    assert!(matches!(
        appointments(&bench, tenant).take_back().await,
        Err(AsideError::NothingBefore)
    ));
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM read_next.appointments")
        .fetch_one(&bench.pool)
        .await
        .unwrap();
    assert_eq!(left, 0, "what was made and not needed is swept");
    assert_eq!(done.compared.rows, kept.cast_unsigned());
    let first = "(SELECT min(starts_at) FROM read.appointments)";
    let spoil = "UPDATE read.appointments SET price_minor = price_minor + 1 WHERE starts_at";
    let day: chrono::NaiveDate =
        sqlx::query_scalar(&format!("SELECT ({first} AT TIME ZONE 'UTC')::date"))
            .fetch_one(&bench.pool)
            .await
            .unwrap();
    by_hand(&bench, &format!("{spoil} = {first}")).await;
    let done = appointments(&bench, tenant).run(|_| ()).await.unwrap();
    assert_eq!(done.days, [day]);
    assert!(0 < done.compared.differ);
    all_is_true(&bench, tenant, "after it was mended").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_was_changed_where_no_trigger_saw_it_is_found_and_mended_with_its_digest() {
    let (bench, history) = followed(85).await;
    let tenant = history.tenant;
    let unseen = "SET session_replication_role = replica; \
                  UPDATE read.appointments SET price_minor = price_minor + 1";
    by_hand(&bench, unseen).await;
    let found = looked_at(&bench, tenant, Arc::new(Appointments)).await;
    assert_ne!(found.digest, found.kept);
    // Days alone would say that nothing differs.
    let done = appointments(&bench, tenant).run(|_| ()).await.unwrap();
    assert_eq!(done.compared.differ, found.digest.rows);
    all_is_true(&bench, tenant, "after it was mended").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn digests_of_another_tenant_stay_as_they_are() {
    let (bench, history) = followed(86).await;
    let other = bench.tenant().await;
    world::open_shop(&bench.log, other).await;
    bench.runner(projectors()).settle().await.unwrap();
    all_is_true(&bench, other, "beside another history").await;
    let clear = format!("DELETE FROM read.directory WHERE tenant_id = '{}'", other.uuid());
    by_hand(&bench, &clear).await;
    all_is_true(&bench, history.tenant, "after another's rows are gone").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_that_adds_a_column_counts_the_digests_anew() {
    let (bench, history) = followed(87).await;
    let tenant = history.tenant;
    let add = "ALTER TABLE read.appointments ADD COLUMN colour text; \
               ALTER TABLE read_next.appointments ADD COLUMN colour text; \
               ALTER TABLE read_before.appointments ADD COLUMN colour text;";
    by_hand(&bench, add).await;
    let found = looked_at(&bench, tenant, Arc::new(Appointments)).await;
    assert_ne!(found.digest, found.kept, "rows come to something else");
    by_hand(&bench, "SELECT ops.recount_digests('appointments')").await;
    all_is_true(&bench, tenant, "after the recount").await;
}
