//! `/api/v2/series`: start, look, skip one, move one, call the rest off (APT-03, APT-12, POL-08).

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use chrono_tz::Tz;
use daybook_domain::{
    booking::commands::{CancelSeries, MoveOccurrence, Particulars, SkipOccurrence, StartSeries},
    ids::{BranchId, CustomerId, SeriesId, ServiceId, StaffId},
    series::{Series, rule::SeriesRule},
};
use serde::Deserialize;
use serde_json::json;

use super::bookings::{BasketItem, cancelled, items, wish};
use crate::{
    http::{
        caller::Caller,
        extract::{Body, Id},
        fields::{Instant, Local, Notes, Reason, Text},
        problem::Problem,
        respond,
    },
    state::App,
};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/series", post(start))
        .route("/series/{id}", get(one))
        .route("/series/{id}/cancel", post(cancel))
        .route("/series/{id}/occurrences/{number}/skip", post(skip))
        .route("/series/{id}/occurrences/{number}/move", post(move_one))
}

/// A series: local start, zone and RFC 5545 rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Start {
    customer_id: CustomerId,
    service_id: Option<ServiceId>,
    #[serde(default)]
    services: Vec<BasketItem>,
    staff_id: Option<StaffId>,
    branch_id: BranchId,
    /// Local wall clock time, such as `2026-12-01T10:00:00`.
    starts_at_local: Local,
    zone: Tz,
    /// Such as `FREQ=WEEKLY;COUNT=8`.
    rrule: Text<500>,
    #[serde(default)]
    except: Vec<Local>,
    #[serde(default)]
    skip_conflicts: bool,
    notes: Option<Notes>,
    #[serde(default)]
    dry_run: bool,
}

async fn start(
    State(app): State<App>,
    caller: Caller,
    body: Body<Start>,
) -> Result<Response, Problem> {
    caller.require("bookings:write")?;
    let Body { value, canonical } = body;
    let mut rule = SeriesRule::new(value.rrule.into_string(), value.starts_at_local.0, value.zone);
    rule.except = value.except.into_iter().map(|at| at.0).collect();
    let items = items(value.service_id, &value.services)?;
    let command = StartSeries {
        branch_id: value.branch_id,
        service_ids: items.into_iter().map(|item| item.service_id).collect(),
        staff: wish(value.staff_id),
        rule,
        skip_conflicts: value.skip_conflicts,
        particulars: Particulars {
            customer_id: value.customer_id,
            source: "api".to_owned(),
            notes: value.notes.map(Text::into_string),
            external_ref: None,
            call_id: None,
        },
    };
    let context = caller.command(&app, &canonical, value.dry_run);
    let done = app.dispatcher.run(&context, &command).await?;
    let status = if value.dry_run { StatusCode::OK } else { StatusCode::CREATED };
    Ok(respond::done(status, done, |answer| json!({ "success": true, "series": answer })))
}

async fn one(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<SeriesId>,
) -> Result<Response, Problem> {
    caller.require("bookings:read")?;
    let (series, version) = app.dispatcher.state::<Series>(&caller.context(&app), id).await?;
    let started = series.started().ok_or_else(Problem::not_found)?;
    let occurrences: Vec<_> = series.occurrences().collect();
    let body = json!({
        "series_id": id,
        "version": version,
        "customer_id": started.customer_id,
        "branch_id": started.branch_id,
        "service_ids": started.service_ids,
        "rule": started.rule,
        "is_cancelled": series.is_cancelled(),
        "skips": series.skips(),
        "occurrences": occurrences,
    });
    Ok(respond::versioned(version.0, body))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Why {
    reason: Option<Reason>,
    #[serde(default)]
    dry_run: bool,
}

async fn skip(
    State(app): State<App>,
    caller: Caller,
    path: Id<(SeriesId, u16)>,
    body: Body<Why>,
) -> Result<Response, Problem> {
    caller.require("bookings:write")?;
    let Id((series_id, number)) = path;
    let Body { value, canonical } = body;
    let command = SkipOccurrence { series_id, number, reason: value.reason.map(Text::into_string) };
    let context = caller.command(&app, &canonical, value.dry_run);
    let done = app.dispatcher.run(&context, &command).await?;
    Ok(respond::done(StatusCode::OK, done, |answer| cancelled(&answer, value.dry_run)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MoveOne {
    new_starts_at: Instant,
    reason: Option<Reason>,
    #[serde(default)]
    dry_run: bool,
}

async fn move_one(
    State(app): State<App>,
    caller: Caller,
    path: Id<(SeriesId, u16)>,
    body: Body<MoveOne>,
) -> Result<Response, Problem> {
    caller.require("bookings:write")?;
    let Id((series_id, number)) = path;
    let Body { value, canonical } = body;
    let new_starts_at = value.new_starts_at.0;
    let reason = value.reason.map(Text::into_string);
    let command = MoveOccurrence { series_id, number, new_starts_at, reason };
    let context = caller.command(&app, &canonical, value.dry_run);
    let done = app.dispatcher.run(&context, &command).await?;
    Ok(respond::done(
        StatusCode::OK,
        done,
        |answer| json!({ "success": true, "old_time": answer.old_time, "booking": answer.booking }),
    ))
}

async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Id(series_id): Id<SeriesId>,
    body: Body<Why>,
) -> Result<Response, Problem> {
    caller.require("bookings:write")?;
    let Body { value, canonical } = body;
    let command = CancelSeries { series_id, reason: value.reason.map(Text::into_string) };
    let context = caller.command(&app, &canonical, value.dry_run);
    let done = app.dispatcher.run(&context, &command).await?;
    let shown = |answer| Json(json!({ "success": true, "series": answer })).0;
    Ok(respond::done(StatusCode::OK, done, shown).into_response())
}
