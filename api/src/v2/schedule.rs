//! Weekly hours and date exceptions of branches, staff and resources (MD-05, MD-06, CTR-53).

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::Response,
    routing::put,
};
use chrono::NaiveDate;
use daybook_domain::{
    branch::{Branch, BranchCommand},
    commands::One,
    hours::{DateException, DayHours, WeeklyHours},
    ids::BranchId,
    resource::{Resource, ResourceCommand},
    staff::{Staff, StaffCommand},
};
use serde::Deserialize;
use uuid::Uuid;

use super::catalog::{Kind, run};
use crate::{
    http::{
        caller::Caller,
        extract::{Body, Id},
        fields::{Date, Reason, Text},
        problem::Problem,
    },
    state::App,
};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .merge(of::<Branch>("branches"))
        .merge(of::<Staff>("staff"))
        .merge(of::<Resource>("resources"))
}

fn of<A: Scheduled>(name: &str) -> Router<App> {
    Router::new().route(&format!("/{name}/{{id}}/hours"), put(hours::<A>)).route(
        &format!("/{name}/{{id}}/exceptions/{{date}}"),
        put(except::<A>).delete(regular::<A>),
    )
}

/// Weekly hours; absent means those of the level above.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hours {
    weekly: Option<WeeklyHours>,
    /// Of a staff member: at this branch only.
    branch_id: Option<BranchId>,
}

/// The hours of a date.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    hours: DayHours,
    reason: Option<Reason>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// A thing with hours.
trait Scheduled: Kind {
    fn set_hours(hours: Hours) -> Result<Self::Command, Problem>;
    fn set_exception(exception: DateException) -> Self::Command;
    fn remove_exception(date: NaiveDate) -> Self::Command;
}

fn not_by_branch(hours: &Hours) -> Result<(), Problem> {
    match hours.branch_id {
        None => Ok(()),
        Some(_) => Err(Problem::invalid("branch_id", "only staff have hours by branch")),
    }
}

macro_rules! scheduled {
    ($kind:ident, $command:ident, $hours:expr) => {
        impl Scheduled for $kind {
            fn set_hours(hours: Hours) -> Result<Self::Command, Problem> {
                let set: fn(Hours) -> Result<$command, Problem> = $hours;
                set(hours)
            }

            fn set_exception(exception: DateException) -> Self::Command {
                $command::SetException { exception }
            }

            fn remove_exception(date: NaiveDate) -> Self::Command {
                $command::RemoveException { date }
            }
        }
    };
}

scheduled!(Branch, BranchCommand, |hours| {
    not_by_branch(&hours)?;
    Ok(BranchCommand::SetHours { weekly: hours.weekly.unwrap_or_default() })
});
scheduled!(Staff, StaffCommand, |Hours { weekly, branch_id }| Ok(StaffCommand::SetHours {
    branch_id,
    weekly
}));
scheduled!(Resource, ResourceCommand, |hours| {
    not_by_branch(&hours)?;
    Ok(ResourceCommand::SetHours { weekly: hours.weekly })
});

async fn hours<A: Scheduled>(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
    body: Body<Hours>,
) -> Result<Response, Problem> {
    let command = A::set_hours(body.value)?;
    let command = One::<A> { id, command, expected: caller.expected() };
    run(&app, &caller, StatusCode::OK, &body.canonical, &command).await
}

async fn except<A: Scheduled>(
    State(app): State<App>,
    caller: Caller,
    path: Id<(Uuid, Date)>,
    body: Body<Exception>,
) -> Result<Response, Problem> {
    let Id((id, Date(date))) = path;
    let Exception { hours, reason } = body.value;
    let reason = reason.map(Text::into_string);
    let command = A::set_exception(DateException { date, hours, reason });
    let command = One::<A> { id, command, expected: caller.expected() };
    run(&app, &caller, StatusCode::OK, &body.canonical, &command).await
}

async fn regular<A: Scheduled>(
    State(app): State<App>,
    caller: Caller,
    path: Id<(Uuid, Date)>,
    body: Body<Nothing>,
) -> Result<Response, Problem> {
    let Id((id, Date(date))) = path;
    let command = A::remove_exception(date);
    let command = One::<A> { id, command, expected: caller.expected() };
    run(&app, &caller, StatusCode::OK, &body.canonical, &command).await
}
