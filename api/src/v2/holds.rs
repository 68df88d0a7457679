//! `/api/v2/holds`: keep a place, longer, or no longer (APT-09). A hold is booked through
//! `POST /api/v2/bookings` with its token.

use axum::{extract::State, http::StatusCode, response::Response};
use chrono::TimeDelta;
use daybook_domain::{
    booking::{
        HoldAnswer, Wish,
        commands::{ExtendHold, PlaceHold, ReleaseHold},
    },
    ids::{BranchId, HoldId, ServiceId, StaffId},
};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

use super::{
    basket::{BasketItem, items},
    bookings::wish,
    shapes::{self, bookings::Hold},
};
use crate::{
    http::{
        caller::Caller,
        describe::{delete, post},
        extract::{Body, Dry, Id, Nothing},
        fields::Instant,
        problem::Problem,
        respond,
    },
    state::App,
};

pub(super) fn routes() -> OpenApiRouter<App> {
    let place = post("/holds", place).about("Holds", "place_hold", "Keeps a place for a while.");
    let release =
        delete("/holds/{token}", release).about("Holds", "release_hold", "Gives it back.");
    let extend = post("/holds/{token}/extend", extend);
    let extend = extend.about("Holds", "extend_hold", "Keeps it longer.");
    let place = place.scope("bookings:write").command::<Place>();
    let release = release.scope("bookings:write").command::<shapes::Step>();
    let extend = extend.scope("bookings:write").command::<Extend>();
    OpenApiRouter::new()
        .routes(place.answers::<Hold>(201, "Kept.").answers::<Hold>(200, "A dry run.").done())
        .routes(release.answers::<Hold>(200, "As it was.").done())
        .routes(extend.answers::<Hold>(200, "As it is now.").done())
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PlaceHold)]
struct Place {
    #[schema(value_type = Option<Uuid>)]
    service_id: Option<ServiceId>,
    /// Active minutes of `service_id`, as in a booking.
    #[schema(minimum = 5, maximum = 720, multiple_of = 5)]
    duration_minutes: Option<u16>,
    #[serde(default)]
    #[schema(max_items = 12)]
    services: Vec<BasketItem>,
    #[schema(value_type = Option<Uuid>)]
    staff_id: Option<StaffId>,
    #[schema(value_type = Uuid)]
    branch_id: BranchId,
    starts_at: Instant,
    #[schema(minimum = 1)]
    ttl_seconds: Option<u32>,
    #[serde(default)]
    dry_run: bool,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ExtendHold)]
struct Extend {
    #[schema(minimum = 1)]
    ttl_seconds: Option<u32>,
    #[serde(default)]
    dry_run: bool,
}

fn ttl(seconds: Option<u32>) -> Option<TimeDelta> {
    seconds.map(|seconds| TimeDelta::seconds(seconds.into()))
}

fn shown(answer: HoldAnswer) -> Value {
    let mut body = json!(answer);
    body["success"] = json!(true);
    body["hold_token"] = json!(answer.hold_id);
    body
}

async fn place(
    State(app): State<App>,
    caller: Caller,
    body: Body<Place>,
) -> Result<Response, Problem> {
    let Body { value, canonical } = body;
    let wish = Wish {
        branch_id: value.branch_id,
        items: items((value.service_id, value.duration_minutes), &value.services)?,
        staff: wish(value.staff_id),
        starts_at: value.starts_at.0,
    };
    let command = PlaceHold { wish, ttl: ttl(value.ttl_seconds) };
    let context = caller.command(&app, &canonical, value.dry_run);
    let done = app.dispatcher.run(&context, &command).await?;
    let status = if value.dry_run { StatusCode::OK } else { StatusCode::CREATED };
    Ok(respond::done(status, done, shown))
}

async fn extend(
    State(app): State<App>,
    caller: Caller,
    Id(hold_id): Id<HoldId>,
    body: Body<Extend>,
) -> Result<Response, Problem> {
    let command = ExtendHold { hold_id, ttl: ttl(body.value.ttl_seconds) };
    let done = app
        .dispatcher
        .run(&caller.command(&app, &body.canonical, body.value.dry_run), &command)
        .await?;
    Ok(respond::done(StatusCode::OK, done, shown))
}

async fn release(
    State(app): State<App>,
    caller: Caller,
    Id(hold_id): Id<HoldId>,
    body: Dry<Nothing>,
) -> Result<Response, Problem> {
    let context = caller.command(&app, &body.asked.canonical, body.asked.dry_run);
    let done = app.dispatcher.run(&context, &ReleaseHold { hold_id }).await?;
    Ok(respond::done(StatusCode::OK, done, shown))
}
