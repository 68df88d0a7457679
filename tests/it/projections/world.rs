//! The worlds in memory: they answer from the position that was asked for, and as a fresh fold would.

use chrono::{DateTime, Utc};
use daybook_domain::{
    aggregate::{EventKind as _, Evolve as _},
    availability::{Request, StaffWish},
    branch::Branch,
    calendar::CalendarId,
    calendar_day::{CalendarDay, CalendarDayEvent},
    ids::{BranchId, ServiceId, StaffId},
    service::Service,
    slot::Slot,
    staff::Staff,
};
use daybook_projections::world::{WorldConfig, WorldError, WorldStore};
use serde_json::json;
use uuid::Uuid;

use super::{history::History, *};

const COMPANY: Uuid = Uuid::from_u128(1);
const BRANCH: Uuid = Uuid::from_u128(2);
/// The staff member whose calendar random histories claim.
pub(super) const STAFF: Uuid = Uuid::from_u128(11);
const SERVICE: Uuid = Uuid::from_u128(21);

fn branch() -> BranchId {
    BRANCH.into()
}

fn now() -> DateTime<Utc> {
    "2026-11-01T08:00:00Z".parse().unwrap()
}

fn hour(hour: &str) -> DateTime<Utc> {
    format!("2026-12-01T{hour}:00Z").parse().unwrap()
}

fn request(now: DateTime<Utc>) -> Request {
    Request::service(ServiceId::new(SERVICE), now).by(StaffWish::Pinned(StaffId::new(STAFF)))
}

fn event(event_type: &'static str, payload: serde_json::Value) -> EventData {
    EventData {
        event_id: RandomIds.next_id(),
        event_type: event_type.into(),
        event_version: "1.0.0".into(),
        payload: payload.to_string(),
        metadata: history::METADATA.into(),
    }
}

/// A branch that is open from eight to six every day, one staff member, one service of an hour.
pub(super) async fn open_shop(log: &MemoryLog, tenant: TenantId) -> Position {
    let day = json!({ "open": [{ "from": "08:00", "to": "18:00" }] });
    let week: serde_json::Map<_, _> =
        (1..=7).map(|weekday| (weekday.to_string(), day.clone())).collect();
    let profile = json!({ "company_id": COMPANY, "name": "Mitte", "zone": "UTC" });
    let branch = vec![
        event("branch.registered", json!({ "type": "registered", "profile": profile })),
        event("branch.hours_set", json!({ "type": "hours_set", "weekly": week })),
    ];
    append(log, tenant, Branch::stream(BRANCH), branch).await;
    let profile =
        json!({ "company_id": COMPANY, "name": "Ada", "branches": [BRANCH], "zone": "UTC" });
    let staff =
        vec![event("staff.registered", json!({ "type": "registered", "profile": profile }))];
    append(log, tenant, Staff::stream(STAFF), staff).await;
    let profile = json!({
        "company_id": COMPANY,
        "name": "Cut",
        "phases": [{ "key": "A", "active_min": 60 }],
        "price": { "amount_minor": 4500, "currency": "EUR" },
    });
    let assignment = json!({ "type": "staff_assigned", "assignment": { "staff_id": STAFF } });
    let service = vec![
        event("service.defined", json!({ "type": "defined", "profile": profile })),
        event("service.staff_assigned", assignment),
    ];
    append(log, tenant, Service::stream(SERVICE), service).await
}

async fn block(log: &MemoryLog, tenant: TenantId, from: DateTime<Utc>) -> Position {
    let calendar = CalendarId::Staff(STAFF.into());
    let claim = json!({
        "claim_id": RandomIds.next_id(),
        "purpose": { "kind": "block" },
        "slot": Slot::of_minutes(from, 60),
        "units": 1,
    });
    let claimed = json!({
        "type": "claimed",
        "calendar": calendar,
        "date": from.date_naive(),
        "capacity": 1,
        "claim": claim,
    });
    let stream = CalendarDay::stream(format!("{calendar}:{}", from.date_naive()));
    append(log, tenant, stream, vec![event(CalendarDayEvent::KINDS[0].0, claimed)]).await
}

