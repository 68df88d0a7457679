//! The right to be forgotten: asked for, taken back within the grace, or at once (GDPR-04, GDPR-07).

use axum::{extract::State, http::StatusCode, response::Response};
use chrono::TimeDelta;
use daybook_adapters::erasure::{EraseError, Erasing};
use daybook_domain::{
    commands::One,
    customer::{Customer, CustomerCommand, ErasureReason, GRACE},
    ids::CustomerId,
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

use super::super::shapes::{Nothing as Nobody, Saved, Step};
use crate::{
    http::{
        caller::Caller,
        describe::{Route, delete, post},
        extract::{Body, Dry, Id, Nothing},
        problem::Problem,
        respond,
    },
    state::App,
};

pub(super) fn routes() -> OpenApiRouter<App> {
    let write = |route: Route, id: &str, says: &str| {
        route.about("Customers", id, says).scope("customers:write")
    };
    let request = post("/customers/{id}/erasure", request);
    let request = write(request, "request_erasure", "Notes the wish to be forgotten.");
    let withdraw = delete("/customers/{id}/erasure", withdraw);
    let withdraw = write(withdraw, "withdraw_erasure", "Takes that wish back.");
    let erase = write(post("/customers/{id}/erase", erase), "erase_customer", "Forgets for good.");
    OpenApiRouter::new()
        .routes(request.command::<RequestErasure>().answers::<Saved>(200, "Noted.").done())
        .routes(withdraw.command::<Step>().answers::<Saved>(200, "Taken back.").done())
        .routes(erase.command::<Nobody>().answers::<Saved>(200, "Forgotten.").done())
}

/// The wish to be forgotten.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RequestErasure {
    /// Days in which it can be taken back; 30 without it.
    #[schema(minimum = 0, maximum = 30)]
    grace_days: Option<u8>,
    #[serde(default)]
    dry_run: bool,
}

async fn request(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<CustomerId>,
    body: Body<RequestErasure>,
) -> Result<Response, Problem> {
    let context = caller.command(&app, &body.canonical, body.value.dry_run);
    let grace = body.value.grace_days.map_or(GRACE, |days| TimeDelta::days(days.into()));
    let command = CustomerCommand::RequestErasure { at: context.at, due_at: context.at + grace };
    let command = One::<Customer> { id: id.uuid(), command, expected: caller.expected() };
    let done = app.dispatcher.run(&context, &command).await?;
    Ok(respond::done(StatusCode::OK, done, |answer| answer))
}

async fn withdraw(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<CustomerId>,
    body: Dry<Nothing>,
) -> Result<Response, Problem> {
    let context = caller.command(&app, &body.asked.canonical, body.asked.dry_run);
    let command = CustomerCommand::WithdrawErasure { at: context.at };
    let command = One::<Customer> { id: id.uuid(), command, expected: caller.expected() };
    let done = app.dispatcher.run(&context, &command).await?;
    Ok(respond::done(StatusCode::OK, done, |answer| answer))
}

/// Forgets a customer at once. Repeating it finishes what was begun.
async fn erase(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<CustomerId>,
    body: Body<Nothing>,
) -> Result<Response, Problem> {
    let context = caller.command(&app, &body.canonical, false);
    let wish = Erasing {
        customer_id: id,
        reason: ErasureReason::Requested,
        only_if_due: false,
        expected: caller.expected(),
    };
    let done = app.eraser.erase(&context, wish).await.map_err(|error| match error {
        EraseError::Command(error) => error.into(),
        EraseError::Vault(_) | EraseError::Copies(_) => Problem::unavailable(&error),
    })?;
    Ok(respond::done(StatusCode::OK, done, |answer| answer))
}
