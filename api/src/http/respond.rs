//! Answers: JSON with the consistency token, the version, and whether it was an answer before.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use daybook_domain::{dispatch::Done, event_log::Position};
use serde::Serialize;
use utoipa::openapi::{
    Content, RefOr,
    schema::{ObjectBuilder, Schema, Type},
};
use utoipa_axum::router::UtoipaMethodRouter;

use crate::state::App;

/// The header of the consistency token.
pub const POSITION: &str = "daybook-position";

/// An answer of a command.
pub fn done<A, B: Serialize>(
    status: StatusCode,
    done: Done<A>,
    body: impl FnOnce(A) -> B,
) -> Response {
    let (position, repeated) = (done.position, done.repeated);
    let mut response = (status, Json(body(done.answer))).into_response();
    if let Some(position) = position {
        response.headers_mut().insert(POSITION, position.0.into());
    }
    if repeated {
        let yes = HeaderValue::from_static("true");
        response.headers_mut().insert("idempotency-replayed", yes);
    }
    response
}

/// One thing, at a version.
pub fn versioned<B: Serialize>(version: u64, body: B) -> Response {
    let mut response = Json(body).into_response();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// An answer that rests on a position.
pub fn at<B: Serialize>(position: Position, body: B) -> Response {
    resting_on(position, Json(body).into_response())
}

/// Says the position that an answer rests on.
pub fn resting_on(position: Position, mut response: Response) -> Response {
    response.headers_mut().insert(POSITION, position.0.into());
    response
}

/// The answer may be a table, too.
pub fn also_as_csv(
    (schemas, mut paths, router): UtoipaMethodRouter<App>,
) -> UtoipaMethodRouter<App> {
    let text: Schema = ObjectBuilder::new().schema_type(Type::String).into();
    let operations = paths.paths.values_mut().filter_map(|item| item.get.as_mut());
    for operation in operations {
        if let Some(RefOr::T(answer)) = operation.responses.responses.get_mut("200") {
            let table = Content::new(Some(RefOr::T(text.clone())));
            answer.content.insert("text/csv".to_owned(), RefOr::T(table));
        }
    }
    (schemas, paths, router)
}
