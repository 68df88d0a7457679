//! The HTTP server: accepts connections, gives each of them deadlines, and ends them in order.
//!
//! axum's own server waits for ever: for a header that is half sent, for a client that does not read its
//! answer, for the last connection before it ends. Here every one of these waits has an end.

mod answer;
mod connection;
#[cfg(test)]
mod tests;
mod unread;

use std::time::Duration;

use axum::Router;
use tokio::{
    net::TcpListener,
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

use self::connection::Connection;

/// How long a client may keep a connection waiting.
#[derive(Clone, Copy, Debug)]
pub struct ServerLimits {
    /// From the first byte of a request, or from the accepted connection, to the end of its headers.
    pub header: Duration,
    /// From an answer to the next request on the same connection.
    pub idle: Duration,
    /// For a client that does not read what is written to it.
    pub write: Duration,
    /// For everything that is under way when the server is told to stop.
    pub drain: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            header: Duration::from_secs(10),
            // Longer than the 60 seconds that load balancers keep idle connections: they close first.
            idle: Duration::from_secs(75),
            write: Duration::from_secs(30),
            drain: Duration::from_secs(20),
        }
    }
}

/// How far the program has come with its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// It serves.
    Serving,
    /// It accepts no connections, and finishes what is under way.
    Draining,
    /// It ends what is under way.
    Ending,
}

/// The stage of the program, for everyone who waits for it.
pub type Stages = watch::Receiver<Stage>;

/// Waits until the program has come to a stage. A program of which nobody decides any more is ending.
pub async fn reached(stages: &mut Stages, stage: Stage) {
    // An error means that the sender is gone.
    drop(stages.wait_for(|current| stage <= *current).await);
}

/// Serves until [`Stage::Draining`], then finishes what is under way: until the drain deadline, or
/// [`Stage::Ending`].
pub async fn serve(listener: TcpListener, routes: Router, limits: ServerLimits, stages: Stages) {
    let mut connections = JoinSet::new();
    let mut draining = stages.clone();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let connection = Connection::new(stream, peer, limits, stages.clone());
                    connections.spawn(connection.serve(routes.clone()));
                }
                Err(error) => accept_failed(&error).await,
            },
            Some(_ended) = connections.join_next() => (),
            () = reached(&mut draining, Stage::Draining) => break,
        }
    }
    drop(listener);
    let mut ending = stages;
    tokio::select! {
        drained = timeout(limits.drain, async { while connections.join_next().await.is_some() {} }) => {
            if drained.is_err() {
                tracing::warn!(connections = connections.len(), "connections were closed unfinished");
            }
        }
        () = reached(&mut ending, Stage::Ending) => (),
    }
    connections.shutdown().await;
}

/// Without a pause a process that has no file descriptors left would do nothing but ask for one.
#[expect(clippy::disallowed_methods, reason = "nothing tells that there are descriptors again")]
async fn accept_failed(error: &std::io::Error) {
    use std::io::ErrorKind;

    let is_of_the_client = matches!(
        error.kind(),
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
    );
    if !is_of_the_client {
        tracing::error!(%error, "connections cannot be accepted");
        sleep(Duration::from_secs(1)).await;
    }
}
