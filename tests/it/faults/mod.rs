//! What survives `kill -9` of the program and of PostgreSQL in the middle of a booking load, and
//! that two clients never get one place.

#![expect(clippy::unwrap_used, reason = "what a test cannot have fails it")]

mod load;
mod poolers;
mod servers;
mod silence;
mod slow_clients;
mod takeover;
mod tally;
mod torture;
mod visits;

use std::{path::Path, time::Duration};

use daybook_replay_tools::{Source, verify};
use daybook_testkit::{
    audit::{Audit, audit},
    child::{self, Program},
    client::Caller,
};
use serde_json::Value;
use tempfile::TempDir;
use uuid::Uuid;

use self::load::Load;

/// Not a test: what [`Program`] runs.
#[test]
#[ignore = "it is the program that other tests start"]
fn child() {
    if let Some(code) = child::main() {
        assert_eq!(format!("{code:?}"), format!("{:?}", std::process::ExitCode::SUCCESS));
    }
}

/// The chain and every stream of the demo tenant, read beside the running program.
async fn audited(data_dir: &Path) -> Audit {
    let demo = std::fs::read_to_string(data_dir.join("demo.json")).unwrap();
    let demo: Value = serde_json::from_str(&demo).unwrap();
    let tenant: Uuid = demo["tenant"].as_str().unwrap().parse().unwrap();
    let source = Source { database_url: None, data_dir: Some(data_dir.to_owned()) };
    let history = source.open(tenant).await.unwrap();
    verify(&history).await.unwrap();
    let audit = audit(&history).await.unwrap();
    history.close().await;
    audit
}

/// Every acknowledged booking is as it was acknowledged, and there is nothing else.
async fn check(load: &Load, caller: &Caller, data_dir: &Path) {
    let audit = audited(data_dir).await;
    assert_eq!(audit.problems, Vec::<String>::new());
    let known = load.known();
    assert!(!known.is_empty(), "nothing was booked");
    assert_eq!(known, audit.appointments);
    // Nor does the list of bookings say anything else.
    assert_eq!(known, load.listed(caller, audit.head.0).await);
    assert_eq!(load.surprises(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_program_loses_no_acknowledged_booking_and_leaves_no_half_one() {
    let data_dir = TempDir::new().unwrap();
    let mut program = Program::demo(data_dir.path());
    let load = Load::prepare(&Caller::new(&program.base, &program.key), 8).await;
    for round in 1..=2 {
        let running = load.start(&Caller::new(&program.base, &program.key), 8, round);
        load.wait_for_more(80).await;
        program.kill();
        running.stop().await;
        program = Program::demo(data_dir.path());
        let caller = Caller::new(&program.base, &program.key);
        load.repeat_unanswered(&caller).await;
        check(&load, &caller, data_dir.path()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_postgresql_is_started_again_and_loses_nothing_either() {
    let data_dir = TempDir::new().unwrap();
    let mut program = Program::demo(data_dir.path());
    let caller = Caller::new(&program.base, &program.key);
    let load = Load::prepare(&caller, 8).await;
    for round in 1..=2 {
        let running = load.start(&caller, 8, round);
        load.wait_for_more(80).await;
        program.kill_postgres();
        // Bookings are accepted again, by the same program.
        load.wait_for_more(50).await;
        running.stop().await;
        assert!(program.is_running(), "the program went down with its database");
        load.repeat_unanswered(&caller).await;
        check(&load, &caller, data_dir.path()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_whose_postgresql_crashes_again_and_again_ends_with_a_failure() {
    let data_dir = TempDir::new().unwrap();
    let mut program = Program::demo(data_dir.path());
    let health = Caller::new(&program.base, &program.key).get("/api/health").await;
    assert_eq!(health.status, 200);
    program.keep_killing_postgres();
    assert!(!program.succeeded());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_of_32_clients_never_get_one_place() {
    fight(Duration::from_secs(4)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the same for a minute: cargo test -p daybook-tests --test it -- --ignored for_a_minute --nocapture"]
async fn two_of_32_clients_never_get_one_place_for_a_minute() {
    fight(Duration::from_mins(1)).await;
}

async fn fight(length: Duration) {
    let data_dir = TempDir::new().unwrap();
    let program = Program::demo(data_dir.path());
    let caller = Caller::new(&program.base, &program.key);
    let load = Load::prepare(&caller, 32).await;
    let running = load.start(&caller, 32, 7);
    tokio::time::timeout(length, load.wait_for_more(usize::MAX)).await.unwrap_err();
    running.stop().await;
    load.report(length);
    check(&load, &caller, data_dir.path()).await;
    assert_eq!(load.failures(), Vec::<String>::new());
}
