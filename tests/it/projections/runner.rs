//! The runner: nothing is missed, nothing comes twice, and a failure stays where it belongs.

use std::sync::atomic::Ordering;

use daybook_projections::runner::{Retried, RunnerError, WaitError};

use super::*;

fn all_until(position: Position) -> Vec<i64> {
    (1..=position.0.cast_signed()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settling_brings_every_tenant_to_its_head() {
    let bench = Bench::new().await;
    Tally::table(&bench).await;
    let tally = Tally::new("tally");
    let runner = bench.runner(vec![tally.clone()]);
    let (one, other) = (bench.tenant().await, bench.tenant().await);
    for number in 0..5 {
        bench.note(one, &format!("s{number}"), "1").await;
    }
    let last = bench.note(other, "s", "1").await;
    runner.settle().await.unwrap();
    assert_eq!(tally.positions(&bench, one).await, all_until(Position(5)));
    assert_eq!(tally.positions(&bench, other).await, all_until(last));
    assert_eq!(tally.batches.load(Ordering::Relaxed), 2, "a batch per tenant");
    runner.settle().await.unwrap();
    assert_eq!(tally.batches.load(Ordering::Relaxed), 2, "nothing was left to do");
    let lag = runner.lag().await.unwrap();
    assert_eq!((lag[0].events, lag[0].tenants, lag[0].parked), (0, 0, 0));
    bench.note(one, "s0", "1").await;
    assert_eq!(runner.lag().await.unwrap()[0].events, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failing_event_parks_its_stream_for_its_projector_alone_and_is_retried() {
    let bench = Bench::new().await;
    Tally::table(&bench).await;
    let (strict, easy) = (Tally::new("strict"), Tally::new("easy"));
    easy.refuses.store(false, Ordering::Relaxed);
    let runner = bench.runner(vec![strict.clone(), easy.clone()]);
    let tenant = bench.tenant().await;
    for (stream, payload) in [("a", "1"), ("b", "\"bad\""), ("a", "1"), ("b", "1")] {
        bench.note(tenant, stream, payload).await;
    }
    runner.settle().await.unwrap();
    let last = bench.note(tenant, "b", "1").await;
    runner.settle().await.unwrap();
    assert_eq!(easy.positions(&bench, tenant).await, all_until(last));
    assert_eq!(strict.positions(&bench, tenant).await, [1, 3]);

    let parked = runner.parked(tenant).await.unwrap();
    assert_eq!(parked.len(), 1);
    assert_eq!((parked[0].projector.as_str(), parked[0].aggregate_id.as_str()), ("strict", "b"));
    assert_eq!((parked[0].position, parked[0].events_behind, parked[0].attempts), (2, 2, 1));
    assert_eq!(parked[0].error, "a bad note");
    assert_eq!(runner.lag().await.unwrap()[0].parked, 1);

    let stream = StreamId::new("note", "b");
    let again = runner.retry_parked(tenant, "strict", 1, &stream).await.unwrap();
    let error = "a bad note".to_owned();
    assert_eq!(again, Retried::StillParked { position: Position(2), error });
    assert_eq!(runner.parked(tenant).await.unwrap()[0].attempts, 2);

    strict.refuses.store(false, Ordering::Relaxed);
    let again = runner.retry_parked(tenant, "strict", 1, &stream).await.unwrap();
    assert_eq!(again, Retried::CaughtUp(3));
    assert_eq!(strict.positions(&bench, tenant).await, all_until(last));
    assert!(runner.parked(tenant).await.unwrap().is_empty());
    let last = bench.note(tenant, "b", "1").await;
    runner.settle().await.unwrap();
    assert_eq!(strict.positions(&bench, tenant).await, all_until(last));
    let nothing = runner.retry_parked(tenant, "strict", 1, &stream).await.unwrap();
    assert_eq!(nothing, Retried::NotParked);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_projector_waits_alone_and_catches_up_once_it_is_mended() {
    let bench = Bench::new().await;
    Tally::table(&bench).await;
    let (broken, sound) = (Tally::new("broken"), Tally::new("sound"));
    broken.is_broken.store(true, Ordering::Relaxed);
    let runner = bench.runner(vec![broken.clone(), sound.clone()]);
    let tenant = bench.tenant().await;
    let last = bench.note(tenant, "a", "1").await;
    let outcome = runner.settle().await;
    assert!(matches!(outcome, Err(RunnerError::Halted { projector: "broken", .. })), "{outcome:?}");
    assert_eq!(sound.positions(&bench, tenant).await, all_until(last));
    assert!(broken.positions(&bench, tenant).await.is_empty());
    assert!(runner.parked(tenant).await.unwrap().is_empty(), "no event is at fault");
    broken.is_broken.store(false, Ordering::Relaxed);
    runner.settle().await.unwrap();
    assert_eq!(broken.positions(&bench, tenant).await, all_until(last));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_runners_share_the_work_and_neither_misses_nor_repeats_an_event() {
    let bench = Bench::new().await;
    Tally::table(&bench).await;
    let tally = Tally::new("tally");
    let runners = [
        bench.runner_with(vec![tally.clone()], impatient()),
        bench.runner_with(vec![tally.clone()], impatient()),
    ];
    let handles = runners.each_ref().map(|runner| runner.start(wakeups(bench.log.hints())));
    let mut tenants = Vec::new();
    for _ in 0..12 {
        tenants.push(bench.tenant().await);
    }
    let mut last = Position(0);
    for _ in 0..30 {
        for tenant in &tenants {
            last = bench.note(*tenant, "s", "1").await;
        }
    }
    let checkpoints = runners[0].checkpoints();
    for tenant in &tenants {
        let timeout = Duration::from_secs(20);
        checkpoints.wait_for(*tenant, &*tally, last, timeout).await.unwrap();
        assert_eq!(tally.positions(&bench, *tenant).await, all_until(last));
    }
    for handle in handles {
        handle.stop().await;
    }
    let held: i64 = sqlx::query_scalar("SELECT count(*) FROM ops.leases WHERE owner IS NOT NULL")
        .fetch_one(&bench.pool)
        .await
        .unwrap();
    assert_eq!(held, 0, "a stopped runner gives its leases back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_runner_loses_nothing_and_the_other_takes_over() {
    let bench = Bench::new().await;
    Tally::table(&bench).await;
    let tally = Tally::new("tally");
    let doomed = bench.runner_with(vec![tally.clone()], impatient());
    let heir = bench.runner_with(vec![tally.clone()], impatient());
    let tenant = bench.tenant().await;
    let mut last = Position(0);
    for _ in 0..400 {
        last = bench.note(tenant, "s", "1").await;
    }
    let killed = doomed.start(wakeups(bench.log.hints()));
    let checkpoints = doomed.checkpoints();
    let seconds = Duration::from_secs(20);
    checkpoints.wait_for(tenant, &*tally, Position(20), seconds).await.unwrap();
    // In the middle of its work: nobody is told, the leases stand until they run out.
    drop(killed);
    let handle = heir.start(wakeups(bench.log.hints()));
    for _ in 0..100 {
        last = bench.note(tenant, "s", "1").await;
    }
    heir.checkpoints().wait_for(tenant, &*tally, last, seconds).await.unwrap();
    assert_eq!(tally.positions(&bench, tenant).await, all_until(last));
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runners_that_settle_at_once_do_not_repeat_an_event() {
    let bench = Bench::new().await;
    Tally::table(&bench).await;
    let tally = Tally::new("tally");
    let config = RunnerConfig { batch: 7, ..RunnerConfig::default() };
    let tenant = bench.tenant().await;
    let mut last = Position(0);
    for _ in 0..200 {
        last = bench.note(tenant, "s", "1").await;
    }
    let settled = (0..4).map(|_| {
        let runner = bench.runner_with(vec![tally.clone()], config);
        tokio::spawn(async move { runner.settle().await })
    });
    for outcome in futures::future::join_all(settled).await {
        outcome.unwrap().unwrap();
    }
    assert_eq!(tally.positions(&bench, tenant).await, all_until(last));
}

#[tokio::test]
async fn waiting_for_a_position_that_nobody_reaches_says_where_the_projector_stands() {
    let bench = Bench::new().await;
    Tally::table(&bench).await;
    let tally = Tally::new("tally");
    let runner = bench.runner(vec![tally.clone()]);
    let tenant = bench.tenant().await;
    let first = bench.note(tenant, "s", "1").await;
    runner.settle().await.unwrap();
    let checkpoints = runner.checkpoints();
    let short = Duration::from_millis(20);
    assert_eq!(checkpoints.wait_for(tenant, &*tally, first, short).await.unwrap(), first);
    let waited = checkpoints.wait_for(tenant, &*tally, Position(2), short).await;
    assert!(matches!(waited, Err(WaitError::NotReached { reached }) if reached == first));
}
