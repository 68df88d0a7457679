//! Around every route: the id of the request, and what becomes of an answer without a body.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderValue, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use daybook_domain::ids::IdSource;

use super::problem::Problem;

const REQUEST_ID: &str = "x-request-id";

/// Names the request, and completes problems: whatever went wrong, wherever it went wrong, the
/// answer is a problem document that says what it is about and whom to quote.
pub async fn envelope(
    State(ids): State<Arc<dyn IdSource>>,
    mut request: Request,
    next: Next,
) -> Response {
    let brought = request.headers().get(REQUEST_ID).filter(|id| is_good(id)).cloned();
    // A fresh id is hexadecimal, which every header can hold.
    let fresh = || HeaderValue::from_str(&ids.next_id().to_string()).ok();
    let Some(id) = brought.or_else(fresh) else { return next.run(request).await };
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let path = request.uri().path().to_owned();
    let mut response = completed(next.run(request).await, &path, &id);
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// Whether a client's id may stand in the log: up to 128 visible ASCII characters.
fn is_good(id: &HeaderValue) -> bool {
    (1..=128).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
}

fn completed(mut response: Response, path: &str, id: &HeaderValue) -> Response {
    let status = response.status();
    let is_json = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.to_str().is_ok_and(|kind| kind.starts_with("application/")));
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        None if (status.is_client_error() || status.is_server_error()) && !is_json => {
            let mut bare = Problem::of_status(status).into_response();
            // What the answer said besides, such as `Allow`, still holds.
            for (name, value) in response.headers() {
                if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
                    bare.headers_mut().insert(name.clone(), value.clone());
                }
            }
            response = bare;
            Problem::of_status(status)
        }
        None => return response,
    };
    let document = problem.document(Some((path, id.to_str().unwrap_or_default())));
    let (mut parts, _incomplete) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Json(document).into_response().into_body())
}
