//! How rows are found, whatever statistics say.

use daybook_projections::registry::projectors;

use super::{read_models::followed, *};

#[tokio::test]
async fn every_table_of_a_read_model_plans_for_any_tenant() {
    let bench = Bench::new().await;
    let kept: Vec<String> = sqlx::query_scalar(
        "SELECT c.oid::regclass::text FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid \
          WHERE c.relnamespace = 'read'::regnamespace AND c.relkind = 'r' \
            AND a.attname = 'tenant_id' AND a.attstattarget IS DISTINCT FROM 0",
    )
    .fetch_all(&bench.pool)
    .await
    .unwrap();
    assert_eq!(kept, [] as [String; 0], "tables that keep statistics of their tenants");
}

/// The statement that loads appointments, as the projector sends it.
const LOAD: &str = include_str!("../../../projections/src/appointments/load.sql");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_that_came_after_the_statistics_is_looked_up_by_key() {
    let (bench, _history) = followed(61).await;
    let owner = PgPool::connect_with(bench.database.options.clone()).await.unwrap();
    for projector in projectors() {
        for table in projector.tables() {
            sqlx::raw_sql(&format!("ANALYZE {table}")).execute(&owner).await.unwrap();
        }
    }
    let late = bench.tenant().await;
    let copied = "INSERT INTO read.appointments SELECT (jsonb_populate_record(a, jsonb_build_object( \
        'tenant_id', $1, 'appointment_id', gen_random_uuid()))).* \
        FROM read.appointments AS a, generate_series(1, 300)";
    sqlx::query(copied).bind(late.uuid()).execute(&bench.pool).await.unwrap();
    let ids: Vec<uuid::Uuid> = sqlx::query_scalar(
        "SELECT appointment_id FROM read.appointments WHERE tenant_id = $1 LIMIT 500",
    )
    .bind(late.uuid())
    .fetch_all(&bench.pool)
    .await
    .unwrap();
    let explained = format!("EXPLAIN {LOAD}");
    let plan: Vec<String> = sqlx::query_scalar(&explained)
        .bind(late.uuid())
        .bind(&ids)
        .fetch_all(&bench.pool)
        .await
        .unwrap();
    let plan = plan.join("\n");
    assert!(plan.contains("Index Scan using appointments_pkey"), "{plan}");
}
