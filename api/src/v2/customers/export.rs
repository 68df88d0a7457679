//! Everything that is kept of a person, for that person (GDPR-03, GDPR-06, AT-74).

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use daybook_domain::ids::CustomerId;
use daybook_projections::person::{self, Person, PersonError};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use super::super::shapes::person as shapes;
use crate::{
    http::{
        caller::Caller,
        describe::get,
        extract::{Id, Params},
        problem::Problem,
        respond,
    },
    state::App,
};

pub(super) fn routes() -> OpenApiRouter<App> {
    let export = get("/customers/{id}/export", export);
    let export = export.about("Customers", "export_customer", "All that is kept of a person.");
    let export = export.scope("customers:read").query::<Wanted>();
    let export = export.answers::<shapes::Person>(200, "All of it.");
    OpenApiRouter::new().routes(respond::also_as_csv(export.done()))
}

/// How it is written.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Format {
    /// One document.
    #[default]
    Json,
    /// One value a line: `section,record,field,value`.
    Csv,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// JSON without it.
    #[param(inline)]
    format: Option<Format>,
}

async fn export(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<CustomerId>,
    Params(query): Params<Wanted>,
) -> Result<Response, Problem> {
    let log = app.dispatcher.log();
    let found = person::person(log, caller.tenant, id, app.clock.now()).await;
    let found = found.map_err(|error| match error {
        PersonError::Log(error) => error.into(),
        PersonError::Undecodable(_) => Problem::internal(&error),
    })?;
    let found = found.ok_or_else(Problem::not_found)?;
    let format = query.format.unwrap_or_default();
    let mut answer = match format {
        Format::Json => axum::Json(&found).into_response(),
        Format::Csv => table(&found)?,
    };
    let ending = match format {
        Format::Json => "json",
        Format::Csv => "csv",
    };
    let name = format!("attachment; filename=\"customer-{id}.{ending}\"");
    if let Ok(name) = HeaderValue::from_str(&name) {
        answer.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(respond::resting_on(found.position, answer))
}

fn table(person: &Person) -> Result<Response, Problem> {
    let text = person::csv(person).map_err(|error| Problem::internal(&error))?;
    let kind = HeaderValue::from_static("text/csv; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}
