//! `/api/v2/reports` and the way of a customer: what analysts and the desk ask of read models.

use std::collections::BTreeSet;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use chrono::{Days, NaiveDate};
use daybook_adapters::postgres::Scope;
use daybook_domain::{
    customer::journey::Thresholds,
    ids::{BranchId, CompanyId, CustomerId},
};
use daybook_projections::{
    appointments::Appointments,
    customer_journey::{self, CustomerJourney},
    modifications::{self, Modifications, ViolationFilter},
    utilisation::{self, By, OpenMinutes, UtilisationRow},
};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use super::{
    page,
    shapes::{Page, reports as shapes},
};
use crate::{
    http::{
        caller::Caller,
        describe::{Route, get},
        extract::{Id, Params},
        fields::{Instant, LocalDate},
        problem::Problem,
    },
    state::App,
};

/// The longest range of a report.
const MOST_DAYS: u64 = 366;
/// The largest number of changes that can be asked for.
const MOST_CHANGES: u32 = 1_000_000;

pub(super) fn routes() -> OpenApiRouter<App> {
    let report =
        |route: Route, id: &str, says: &str| route.about("Reports", id, says).scope("reports:read");
    let used = report(get("/reports/utilisation", used), "utilisation", "How much time is booked.");
    let changed = get("/reports/modifications", changed);
    let changed = report(changed, "modifications", "Customers who move and call off.");
    let broken = get("/reports/violations", broken);
    let broken = report(broken, "violations", "Changes that broke the agreed terms.");
    let journey = get("/customers/{id}/journey", journey);
    let journey = journey.about("Customers", "customer_journey", "How far a customer has come.");
    let journey = journey.scope("customers:read").query::<Seen>();
    OpenApiRouter::new()
        .routes(used.query::<Used>().answers::<shapes::Utilisation>(200, "The sums.").done())
        .routes(changed.query::<Changed>().answers::<Page<shapes::Totals>>(200, "A page.").done())
        .routes(broken.query::<Broken>().answers::<Page<shapes::Violation>>(200, "A page.").done())
        .routes(journey.answers::<shapes::Journey>(200, "As it is now.").done())
}

/// What is summed up, and over which local dates.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Used {
    #[param(value_type = shapes::By, inline)]
    by: By,
    #[param(inline)]
    from: LocalDate,
    /// The last date of the report.
    #[param(inline)]
    to: LocalDate,
    #[param(value_type = Option<Uuid>)]
    company_id: Option<CompanyId>,
    #[param(value_type = Option<Uuid>)]
    branch_id: Option<BranchId>,
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    min_position: Option<u64>,
}

async fn used(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<Used>,
) -> Result<Response, Problem> {
    let limit = page::limit(query.limit)?;
    let (from, to) = (query.from.0, query.to.0);
    if to < from {
        return Err(Problem::parameter("to", "a report does not end before it begins"));
    }
    if to.checked_sub_days(Days::new(MOST_DAYS)).is_some_and(|first| from < first) {
        return Err(Problem::parameter("to", "a report is at most 366 days long"));
    }
    app.wait_for(caller.tenant, &Appointments, query.min_position).await?;
    let mut scope = Scope::acquire(&app.read, caller.tenant).await?;
    let narrowed = (query.company_id, query.branch_id);
    let rows =
        utilisation::booked(&mut scope, caller.tenant, query.by, (from, to), narrowed, limit)
            .await?;
    let branches = utilisation::branches(&mut scope, caller.tenant, narrowed).await?;
    drop(scope);
    let open = open_minutes(&app, &caller, query.by, (from, to), branches.as_ref()).await?;
    let rows = open.fill(rows);
    let items =
        rows.iter().map(|row| shown(row, open.minutes(query.by, row.id, row.slot), query.by));
    let items: Vec<Value> = items.collect();
    Ok(Json(json!({ "by": query.by, "from": from, "to": to, "items": items })).into_response())
}

/// The minutes in which somebody worked, by the hours as they are set now.
async fn open_minutes(
    app: &App,
    caller: &Caller,
    by: By,
    (from, to): (NaiveDate, NaiveDate),
    branches: Option<&BTreeSet<BranchId>>,
) -> Result<OpenMinutes, Problem> {
    let found = app.worlds.at_least(caller.tenant, None, app.clock.now()).await;
    let world = found.map_err(|error| Problem::unavailable(&error))?;
    let hours = world.hours_over(from..to.succ_opt().unwrap_or(to));
    Ok(OpenMinutes::of(&hours, by, branches))
}

