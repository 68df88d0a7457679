//! `/api/v2/availability`: one engine behind every surface (AVL-11 to AVL-13, AVL-21).
//!
//! Every answer states the position that it rests on; with `min_position` it rests on one that the
//! caller has seen.

mod again;
mod scene;

use axum::{extract::State, response::Response};
use chrono::{DateTime, Days, NaiveDate, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use daybook_domain::{
    availability::{Item, Placement, Request},
    ids::{BranchId, ServiceId, StaffId},
    slot::Slot,
};
use daybook_projections::world::{Dates, Question, World};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

pub(super) use self::again::again;
use self::scene::{Scene, about, date_of, scene};
use super::{
    bookings::wish,
    shapes::availability::{Explanation, Places, PlacesOfDay},
};
use crate::{
    http::{
        caller::Caller,
        describe::{Route, post},
        extract::Body,
        fields::{Instant, LocalDate, Moment, When},
        problem::Problem,
        respond,
    },
    state::App,
};

/// The longest window of a search.
const WINDOW: TimeDelta = TimeDelta::days(100);

pub(super) fn routes() -> OpenApiRouter<App> {
    let ask = |route: Route, id: &str, says: &str| {
        route.about("Availability", id, says).scope("availability:read")
    };
    let simple = ask(post("/availability/simple", simple), "simple", "The starts of a day.");
    let composite = ask(post("/availability/composite", composite), "composite", "Of a basket.");
    let search = ask(post("/availability/search", search), "search", "The places of a window.");
    let next = ask(post("/availability/next", next), "next", "The next free places.");
    let explain = ask(post("/availability/explain", explain), "explain", "Why, or why not.");
    OpenApiRouter::new()
        .routes(simple.body::<Simple>().answers::<PlacesOfDay>(200, "Places.").done())
        .routes(composite.body::<Composite>().answers::<PlacesOfDay>(200, "Places.").done())
        .routes(search.body::<Search>().answers::<Places>(200, "Places.").done())
        .routes(next.body::<Next>().answers::<Places>(200, "Places.").done())
        .routes(explain.body::<Explain>().answers::<Explanation>(200, "All reasons.").done())
}

pub(super) fn event_management() -> OpenApiRouter<App> {
    let check = post("/check-availability", check);
    let check = check.about("Event management", "check_availability", "The places of a window.");
    let check = check.scope("availability:read").body::<Check>();
    OpenApiRouter::new().routes(check.answers::<Places>(200, "Places.").done())
}

/// The branches of a question: the one that is named, or all that offer the first service.
fn branches(
    world: &World,
    service_id: ServiceId,
    branch_id: Option<BranchId>,
) -> Result<Vec<(BranchId, Tz)>, Problem> {
    world.read(|view| {
        if view.service(service_id).is_none() {
            return Err(Problem::not_found());
        }
        let asked = branch_id.map_or_else(|| view.branches_offering(service_id), |id| vec![id]);
        let zones = asked.into_iter().map(|id| {
            let profile = view.branch(id).and_then(|branch| branch.profile());
            profile.map(|profile| (id, profile.zone)).ok_or_else(Problem::not_found)
        });
        zones.collect()
    })
}

fn ids(branches: &[(BranchId, Tz)]) -> Vec<BranchId> {
    branches.iter().map(|(id, _)| *id).collect()
}

/// A local date as instants; some zones skip midnight.
fn day(date: NaiveDate, zone: Tz) -> Option<Slot> {
    let first = |date: NaiveDate| {
        (0..12).find_map(|quarter| {
            let local = date.and_hms_opt(quarter / 4, (quarter % 4) * 15, 0)?;
            zone.from_local_datetime(&local).earliest().map(|at| at.to_utc())
        })
    };
    Slot::new(first(date)?, first(date.checked_add_days(Days::new(1))?)?)
}

fn local(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%H:%M").to_string()
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AskSimple)]
struct Simple {
    date: LocalDate,
    #[schema(value_type = Uuid)]
    service_id: ServiceId,
    #[schema(value_type = Option<Uuid>)]
    staff_id: Option<StaffId>,
    #[schema(value_type = Option<Uuid>)]
    branch_id: Option<BranchId>,
    #[schema(minimum = 5, maximum = 720, multiple_of = 5)]
    duration_minutes: Option<u16>,
    min_position: Option<u64>,
    /// Answers what was answered then.
    as_of: Option<Moment>,
}

