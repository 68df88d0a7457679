//! The OpenAPI document and the page to browse it.

use std::collections::BTreeSet;

use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, header},
    middleware::{Next, from_fn},
    response::Response,
};
use serde_json::{Value, json};
use utoipa::{
    PartialSchema as _, ToSchema,
    openapi::{
        Components, Content, Info, License, OpenApi, Ref, RefOr, ResponseBuilder, Schema,
        path::{ParameterIn, PathItem},
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::{
    choices,
    gate::{Operation, Operations},
};
use crate::state::App;

/// Why a request was not carried out (RFC 9457), and the same once more for older clients.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the shape of what `Problem` writes")]
struct Problem {
    r#type: String,
    title: String,
    status: u16,
    /// A sentence.
    detail: String,
    /// Stable: what a client may branch on.
    code: String,
    /// The path that was asked for.
    instance: String,
    /// What to quote.
    request_id: String,
    /// Always false.
    success: bool,
    #[schema(required = false)]
    errors: Vec<Fault>,
    error: Value,
}

/// A field, a parameter or a header that is at fault.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the shape of what `Problem` writes")]
struct Fault {
    field: String,
    /// Of a field of the body: a JSON Pointer.
    pointer: Option<String>,
    /// Of the query: its name.
    parameter: Option<String>,
    /// Of a header: its name.
    header: Option<String>,
    detail: String,
}

const ABOUT: &str = "Appointments of salons, practices and studios. Every fact is an event; \
    commands take an `Idempotency-Key`, an `If-Match` and, in the body, `dry_run`. Answers carry \
    `Daybook-Position`; with `min_position` a list rests on what the caller has seen. A thing of \
    another tenant is 404.";

/// The document, completed with what all routes share.
pub fn completed(mut document: OpenApi) -> OpenApi {
    document.info = Info::new("Daybook", env!("CARGO_PKG_VERSION"));
    document.info.description = Some(ABOUT.to_owned());
    document.info.license = Some(License::new("MIT OR Apache-2.0"));
    let components = document.components.get_or_insert_with(Components::new);
    choices::add(components);
    components.schemas.insert("Problem".to_owned(), Problem::schema());
    components.schemas.insert("Fault".to_owned(), Fault::schema());
    let schema: RefOr<Schema> = RefOr::Ref(Ref::from_schema_name("Problem"));
    let example = json!({ "type": "https://daybook.dev/problems/not_found", "title": "Not Found",
        "status": 404, "detail": "there is nothing here", "code": "NOT_FOUND",
        "instance": "/api/v2/bookings/01900000-0000-7000-8000-000000000000",
        "request_id": "01900000-0000-7000-8000-000000000001", "success": false,
        "error": { "code": "NOT_FOUND", "message": "there is nothing here" } });
    let mut content = Content::new(Some(schema));
    content.example = Some(example);
    let problem = ResponseBuilder::new()
        .description("It was not carried out; why stands in the problem document.")
        .content("application/problem+json", content);
    components.responses.insert("Problem".to_owned(), problem.build().into());
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("dbk_…");
    components.add_security_scheme("key", SecurityScheme::Http(bearer.build()));
    document
}

fn operations(item: &PathItem) -> [(&'static str, Option<&utoipa::openapi::path::Operation>); 5] {
    [
        ("GET", item.get.as_ref()),
        ("POST", item.post.as_ref()),
        ("PUT", item.put.as_ref()),
        ("PATCH", item.patch.as_ref()),
        ("DELETE", item.delete.as_ref()),
    ]
}

/// The scope that each route needs and what its query may say, for the gate: the document is what is
/// enforced.
pub fn operations_of(document: &OpenApi) -> Operations {
    let mut known = Operations::new();
    for (path, item) in &document.paths.paths {
        for (method, operation) in operations(item) {
            let Some(operation) = operation else { continue };
            let value = json!(operation.parameters);
            let parameters: BTreeSet<String> = value
                .as_array()
                .into_iter()
                .flatten()
                .filter(|it| it["in"] == json!(ParameterIn::Query))
                .filter_map(|it| it["name"].as_str().map(str::to_owned))
                .collect();
            let security = json!(operation.security);
            let scope = security.pointer("/0/key/0").and_then(Value::as_str).map(str::to_owned);
            known.insert((method.to_owned(), path.clone()), Operation { scope, parameters });
        }
    }
    known
}

/// `/api/openapi.json` and `/api/docs`, for everybody.
pub fn routes(document: OpenApi) -> Router<App> {
    let config = Config::from("/api/openapi.json");
    let page = SwaggerUi::new("/api/docs").url("/api/openapi.json", document).config(config);
    Router::from(page).layer(from_fn(page_policy))
}

/// The page brings styles and pictures of its own in its markup; nothing else may.
async fn page_policy(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let policy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:";
    let policy = HeaderValue::from_static(policy);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}
