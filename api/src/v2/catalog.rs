//! Companies, branches, staff, services and resources: register, look, list, change, switch off;
//! and who does what.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use daybook_adapters::postgres::Scope;
use daybook_domain::{
    branch::{Branch, BranchCommand},
    commands::{Assign, AssignmentOf, Change, MasterData, One, Register, Saved},
    company::{Company, CompanyCommand, Policies},
    dispatch::UnitCommand,
    ids::{BranchId, CompanyId, ServiceId, StaffId},
    resource::{Resource, ResourceCommand},
    service::{Assignment, BranchOffer, Service, ServiceCommand},
    staff::{Staff, StaffCommand},
};
use daybook_projections::directory::{self, Directory, DirectoryFilter, DirectoryKind};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use uuid::Uuid;

use super::page;
use crate::{
    http::{
        caller::Caller,
        extract::{Body, Id, Params},
        fields::{Reference, Text},
        problem::Problem,
        respond,
    },
    state::App,
};

/// A kind of thing as a resource.
pub(super) trait Kind:
    MasterData<Profile: Serialize + DeserializeOwned> + Serialize
{
    /// Its row in the directory.
    const ROW: DirectoryKind;
    /// The command that switches it on or off.
    fn set_active(is_active: bool) -> Self::Command;
}

macro_rules! kinds {
    ($($kind:ident, $row:ident, $command:ident;)+) => {$(
        impl Kind for $kind {
            const ROW: DirectoryKind = DirectoryKind::$row;

            fn set_active(is_active: bool) -> Self::Command {
                $command::SetActive { is_active }
            }
        }
    )+};
}
kinds! {
    Company, Company, CompanyCommand;
    Branch, Branch, BranchCommand;
    Staff, Staff, StaffCommand;
    Service, Service, ServiceCommand;
    Resource, Resource, ResourceCommand;
}

pub(super) fn routes() -> Router<App> {
    Router::new()
        .merge(resource::<Company>("companies"))
        .merge(resource::<Branch>("branches"))
        .merge(resource::<Staff>("staff"))
        .merge(resource::<Service>("services"))
        .merge(resource::<Resource>("resources"))
        .route("/companies/{id}/policies", axum::routing::put(policies))
        .route("/services/{id}/offers/{branch_id}", axum::routing::put(offer))
        .route("/staff-service-assignments", post(assign))
}

pub(super) fn event_management() -> Router<App> {
    Router::new()
        .route("/staff-event-matrix/{company}", get(matrix))
        .route("/staff-event-assignments", post(assign))
}

fn resource<A: Kind>(name: &str) -> Router<App> {
    Router::new()
        .route(&format!("/{name}"), post(create::<A>).get(list::<A>))
        .route(&format!("/{name}/{{id}}"), get(one::<A>).put(change::<A>))
        .route(&format!("/{name}/{{id}}/activate"), post(activate::<A>))
        .route(&format!("/{name}/{{id}}/deactivate"), post(deactivate::<A>))
}

/// A thing as JSON: its profile and whatever else its state holds, side by side.
fn shown(id: Uuid, version: u64, state: Value) -> Value {
    let Value::Object(mut fields) = state else { return Value::Null };
    let profile = fields.remove("profile");
    let mut body = serde_json::Map::new();
    body.insert("id".to_owned(), json!(id));
    body.insert("version".to_owned(), json!(version));
    if let Some(Value::Object(profile)) = profile {
        body.extend(profile);
    }
    body.extend(fields);
    Value::Object(body)
}

/// Runs a command of the catalog and answers with id and version.
pub(super) async fn run<C>(
    app: &App,
    caller: &Caller,
    status: StatusCode,
    canonical: &[u8],
    command: &C,
) -> Result<Response, Problem>
where
    C: UnitCommand<Answer = Saved, Refusal = daybook_domain::master_data::MasterDataError>,
{
    caller.require("catalog:write")?;
    let done = app.dispatcher.run(&caller.command(app, canonical, false), command).await?;
    Ok(respond::done(status, done, |answer| answer))
}

async fn create<A: Kind>(
    State(app): State<App>,
    caller: Caller,
    body: Body<A::Profile>,
) -> Result<Response, Problem> {
    let command = Register::<A> { id: app.ids.next_id(), profile: body.value };
    run(&app, &caller, StatusCode::CREATED, &body.canonical, &command).await
}