/// The starts of a day for one service (AVL-12): local times as the older clients read them, and
/// instants beside them (CTR-54).
async fn simple(
    State(app): State<App>,
    caller: Caller,
    body: Body<Simple>,
) -> Result<Response, Problem> {
    let query = body.value;
    let item = Item { service_id: query.service_id, active_min: query.duration_minutes };
    let (day, segments) = (query.date.0, false);
    let basket = Basket { items: vec![item], staff_id: query.staff_id, day, segments };
    let as_of = about(query.as_of, vec![query.service_id], (day, day));
    let scene = scene(&app, &caller, query.min_position, as_of).await?;
    let Scene { world, now } = &scene;
    starts_of_day(world, *now, query.branch_id, &basket)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AskComposite)]
struct Composite {
    date: LocalDate,
    #[schema(min_items = 1, max_items = 12)]
    services: Vec<CompositeItem>,
    #[schema(value_type = Option<Uuid>)]
    staff_id: Option<StaffId>,
    #[schema(value_type = Option<Uuid>)]
    branch_id: Option<BranchId>,
    min_position: Option<u64>,
    /// Answers what was answered then.
    as_of: Option<Moment>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AskItem)]
struct CompositeItem {
    #[schema(value_type = Uuid)]
    service_id: ServiceId,
    #[schema(minimum = 5, maximum = 720, multiple_of = 5)]
    duration: Option<u16>,
}

/// The starts of a day for a basket, with the times of its segments (AVL-13).
async fn composite(
    State(app): State<App>,
    caller: Caller,
    body: Body<Composite>,
) -> Result<Response, Problem> {
    let query = body.value;
    if query.services.is_empty() || 12 < query.services.len() {
        return Err(Problem::invalid("services", "a basket has 1 to 12 services"));
    }
    let items = query
        .services
        .iter()
        .map(|it| Item { service_id: it.service_id, active_min: it.duration })
        .collect();
    let basket = Basket { items, staff_id: query.staff_id, day: query.date.0, segments: true };
    let services = basket.items.iter().map(|item| item.service_id).collect();
    let as_of = about(query.as_of, services, (basket.day, basket.day));
    let scene = scene(&app, &caller, query.min_position, as_of).await?;
    let Scene { world, now } = &scene;
    starts_of_day(world, *now, query.branch_id, &basket)
}

struct Basket {
    items: Vec<Item>,
    staff_id: Option<StaffId>,
    day: NaiveDate,
    segments: bool,
}

fn check_durations(items: &[Item]) -> Result<(), Problem> {
    for minutes in items.iter().filter_map(|item| item.active_min) {
        if minutes == 0 || 720 < minutes || minutes % 5 != 0 {
            let message = "minutes are a multiple of 5 between 5 and 720";
            return Err(Problem::invalid("duration_minutes", message));
        }
    }
    Ok(())
}

fn starts_of_day(
    world: &World,
    now: DateTime<Utc>,
    branch_id: Option<BranchId>,
    basket: &Basket,
) -> Result<Response, Problem> {
    check_durations(&basket.items)?;
    let first = basket.items.first().ok_or_else(Problem::not_found)?;
    let branches = branches(world, first.service_id, branch_id)?;
    let request = Request::basket(basket.items.iter().cloned(), now);
    let request = request.by(wish(basket.staff_id));
    let (mut slots, mut position, mut total) = (Vec::new(), world.position(), None);
    for (branch_id, zone) in branches {
        let Some(window) = day(basket.day, zone) else { continue };
        let found = world.next(&request, &[branch_id], window, 288);
        position = found.position;
        for placement in found.value {
            total = Some((placement.ends_at - placement.starts_at).num_minutes());
            let mut slot = shown(&placement);
            slot["start"] = json!(local(placement.starts_at, zone));
            slot["end"] = json!(local(placement.ends_at, zone));
            slot["zone"] = json!(zone.name());
            if basket.segments {
                slot["segments"] = segments(&placement, zone);
            }
            slots.push(slot);
        }
    }
    let body = json!({
        "available": !slots.is_empty(),
        "total_duration": total,
        "slots": slots,
        "position": position,
    });
    Ok(respond::at(position, body))
}

