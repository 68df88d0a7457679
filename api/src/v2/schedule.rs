//! Weekly hours and date exceptions of branches, staff and resources (MD-05, MD-06, CTR-53).

use axum::{extract::State, http::StatusCode, response::Response};
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
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use super::{
    catalog::{Kind, run},
    shapes::{Saved, Step, catalog as shapes},
};
use crate::{
    http::{
        caller::Caller,
        describe::{Route, delete, get, put},
        extract::{Dry, Id, Nothing},
        fields::{LocalDate, Reason, Text},
        problem::Problem,
        respond,
    },
    state::App,
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().merge(of::<Branch>()).merge(of::<Staff>()).merge(of::<Resource>())
}

fn of<A: Scheduled>() -> OpenApiRouter<App> {
    let (plural, name) = (A::PLURAL, A::ROW.as_str());
    let about = |route: Route, verb: &str, says: &str| {
        route.about("Hours", &format!("{verb}_{name}"), &format!("{says} a {name}."))
    };
    let date = format!("/{plural}/{{id}}/exceptions/{{date}}");
    let path = format!("/{plural}/{{id}}/hours");
    let read = about(get(path.as_str(), shown::<A>), "hours_of", "The hours and exceptions of");
    let set = about(put(path, hours::<A>), "set_hours_of", "Sets the weekly hours of");
    let except = about(put(date.as_str(), except::<A>), "set_exception_of", "Sets a date of");
    let regular =
        about(delete(date, regular::<A>), "remove_exception_of", "Makes a date regular of");
    let set = set.scope("catalog:write").command::<A::SetHours>();
    let except = except.scope("catalog:write").command::<shapes::SetException>();
    let regular = regular.scope("catalog:write").command::<Step>();
    let read = read.scope("catalog:read").answers::<shapes::Hours>(200, "As they are now.");
    OpenApiRouter::new()
        .routes(read.done())
        .routes(set.answers::<Saved>(200, "Set.").done())
        .routes(except.answers::<Saved>(200, "Set.").done())
        .routes(regular.answers::<Saved>(200, "As on any other day.").done())
}

/// Weekly hours and exceptions, as they are in the state of the thing.
async fn shown<A: Scheduled>(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
) -> Result<Response, Problem> {
    let (state, version) = app.dispatcher.state::<A>(&caller.context(&app), id).await?;
    if state.profile_of().is_none() {
        return Err(Problem::not_found());
    }
    let state = serde_json::to_value(&*state).map_err(|error| Problem::internal(&error))?;
    let mut body = json!({
        "id": id,
        "version": version,
        "weekly": state["hours"],
        "exceptions": state["exceptions"],
    });
    if let Some(weekly_at) = state.get("hours_at") {
        body["weekly_at"] = weekly_at.clone();
    }
    Ok(respond::versioned(version.0, body))
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

/// A thing with hours.
trait Scheduled: Kind {
    /// Its hours as they are sent.
    type SetHours: ToSchema;
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
    ($kind:ident, $command:ident, $shape:ident, $hours:expr) => {
        impl Scheduled for $kind {
            type SetHours = shapes::$shape;

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

scheduled!(Branch, BranchCommand, SetHours, |hours| {
    not_by_branch(&hours)?;
    Ok(BranchCommand::SetHours { weekly: hours.weekly.unwrap_or_default() })
});
scheduled!(Staff, StaffCommand, SetHoursOfStaff, |Hours { weekly, branch_id }| Ok(
    StaffCommand::SetHours { branch_id, weekly }
));
scheduled!(Resource, ResourceCommand, SetHours, |hours| {
    not_by_branch(&hours)?;
    Ok(ResourceCommand::SetHours { weekly: hours.weekly })
});

async fn hours<A: Scheduled>(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
    body: Dry<Hours>,
) -> Result<Response, Problem> {
    let command = A::set_hours(body.value)?;
    let command = One::<A> { id, command, expected: caller.expected() };
    run(&app, &caller, StatusCode::OK, &body.asked, &command).await
}

async fn except<A: Scheduled>(
    State(app): State<App>,
    caller: Caller,
    path: Id<(Uuid, LocalDate)>,
    body: Dry<Exception>,
) -> Result<Response, Problem> {
    let Id((id, LocalDate(date))) = path;
    let Exception { hours, reason } = body.value;
    let reason = reason.map(Text::into_string);
    let command = A::set_exception(DateException { date, hours, reason });
    let command = One::<A> { id, command, expected: caller.expected() };
    run(&app, &caller, StatusCode::OK, &body.asked, &command).await
}

async fn regular<A: Scheduled>(
    State(app): State<App>,
    caller: Caller,
    path: Id<(Uuid, LocalDate)>,
    body: Dry<Nothing>,
) -> Result<Response, Problem> {
    let Id((id, LocalDate(date))) = path;
    let command = A::remove_exception(date);
    let command = One::<A> { id, command, expected: caller.expected() };
    run(&app, &caller, StatusCode::OK, &body.asked, &command).await
}
