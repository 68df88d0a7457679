//! The leak of sqlx without the guards, and that nothing is lost with them.

use std::{future::Future, pin::pin, task::Poll};

use daybook_domain::ids::TenantId;
use sqlx::{PgConnection, PgPool, postgres::PgPoolOptions};
use uuid::Uuid;

use super::{PoolRole, Scope, pool_options, scoped_transaction, transaction};
use crate::testing::TestDatabase;

/// Rounds of a test of cancellation; in each the future is dropped after another number of polls.
const ROUNDS: i64 = 200;

#[tokio::test]
async fn a_cancelled_begin_leaks_its_transaction_from_a_pool_without_guards() {
    let (database, observer) = database_with_notes().await;
    let pool = PgPoolOptions::new().max_connections(1).connect_with(database.options.clone()).await;
    let lost = lost_notes(&pool.expect("a pool opens"), &observer).await;
    // Should this fail after an update, then sqlx has mended it and the guards may be thought over.
    assert!(lost > 0, "sqlx does not leak any more");
}

#[tokio::test]
async fn a_cancelled_begin_loses_nothing_from_a_pool_with_guards() {
    let (database, observer) = database_with_notes().await;
    let pool = pool_options(PoolRole::Append, 1).connect_with(database.options.clone()).await;
    assert_eq!(lost_notes(&pool.expect("a pool opens"), &observer).await, 0);
}

/// Cancels `begin` at different moments; after each, adds a note through the pool and asks another
/// session whether it is there.
#[expect(clippy::disallowed_methods, reason = "this is the leak that the rule is about")]
async fn lost_notes(pool: &PgPool, observer: &PgPool) -> usize {
    let mut lost = 0;
    for round in 0..ROUNDS {
        drop(poll_times(pool.begin(), round % 5).await);
        lost += usize::from(!note_arrives(pool, observer, round).await);
    }
    lost
}

#[tokio::test]
async fn a_transaction_whose_caller_is_gone_runs_to_its_end() {
    let (database, observer) = database_with_notes().await;
    let pool = pool_options(PoolRole::Append, 1).connect_with(database.options.clone()).await;
    let pool = pool.expect("a pool opens");
    for round in 0..ROUNDS {
        let (started, has_started) = tokio::sync::oneshot::channel();
        let (go, may_go) = tokio::sync::oneshot::channel::<()>();
        let outcome = poll_times(
            transaction(&pool, move |tx| {
                Box::pin(async move {
                    sqlx::query("INSERT INTO public.notes VALUES ($1)")
                        .bind(-1 - round)
                        .execute(tx)
                        .await?;
                    started.send(()).expect("the test waits");
                    drop(may_go.await);
                    Ok::<_, sqlx::Error>(())
                })
            }),
            1 + round % 5,
        )
        .await;
        assert!(outcome.is_none(), "it ended before it was let go");
        has_started.await.expect("the work runs though its caller is gone");
        go.send(()).expect("the work waits");
        // The pool has one connection: this waits for the transaction's end.
        assert!(note_arrives(&pool, &observer, round).await);
        assert!(is_there(&observer, -1 - round).await, "the transaction was not finished");
    }
}

#[tokio::test]
async fn a_transaction_that_fails_leaves_nothing() {
    let (database, observer) = database_with_notes().await;
    let pool = database.pool(PoolRole::Append).await;
    let outcome = transaction(&pool, |tx| {
        Box::pin(async move {
            sqlx::query("INSERT INTO public.notes VALUES (1)").execute(tx).await?;
            Err::<(), _>(sqlx::Error::RowNotFound)
        })
    })
    .await;
    assert!(matches!(outcome, Err(sqlx::Error::RowNotFound)));
    assert!(!is_there(&observer, 1).await);
}