fn segments(placement: &Placement, zone: Tz) -> Value {
    let segment = |phase: &daybook_domain::availability::PlacedPhase| {
        json!({
            "service_id": phase.service_id,
            "key": phase.key,
            "start": local(phase.active.from, zone),
            "end": local(phase.active.to, zone),
            "staff_id": phase.staff_id,
        })
    };
    placement.phases.iter().map(segment).collect()
}

/// A place as clients see it: who, when, where; not what is blocked around it.
fn shown(placement: &Placement) -> Value {
    let phases = placement.phases.iter().map(|phase| {
        json!({
            "service_id": phase.service_id,
            "key": phase.key,
            "staff_id": phase.staff_id,
            "starts_at": phase.active.from,
            "ends_at": phase.active.to,
        })
    });
    json!({
        "starts_at": placement.starts_at,
        "ends_at": placement.ends_at,
        "staff_id": placement.staff_id(),
        "branch_id": placement.branch_id,
        "phases": phases.collect::<Vec<_>>(),
    })
}

fn begin(when: When, zone: Tz) -> Option<DateTime<Utc>> {
    match when {
        When::Instant(Instant(at)) => Some(at),
        When::Date(LocalDate(date)) => day(date, zone).map(|slot| slot.from),
    }
}

fn end(when: When, zone: Tz) -> Option<DateTime<Utc>> {
    match when {
        When::Instant(Instant(at)) => Some(at),
        When::Date(LocalDate(date)) => day(date, zone).map(|slot| slot.to),
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AskSearch)]
struct Search {
    #[schema(value_type = Uuid)]
    service_id: ServiceId,
    #[schema(value_type = Option<Uuid>)]
    staff_id: Option<StaffId>,
    #[schema(value_type = Option<Uuid>)]
    branch_id: Option<BranchId>,
    date_from: When,
    date_to: When,
    #[schema(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    min_position: Option<u64>,
    /// Answers what was answered then.
    as_of: Option<Moment>,
}

/// The free places of a window, with staff, branch and phases.
async fn search(
    State(app): State<App>,
    caller: Caller,
    body: Body<Search>,
) -> Result<Response, Problem> {
    let query = body.value;
    let dates = (date_of(query.date_from), date_of(query.date_to));
    let as_of = about(query.as_of, vec![query.service_id], dates);
    let scene = scene(&app, &caller, query.min_position, as_of).await?;
    let Scene { world, now } = &scene;
    let branches = branches(world, query.service_id, query.branch_id)?;
    let limit @ 1..=1000 = query.limit.unwrap_or(100) else {
        return Err(Problem::invalid("limit", "a search answers 1 to 1000 places"));
    };
    let zone = branches.first().map_or(Tz::UTC, |(_, zone)| *zone);
    let window = window(query.date_from, query.date_to, zone)?;
    let request = Request::service(query.service_id, *now).by(wish(query.staff_id));
    let found = world.next(&request, &ids(&branches), window, limit);
    let slots: Vec<_> = found.value.iter().map(shown).collect();
    Ok(respond::at(found.position, json!({ "slots": slots, "position": found.position })))
}

fn window(from: When, to: When, zone: Tz) -> Result<Slot, Problem> {
    let slot = begin(from, zone).zip(end(to, zone)).and_then(|(from, to)| Slot::new(from, to));
    let slot =
        slot.ok_or_else(|| Problem::invalid("date_to", "the window ends before it starts"))?;
    if WINDOW < slot.to - slot.from {
        return Err(Problem::invalid("date_to", "a window is at most 100 days long"));
    }
    Ok(slot)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AskNext)]
struct Next {
    #[schema(value_type = Uuid)]
    service_id: ServiceId,
    #[schema(value_type = Option<Uuid>)]
    staff_id: Option<StaffId>,
    #[schema(value_type = Option<Uuid>)]
    branch_id: Option<BranchId>,
    from: Option<Instant>,
    #[schema(minimum = 1, maximum = 50)]
    count: Option<usize>,
    min_position: Option<u64>,
    /// Answers what was answered then.
    as_of: Option<Moment>,
}

