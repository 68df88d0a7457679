//! Somebody else in the database, whose transactions take long.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{ConnectOptions as _, Executor as _, PgConnection, postgres::PgConnectOptions};
use tokio::{task::JoinHandle, time::Instant};

/// How a transaction comes to its end.
#[derive(Clone, Copy)]
pub(super) enum End {
    Commit,
    Rollback,
}

/// A transaction that has written and is open, with all that it holds back.
pub(super) struct Stranger(JoinHandle<()>);

impl Stranger {
    pub(super) async fn begin(database: &PgConnectOptions, hold: Duration, end: End) -> Self {
        let mut stranger = database.connect().await.unwrap();
        // Our server ends what is idle for a while, unless it is told otherwise.
        stranger.execute("SET idle_in_transaction_session_timeout = 0").await.unwrap();
        stranger.execute("CREATE TABLE IF NOT EXISTS public.scribble (n int)").await.unwrap();
        stranger
            .execute(
                "BEGIN ISOLATION LEVEL REPEATABLE READ; INSERT INTO public.scribble VALUES (1)",
            )
            .await
            .unwrap();
        let began = sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(&mut stranger).await;
        let witness = database.connect().await.unwrap();
        Self(tokio::spawn(keep_open(stranger, witness, (began.unwrap(), hold), end)))
    }

    /// Waits until it is over.
    pub(super) async fn ended(self) {
        self.0.await.unwrap();
    }
}

/// Stays open for the while, and for as long as it takes until both writers and runners went on beside.
#[expect(clippy::disallowed_methods, reason = "how long it is open is what it is about")]
async fn keep_open(
    mut stranger: PgConnection,
    mut witness: PgConnection,
    (began, hold): (DateTime<Utc>, Duration),
    end: End,
) {
    tokio::time::sleep(hold).await;
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let (events, steps): (i64, i64) = sqlx::query_as(
            "SELECT (SELECT count(*) FROM log.events WHERE recorded_at > $1), \
                    (SELECT count(*) FROM public.passed WHERE at > $1)",
        )
        .bind(began)
        .fetch_one(&mut witness)
        .await
        .unwrap();
        if 0 < events && 0 < steps {
            break;
        }
        assert!(Instant::now() < deadline, "{events} events, {steps} steps beside the stranger");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let end = match end {
        End::Commit => "COMMIT",
        End::Rollback => "ROLLBACK",
    };
    stranger.execute(end).await.unwrap();
}

/// What was committed before the move is there, what was rolled back after it is not.
pub(super) async fn assert_only_the_first_is_there(database: &PgConnectOptions) {
    let mut owner = database.connect().await.unwrap();
    let scribbles: i64 = sqlx::query_scalar("SELECT count(*) FROM public.scribble")
        .fetch_one(&mut owner)
        .await
        .unwrap();
    assert_eq!(scribbles, 1);
}
