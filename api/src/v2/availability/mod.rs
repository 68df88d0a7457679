//! `/api/v2/availability`: one engine behind every surface (AVL-11 to AVL-13, AVL-21).
//!
//! Every answer states the position that it rests on; with `min_position` it rests on one that the
//! caller has seen. A date is a local day of each branch that is asked about. What cannot be booked is
//! not offered, a duration included.

mod again;
mod scene;
mod views;
mod windows;

use std::cmp::Reverse;

use axum::{extract::State, response::Response};
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use daybook_domain::{
    availability::{Item, Request},
    ids::{BranchId, ServiceId, StaffId},
    slot::Slot,
};
use daybook_projections::world::World;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

pub(super) use self::again::again;
use self::{
    scene::{Scene, scene},
    windows::{LONGEST, LONGEST_SORTED, day, windows},
};
use super::{
    basket::item,
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
    /// Active minutes, as a booking has them: starts are offered in that time if it can be booked.
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
    let item = item(query.service_id, "duration_minutes", query.duration_minutes)?;
    let (day, segments) = (query.date.0, false);
    let basket = Basket { items: vec![item], staff_id: query.staff_id, day, segments };
    let scene = scene(&app, &caller, query.min_position, query.as_of).await?;
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
    /// Active minutes, as a booking has them.
    #[schema(minimum = 5, maximum = 720, multiple_of = 5)]
    duration_minutes: Option<u16>,
    /// As older clients name `duration_minutes`; not both.
    #[schema(minimum = 5, maximum = 720, multiple_of = 5)]
    duration: Option<u16>,
}

impl CompositeItem {
    fn item(&self, index: usize) -> Result<Item, Problem> {
        let field = format!("services/{index}/duration_minutes");
        if self.duration_minutes.is_some() && self.duration.is_some() {
            let message = "Provide either `duration_minutes` or `duration`, not both.";
            return Err(Problem::invalid(&field, message));
        }
        item(self.service_id, &field, self.duration_minutes.or(self.duration))
    }
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
    let items = query.services.iter().enumerate().map(|(index, it)| it.item(index));
    let items = items.collect::<Result<Vec<_>, _>>()?;
    let basket = Basket { items, staff_id: query.staff_id, day: query.date.0, segments: true };
    let scene = scene(&app, &caller, query.min_position, query.as_of).await?;
    let Scene { world, now } = &scene;
    starts_of_day(world, *now, query.branch_id, &basket)
}

struct Basket {
    items: Vec<Item>,
    staff_id: Option<StaffId>,
    day: NaiveDate,
    segments: bool,
}

fn starts_of_day(
    world: &World,
    now: DateTime<Utc>,
    branch_id: Option<BranchId>,
    basket: &Basket,
) -> Result<Response, Problem> {
    let first = basket.items.first().ok_or_else(Problem::not_found)?;
    let branches = branches(world, first.service_id, branch_id)?;
    let request = Request::basket(basket.items.iter().cloned(), now);
    let request = request.by(wish(basket.staff_id));
    let (mut slots, mut position, mut total) = (Vec::new(), world.position(), None);
    for &(branch_id, zone) in &branches {
        let Some(window) = day(basket.day, zone) else { continue };
        let found = world.next(&request, &[branch_id], window, 288);
        position = found.position;
        for placement in found.value {
            total = Some((placement.ends_at - placement.starts_at).num_minutes());
            let mut slot = views::offer(&placement);
            slot["start"] = json!(views::local(placement.starts_at, zone));
            slot["end"] = json!(views::local(placement.ends_at, zone));
            slot["zone"] = json!(zone.name());
            if basket.segments {
                slot["segments"] = views::segments(&placement, zone);
            }
            slots.push(slot);
        }
    }
    let mut body = views::day(&slots, total, position);
    views::add_obstacles(&mut body, world, &request, branches.iter().map(|(id, _)| *id));
    Ok(respond::at(position, body))
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
    /// An instant, or a date: the first instant of it at each branch.
    date_from: When,
    /// An instant, or a date: all of it at each branch.
    date_to: When,
    /// Active minutes, as a booking has them: starts are offered in that time if it can be booked.
    #[schema(minimum = 5, maximum = 720, multiple_of = 5)]
    duration_minutes: Option<u16>,
    #[schema(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// By time if absent. By `score`, the best of the whole window come first, which is at most 31 days
    /// long then; offers of the same score by time.
    #[schema(inline)]
    sort: Option<Sort>,
    min_position: Option<u64>,
    /// Answers what was answered then.
    as_of: Option<Moment>,
}

