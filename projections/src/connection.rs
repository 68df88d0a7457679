//! Connections that keep nobody waiting without end.
//!
//! A connection may go silent: the machine at the other end is gone, a firewall has forgotten it, a proxy
//! holds it open and passes nothing on. sqlx waits for the next byte for ever then, and when the caller
//! gives up, the pool waits in its place. So whoever takes a connection takes a [`Held`], waits with a
//! deadline, and gives a silent connection up instead of giving it back.

use std::{
    future::{Future, poll_fn},
    io,
    ops::{Deref, DerefMut},
    pin::pin,
    task::Poll,
    time::Duration,
};

use sqlx::{PgConnection, PgPool, Postgres, pool::PoolConnection};
use tokio::{
    runtime::Handle,
    time::{Instant, error::Elapsed, sleep_until, timeout},
};

/// How long a statement that looks up or writes some rows may take.
pub const STATEMENT: Duration = Duration::from_secs(5);

/// How long a connection may take to be cleaned and taken back by its pool.
const RELEASE: Duration = Duration::from_secs(2);

/// The database did not answer in time.
pub fn silent() -> sqlx::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the database did not answer in time").into()
}

/// A connection of a pool. Dropped, it goes back: within a deadline, or not at all.
#[derive(Debug)]
pub struct Held {
    /// Always there until it is dropped.
    connection: Option<PoolConnection<Postgres>>,
}

impl Held {
    /// Takes a connection; the pool has its own deadline for this.
    pub async fn acquire(pool: &PgPool) -> Result<Self, sqlx::Error> {
        Ok(Self { connection: Some(pool.acquire().await?) })
    }

    /// Closes it without the closing message to the server, which may not read any more.
    pub fn discard(mut self) {
        if let Some(connection) = self.connection.take() {
            drop(connection.detach());
        }
    }

    /// Keeps it after a statement that had a deadline, or discards it if the deadline has passed.
    pub fn after<T>(
        self,
        outcome: Result<Result<T, sqlx::Error>, Elapsed>,
    ) -> Result<(Self, T), sqlx::Error> {
        match outcome {
            Ok(outcome) => Ok((self, outcome?)),
            Err(_elapsed) => {
                self.discard();
                Err(silent())
            }
        }
    }

    /// As [`Held::after`], and gives it back.
    pub fn finish<T>(
        self,
        outcome: Result<Result<T, sqlx::Error>, Elapsed>,
    ) -> Result<T, sqlx::Error> {
        self.after(outcome).map(|(_given_back, value)| value)
    }
}

impl Deref for Held {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.connection.as_ref().expect("a connection is held")
    }
}

impl DerefMut for Held {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.connection.as_mut().expect("a connection is held")
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let (Some(mut connection), Ok(runtime)) = (self.connection.take(), Handle::try_current())
        else {
            return;
        };
        // What the pool itself does when a connection is dropped, but for the deadline.
        runtime.spawn(async move {
            if timeout(RELEASE, connection.return_to_pool()).await.is_err() {
                tracing::warn!("a connection to the database is silent and was closed");
            }
        });
    }
}

/// Nothing has happened for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing has happened for too long")]
pub struct Stalled;

/// Runs a future for as long as it makes progress: it is given up when nothing that it waits for has
/// happened within `limit`. For work of many steps, of which nobody knows how many there are.
pub async fn unless_stalled<F: Future>(limit: Duration, future: F) -> Result<F::Output, Stalled> {
    let mut future = pin!(future);
    let mut deadline = pin!(sleep_until(Instant::now() + limit));
    poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        if deadline.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(Stalled));
        }
        // Not the deadline has woken the task, but something that the future waits for.
        deadline.as_mut().reset(Instant::now() + limit);
        Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::interval;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(300);

    #[tokio::test]
    async fn work_that_makes_progress_is_not_given_up() {
        let steps = async {
            let mut ticks = interval(LIMIT / 6);
            for _ in 0..10 {
                ticks.tick().await;
            }
        };
        assert_eq!(unless_stalled(LIMIT, steps).await, Ok(()));
    }

    #[tokio::test]
    async fn work_that_waits_for_something_that_does_not_happen_is_given_up() {
        let begin = Instant::now();
        assert_eq!(unless_stalled(LIMIT, pending::<()>()).await, Err(Stalled));
        assert!(LIMIT <= begin.elapsed());
    }
}
