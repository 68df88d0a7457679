//! Who does which services, and on which terms (MD-03, UI-14, CAL-12, CAL-13).

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use daybook_adapters::postgres::Scope;
use daybook_domain::{
    commands::{Assign, AssignmentOf},
    company::Company,
    ids::{CompanyId, ServiceId, StaffId},
    service::{Assignment, Service},
};
use daybook_projections::directory::{self, Directory, DirectoryFilter, DirectoryKind};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;

use super::shapes::catalog as shapes;
use crate::{
    http::{
        caller::Caller,
        describe::{Route, get, post},
        extract::{Dry, Id, Params},
        problem::Problem,
        respond,
    },
    state::App,
};

pub(super) fn routes() -> OpenApiRouter<App> {
    let list = get("/staff-service-assignments", list);
    let list =
        list.about("Catalog", "list_assignments", "Who does a service, or what somebody does.");
    let list = list.scope("catalog:read").query::<ListAssignments>();
    OpenApiRouter::new()
        .routes(saves(post("/staff-service-assignments", assign), "assign").done())
        .routes(list.answers::<shapes::Assignments>(200, "All of them.").done())
}

/// The older surface.
pub(super) fn event_management() -> OpenApiRouter<App> {
    let matrix = get("/staff-event-matrix/{company}", matrix);
    let matrix = matrix.about("Event management", "matrix", "Every service and who does it.");
    let matrix = matrix.scope("catalog:read").answers::<shapes::Matrix>(200, "All of it.");
    OpenApiRouter::new()
        .routes(matrix.done())
        .routes(saves(post("/staff-event-assignments", assign), "assign_events").done())
}

fn saves(route: Route, id: &str) -> Route {
    let route = route.about("Catalog", id, "Saves cells of the matrix, all or none.");
    let route = route.scope("catalog:write").command::<shapes::AssignCells>();
    route.answers::<shapes::Assigned>(200, "Saved.")
}

/// Of which service, of whom, or both.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct ListAssignments {
    #[param(value_type = Option<Uuid>)]
    service_id: Option<ServiceId>,
    #[param(value_type = Option<Uuid>)]
    staff_id: Option<StaffId>,
}

async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<ListAssignments>,
) -> Result<Response, Problem> {
    let cell = |service_id: ServiceId, it: &Assignment| json!({ "service_id": service_id, "assignment": it });
    let items: Vec<_> = match (query.service_id, query.staff_id) {
        (Some(id), staff_id) => {
            let context = caller.context(&app);
            let (service, _) = app.dispatcher.state::<Service>(&context, id).await?;
            if service.profile().is_none() {
                return Err(Problem::not_found());
            }
            let wanted = |it: &&Assignment| staff_id.is_none_or(|staff_id| it.staff_id == staff_id);
            service.assignments().filter(wanted).map(|it| cell(id, it)).collect()
        }
        (None, Some(staff_id)) => {
            app.wait_for(caller.tenant, &Directory, None).await?;
            let filter = DirectoryFilter { staff_id: Some(staff_id), ..DirectoryFilter::default() };
            let mut scope = Scope::acquire(&app.read, caller.tenant).await?;
            let (tenant, kind) = (caller.tenant, DirectoryKind::Service);
            let rows = directory::list(&mut scope, tenant, kind, &filter, None, 500).await?;
            rows.iter()
                .filter(|row| row.state["assignments"][staff_id.to_string()].is_object())
                .map(|row| {
                    let assignment = &row.state["assignments"][staff_id.to_string()];
                    json!({ "service_id": row.id, "assignment": assignment })
                })
                .collect()
        }
        (None, None) => {
            return Err(Problem::parameter("service_id", "a service_id, a staff_id or both"));
        }
    };
    Ok(Json(json!({ "items": items })).into_response())
}

/// Cells of the matrix of staff and services.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AssignCells {
    #[serde(default)]
    assign: Vec<Cell>,
    #[serde(default)]
    unassign: Vec<Gone>,
}

/// A staff member who does a service. The terms stand beside the service.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cell {
    service_id: ServiceId,
    assignment: Assignment,
}

/// A staff member who does not do a service.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Gone {
    service_id: ServiceId,
    staff_id: StaffId,
}

async fn assign(
    State(app): State<App>,
    caller: Caller,
    body: Dry<AssignCells>,
) -> Result<Response, Problem> {
    let AssignCells { assign, unassign } = body.value;
    if 500 < assign.len() + unassign.len() {
        return Err(Problem::invalid("assign", "at most 500 cells are saved at once"));
    }
    let does = assign.into_iter().map(|cell| AssignmentOf::Does(cell.service_id, cell.assignment));
    let gone = unassign.into_iter().map(|it| AssignmentOf::DoesNot(it.service_id, it.staff_id));
    let command = Assign { cells: does.chain(gone).collect() };
    let done = app
        .dispatcher
        .run(&caller.command(&app, &body.asked.canonical, body.asked.dry_run), &command)
        .await?;
    Ok(respond::done(
        StatusCode::OK,
        done,
        |answer| json!({ "success": true, "saved": answer.saved }),
    ))
}

/// Every service of a company, and who does it on which terms (CAL-12, UI-14).
async fn matrix(
    State(app): State<App>,
    caller: Caller,
    Id(company_id): Id<CompanyId>,
) -> Result<Response, Problem> {
    let context = caller.context(&app);
    let (company, _) = app.dispatcher.state::<Company>(&context, company_id).await?;
    if company.profile().is_none() {
        return Err(Problem::not_found());
    }
    app.wait_for(caller.tenant, &Directory, None).await?;
    let filter = DirectoryFilter { company_id: Some(company_id), ..DirectoryFilter::default() };
    let mut scope = Scope::acquire(&app.read, caller.tenant).await?;
    let tenant = caller.tenant;
    let services =
        directory::list(&mut scope, tenant, DirectoryKind::Service, &filter, None, 500).await?;
    let staff =
        directory::list(&mut scope, tenant, DirectoryKind::Staff, &filter, None, 500).await?;
    let staff = staff.into_iter().map(|row| json!({ "id": row.id, "name": row.name }));
    let services = services.into_iter().map(
        |row| json!({ "id": row.id, "name": row.name, "assignments": row.state["assignments"] }),
    );
    let (staff, services): (Vec<_>, Vec<_>) = (staff.collect(), services.collect());
    let body = json!({ "company_id": company_id, "staff": staff, "services": services });
    Ok(Json(body).into_response())
}