/// The next free places (AVL-05, AVL-15).
async fn next(
    State(app): State<App>,
    caller: Caller,
    body: Body<Next>,
) -> Result<Response, Problem> {
    let query = body.value;
    let days = WINDOW.num_days().unsigned_abs();
    let dates = Dates::Next { from: query.from.map(|from| from.0), days };
    let question = Question { services: vec![query.service_id], dates };
    let as_of = query.as_of.map(|moment| (moment, question));
    let scene = scene(&app, &caller, query.min_position, as_of).await?;
    let Scene { world, now } = &scene;
    let branches = branches(world, query.service_id, query.branch_id)?;
    let count @ 1..=50 = query.count.unwrap_or(3) else {
        return Err(Problem::invalid("count", "1 to 50 places are answered"));
    };
    let from = query.from.map_or(*now, |from| from.0).max(*now);
    let window = Slot { from, to: from + WINDOW };
    let request = Request::service(query.service_id, *now).by(wish(query.staff_id));
    let found = world.next(&request, &ids(&branches), window, count);
    let slots: Vec<_> = found.value.iter().map(shown).collect();
    Ok(respond::at(found.position, json!({ "slots": slots, "position": found.position })))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AskExplain)]
struct Explain {
    #[schema(value_type = Uuid)]
    service_id: ServiceId,
    #[schema(value_type = Option<Uuid>)]
    staff_id: Option<StaffId>,
    #[schema(value_type = Uuid)]
    branch_id: BranchId,
    /// One start, or every start of a date.
    starts_at: Option<Instant>,
    date: Option<LocalDate>,
    min_position: Option<u64>,
    /// Answers what was answered then.
    as_of: Option<Moment>,
}

/// Why a start is free or not: all reasons, from the evaluator that books.
async fn explain(
    State(app): State<App>,
    caller: Caller,
    body: Body<Explain>,
) -> Result<Response, Problem> {
    let query = body.value;
    let asked = query.starts_at.map(|at| at.0.date_naive()).or(query.date.map(|date| date.0));
    let asked = asked.unwrap_or(caller.asked_at.date_naive());
    let as_of = about(query.as_of, vec![query.service_id], (asked, asked));
    let scene = scene(&app, &caller, query.min_position, as_of).await?;
    let Scene { world, now } = &scene;
    branches(world, query.service_id, Some(query.branch_id))?;
    let request = Request::service(query.service_id, *now).by(wish(query.staff_id));
    match (query.starts_at, query.date) {
        (Some(Instant(starts_at)), None) => {
            let answer = world.explain(&request, query.branch_id, starts_at);
            let body = json!({
                "starts_at": starts_at, "answer": answer.value, "position": answer.position,
            });
            Ok(respond::at(answer.position, body))
        }
        (None, Some(LocalDate(date))) => {
            let answer = world.explain_day(&request, query.branch_id, date);
            let body = match answer.value {
                Ok(starts) => json!({ "starts": starts, "position": answer.position }),
                Err(reasons) => json!({
                    "starts": [], "reasons": reasons, "position": answer.position,
                }),
            };
            Ok(respond::at(answer.position, body))
        }
        (Some(_), Some(_)) | (None, None) => {
            Err(Problem::invalid("starts_at", "either starts_at or date"))
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AskCheck)]
struct Check {
    #[schema(value_type = Uuid)]
    event_type_id: ServiceId,
    date_from: When,
    date_to: When,
    #[schema(value_type = Option<Uuid>)]
    staff_id: Option<StaffId>,
}

/// The older question (AVL-11): an event type is a service.
async fn check(
    State(app): State<App>,
    caller: Caller,
    body: Body<Check>,
) -> Result<Response, Problem> {
    let Check { event_type_id, date_from, date_to, staff_id } = body.value;
    let query = Search {
        service_id: event_type_id,
        staff_id,
        branch_id: None,
        date_from,
        date_to,
        limit: Some(1000),
        min_position: None,
        as_of: None,
    };
    search(State(app), caller, Body { value: query, canonical: body.canonical }).await
}