fn store(bench_log: &Arc<MemoryLog>, config: WorldConfig) -> WorldStore<MemoryLog> {
    WorldStore::new(Arc::clone(bench_log), config)
}

#[tokio::test]
async fn world_answers_from_the_position_that_was_asked_for() {
    let log = Arc::new(MemoryLog::new());
    let tenant = TenantId::new(RandomIds.next_id());
    log.open_tenant(tenant).await.unwrap();
    let shop = open_shop(&log, tenant).await;
    // An answer without a position never looks again: whatever is new is there because it was asked for.
    let lazy = WorldConfig { staleness: Duration::from_hours(1), ..WorldConfig::default() };
    let worlds = store(&log, lazy);
    let world = worlds.at_least(tenant, None, now()).await.unwrap();
    let window = Slot::new(hour("00:00"), hour("23:00")).unwrap();
    let first = world.next(&request(now()), &[branch()], window, 1);
    assert_eq!((first.position, first.value[0].starts_at), (shop, hour("08:00")));
    assert_eq!(world.read(|view| view.branches_offering(SERVICE.into())), [branch()]);

    let blocked = block(&log, tenant, hour("08:00")).await;
    let world = worlds.at_least(tenant, None, now()).await.unwrap();
    assert_eq!(world.position(), shop, "the last look is young enough");
    let world = worlds.at_least(tenant, Some(blocked), now()).await.unwrap();
    let first = world.next(&request(now()), &[branch()], window, 1);
    assert_eq!((first.position, first.value[0].starts_at), (blocked, hour("09:00")));
    assert!(!world.explain(&request(now()), branch(), hour("08:00")).value.is_free());

    let again = block(&log, tenant, hour("09:00")).await;
    worlds.refresh(tenant, again).await.unwrap();
    assert_eq!(world.position(), again, "a hint brings it up to date");
    let future = worlds.at_least(tenant, Some(Position(again.0 + 1)), now()).await;
    assert!(matches!(future, Err(WorldError::NotReached { reached }) if reached == again));
}

#[tokio::test]
async fn world_without_staleness_is_never_behind() {
    let log = Arc::new(MemoryLog::new());
    let tenant = TenantId::new(RandomIds.next_id());
    log.open_tenant(tenant).await.unwrap();
    open_shop(&log, tenant).await;
    let worlds = store(&log, WorldConfig { staleness: Duration::ZERO, ..WorldConfig::default() });
    for from in ["08:00", "10:00"] {
        let blocked = block(&log, tenant, hour(from)).await;
        assert_eq!(worlds.at_least(tenant, None, now()).await.unwrap().position(), blocked);
    }
}

#[tokio::test]
async fn world_that_grew_with_the_log_answers_like_one_that_was_folded_at_once() {
    for seed in 1..=5 {
        let log = Arc::new(MemoryLog::new());
        let tenant = TenantId::new(RandomIds.next_id());
        log.open_tenant(tenant).await.unwrap();
        open_shop(&log, tenant).await;
        let mut history = History::new(tenant, seed);
        let grown = store(&log, WorldConfig { batch: 3, ..WorldConfig::default() });
        let window = Slot::new(hour("00:00"), hour("23:00")).unwrap();
        for _ in 0..60 {
            history.step(&*log).await;
            if history.below(4) > 0 {
                continue;
            }
            let head = log.head(tenant).await.unwrap().unwrap().position;
            let one = grown.at_least(tenant, Some(head), history.now).await.unwrap();
            let fresh = store(&log, WorldConfig::default());
            let other = fresh.at_least(tenant, Some(head), history.now).await.unwrap();
            let starts = one.starts(&request(history.now), &[branch()], window);
            assert!(!starts.value[0].1.is_empty(), "seed {seed}: a day with free starts");
            let expected = other.starts(&request(history.now), &[branch()], window);
            assert_eq!(starts, expected, "seed {seed}");
        }
    }
}

