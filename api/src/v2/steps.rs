//! The steps of a booking's status flow: confirm, reject, start, complete, no-show (CTR-26).

use axum::{extract::State, http::StatusCode, response::Response};
use daybook_domain::{
    appointment::{ChangeCause, ReasonCode},
    booking::commands::{ChangeStatus, StatusChange},
    ids::AppointmentId,
};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

use super::shapes::{ReasonCode as ReasonCodeShape, bookings as shapes};
use crate::{
    http::{
        caller::Caller,
        describe::{Route, post},
        extract::{Body, Id},
        fields::{Reason, Text},
        problem::Problem,
        respond,
    },
    state::App,
};

pub(super) fn routes() -> OpenApiRouter<App> {
    let step = |name: &str, route: Route, says: &str| {
        let route = route.about("Bookings", name, says).scope("bookings:write");
        route.answers::<shapes::Stepped>(200, "As it is now.")
    };
    let confirm = step("confirm", post("/bookings/{id}/confirm", confirm), "Confirms.");
    let reject = step("reject", post("/bookings/{id}/reject", reject), "Rejects.");
    let start = step("start", post("/bookings/{id}/start", start), "The customer is here.");
    let complete = step("complete", post("/bookings/{id}/complete", complete), "It is done.");
    let no_show = step("no_show", post("/bookings/{id}/no-show", no_show), "Nobody came.");
    OpenApiRouter::new()
        .routes(confirm.command::<TakeStep>().done())
        .routes(reject.command::<RejectBooking>().done())
        .routes(start.command::<TakeStep>().done())
        .routes(complete.command::<TakeStep>().done())
        .routes(no_show.command::<TakeStep>().done())
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TakeStep {
    /// Whether the customer is to be notified.
    #[serde(default)]
    notify_customer: bool,
    /// Decides and answers, and records nothing.
    #[serde(default)]
    dry_run: bool,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RejectBooking {
    #[schema(value_type = Option<ReasonCodeShape>)]
    reason_code: Option<ReasonCode>,
    /// In the words of the business; kept sealed.
    reason: Option<Reason>,
    /// Whether the customer is to be notified.
    #[serde(default)]
    notify_customer: bool,
    /// Decides and answers, and records nothing.
    #[serde(default)]
    dry_run: bool,
}

/// A step that was asked for.
struct Asked {
    change: StatusChange,
    cause: ChangeCause,
    canonical: Vec<u8>,
    dry_run: bool,
}

async fn take(
    app: &App,
    caller: &Caller,
    appointment_id: AppointmentId,
    asked: Asked,
) -> Result<Response, Problem> {
    let Asked { change, cause, canonical, dry_run } = asked;
    let command = ChangeStatus { appointment_id, change, cause, expected: caller.expected() };
    let done = app.dispatcher.run(&caller.command(app, &canonical, dry_run), &command).await?;
    Ok(respond::done(StatusCode::OK, done, |answer| json!({ "success": true, "booking": answer })))
}

fn asked(change: StatusChange, body: Body<TakeStep>) -> Asked {
    let Body { value, canonical } = body;
    let cause = ChangeCause { notify_customer: value.notify_customer, ..ChangeCause::default() };
    Asked { change, cause, canonical, dry_run: value.dry_run }
}

async fn reject(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<AppointmentId>,
    body: Body<RejectBooking>,
) -> Result<Response, Problem> {
    let Body { value, canonical } = body;
    let cause = ChangeCause {
        reason_code: value.reason_code,
        reason: value.reason.map(Text::into_string),
        notify_customer: value.notify_customer,
        ..ChangeCause::default()
    };
    let (change, dry_run) = (StatusChange::Reject, value.dry_run);
    take(&app, &caller, id, Asked { change, cause, canonical, dry_run }).await
}

async fn confirm(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<AppointmentId>,
    body: Body<TakeStep>,
) -> Result<Response, Problem> {
    take(&app, &caller, id, asked(StatusChange::Confirm, body)).await
}

async fn start(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<AppointmentId>,
    body: Body<TakeStep>,
) -> Result<Response, Problem> {
    take(&app, &caller, id, asked(StatusChange::Start, body)).await
}

async fn complete(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<AppointmentId>,
    body: Body<TakeStep>,
) -> Result<Response, Problem> {
    take(&app, &caller, id, asked(StatusChange::Complete, body)).await
}

async fn no_show(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<AppointmentId>,
    body: Body<TakeStep>,
) -> Result<Response, Problem> {
    take(&app, &caller, id, asked(StatusChange::NoShow, body)).await
}
