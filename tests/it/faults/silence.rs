//! Connections to PostgreSQL that stay open and pass nothing on.

use std::time::{Duration, Instant};

use daybook_domain::ids::TenantId;
use daybook_replay_tools::{Source, verify};
use daybook_testkit::{
    audit::{Audit, audit},
    child::Program,
    client::Caller,
    programs::address,
    proxy::Proxy,
};

use super::{load::Load, torture::KEY};
use crate::http::TestApp;

/// How long it may take until bookings are accepted again.
const WITHIN: Duration = Duration::from_secs(15);

/// A server whose connections to the database pass through a proxy.
struct Silenced {
    app: TestApp,
    tenant: TenantId,
    caller: Caller,
    proxy: Proxy,
    program: Program,
}

impl Silenced {
    async fn start() -> Self {
        let app = TestApp::new().await;
        let key = app.tenant(&["admin"]).await;
        let holder = app.app.keys.holder(&key.clone().into(), app.app.clock.now()).await;
        let tenant = holder.unwrap().unwrap().tenant;
        let proxy = Proxy::start(&app.database.options).await;
        let url = proxy.url(&app.database.options);
        let program = tokio::task::block_in_place(|| Program::serve(&url, KEY)).unwrap();
        let caller = Caller::new(&program.base, &key);
        Self { app, tenant, caller, proxy, program }
    }

    async fn audited(&self) -> Audit {
        let database_url = Some(address(&self.app.database.options));
        let source = Source { database_url, data_dir: None };
        let history = source.open(self.tenant.uuid()).await.unwrap();
        verify(&history).await.unwrap();
        let audit = audit(&history).await.unwrap();
        history.close().await;
        audit
    }
}

#[expect(clippy::print_stdout, reason = "the measured times are for whoever runs it")]
async fn freeze(clients: u64, rounds: usize) {
    let server = Silenced::start().await;
    let load = Load::prepare(&server.caller, 32).await;
    let running = load.start(&server.caller, clients, 11);
    for round in 1..=rounds {
        load.wait_for_more(200).await;
        server.proxy.freeze();
        let frozen = Instant::now();
        // More than those that were on their way.
        load.wait_for_more(100).await;
        let took = frozen.elapsed();
        println!("round {round}: bookings again after {took:?}");
        assert!(took < WITHIN, "round {round}: {took:?}");
    }
    running.stop().await;
    load.repeat_unanswered(&server.caller).await;
    let audit = server.audited().await;
    assert_eq!(audit.problems, Vec::<String>::new());
    // What was refused is not there, and what was accepted is: no unknown outcome was told as a refusal.
    assert_eq!(load.known(), audit.appointments);
    assert_eq!(load.surprises(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bookings_go_on_within_seconds_after_every_connection_has_gone_silent() {
    freeze(32, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the same ten times: cargo test -p daybook-tests --test it -- --ignored silence::ten --nocapture"]
async fn ten_silences_in_a_row_lose_nothing_and_use_up_no_connection() {
    freeze(32, 10).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_booking_whose_answer_was_lost_on_the_way_is_found_in_the_log() {
    let server = Silenced::start().await;
    let load = Load::prepare(&server.caller, 1).await;
    let running = load.start(&server.caller, 1, 3);
    load.wait_for_more(20).await;
    server.proxy.lose_answers();
    load.wait_for_more(20).await;
    running.stop().await;
    assert_eq!(load.failures(), Vec::<String>::new());
    assert_eq!(load.known(), server.audited().await.appointments);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_whose_database_has_gone_silent_ends_within_five_seconds() {
    let mut server = Silenced::start().await;
    assert_eq!(server.caller.get("/api/health").await.status, 200);
    server.proxy.freeze_all();
    server.program.signal("INT");
    let begin = Instant::now();
    let is_well = tokio::task::block_in_place(|| server.program.succeeded());
    assert!(is_well && begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_says_within_seconds_that_the_database_has_gone_silent() {
    let server = Silenced::start().await;
    assert_eq!(server.caller.get("/api/health").await.status, 200);
    server.proxy.freeze_all();
    let begin = Instant::now();
    // What was asked a moment ago counts for a second.
    while server.caller.get("/api/health").await.status == 200 {
        assert!(begin.elapsed() < Duration::from_secs(6), "{:?}", begin.elapsed());
    }
    assert_eq!(server.caller.get("/api/health").await.body["status"], "down");
}