#[tokio::test]
async fn worlds_are_kept_while_there_is_memory_and_a_world_moves_on_with_the_days() {
    let log = Arc::new(MemoryLog::new());
    let worlds = store(&log, WorldConfig { memory: 1, ..WorldConfig::default() });
    let mut tenants = Vec::new();
    for _ in 0..3 {
        let tenant = TenantId::new(RandomIds.next_id());
        log.open_tenant(tenant).await.unwrap();
        open_shop(&log, tenant).await;
        tenants.push(tenant);
    }
    let first = worlds.at_least(tenants[0], None, now()).await.unwrap();
    for tenant in &tenants {
        worlds.at_least(*tenant, None, now()).await.unwrap();
    }
    let again = worlds.at_least(tenants[0], None, now()).await.unwrap();
    assert!(!Arc::ptr_eq(&first, &again), "it had made room and was folded anew");
    assert_eq!(first.position(), again.position());

    let in_a_year = now() + chrono::Duration::days(365);
    let window = Slot::new(in_a_year, in_a_year + chrono::Duration::days(3)).unwrap();
    let moved = worlds.at_least(tenants[0], None, in_a_year).await.unwrap();
    assert_eq!(moved.next(&request(in_a_year), &[branch()], window, 3).value.len(), 3);
    let back = worlds.at_least(tenants[0], None, now()).await.unwrap();
    let window = Slot::new(hour("00:00"), hour("23:00")).unwrap();
    assert_eq!(back.next(&request(now()), &[branch()], window, 1).value.len(), 1);
}

#[tokio::test]
async fn an_event_that_cannot_be_read_makes_unknown_what_it_belongs_to_and_nothing_else() {
    let log = Arc::new(MemoryLog::new());
    let tenant = TenantId::new(RandomIds.next_id());
    log.open_tenant(tenant).await.unwrap();
    open_shop(&log, tenant).await;
    let worlds = store(&log, WorldConfig::default());
    let calendar = CalendarId::Staff(STAFF.into());
    let window = Slot::new(hour("00:00"), hour("23:00") + chrono::Duration::days(1)).unwrap();
    let strange = |event_type| EventData {
        event_version: "99.0.0".into(),
        ..event(event_type, json!({ "type": "of the future" }))
    };
    let day = CalendarDay::stream(format!("{calendar}:2026-12-01"));
    let at = append(&*log, tenant, day, vec![strange("calendar_day.claimed")]).await;
    let world = worlds.at_least(tenant, Some(at), now()).await.unwrap();
    let found = world.next(&request(now()), &[branch()], window, 1).value;
    let tomorrow = hour("08:00") + chrono::Duration::days(1);
    assert_eq!(found[0].starts_at, tomorrow, "the day itself is unknown");
    let codes = |world: &daybook_projections::world::World| {
        let verdict = world.explain(&request(now()), branch(), hour("08:00")).value;
        verdict.reasons().iter().map(daybook_domain::availability::Reason::code).collect::<Vec<_>>()
    };
    assert_eq!(codes(&world), ["CALENDAR_UNREADABLE"]);

    let staff = Staff::stream(STAFF);
    let at = append(&*log, tenant, staff, vec![strange("staff.changed")]).await;
    let world = worlds.at_least(tenant, Some(at), now()).await.unwrap();
    assert!(world.next(&request(now()), &[branch()], window, 1).value.is_empty());
    assert_eq!(codes(&world), ["CALENDAR_UNREADABLE"]);

    let service = Service::stream(SERVICE);
    let at = append(&*log, tenant, service, vec![strange("service.changed")]).await;
    let world = worlds.at_least(tenant, Some(at), now()).await.unwrap();
    assert_eq!(codes(&world), ["RECORD_UNREADABLE"]);
}
