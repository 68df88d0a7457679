//! `/api/v2/holds`: keep a place, longer, or no longer (APT-09). A hold is booked through
//! `POST /api/v2/bookings` with its token.

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::Response,
    routing::{delete, post},
};
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

use super::bookings::{BasketItem, items, wish};
use crate::{
    http::{
        caller::Caller,
        extract::{Body, Id},
        fields::Instant,
        problem::Problem,
        respond,
    },
    state::App,
};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/holds", post(place))
        .route("/holds/{token}", delete(release))
        .route("/holds/{token}/extend", post(extend))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    service_id: Option<ServiceId>,
    #[serde(default)]
    services: Vec<BasketItem>,
    staff_id: Option<StaffId>,
    branch_id: BranchId,
    starts_at: Instant,
    ttl_seconds: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Extend {
    ttl_seconds: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {}

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
    caller.require("bookings:write")?;
    let Body { value, canonical } = body;
    let wish = Wish {
        branch_id: value.branch_id,
        items: items(value.service_id, &value.services)?,
        staff: wish(value.staff_id),
        starts_at: value.starts_at.0,
    };
    let command = PlaceHold { wish, ttl: ttl(value.ttl_seconds) };
    let done = app.dispatcher.run(&caller.command(&app, &canonical, false), &command).await?;
    Ok(respond::done(StatusCode::CREATED, done, shown))
}

async fn extend(
    State(app): State<App>,
    caller: Caller,
    Id(hold_id): Id<HoldId>,
    body: Body<Extend>,
) -> Result<Response, Problem> {
    caller.require("bookings:write")?;
    let command = ExtendHold { hold_id, ttl: ttl(body.value.ttl_seconds) };
    let done = app.dispatcher.run(&caller.command(&app, &body.canonical, false), &command).await?;
    Ok(respond::done(StatusCode::OK, done, shown))
}

async fn release(
    State(app): State<App>,
    caller: Caller,
    Id(hold_id): Id<HoldId>,
    body: Body<Release>,
) -> Result<Response, Problem> {
    caller.require("bookings:write")?;
    let context = caller.command(&app, &body.canonical, false);
    let done = app.dispatcher.run(&context, &ReleaseHold { hold_id }).await?;
    Ok(respond::done(StatusCode::OK, done, shown))
}
