//! `/api/v2/series`: start, show, skip one, move one, cancel the rest (APT-03, APT-12, POL-08).

use std::collections::BTreeMap;

use axum::{extract::State, http::StatusCode, response::Response};
use chrono::NaiveDateTime;
use chrono_tz::Tz;
use daybook_domain::{
    appointment::{Appointment, ChangeCause, ChangedBy, ReasonCode},
    booking::{
        commands::{CancelSeries, MoveOccurrence, Particulars, SkipOccurrence, StartSeries},
        occurrences,
    },
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
    moves::Move,
    shapes::{ChangedBy as ChangedByShape, ReasonCode as ReasonCodeShape, bookings as shapes},
};
use crate::{
    http::{
        caller::Caller,
        describe::{Route, get, post},
        extract::{Body, Id},
        fields::{Local, Notes, Reason, Text, Zone},
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
    let skip = write(skip, "skip_occurrence", "Skip an occurrence").command::<Why>().explained(
        "A series allows a limited number of skips. A skip is not a cancellation: it costs nothing \
         and does not count against the customer's free cancellations.",
    );
    let moved = post("/series/{id}/occurrences/{number}/move", move_one);
    let moved = write(moved, "move_occurrence", "Move an occurrence").command::<Move>();
    let start = write(post("/series", start), "start_series", "Start a series").explained(
        "Books every occurrence of a rule, all of them or none. The rule must produce \
         `starts_at_local`; `except` and `also` have the meaning of EXDATE and RDATE (RFC 5545).",
    );
    let start = start.command::<Start>().answers::<shapes::SeriesSaved>(201, "Booked.");
    let cancel = post("/series/{id}/cancel", cancel);
    let cancel = write(cancel, "cancel_series", "Cancel the rest of a series").explained(
        "Cancels the remaining occurrences, each judged by the current state and the agreed terms of \
         its appointment. The response, also of a dry run, contains the fee of each occurrence and \
         lists those that the terms block: they stay booked. If all are blocked, the request is \
         refused.",
    );
    let cancel = cancel.command::<Why>();
    let one = get("/series/{id}", one).about("Series", "series", "Get a series");
    let one = one
        .scope("bookings:read")
        .explained("Returns the series with the current status and time of each occurrence.");
    OpenApiRouter::new()
        .routes(start.answers::<shapes::SeriesSaved>(200, "What a dry run would book.").done())
        .routes(one.answers::<shapes::Series>(200, "The series.").done())
        .routes(
            cancel
                .answers::<shapes::SeriesCancelled>(
                    200,
                    "The cancelled and the blocked occurrences.",
                )
                .done(),
        )
        .routes(skip.answers::<shapes::Cancelled>(200, "Skipped.").done())
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
    /// Such as `FREQ=WEEKLY;COUNT=8`. It has to produce `starts_at_local`.
    rrule: Text<500>,
    /// Starts that are left out, as EXDATE does: they do not extend COUNT.
    #[serde(default)]
    #[schema(max_items = 366)]
    except: Vec<Local>,
    /// Starts that are added, as RDATE does: they do not count towards COUNT, and one that the rule
    /// produces anyway is booked once. None is before `starts_at_local`.
    #[serde(default)]
    #[schema(max_items = 366)]
    also: Vec<Local>,
    /// Leave an occurrence out when its time is taken, instead of refusing the series. What was left
    /// out does not count towards the fewest occurrences of a series.
    #[serde(default)]
    skip_conflicts: bool,
    notes: Option<Notes>,
    /// Book although the customer has another appointment at the time of an occurrence.
    #[serde(default)]
    allow_overlap: bool,
    #[serde(default)]
    dry_run: bool,
}

async fn start(
    State(app): State<App>,
    caller: Caller,
    body: Body<Start>,
) -> Result<Response, Problem> {
    let Body { value, canonical } = body;
    let mut rule = SeriesRule::new(value.rrule.into_string(), value.starts_at_local.0, value.zone);
    rule.except = dates("except", value.except)?;
    rule.also = dates("also", value.also)?;
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
            allow_overlap: value.allow_overlap,
        },
    };
    let context = caller.command(&app, &canonical, value.dry_run);
    let done = app.dispatcher.run(&context, &command).await?;
    let status = if value.dry_run { StatusCode::OK } else { StatusCode::CREATED };
    Ok(respond::done(status, done, |answer| json!({ "success": true, "series": answer })))
}

/// The most dates that a rule leaves out or adds.
const MAX_DATES: usize = 366;

fn dates(field: &str, dates: Vec<Local>) -> Result<Vec<NaiveDateTime>, Problem> {
    if MAX_DATES < dates.len() {
        return Err(Problem::invalid(field, format!("`{field}` has at most {MAX_DATES} dates.")));
    }
    Ok(dates.into_iter().map(|at| at.0).collect())
}

async fn one(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<SeriesId>,
) -> Result<Response, Problem> {
    let context = caller.context(&app);
    let (series, version) = app.dispatcher.state::<Series>(&context, id).await?;
    let started = series.started().ok_or_else(Problem::not_found)?;
    let ids: Vec<_> = started.occurrences.iter().filter_map(|it| it.appointment_id).collect();
    let states = app.dispatcher.states::<Appointment>(&context, &ids).await?;
    let states: BTreeMap<_, _> = ids.into_iter().zip(states).collect();
    let occurrences = occurrences(&series, |id| states.get(&id).map(AsRef::as_ref));
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
    let Id((series_id, number)) = path;
    let Body { value, canonical } = body;
    let dry_run = value.dry_run;
    let command = SkipOccurrence { series_id, number, cause: value.cause() };
    let context = caller.command(&app, &canonical, dry_run);
    let done = app.dispatcher.run(&context, &command).await?;
    Ok(respond::done(StatusCode::OK, done, |answer| cancelled(&answer, dry_run)))
}

async fn move_one(
    State(app): State<App>,
    caller: Caller,
    path: Id<(SeriesId, u16)>,
    body: Body<Move>,
) -> Result<Response, Problem> {
    let Id((series_id, number)) = path;
    let Body { value, canonical } = body;
    let (new_starts_at, staff) = (value.new_starts_at.0, value.staff()?);
    let (allow_overlap, dry_run) = (value.allow_overlap, value.dry_run);
    let cause = value.cause();
    let command = MoveOccurrence { series_id, number, new_starts_at, staff, allow_overlap, cause };
    let context = caller.command(&app, &canonical, dry_run);
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
    let Body { value, canonical } = body;
    let dry_run = value.dry_run;
    let command = CancelSeries { series_id, cause: value.cause() };
    let context = caller.command(&app, &canonical, dry_run);
    let done = app.dispatcher.run(&context, &command).await?;
    Ok(respond::done(
        StatusCode::OK,
        done,
        |answer| json!({ "success": true, "dry_run": dry_run, "series": answer }),
    ))
}
