//! Companies, branches, staff, services and resources: register, look, list, change, switch off.

use axum::{extract::State, http::StatusCode, response::Response};
use daybook_adapters::postgres::Scope;
use daybook_domain::{
    branch::{Branch, BranchCommand},
    commands::{Change, MasterData, OfferAt, One, Register, Saved as Answer},
    company::{Company, CompanyCommand, Policies},
    dispatch::UnitCommand,
    ids::{BranchId, CompanyId, ServiceId, StaffId},
    money::Currency,
    resource::{Resource, ResourceCommand},
    service::{BranchOffer, Service, ServiceCommand},
    staff::{Staff, StaffCommand},
    standards,
};
use daybook_projections::directory::{self, Directory, DirectoryFilter, DirectoryKind};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use super::{
    page,
    shapes::{Page, Saved, Step, catalog as shapes},
};
use crate::{
    http::{
        caller::Caller,
        describe::{Route, get, post, put},
        extract::{Asked, Dry, Id, Nothing, Params},
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
    /// What its addresses begin with.
    const PLURAL: &'static str;
    /// Its shape as it is sent.
    type Sent: ToSchema;
    /// Its shape as it is shown.
    type Shown: ToSchema;
    /// The command that switches it on or off.
    fn set_active(is_active: bool) -> Self::Command;
}

macro_rules! kinds {
    ($($kind:ident, $plural:literal, $sent:ident, $command:ident;)+) => {$(
        impl Kind for $kind {
            const ROW: DirectoryKind = DirectoryKind::$kind;
            const PLURAL: &'static str = $plural;
            type Sent = shapes::$sent;
            type Shown = shapes::$kind;

            fn set_active(is_active: bool) -> Self::Command {
                $command::SetActive { is_active }
            }
        }
    )+};
}
kinds! {
    Company, "companies", CompanyProfile, CompanyCommand;
    Branch, "branches", BranchProfile, BranchCommand;
    Staff, "staff", StaffProfile, StaffCommand;
    Service, "services", ServiceProfile, ServiceCommand;
    Resource, "resources", ResourceProfile, ResourceCommand;
}

pub(super) fn routes() -> OpenApiRouter<App> {
    let write = |route: Route, id: &str, says: &str| {
        route.about("Catalog", id, says).scope("catalog:write")
    };
    let policies = write(put("/companies/{id}/policies", policies), "set_policies", "Sets terms.");
    let offer = put("/services/{id}/offers/{branch_id}", offer);
    let offer = write(offer, "set_offer", "What differs at a branch.");
    OpenApiRouter::new()
        .merge(resource::<Company>())
        .merge(resource::<Branch>())
        .merge(resource::<Staff>())
        .merge(resource::<Service>())
        .merge(resource::<Resource>())
        .routes(policies.command::<shapes::Policies>().answers::<Saved>(200, "Set.").done())
        .routes(offer.command::<shapes::Offer>().answers::<Saved>(200, "Set.").done())
}

fn resource<A: Kind>() -> OpenApiRouter<App> {
    let (plural, name) = (A::PLURAL, A::ROW.as_str());
    let about = |route: Route, verb: &str, says: &str| {
        route.about("Catalog", &format!("{verb}_{name}"), &format!("{says} a {name}."))
    };
    let write =
        |route: Route, verb: &str, says: &str| about(route, verb, says).scope("catalog:write");
    let at = |rest: &str| format!("/{plural}{rest}");
    let create = write(post(at(""), create::<A>), "create", "Registers").command::<A::Sent>();
    let list = about(get(at(""), list::<A>), "list", "Lists those like").query::<ListOf>();
    let one = about(get(at("/{id}"), one::<A>), "show", "Shows").scope("catalog:read");
    let change = write(put(at("/{id}"), change::<A>), "change", "Changes all of");
    let on = write(post(at("/{id}/activate"), activate::<A>), "activate", "Switches on");
    let off = write(post(at("/{id}/deactivate"), deactivate::<A>), "deactivate", "Switches off");
    let create = create.answers::<Saved>(201, "Registered.");
    let list = list.scope("catalog:read").answers::<Page<A::Shown>>(200, "A page.");
    OpenApiRouter::new()
        .routes(create.answers::<Saved>(200, "A dry run.").done())
        .routes(list.done())
        .routes(one.answers::<A::Shown>(200, "As it is now.").done())
        .routes(change.command::<A::Sent>().answers::<Saved>(200, "Changed.").done())
        .routes(on.command::<Step>().answers::<Saved>(200, "In use.").done())
        .routes(off.command::<Step>().answers::<Saved>(200, "Out of use.").done())
}

/// A thing as JSON: its profile and whatever else its state holds, side by side.
pub(super) fn shown(id: Uuid, version: u64, state: Value) -> Value {
    let Value::Object(mut fields) = state else { return Value::Null };
    let profile = fields.remove("profile");
    let mut body = serde_json::Map::new();
    body.insert("id".to_owned(), json!(id));
    body.insert("version".to_owned(), json!(version));
    if let Some(Value::Object(profile)) = profile {
        body.extend(profile);
    }
    let currency = body.get("currency").and_then(|it| Currency::deserialize(it).ok());
    if let Some(digits) = currency.and_then(standards::minor_digits) {
        body.insert("currency_digits".to_owned(), json!(digits));
    }
    body.extend(fields);
    Value::Object(body)
}

/// Runs a command of the catalog and answers with id and version.
pub(super) async fn run<C>(
    app: &App,
    caller: &Caller,
    status: StatusCode,
    asked: &Asked,
    command: &C,
) -> Result<Response, Problem>
where
    C: UnitCommand<Answer = Answer, Refusal = daybook_domain::master_data::MasterDataError>,
{
    let status = if asked.dry_run { StatusCode::OK } else { status };
    let done =
        app.dispatcher.run(&caller.command(app, &asked.canonical, asked.dry_run), command).await?;
    Ok(respond::done(status, done, |answer| answer))
}

async fn create<A: Kind>(
    State(app): State<App>,
    caller: Caller,
    body: Dry<A::Profile>,
) -> Result<Response, Problem> {
    let command = Register::<A> { id: app.ids.next_id(), profile: body.value };
    run(&app, &caller, StatusCode::CREATED, &body.asked, &command).await
}

async fn change<A: Kind>(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
    body: Dry<A::Profile>,
) -> Result<Response, Problem> {
    let command = Change::<A> { id, profile: body.value, expected: caller.expected() };
    run(&app, &caller, StatusCode::OK, &body.asked, &command).await
}

async fn activate<A: Kind>(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
    body: Dry<Nothing>,
) -> Result<Response, Problem> {
    let command = One::<A> { id, command: A::set_active(true), expected: caller.expected() };
    run(&app, &caller, StatusCode::OK, &body.asked, &command).await
}

async fn deactivate<A: Kind>(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
    body: Dry<Nothing>,
) -> Result<Response, Problem> {
    let command = One::<A> { id, command: A::set_active(false), expected: caller.expected() };
    run(&app, &caller, StatusCode::OK, &body.asked, &command).await
}

async fn one<A: Kind>(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
) -> Result<Response, Problem> {
    let (state, version) = app.dispatcher.state::<A>(&caller.context(&app), id).await?;
    if state.profile_of().is_none() {
        return Err(Problem::not_found());
    }
    let state = serde_json::to_value(&*state).map_err(|error| Problem::internal(&error))?;
    Ok(respond::versioned(version.0, shown(id, version.0, state)))
}

/// What a list is narrowed to.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct ListOf {
    #[param(value_type = Option<Uuid>)]
    company_id: Option<CompanyId>,
    #[param(value_type = Option<Uuid>)]
    branch_id: Option<BranchId>,
    #[param(value_type = Option<Uuid>)]
    staff_id: Option<StaffId>,
    external_ref: Option<Reference>,
    is_active: Option<bool>,
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    #[param(min_length = 1, pattern = "^[A-Za-z0-9_-]+$")]
    after: Option<String>,
    min_position: Option<u64>,
}

async fn list<A: Kind>(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<ListOf>,
) -> Result<Response, Problem> {
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
    body: Dry<Policies>,
) -> Result<Response, Problem> {
    let command = CompanyCommand::SetPolicies { policies: body.value };
    let command = One::<Company> { id, command, expected: caller.expected() };
    run(&app, &caller, StatusCode::OK, &body.asked, &command).await
}

async fn offer(
    State(app): State<App>,
    caller: Caller,
    Id((service_id, branch_id)): Id<(ServiceId, BranchId)>,
    body: Dry<BranchOffer>,
) -> Result<Response, Problem> {
    let command = OfferAt { service_id, branch_id, offer: body.value, expected: caller.expected() };
    run(&app, &caller, StatusCode::OK, &body.asked, &command).await
}
