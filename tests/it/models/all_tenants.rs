//! Read models of all tenants made again at once.

use sqlx::{Connection as _, Executor as _, PgConnection};

use super::*;

/// Some tenants in the order in which they get their turn.
async fn tenants() -> Vec<Bench> {
    let first = Bench::new().await;
    let mut all = vec![first.beside().await, first.beside().await, first];
    all.sort_by_key(|bench| bench.tenant);
    all
}

/// Nobody has done anything, say the activity logs of all tenants.
async fn spoil(bench: &Bench) {
    bench.spoil("UPDATE read.activity_log SET actor = 'nobody'").await;
}

const REBUILD: &[&str] = &["--master-key", KEY, "rebuild", "--all-tenants"];
const LOOK: &[&str] = &["diff", "--projector", "activity_log"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_whose_read_models_cannot_be_made_does_not_keep_the_others_from_theirs() {
    let tenants = tenants().await;
    let failing = &tenants[0];
    let id = RandomIds.next_id();
    failing.append(("appointment", "booked", "99.0.0"), id, &json!({})).await;
    failing.runner.settle().await.unwrap();
    spoil(failing).await;
    assert!(!failing.run_for_any(REBUILD).await, "it has failed with one tenant");
    for bench in &tenants {
        assert!(bench.run(LOOK).await, "what can be made is made, of all tenants");
    }
    for bench in &tenants[1..] {
        assert!(bench.run(&["--master-key", KEY, "verify"]).await);
    }
    let position = failing.log.head(failing.tenant).await.unwrap().unwrap().position.to_string();
    let skip = ["parked", "skip", "--reason", "made by a later version", "--position", &position];
    assert!(failing.run(&skip).await);
    failing.runner.settle().await.unwrap();
    assert!(failing.run_for_any(&[REBUILD, &["--json"]].concat()).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_tenants_and_one_of_them_exclude_each_other() {
    let bench = Bench::new().await;
    spoil(&bench).await;
    assert!(!bench.run(REBUILD).await);
    assert!(!bench.run_for_any(&["rebuild", "--all-tenants"]).await, "no key, no names");
    assert!(!bench.run(LOOK).await, "nothing was made");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_over_all_tenants_that_was_broken_off_is_begun_anew_and_comes_to_its_end() {
    let tenants = tenants().await;
    spoil(&tenants[0]).await;
    // Somebody holds the second tenant up.
    let mut holder = PgConnection::connect_with(&tenants[0].database.options).await.unwrap();
    holder.execute("BEGIN").await.unwrap();
    sqlx::query("SELECT FROM ops.checkpoints WHERE tenant_id = $1 FOR UPDATE")
        .bind(tenants[1].tenant.uuid())
        .execute(&mut holder)
        .await
        .unwrap();
    tokio::select! {
        _ = tenants[0].run_for_any(REBUILD) => panic!("it passed the tenant that is held"),
        () = made(&tenants[0]) => {}
    }
    assert!(tenants[0].run(LOOK).await);
    assert!(!tenants[2].run(LOOK).await, "it did not come so far");
    holder.execute("ROLLBACK").await.unwrap();
    assert!(tenants[0].run_for_any(REBUILD).await);
    for bench in &tenants {
        assert!(bench.run(&["--master-key", KEY, "verify"]).await);
    }
}

/// Waits until all read models of a tenant were made again.
async fn made(bench: &Bench) {
    let all = i64::try_from(projectors().len()).unwrap();
    loop {
        let done: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM ops.rebuilds WHERE tenant_id = $1 AND swapped_at IS NOT NULL",
        )
        .bind(bench.tenant.uuid())
        .fetch_one(&bench.owner)
        .await
        .unwrap();
        if done == all {
            return;
        }
    }
}
