//! Worlds that begin with the read models answer as those that are folded from the first event on; so do
//! answers as of another moment.

use daybook_domain::{
    availability::{Request, StaffWish},
    event_log::Position,
    ids::{BranchId, ServiceId},
    slot::Slot,
};
use daybook_projections::{
    appointments::{self, AppointmentFilter, AppointmentRow},
    aside::{Until, appointments_as_of},
    registry::projectors,
    world::{Dates, Question, World, WorldConfig, WorldStore},
};
use uuid::Uuid;

use super::{history::History, world, *};

const BRANCH: BranchId = BranchId::new(Uuid::from_u128(2));
const SERVICE: ServiceId = ServiceId::new(Uuid::from_u128(21));

fn seeded(bench: &Bench) -> WorldStore<MemoryLog> {
    let (log, pool) = (Arc::clone(&bench.log), bench.pool.clone());
    WorldStore::over_read_models(log, pool, WorldConfig::default())
}

fn folded(bench: &Bench) -> WorldStore<MemoryLog> {
    WorldStore::new(Arc::clone(&bench.log), WorldConfig::default())
}

/// Everything that a world says of the two days that random histories are about.
fn said(world: &World, now: chrono::DateTime<chrono::Utc>) -> String {
    let request = Request::service(SERVICE, now).by(StaffWish::Pinned(world::STAFF.into()));
    let from = "2026-12-01T00:00:00Z".parse().unwrap();
    let window = Slot::of_minutes(from, 2 * 24 * 60).unwrap();
    let starts = world.starts(&request, &[BRANCH], window);
    let day = world.explain_day(&request, BRANCH, "2026-12-01".parse().unwrap());
    format!("{starts:?} {day:?}")
}

async fn listed(bench: &Bench, tenant: TenantId) -> Vec<AppointmentRow> {
    let mut connection = bench.pool.acquire().await.unwrap();
    let all = AppointmentFilter::default();
    appointments::list(&mut connection, tenant, &all, None, 1000).await.unwrap()
}

async fn head(bench: &Bench, tenant: TenantId) -> Position {
    bench.log.head(tenant).await.unwrap().unwrap().position
}

#[tokio::test]
async fn a_world_from_the_read_models_answers_like_one_that_was_folded() {
    for seed in 101..=104 {
        let bench = Bench::new().await;
        let tenant = bench.tenant().await;
        world::open_shop(&bench.log, tenant).await;
        let mut history = History::new(tenant, seed);
        let runner = bench.runner(projectors());
        for _ in 0..60 {
            history.step(&*bench.log).await;
            // Read models lag behind by any number of events.
            if history.below(6) == 0 {
                runner.settle().await.unwrap();
            }
            if history.below(5) == 0 {
                let (least, now) = (Some(head(&bench, tenant).await), history.now);
                let one = seeded(&bench).at_least(tenant, least, now).await.unwrap();
                let other = folded(&bench).at_least(tenant, least, now).await.unwrap();
                assert_eq!(said(&one, now), said(&other, now), "seed {seed}");
            }
        }
    }
}

#[tokio::test]
async fn answers_as_of_a_moment_are_those_of_a_fold_up_to_it() {
    let bench = Bench::new().await;
    let tenant = bench.tenant().await;
    world::open_shop(&bench.log, tenant).await;
    let mut history = History::new(tenant, 105);
    let runner = bench.runner(projectors());
    let mut given = Vec::new();
    for step in 0..80 {
        history.step(&*bench.log).await;
        if step < 60 && history.below(6) == 0 {
            runner.settle().await.unwrap();
            given.push((head(&bench, tenant).await, listed(&bench, tenant).await));
        }
    }
    let dates = "2026-11-30".parse().unwrap().."2026-12-03".parse().unwrap();
    let question = Question { services: vec![SERVICE], dates: Dates::These(dates) };
    // The last events are in no read model yet.
    for position in (1..=head(&bench, tenant).await.0).map(Position) {
        let until = Until::Position(position);
        let ask = |worlds: WorldStore<MemoryLog>| {
            let question = question.clone();
            async move { worlds.as_of(tenant, until, history.now, question).await.unwrap() }
        };
        let ((one, then), (other, _)) = (ask(seeded(&bench)).await, ask(folded(&bench)).await);
        assert_eq!(one.position(), position);
        assert_eq!(said(&one, then), said(&other, then), "as of {position}");
    }
    for (position, rows) in given {
        let page = (AppointmentFilter::default(), None, 1000);
        let until = Until::Position(position);
        let found = appointments_as_of(&bench.pool, &bench.log, tenant, until, page).await.unwrap();
        assert_eq!(found, (position, rows), "as of {position}");
    }
    let ahead = head(&bench, tenant).await;
    let page = (AppointmentFilter::default(), None, 1000);
    let found =
        appointments_as_of(&bench.pool, &bench.log, tenant, Until::Head, page).await.unwrap();
    runner.settle().await.unwrap();
    assert_eq!(found, (ahead, listed(&bench, tenant).await));
}
