//! `/api/v2/series`: start, look, skip one, move one, call the rest off (APT-03, APT-12, POL-08).

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use chrono_tz::Tz;
use daybook_domain::{
    appointment::{ChangeCause, ChangedBy, ReasonCode},
    booking::commands::{CancelSeries, MoveOccurrence, Particulars, SkipOccurrence, StartSeries},
    ids::{BranchId, CustomerId, SeriesId, ServiceId, StaffId},
    series::{Series, rule::SeriesRule},
};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

use super::{
    basket::{BasketItem, items},
    bookings::{cancelled, wish},
    customers::{Newcomer, guest},
    shapes::{ChangedBy as ChangedByShape, ReasonCode as ReasonCodeShape, bookings as shapes},
};
use crate::{
    http::{
        caller::Caller,
        describe::{Route, get, post},
        extract::{Body, Id},
        fields::{Instant, Local, Notes, Reason, Text, Zone},
        problem::Problem,
        respond,
    },
    state::App,
};

pub(super) fn routes() -> OpenApiRouter<App> {
    let write = |route: Route, id: &str, says: &str| {
        route.about("Series", id, says).scope("bookings:write")
    };
    let skip = post("/series/{id}/occurrences/{number}/skip", skip);
    let skip = write(skip, "skip_occurrence", "Leaves one out.").command::<Why>();
    let moved = post("/series/{id}/occurrences/{number}/move", move_one);
    let moved = write(moved, "move_occurrence", "Moves one.").command::<MoveOne>();
    let start = write(post("/series", start), "start_series", "Books every occurrence.");
    let start = start.command::<Start>().answers::<shapes::SeriesSaved>(201, "Booked.");
    let cancel = write(post("/series/{id}/cancel", cancel), "cancel_series", "Calls off the rest.");
    let one = get("/series/{id}", one).about("Series", "series", "Shows a series.");
    OpenApiRouter::new()
        .routes(start.answers::<shapes::SeriesSaved>(200, "What a dry run would book.").done())
        .routes(one.scope("bookings:read").answers::<shapes::Series>(200, "As it is.").done())
        .routes(cancel.command::<Why>().answers::<shapes::SeriesSaved>(200, "As it is now.").done())
        .routes(skip.answers::<shapes::Cancelled>(200, "Off.").done())
        .routes(moved.answers::<shapes::Rescheduled>(200, "Moved.").done())
}

/// A series: local start, zone and RFC 5545 rule.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StartSeries)]
struct Start {
    /// Who comes: either this or `customer`.
    #[schema(value_type = Option<Uuid>)]
    customer_id: Option<CustomerId>,
    customer: Option<Newcomer>,
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
    /// Local wall clock time, such as `2026-12-01T10:00:00`.
    starts_at_local: Local,
    #[schema(value_type = Zone)]
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
    let items = items((value.service_id, value.duration_minutes), &value.services)?;
    let place = (Some(value.branch_id), None);
    let guest = guest(&app, &caller, place, (value.customer_id, value.customer)).await?;
    let command = StartSeries {
        branch_id: value.branch_id,
        items,
        staff: wish(value.staff_id),
        rule,
        skip_conflicts: value.skip_conflicts,
        particulars: Particulars {
            guest,
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

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WithReason)]
struct Why {
    /// Absent means the customer.
    #[serde(default)]
    #[schema(value_type = Option<ChangedByShape>)]
    cancelled_by: ChangedBy,
    #[schema(value_type = Option<ReasonCodeShape>)]
    reason_code: Option<ReasonCode>,
    /// In the words of whoever wants it; kept sealed.
    reason: Option<Reason>,
    /// Whether the customer is to be notified.
    #[serde(default)]
    notify_customer: bool,
    #[serde(default)]
    dry_run: bool,
}

impl Why {
    fn cause(self) -> ChangeCause {
        ChangeCause {
            by: self.cancelled_by,
            reason_code: self.reason_code,
            reason: self.reason.map(Text::into_string),
            notify_customer: self.notify_customer,
        }
    }
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
    let dry_run = value.dry_run;
    let command = SkipOccurrence { series_id, number, cause: value.cause() };
    let context = caller.command(&app, &canonical, dry_run);
    let done = app.dispatcher.run(&context, &command).await?;
    Ok(respond::done(StatusCode::OK, done, |answer| cancelled(&answer, dry_run)))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MoveOccurrence)]
struct MoveOne {
    new_starts_at: Instant,
    /// Absent means the customer.
    #[serde(default)]
    #[schema(value_type = Option<ChangedByShape>)]
    rescheduled_by: ChangedBy,
    #[schema(value_type = Option<ReasonCodeShape>)]
    reason_code: Option<ReasonCode>,
    /// In the words of whoever wants it; kept sealed.
    reason: Option<Reason>,
    /// Whether the customer is to be notified.
    #[serde(default)]
    notify_customer: bool,
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
    let cause = ChangeCause {
        by: value.rescheduled_by,
        reason_code: value.reason_code,
        reason: value.reason.map(Text::into_string),
        notify_customer: value.notify_customer,
    };
    let command = MoveOccurrence { series_id, number, new_starts_at, cause };
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
    let dry_run = value.dry_run;
    let command = CancelSeries { series_id, cause: value.cause() };
    let context = caller.command(&app, &canonical, dry_run);
    let done = app.dispatcher.run(&context, &command).await?;
    let shown = |answer| Json(json!({ "success": true, "series": answer })).0;
    Ok(respond::done(StatusCode::OK, done, shown).into_response())
}
