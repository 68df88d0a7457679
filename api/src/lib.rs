//! The HTTP API and the `daybook` program.

mod health;
pub mod http;
pub mod program;
pub mod state;
mod v2;

use std::time::Duration;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::IntoResponse as _,
};
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::CompressionLayer,
    request_id::{MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer},
    set_header::SetResponseHeaderLayer,
    timeout::TimeoutLayer,
    trace::TraceLayer,
};

use crate::{http::problem::Problem, state::App};

/// The largest body that is read.
const MAX_BODY: usize = 1024 * 1024;

/// The longest that a request may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Every route, with the limits and headers that all of them share.
pub fn router(app: App) -> Router {
    let request_ids = RequestIds(app.clone());
    let header = |name: &'static str, value: &'static str| {
        let (name, value) = (HeaderName::from_static(name), HeaderValue::from_static(value));
        SetResponseHeaderLayer::overriding(name, value)
    };
    let layers = ServiceBuilder::new()
        .layer(SetRequestIdLayer::x_request_id(request_ids))
        .layer(TraceLayer::new_for_http().make_span_with(span))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(CatchPanicLayer::custom(|_panic| {
            let message = "something went wrong; quote the request id";
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", message).into_response()
        }))
        .layer(header("x-frame-options", "DENY"))
        .layer(header("x-content-type-options", "nosniff"))
        .layer(header("referrer-policy", "strict-origin-when-cross-origin"))
        .layer(header("content-security-policy", "default-src 'self'"))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-store"),
        ))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, TIMEOUT))
        .layer(CompressionLayer::new());
    Router::new()
        .merge(health::routes())
        .nest("/api/v2", v2::routes())
        .nest("/api/event-management", v2::event_management())
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || {
            let message = "this address does not answer to this method";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message)
        })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(layers)
        .with_state(app)
}

/// The span of a request: never a query string, a header or a body, which may be personal.
fn span(request: &Request) -> tracing::Span {
    let id = request.headers().get("x-request-id").and_then(|id| id.to_str().ok());
    tracing::info_span!(
        "request",
        method = %request.method(),
        path = request.uri().path(),
        request_id = id.unwrap_or_default(),
        tenant = tracing::field::Empty,
    )
}

/// Makes ids for the requests that bring none.
#[derive(Clone)]
struct RequestIds(App);

impl MakeRequestId for RequestIds {
    fn make_request_id<B>(&mut self, _request: &axum::http::Request<B>) -> Option<RequestId> {
        let id = self.0.ids.next_id().to_string();
        HeaderValue::from_str(&id).ok().map(RequestId::new)
    }
}