async fn change<A: Kind>(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
    body: Body<A::Profile>,
) -> Result<Response, Problem> {
    let command = Change::<A> { id, profile: body.value, expected: caller.expected() };
    run(&app, &caller, StatusCode::OK, &body.canonical, &command).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

async fn activate<A: Kind>(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
    body: Body<Nothing>,
) -> Result<Response, Problem> {
    let command = One::<A> { id, command: A::set_active(true), expected: caller.expected() };
    run(&app, &caller, StatusCode::OK, &body.canonical, &command).await
}

async fn deactivate<A: Kind>(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
    body: Body<Nothing>,
) -> Result<Response, Problem> {
    let command = One::<A> { id, command: A::set_active(false), expected: caller.expected() };
    run(&app, &caller, StatusCode::OK, &body.canonical, &command).await
}

async fn one<A: Kind>(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
) -> Result<Response, Problem> {
    caller.require("catalog:read")?;
    let (state, version) = app.dispatcher.state::<A>(&caller.context(&app), id).await?;
    if state.profile_of().is_none() {
        return Err(Problem::not_found());
    }
    let state = serde_json::to_value(&*state).map_err(|error| Problem::internal(&error))?;
    Ok(respond::versioned(version.0, shown(id, version.0, state)))
}

/// What a list is narrowed to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListOf {
    company_id: Option<CompanyId>,
    branch_id: Option<BranchId>,
    staff_id: Option<StaffId>,
    external_ref: Option<Reference>,
    is_active: Option<bool>,
    limit: Option<u32>,
    after: Option<String>,
    min_position: Option<u64>,
}

async fn list<A: Kind>(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<ListOf>,
) -> Result<Response, Problem> {
    caller.require("catalog:read")?;
    let limit = page::limit(query.limit)?;
    let after = page::cursor(query.after.as_deref())?;
    let filter = DirectoryFilter {
        company_id: query.company_id,
        branch_id: query.branch_id,
        staff_id: query.staff_id,
        external_ref: query.external_ref.map(Text::into_string),
        is_active: query.is_active,
    };
    app.wait_for(caller.tenant, &Directory, query.min_position).await?;
    let mut scope = Scope::acquire(&app.read, caller.tenant).await?;
    let rows =
        directory::list(&mut scope, caller.tenant, A::ROW, &filter, after.as_ref(), limit).await?;
    let last = rows.last().map(directory::DirectoryRow::cursor);
    let items: Vec<_> = rows.into_iter().map(|row| shown(row.id, row.version, row.state)).collect();
    Ok(page::page(&items, limit, |_last| &last))
}

async fn policies(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
    body: Body<Policies>,
) -> Result<Response, Problem> {
    let command = CompanyCommand::SetPolicies { policies: body.value };
    let command = One::<Company> { id, command, expected: caller.expected() };
    run(&app, &caller, StatusCode::OK, &body.canonical, &command).await
}

async fn offer(
    State(app): State<App>,
    caller: Caller,
    path: Id<(Uuid, BranchId)>,
    body: Body<BranchOffer>,
) -> Result<Response, Problem> {
    let Id((id, branch_id)) = path;
    let command = ServiceCommand::SetOffer { branch_id, offer: body.value };
    let command = One::<Service> { id, command, expected: caller.expected() };
    run(&app, &caller, StatusCode::OK, &body.canonical, &command).await
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
    body: Body<AssignCells>,
) -> Result<Response, Problem> {
    caller.require("catalog:write")?;
    let AssignCells { assign, unassign } = body.value;
    if 500 < assign.len() + unassign.len() {
        return Err(Problem::invalid("assign", "at most 500 cells are saved at once"));
    }
    let does = assign.into_iter().map(|cell| AssignmentOf::Does(cell.service_id, cell.assignment));
    let gone = unassign.into_iter().map(|it| AssignmentOf::DoesNot(it.service_id, it.staff_id));
    let command = Assign { cells: does.chain(gone).collect() };
    let done = app.dispatcher.run(&caller.command(&app, &body.canonical, false), &command).await?;
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
    caller.require("catalog:read")?;
    let context = caller.context(&app);
    let (company, _) = app.dispatcher.state::<Company>(&context, company_id).await?;
    if company.profile().is_none() {
        return Err(Problem::not_found());
    }
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
