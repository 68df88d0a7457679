//! Read models made from the log alone: as of a moment, compared, and put in the place of the live
//! ones.

use daybook_domain::appointment::AppointmentStatus;
use daybook_projections::{
    appointments::{self, AppointmentRow, Appointments},
    aside::{
        AsideError, Compared, Progress, Rebuild, Until, compare, fold_into_temporary, rows_as_of,
    },
    customers::Customers,
    directory::Directory,
    registry::projectors,
    tx::transaction,
};

use super::{history::History, read_models::followed, *};

/// What a fold of the whole history says of the live rows of all read models.
async fn compared(bench: &Bench, tenant: TenantId) -> Compared {
    let log = Arc::clone(&bench.log);
    let compared: Result<Compared, AsideError> = transaction(&bench.pool, move |tx| {
        Box::pin(async move {
            let all = projectors();
            fold_into_temporary(tx, &log, tenant, &all, Until::Head).await?;
            let mut sum = Compared::default();
            for projector in all {
                let one = compare(tx, tenant, projector.as_ref(), &[], 10).await?;
                sum.rows += one.rows;
                sum.differ += one.differ;
                sum.first.extend(one.first);
            }
            Ok(sum)
        })
    })
    .await;
    compared.unwrap()
}

/// The appointments as of a moment.
async fn as_of(bench: &Bench, tenant: TenantId, until: Until) -> (Position, Vec<AppointmentRow>) {
    let log = Arc::clone(&bench.log);
    let found: Result<_, AsideError> = transaction(&bench.pool, move |tx| {
        Box::pin(async move {
            let projectors: [Arc<dyn Projector>; 1] = [Arc::new(Appointments)];
            let folded = fold_into_temporary(tx, &log, tenant, &projectors, until).await?;
            let filter = appointments::AppointmentFilter::default();
            let rows = appointments::list_folded(tx, tenant, &filter, None, 1000).await?;
            Ok((folded.position, rows))
        })
    })
    .await;
    found.unwrap()
}

async fn live(bench: &Bench, tenant: TenantId) -> Vec<AppointmentRow> {
    let mut connection = bench.pool.acquire().await.unwrap();
    let filter = appointments::AppointmentFilter::default();
    appointments::list(&mut connection, tenant, &filter, None, 1000).await.unwrap()
}

async fn spoil(bench: &Bench, statement: &str, tenant: TenantId) -> u64 {
    let done = sqlx::query(statement).bind(tenant.uuid()).execute(&bench.pool).await.unwrap();
    done.rows_affected()
}