fn shown(row: &UtilisationRow, open_min: Option<i64>, by: By) -> Value {
    json!({
        "id": row.id,
        "weekday": row.slot.filter(|_| by == By::Weekday),
        "hour": row.slot.filter(|_| by == By::Hour),
        "appointments": row.appointments,
        "completed": row.completed,
        "no_shows": row.no_shows,
        "cancelled": row.cancelled,
        "booked_min": row.booked_min,
        "open_min": open_min,
        "utilisation_permille": open_min.and_then(|open| row.utilisation_permille(open)),
        "no_show_permille": row.no_show_permille(),
        "revenue_minor": row.revenue_minor,
    })
}

/// Whose changes are told.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Changed {
    #[param(value_type = Option<Uuid>)]
    company_id: Option<CompanyId>,
    #[param(value_type = Option<Uuid>)]
    customer_id: Option<CustomerId>,
    /// So many changes at least; 1 without it.
    #[param(minimum = 0, maximum = 1_000_000)]
    min_count: Option<u32>,
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    #[param(min_length = 1, pattern = "^[A-Za-z0-9_-]+$")]
    after: Option<String>,
    min_position: Option<u64>,
}

async fn changed(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<Changed>,
) -> Result<Response, Problem> {
    let limit = page::limit(query.limit)?;
    let after = page::cursor(query.after.as_deref())?;
    app.wait_for(caller.tenant, &Modifications, query.min_position).await?;
    let mut scope = Scope::acquire(&app.read, caller.tenant).await?;
    let (whose, least) = ((query.company_id, query.customer_id), query.min_count.unwrap_or(1));
    if MOST_CHANGES < least {
        return Err(Problem::parameter("min_count", "nobody changes more than a million times"));
    }
    let rows = modifications::totals(&mut scope, caller.tenant, whose, least, after, limit).await?;
    Ok(page::page(&rows, limit, |row| row.customer_id))
}

/// Which violations are told.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Broken {
    #[param(value_type = Option<Uuid>)]
    company_id: Option<CompanyId>,
    #[param(value_type = Option<Uuid>)]
    customer_id: Option<CustomerId>,
    /// Violations of this instant or later.
    #[param(inline)]
    from: Option<Instant>,
    /// Violations of before this instant.
    #[param(inline)]
    to: Option<Instant>,
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    #[param(min_length = 1, pattern = "^[A-Za-z0-9_-]+$")]
    after: Option<String>,
    min_position: Option<u64>,
}

async fn broken(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<Broken>,
) -> Result<Response, Problem> {
    let limit = page::limit(query.limit)?;
    let before = page::cursor(query.after.as_deref())?;
    let filter = ViolationFilter {
        company_id: query.company_id,
        customer_id: query.customer_id,
        from: query.from.map(|at| at.0),
        to: query.to.map(|at| at.0),
    };
    app.wait_for(caller.tenant, &Modifications, query.min_position).await?;
    let mut scope = Scope::acquire(&app.read, caller.tenant).await?;
    let rows = modifications::violations(&mut scope, caller.tenant, &filter, before, limit).await?;
    Ok(page::page(&rows, limit, |row| row.position))
}

/// What the answer rests on.
#[derive(Debug, Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
struct Seen {
    min_position: Option<u64>,
}

async fn journey(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<CustomerId>,
    Params(query): Params<Seen>,
) -> Result<Response, Problem> {
    app.wait_for(caller.tenant, &CustomerJourney, query.min_position).await?;
    let mut scope = Scope::acquire(&app.read, caller.tenant).await?;
    let row = customer_journey::one(&mut scope, caller.tenant, id).await?;
    let row = row.ok_or_else(Problem::not_found)?;
    let (thresholds, now) = (Thresholds::default(), app.clock.now());
    let activity = row.activity();
    let history = row.history_at(&thresholds, now);
    let body = json!({
        "customer_id": id,
        "company_id": row.company_id,
        "stage": activity.stage(&thresholds, now),
        "stage_since": history.last().map(|last| last.at),
        "is_vip": activity.is_vip(&thresholds),
        "engagement": activity.engagement(&thresholds, now),
        "booked_count": row.booked,
        "completed_count": row.completed,
        "cancellation_count": row.cancelled,
        "no_show_count": row.missed,
        "call_count": row.calls,
        "spent_minor": row.spent_minor,
        "last_activity_at": row.last_activity_at,
        "history": history,
    });
    Ok(Json(body).into_response())
}
