//! A new version of a projector beside the old one: who moves what, and when it changes hands.

use daybook_projections::{
    appointments::{self, AppointmentFilter, AppointmentRow, Appointments},
    aside::{Rebuild, Renewal, Renewed},
};

use super::{history::History, read_models::followed, *};

/// Appointments as a later release makes them.
struct Later;

impl Projector for Later {
    fn name(&self) -> &'static str {
        Appointments.name()
    }

    fn version(&self) -> i32 {
        Appointments.version() + 1
    }

    fn reads(&self) -> &'static [&'static str] {
        Appointments.reads()
    }

    fn tables(&self) -> &'static [&'static str] {
        Appointments.tables()
    }

    fn project<'a>(
        &'a self,
        tx: &'a mut PgConnection,
        tenant: TenantId,
        events: &'a [&'a Event],
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(async move {
            Appointments.project(&mut *tx, tenant, events).await?;
            let mended = "UPDATE appointments SET external_ref = 'later' WHERE tenant_id = $1";
            sqlx::query(mended).bind(tenant.uuid()).execute(tx).await?;
            Ok(())
        })
    }
}

fn is_later(row: &AppointmentRow) -> bool {
    row.external_ref.as_deref() == Some("later")
}

async fn rows(bench: &Bench, tenant: TenantId) -> Vec<AppointmentRow> {
    let mut connection = bench.pool.acquire().await.unwrap();
    let filter = AppointmentFilter::default();
    appointments::list(&mut connection, tenant, &filter, None, 1000).await.unwrap()
}

async fn grown(bench: &Bench, history: &mut History) -> usize {
    let before = rows(bench, history.tenant).await.len();
    for _ in 0..30 {
        history.step(&*bench.log).await;
    }
    before
}

fn renewal(bench: &Bench, projector: impl Projector) -> Renewal<MemoryLog> {
    Renewal::new(bench.pool.clone(), Arc::clone(&bench.log), vec![Arc::new(projector)])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_version_is_made_beside_the_old_one_and_takes_its_place_at_once() {
    let (bench, mut history) = followed(51).await;
    let tenant = history.tenant;
    let (old, new) =
        (bench.runner(vec![Arc::new(Appointments)]), bench.runner(vec![Arc::new(Later)]));

    // Until it is made, the old version goes on and the new one touches nothing.
    let before = grown(&bench, &mut history).await;
    new.settle().await.unwrap();
    assert_eq!(rows(&bench, tenant).await.len(), before);
    let lag = new.lag().await.unwrap();
    assert!(lag[0].outdated == 1 && 0 < lag[0].events, "{lag:?}");
    old.settle().await.unwrap();
    let live = rows(&bench, tenant).await;
    assert!(before < live.len() && !live.iter().any(is_later));
    assert_eq!(new.lag().await.unwrap()[0].events, 0);

    // Afterwards it is the other way round.
    let renewed = renewal(&bench, Later).turn().await.unwrap();
    assert_eq!(renewed, Renewed { done: 1, failed: 0 });
    assert_eq!(renewal(&bench, Later).turn().await.unwrap(), Renewed::default());
    assert_eq!(rows(&bench, tenant).await.len(), live.len());
    let before = grown(&bench, &mut history).await;
    old.settle().await.unwrap();
    assert_eq!(rows(&bench, tenant).await.len(), before);
    new.settle().await.unwrap();
    let live = rows(&bench, tenant).await;
    assert!(before < live.len() && live.iter().all(is_later));
    assert_eq!(new.lag().await.unwrap()[0].outdated, 0);

    // Who knows only the old version never undoes it by itself; an operator may.
    assert_eq!(renewal(&bench, Appointments).turn().await.unwrap(), Renewed::default());
    let rebuild = |projector: Arc<dyn Projector>| {
        Rebuild::new(bench.pool.clone(), Arc::clone(&bench.log), tenant, projector)
    };
    rebuild(Arc::new(Appointments)).take_back().await.unwrap();
    new.settle().await.unwrap();
    old.settle().await.unwrap();
    let back = rows(&bench, tenant).await;
    assert_eq!(back.len(), live.len());
    let done = rebuild(Arc::new(Appointments)).run(|_| ()).await.unwrap();
    assert_eq!(done.compared.differ, 0, "{done:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_version_that_cannot_follow_leaves_the_old_one_live() {
    let (bench, history) = followed(52).await;
    let live = rows(&bench, history.tenant).await;
    let broken = Broken;
    let renewed = renewal(&bench, broken).turn().await.unwrap();
    assert_eq!(renewed, Renewed { done: 0, failed: 1 });
    assert_eq!(rows(&bench, history.tenant).await, live);
    bench.runner(vec![Arc::new(Appointments)]).settle().await.unwrap();
    assert_eq!(rows(&bench, history.tenant).await, live);
}

/// A release with a mistake in it.
struct Broken;

impl Projector for Broken {
    fn name(&self) -> &'static str {
        Appointments.name()
    }

    fn version(&self) -> i32 {
        9
    }

    fn reads(&self) -> &'static [&'static str] {
        Appointments.reads()
    }

    fn tables(&self) -> &'static [&'static str] {
        Appointments.tables()
    }

    fn project<'a>(
        &'a self,
        _tx: &'a mut PgConnection,
        _tenant: TenantId,
        _events: &'a [&'a Event],
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(async { Err(ProjectionError::Contradiction("a mistake")) })
    }
}