fn rebuild(bench: &Bench, tenant: TenantId, projector: impl Projector) -> Rebuild<MemoryLog> {
    Rebuild::new(bench.pool.clone(), Arc::clone(&bench.log), tenant, Arc::new(projector))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_rows_are_what_a_fold_of_the_log_says_and_a_change_by_hand_is_found() {
    let (bench, history) = followed(31).await;
    let tenant = history.tenant;
    let whole = compared(&bench, tenant).await;
    assert!(whole.rows > 100 && whole.differ == 0, "{whole:?}");
    let spoilt = spoil(
        &bench,
        "UPDATE read.appointments SET price_minor = price_minor + 1 WHERE tenant_id = $1 \
         AND appointment_id = (SELECT max(appointment_id::text)::uuid FROM read.appointments)",
        tenant,
    );
    assert_eq!(spoilt.await, 1);
    let gone = "DELETE FROM read.directory WHERE tenant_id = $1 AND kind = 'branch'";
    let gone = spoil(&bench, gone, tenant).await;
    let found = compared(&bench, tenant).await;
    assert_eq!(found.differ, 1 + gone, "{found:?}");
    let (live, log) = (&found.first[0].live, &found.first[0].log);
    assert_eq!(found.first[0].table, "read.appointments");
    assert_eq!(live.as_object().unwrap().len(), 1, "only what differs is told: {live}");
    assert_eq!(live["price_minor"].as_i64().unwrap(), log["price_minor"].as_i64().unwrap() + 1);
    assert!(found.first[1].live.is_null() && found.first[1].log["name"].is_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_as_of_a_moment_is_the_answer_that_was_given_then() {
    let bench = Bench::new().await;
    let tenant = bench.tenant().await;
    world::open_shop(&bench.log, tenant).await;
    let runner = bench.runner(projectors());
    let mut history = History::new(tenant, 77);
    let mut given = Vec::new();
    for _ in 0..60 {
        history.step(&*bench.log).await;
        if history.below(6) == 0 {
            runner.settle().await.unwrap();
            let head = bench.log.head(tenant).await.unwrap().unwrap().position;
            given.push((head, live(&bench, tenant).await));
        }
    }
    runner.settle().await.unwrap();
    let now = live(&bench, tenant).await;
    assert!(given.len() > 5 && now.len() > 5);
    for round in ["before", "after"] {
        for (position, rows) in &given {
            let (reached, again) = as_of(&bench, tenant, Until::Position(*position)).await;
            assert_eq!((reached, &again), (*position, rows), "{round} the rebuild");
            // On the same connections as before: no statement remembers the tables of a question.
            assert_eq!(live(&bench, tenant).await, now);
        }
        rebuild(&bench, tenant, Appointments).run(|_| ()).await.unwrap();
    }
    // By the clock of the log: all events that it had taken by then.
    let events = bench.log.read_tenant(tenant, Position(0), 10_000).await.unwrap();
    let middle = &events[events.len() / 2];
    let by_then = events.iter().filter(|event| event.recorded_at <= middle.recorded_at).count();
    let (reached, _) = as_of(&bench, tenant, Until::Instant(middle.recorded_at)).await;
    assert_eq!(reached.0, by_then as u64);
    let before_all = chrono::DateTime::UNIX_EPOCH;
    assert_eq!(as_of(&bench, tenant, Until::Instant(before_all)).await, (Position(0), Vec::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_mends_what_is_live_and_can_be_taken_back() {
    let (bench, mut history) = followed(32).await;
    let tenant = history.tenant;
    let right = live(&bench, tenant).await;
    let statement = "UPDATE read.appointments SET status = 'no_show' WHERE tenant_id = $1";
    let spoilt = spoil(&bench, statement, tenant).await;
    let rebuild = rebuild(&bench, tenant, Appointments);
    let seen = std::sync::Mutex::new(Vec::new());
    let done = rebuild.run(|at: Progress| seen.lock().unwrap().push(at)).await.unwrap();
    assert_eq!(done.compared.rows, right.len() as u64);
    assert!(0 < done.compared.differ && done.compared.differ <= spoilt);
    let head = bench.log.head(tenant).await.unwrap().unwrap().position;
    assert_eq!((done.position, done.events), (head, head.0));
    let seen = seen.into_inner().unwrap();
    assert_eq!(seen.last().unwrap(), &Progress { position: head, head });
    assert_eq!(live(&bench, tenant).await, right);

    // The live projector goes on after it, and once more after it was taken back.
    let runner = bench.runner(projectors());
    while !history.step(&*bench.log).await {}
    runner.settle().await.unwrap();
    assert_eq!(compared(&bench, tenant).await.differ, 0);
    assert_eq!(rebuild.take_back().await.unwrap(), head);
    let taken_back = live(&bench, tenant).await;
    let was_there =
        |row: &&AppointmentRow| right.iter().any(|it| it.appointment_id == row.appointment_id);
    let statuses: Vec<_> = taken_back.iter().filter(was_there).map(|row| row.status).collect();
    assert_eq!(statuses, vec![AppointmentStatus::NoShow; right.len()]);
    assert!(matches!(rebuild.take_back().await, Err(AsideError::NothingBefore)));
    rebuild.run(|_| ()).await.unwrap();
    bench.runner(projectors()).settle().await.unwrap();
    assert_eq!(compared(&bench, tenant).await.differ, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_takes_in_what_happens_meanwhile_and_touches_no_other_tenant() {
    let (bench, mut history) = followed(33).await;
    let (other_bench_rows, tenant) = (live(&bench, history.tenant).await, history.tenant);
    let stranger = bench.tenant().await;
    let mut strangers = History::new(stranger, 34);
    for _ in 0..20 {
        strangers.step(&*bench.log).await;
    }
    let runner = bench.runner(projectors());
    runner.settle().await.unwrap();
    let strange_rows = live(&bench, stranger).await;
    assert!(!strange_rows.is_empty() && !other_bench_rows.is_empty());
    // The runner works while the rebuild does.
    let rebuild = rebuild(&bench, tenant, Appointments);
    let writing = async {
        for _ in 0..40 {
            history.step(&*bench.log).await;
            runner.settle().await.unwrap();
        }
    };
    let (done, ()) = tokio::join!(rebuild.run(|_| ()), writing);
    done.unwrap();
    runner.settle().await.unwrap();
    assert_eq!(compared(&bench, tenant).await.differ, 0);
    assert_eq!(live(&bench, stranger).await, strange_rows);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_that_was_broken_off_goes_on_or_is_forgotten() {
    let bench = Bench::new().await;
    let tenant = bench.tenant().await;
    let mut history = History::new(tenant, 35);
    while bench.log.head(tenant).await.unwrap().unwrap().position.0 < 4500 {
        history.step(&*bench.log).await;
    }
    let runner = bench.runner(projectors());
    runner.settle().await.unwrap();
    let rebuild = rebuild(&bench, tenant, Appointments);
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let running = tokio::spawn({
        let rebuild = rebuild.clone();
        async move { rebuild.run(move |at| told.send(at).unwrap()).await }
    });
    let first = heard.recv().await.unwrap();
    running.abort();
    drop(running.await);
    let done = rebuild.run(|_| ()).await.unwrap();
    assert!(done.events <= done.position.0 - first.position.0, "{done:?} after {first:?}");
    assert_eq!(done.compared.differ, 0);
    rebuild.abandon().await.unwrap();
    assert_eq!(compared(&bench, tenant).await.differ, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_table_of_a_read_model_can_be_rebuilt() {
    let bench = Bench::new().await;
    let tenant = bench.tenant().await;
    world::open_shop(&bench.log, tenant).await;
    bench.runner(projectors()).settle().await.unwrap();
    for projector in projectors() {
        let rebuild =
            Rebuild::new(bench.pool.clone(), Arc::clone(&bench.log), tenant, projector.clone());
        let done = rebuild.run(|_| ()).await.unwrap();
        assert_eq!(done.compared.differ, 0, "{projector:?}");
    }
    let names: Vec<_> = projectors().iter().map(|it| it.name()).collect();
    assert!(names.contains(&Customers.name()));
}

/// The live rows of a projector, as text, ordered by their keys.
async fn live_rows(bench: &Bench, table: &str) -> Vec<(String, serde_json::Value)> {
    let order = if table.ends_with("directory") { "kind, id" } else { "appointment_id" };
    let statement = format!("SELECT to_jsonb(t) - 'tenant_id' FROM {table} AS t ORDER BY {order}");
    let rows: Vec<serde_json::Value> =
        sqlx::query_scalar(&statement).fetch_all(&bench.pool).await.unwrap();
    rows.into_iter().map(|row| (table.to_owned(), row)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_any_read_model_as_of_a_position_are_those_that_stood_then() {
    let bench = Bench::new().await;
    let tenant = bench.tenant().await;
    world::open_shop(&bench.log, tenant).await;
    let runner = bench.runner(projectors());
    let mut history = History::new(tenant, 91);
    for _ in 0..30 {
        history.step(&*bench.log).await;
    }
    runner.settle().await.unwrap();
    let then = bench.log.head(tenant).await.unwrap().unwrap().position;
    let stood =
        [live_rows(&bench, "read.appointments").await, live_rows(&bench, "read.directory").await];
    for _ in 0..60 {
        history.step(&*bench.log).await;
    }
    runner.settle().await.unwrap();
    assert_ne!(live_rows(&bench, "read.appointments").await, stood[0]);
    let asked: [Arc<dyn Projector>; 2] = [Arc::new(Appointments), Arc::new(Directory)];
    for (projector, stood) in asked.into_iter().zip(stood) {
        let (tell, mut told) = tokio::sync::mpsc::channel(4);
        let (log, until) = (Arc::clone(&bench.log), Until::Position(then));
        let folding = rows_as_of(&bench.pool, log, tenant, projector, until, tell);
        let (folded, rows) = tokio::join!(folding, async {
            let mut rows = Vec::new();
            while let Some((table, row)) = told.recv().await {
                rows.push((table.to_owned(), row));
            }
            rows
        });
        assert_eq!(folded.unwrap().position, then);
        assert!(!rows.is_empty());
        assert_eq!(rows, stood);
    }
}