#[tokio::test]
async fn a_connection_that_is_given_back_in_a_transaction_open_or_failed_serves_as_new() {
    let (database, observer) = database_with_notes().await;
    let pool = pool_options(PoolRole::Append, 1).connect_with(database.options.clone()).await;
    let pool = pool.expect("a pool opens");
    let left = ["BEGIN", "BEGIN; INSERT INTO public.notes VALUES (-7)", "BEGIN; SELECT 1 / 0"];
    let process = async |connection: &mut PgConnection| -> i32 {
        let process = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(connection).await;
        process.expect("it answers")
    };
    for (round, left) in (0..).zip(left) {
        let mut connection = pool.acquire().await.expect("the connection serves");
        let before = process(&mut connection).await;
        let done = sqlx::raw_sql(left).execute(&mut *connection).await;
        assert_eq!(done.is_err(), left.ends_with("/ 0"));
        drop(connection);
        assert!(note_arrives(&pool, &observer, round).await, "after {left}");
        let mut connection = pool.acquire().await.expect("the connection serves");
        assert_eq!(process(&mut connection).await, before, "it is the same one after {left}");
    }
    assert!(!is_there(&observer, -7).await, "what was left open is taken back");
}

#[tokio::test]
async fn the_app_role_sees_the_tenant_of_its_scope_and_nothing_without() {
    let database = TestDatabase::new().await;
    let append = database.pool(PoolRole::Append).await;
    let tenants = [1, 2].map(|id| TenantId::new(Uuid::from_u128(id)));
    for tenant in tenants {
        sqlx::query("INSERT INTO log.tenant_head (tenant_id) VALUES ($1)")
            .bind(tenant.uuid())
            .execute(&append)
            .await
            .expect("a head is made");
    }
    let app = pool_options(PoolRole::App, 1).connect_with(database.options.clone()).await;
    let app = app.expect("a pool opens");
    for tenant in tenants {
        let mut scope = Scope::acquire(&app, tenant).await.expect("a scope is taken");
        let seen: Vec<Uuid> = sqlx::query_scalar("SELECT tenant_id FROM log.tenant_head")
            .fetch_all(&mut *scope)
            .await
            .expect("heads are read");
        assert_eq!(seen, [tenant.uuid()]);
        drop(scope);
        assert!(heads(&app).await.is_empty(), "the tenant outlived its scope");
    }
    let seen: Result<Vec<Uuid>, sqlx::Error> = scoped_transaction(&app, tenants[1], |tx| {
        Box::pin(async move {
            sqlx::query_scalar("SELECT tenant_id FROM log.tenant_head").fetch_all(tx).await
        })
    })
    .await;
    assert_eq!(seen.expect("heads are read"), [tenants[1].uuid()]);
    assert!(heads(&app).await.is_empty(), "the tenant outlived its transaction");
}

async fn heads(pool: &PgPool) -> Vec<Uuid> {
    let heads = sqlx::query_scalar("SELECT tenant_id FROM log.tenant_head").fetch_all(pool).await;
    heads.expect("heads are read")
}

async fn database_with_notes() -> (TestDatabase, PgPool) {
    let database = TestDatabase::new().await;
    let observer = PgPool::connect_with(database.options.clone()).await.expect("a pool opens");
    sqlx::raw_sql(
        "CREATE TABLE public.notes (id bigint); GRANT ALL ON public.notes TO daybook_append",
    )
    .execute(&observer)
    .await
    .expect("a table is made");
    (database, observer)
}

async fn note_arrives(pool: &PgPool, observer: &PgPool, id: i64) -> bool {
    sqlx::query("INSERT INTO public.notes VALUES ($1)")
        .bind(id)
        .execute(pool)
        .await
        .expect("a note is added");
    is_there(observer, id).await
}

async fn is_there(observer: &PgPool, id: i64) -> bool {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM public.notes WHERE id = $1)")
        .bind(id)
        .fetch_one(observer)
        .await
        .expect("notes are read")
}

/// Polls a future so many times, a moment of the runtime between them, and drops it.
async fn poll_times<F: Future>(future: F, times: i64) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..times {
        let polled = std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context)));
        if let Poll::Ready(output) = polled.await {
            return Some(output);
        }
        tokio::task::yield_now().await;
    }
    None
}
