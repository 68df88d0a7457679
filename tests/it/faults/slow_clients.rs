//! Clients that send half of what they should, or do not read, and the end of the program.

use std::time::{Duration, Instant};

use daybook_testkit::child::Program;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// The drain deadline, and time to end in.
const WITHIN: Duration = Duration::from_secs(26);

fn address(program: &Program) -> &str {
    program.base.strip_prefix("http://").unwrap()
}

async fn send(program: &Program, text: &str) -> TcpStream {
    let mut client = TcpStream::connect(address(program)).await.unwrap();
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
async fn a_second_signal_ends_the_program_at_once() {
    let data_dir = TempDir::new().unwrap();
    let mut program = Program::demo(data_dir.path());
    let clients = slow_clients(&program).await;
    program.signal("TERM");
    program.signal("INT");
    let (took, is_well) = ends(&mut program);
    assert!(is_well && took < Duration::from_secs(8), "{took:?}");
    drop(clients);
}
