//! Slow clients, silent clients, and the end of the server.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    body::{Body, Bytes},
    extract::DefaultBodyLimit,
    routing::{get, post},
};
use futures::{StreamExt as _, stream};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Notify,
    task::JoinHandle,
    time::Instant,
};

use super::*;

const SOON: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_mins(2);
/// What nobody waits for when all is well.
const FAILED: Duration = Duration::from_secs(30);

fn limits() -> ServerLimits {
    ServerLimits { header: LONG, idle: LONG, write: LONG, drain: LONG }
}

/// A server at work.
struct Running {
    address: SocketAddr,
    stage: watch::Sender<Stage>,
    task: JoinHandle<()>,
}

impl Running {
    async fn start(routes: Router, limits: ServerLimits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let (stage, stages) = watch::channel(Stage::Serving);
        Self { address, stage, task: tokio::spawn(serve(listener, routes, limits, stages)) }
    }

    async fn send(&self, text: &[u8]) -> TcpStream {
        let mut client = TcpStream::connect(self.address).await.expect("it accepts");
        client.write_all(text).await.expect("it reads");
        client
    }

    async fn ends(self) {
        timeout(FAILED, self.task).await.expect("it ends in time").expect("it ends well");
    }
}

/// What comes until the connection is closed.
async fn all_of(client: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let read = timeout(FAILED, client.read_to_end(&mut text)).await.expect("it is closed");
    read.expect("it is closed in order");
    String::from_utf8_lossy(&text).into_owned()
}

async fn status_line(client: &mut TcpStream) -> String {
    let mut text = [0; 12];
    let read = timeout(FAILED, client.read_exact(&mut text)).await.expect("an answer comes");
    read.expect("the connection is not reset");
    String::from_utf8_lossy(&text).into_owned()
}

fn hello() -> Router {
    Router::new().route("/", get(async || "hello"))
}

/// An answer without an end, and a note when it is given up.
fn endless() -> (Router, Arc<Notify>) {
    let given_up = Arc::new(Notify::new());
    let noted = Arc::clone(&given_up);
    let route = get(async move || {
        let guard = Dropped(Arc::clone(&noted));
        let chunk = Bytes::from(vec![b'x'; 65536]);
        let chunks = stream::repeat(chunk).map(move |chunk| {
            let _held = &guard;
            Ok::<_, std::convert::Infallible>(chunk)
        });
        Body::from_stream(chunks)
    });
    (Router::new().route("/", route), given_up)
}

struct Dropped(Arc<Notify>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[tokio::test]
async fn a_connection_whose_headers_do_not_come_in_time_is_closed() {
    let server = Running::start(hello(), ServerLimits { header: SOON, ..limits() }).await;
    for begun in ["", "GET / HT", "GET / HTTP/1.1\r\nhost: x\r\n"] {
        let mut client = server.send(begun.as_bytes()).await;
        assert_eq!(all_of(&mut client).await, "", "{begun}");
    }
}

#[tokio::test]
async fn the_second_request_of_a_connection_has_no_longer_for_its_headers() {
    let server = Running::start(hello(), ServerLimits { header: SOON, ..limits() }).await;
    let mut client = server.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(status_line(&mut client).await, "HTTP/1.1 200");
    client.write_all(b"GET / HT").await.expect("the connection is kept");
    assert!(all_of(&mut client).await.ends_with("hello"));
}

#[tokio::test]
async fn an_idle_connection_is_kept_for_the_idle_time_and_no_longer() {
    let limits = ServerLimits { header: SOON, idle: 5 * SOON, ..limits() };
    let server = Running::start(hello(), limits).await;
    let mut client = server.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(status_line(&mut client).await, "HTTP/1.1 200");
    let answered = Instant::now();
    all_of(&mut client).await;
    assert!(4 * SOON < answered.elapsed(), "{:?}", answered.elapsed());
}

#[tokio::test]
async fn an_answer_that_nobody_reads_is_given_up() {
    let (routes, given_up) = endless();
    let server = Running::start(routes, ServerLimits { write: SOON, ..limits() }).await;
    let _client = server.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    timeout(FAILED, given_up.notified()).await.expect("it is given up");
}

#[tokio::test]
async fn slow_clients_do_not_keep_the_server_from_its_end() {
    let (routes, _given_up) = endless();
    let server = Running::start(routes, ServerLimits { drain: SOON, ..limits() }).await;
    let _half = server.send(b"GET / HT").await;
    let mut deaf = server.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(status_line(&mut deaf).await, "HTTP/1.1 200");
    server.stage.send_replace(Stage::Draining);
    server.ends().await;
}

#[tokio::test]
async fn a_half_sent_request_is_not_waited_for_until_the_drain_deadline() {
    let server = Running::start(hello(), limits()).await;
    let _half = server.send(b"GET / HT").await;
    server.stage.send_replace(Stage::Draining);
    server.ends().await;
}

#[tokio::test]
async fn a_request_that_is_under_way_is_finished_before_the_end() {
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (has_begun, may_go) = (Arc::clone(&begun), Arc::clone(&go));
    let route = get(async move || {
        has_begun.notify_one();
        may_go.notified().await;
        "done"
    });
    let server = Running::start(Router::new().route("/", route), limits()).await;
    let mut client = server.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    begun.notified().await;
    server.stage.send_replace(Stage::Draining);
    go.notify_one();
    assert!(all_of(&mut client).await.ends_with("done"));
    server.ends().await;
}

#[tokio::test]
async fn the_work_for_a_client_that_hangs_up_is_given_up() {
    let (begun, given_up) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (has_begun, noted) = (Arc::clone(&begun), Arc::clone(&given_up));
    let route = get(async move || {
        let _guard = Dropped(noted);
        has_begun.notify_one();
        std::future::pending::<()>().await;
    });
    let server = Running::start(Router::new().route("/", route), limits()).await;
    let client = server.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    begun.notified().await;
    drop(client);
    timeout(FAILED, given_up.notified()).await.expect("it is given up");
}

#[tokio::test]
async fn a_server_that_shall_end_at_once_waits_for_nobody() {
    let begun = Arc::new(Notify::new());
    let has_begun = Arc::clone(&begun);
    let route = get(async move || {
        has_begun.notify_one();
        std::future::pending::<()>().await;
    });
    let server = Running::start(Router::new().route("/", route), limits()).await;
    let _client = server.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    begun.notified().await;
    server.stage.send_replace(Stage::Draining);
    server.stage.send_replace(Stage::Ending);
    server.ends().await;
}

#[tokio::test]
async fn whoever_sends_too_much_is_told_so() {
    let route = post(async |_body: Bytes| "taken");
    let routes = Router::new().route("/", route).layer(DefaultBodyLimit::max(1024 * 1024));
    let server = Running::start(routes, limits()).await;
    let size = 10 * 1024 * 1024;
    for path in ["/", "/nothing-here"] {
        let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {size}\r\n\r\n");
        let mut client = server.send(head.as_bytes()).await;
        client.write_all(&vec![b'x'; size]).await.expect("all of it is read");
        let expected = if path == "/" { "HTTP/1.1 413" } else { "HTTP/1.1 404" };
        assert_eq!(status_line(&mut client).await, expected);
        // The connection serves on.
        client
            .write_all(b"GET /x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .await
            .expect("it is kept");
        assert!(all_of(&mut client).await.contains("HTTP/1.1 404"));
    }
}
