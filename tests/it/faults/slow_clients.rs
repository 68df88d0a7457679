//! Clients that send half of what they should, or do not read, and the end of the program.

use std::time::{Duration, Instant};

use daybook_testkit::{
    child::Program,
    client::{Caller, Salon},
    programs::address,
};
use serde_json::json;
use sqlx::{ConnectOptions as _, PgConnection};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::interval,
};

use super::torture::KEY;
use crate::http::TestApp;

/// The drain deadline, and time to end in.
const WITHIN: Duration = Duration::from_secs(26);

fn host(program: &Program) -> &str {
    program.base.strip_prefix("http://").unwrap()
}

async fn send(program: &Program, text: &str) -> TcpStream {
    let mut client = TcpStream::connect(host(program)).await.unwrap();
    client.write_all(text.as_bytes()).await.unwrap();
    client
}

/// Followers of the feed that read nothing but the first line of the answer, and clients that have sent
/// half of their headers.
async fn slow_clients(program: &Program) -> Vec<TcpStream> {
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(send(program, "GET /api/health HTTP/1.1\r\nhost: x\r\n").await);
        let key = &program.key;
        let feed = format!(
            "GET /api/v2/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n\
             accept: text/event-stream\r\n\r\n"
        );
        let mut deaf = send(program, &feed).await;
        let mut status = [0; 12];
        deaf.read_exact(&mut status).await.unwrap();
        assert_eq!(&status, b"HTTP/1.1 200");
        clients.push(deaf);
    }
    clients
}

/// How long the program takes to end, and whether it ends well.
fn ends(program: &mut Program) -> (Duration, bool) {
    let begin = Instant::now();
    let ended = tokio::task::block_in_place(|| program.succeeded());
    (begin.elapsed(), ended)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_clients_do_not_keep_the_program_from_its_end() {
    let data_dir = TempDir::new().unwrap();
    let mut program = Program::demo(data_dir.path());
    let clients = slow_clients(&program).await;
    program.signal("TERM");
    let (took, is_well) = ends(&mut program);
    assert!(is_well && took < WITHIN, "{took:?}");
    drop(clients);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_the_program_at_once_with_its_leases_released_and_receipts_written() {
    let app = TestApp::new().await;
    let key = app.tenant(&["admin"]).await;
    let url = address(&app.database.options);
    let mut program = tokio::task::block_in_place(|| Program::serve(&url, KEY)).unwrap();
    program.key = key;
    let mut owner = app.database.options.connect().await.unwrap();
    let mut pace = interval(Duration::from_millis(50));
    while count(&mut owner, HELD_LEASES).await == 0 {
        pace.tick().await;
    }
    let caller = Caller::new(&program.base, &program.key);
    let salon = Salon::open(&caller, 30, 30, 0).await;
    let clients = slow_clients(&program).await;
    let question = json!({ "service_id": salon.service, "branch_id": salon.branch,
        "date_from": "2027-01-12", "date_to": "2027-01-12" });
    let answer = caller.post("/api/v2/availability/search", &question).await;
    assert_eq!(answer.status, 200, "{:#}", answer.body);
    program.signal("TERM");
    program.signal("INT");
    let (took, is_well) = ends(&mut program);
    assert!(is_well && took < Duration::from_secs(8), "{took:?}");
    assert_eq!(count(&mut owner, HELD_LEASES).await, 0);
    assert_eq!(count(&mut owner, "SELECT count(*) FROM ops.receipts").await, 1);
    drop(clients);
}

const HELD_LEASES: &str = "SELECT count(*) FROM ops.leases WHERE owner IS NOT NULL";

async fn count(owner: &mut PgConnection, statement: &str) -> i64 {
    sqlx::query_scalar(statement).fetch_one(owner).await.unwrap()
}