/// The order of offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Sort {
    #[default]
    StartsAt,
    Score,
}

/// The free places of a window, with staff, branch and phases.
async fn search(
    State(app): State<App>,
    caller: Caller,
    body: Body<Search>,
) -> Result<Response, Problem> {
    let query = body.value;
    let scene = scene(&app, &caller, query.min_position, query.as_of).await?;
    let Scene { world, now } = &scene;
    let branches = branches(world, query.service_id, query.branch_id)?;
    let limit @ 1..=1000 = query.limit.unwrap_or(100) else {
        return Err(Problem::invalid("limit", "a search answers 1 to 1000 places"));
    };
    let windows = windows(&branches, query.date_from, query.date_to)?;
    let item = item(query.service_id, "duration_minutes", query.duration_minutes)?;
    let request = Request::basket([item], *now).by(wish(query.staff_id));
    let found = match query.sort.unwrap_or_default() {
        Sort::StartsAt => world.next_within(&request, &windows, limit),
        Sort::Score => {
            if windows.iter().any(|(_, slot)| LONGEST_SORTED < slot.to - slot.from) {
                let message = "A window that is sorted by score must be at most 31 days long.";
                return Err(Problem::invalid("date_to", message));
            }
            let mut found = world.next_within(&request, &windows, usize::MAX);
            found.value.sort_by_key(|placement| Reverse(placement.score));
            found.value.truncate(limit);
            found
        }
    };
    let body = views::offers(world, &request, branches.iter().map(|(id, _)| *id), &found);
    Ok(respond::at(found.position, body))
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
    /// Active minutes, as a booking has them: starts are offered in that time if it can be booked.
    #[schema(minimum = 5, maximum = 720, multiple_of = 5)]
    duration_minutes: Option<u16>,
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
    let scene = scene(&app, &caller, query.min_position, query.as_of).await?;
    let Scene { world, now } = &scene;
    let branches = branches(world, query.service_id, query.branch_id)?;
    let count @ 1..=50 = query.count.unwrap_or(3) else {
        return Err(Problem::invalid("count", "1 to 50 places are answered"));
    };
    let from = query.from.map_or(*now, |from| from.0).max(*now);
    let window = Slot { from, to: from + LONGEST };
    let item = item(query.service_id, "duration_minutes", query.duration_minutes)?;
    let request = Request::basket([item], *now).by(wish(query.staff_id));
    let branches: Vec<_> = branches.into_iter().map(|(id, _)| id).collect();
    let found = world.next(&request, &branches, window, count);
    let body = views::offers(world, &request, branches.into_iter(), &found);
    Ok(respond::at(found.position, body))
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
    /// Active minutes, as a booking has them.
    #[schema(minimum = 5, maximum = 720, multiple_of = 5)]
    duration_minutes: Option<u16>,
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
    let scene = scene(&app, &caller, query.min_position, query.as_of).await?;
    let Scene { world, now } = &scene;
    branches(world, query.service_id, Some(query.branch_id))?;
    let item = item(query.service_id, "duration_minutes", query.duration_minutes)?;
    let request = Request::basket([item], *now).by(wish(query.staff_id));
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
    /// An instant, or a date: the first instant of it at each branch.
    date_from: When,
    /// An instant, or a date: all of it at each branch.
    date_to: When,
    /// Active minutes, as a booking has them: starts are offered in that time if it can be booked.
    #[schema(minimum = 5, maximum = 720, multiple_of = 5)]
    duration_minutes: Option<u16>,
    #[schema(value_type = Option<Uuid>)]
    staff_id: Option<StaffId>,
}

/// The older question (AVL-11): an event type is a service.
async fn check(
    State(app): State<App>,
    caller: Caller,
    body: Body<Check>,
) -> Result<Response, Problem> {
    let Check { event_type_id, date_from, date_to, duration_minutes, staff_id } = body.value;
    let query = Search {
        service_id: event_type_id,
        staff_id,
        branch_id: None,
        date_from,
        date_to,
        duration_minutes,
        limit: Some(1000),
        sort: None,
        min_position: None,
        as_of: None,
    };
    search(State(app), caller, Body { value: query, canonical: body.canonical }).await
}
