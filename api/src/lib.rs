//! The HTTP API and the `daybook` program. The router is built from its OpenAPI description, so
//! each address that is served is documented; `README.md` says how to add one.

mod health;
pub mod http;
mod metrics;
pub mod program;
pub mod server;
pub mod state;
mod v2;

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    http::{HeaderName, HeaderValue, StatusCode},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse as _, Response},
};
use daybook_adapters::postgres::{Stalled, unless_stalled};
use daybook_domain::ids::IdSource;
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer, compression::CompressionLayer,
    set_header::SetResponseHeaderLayer, timeout::TimeoutLayer, trace::TraceLayer,
};

use utoipa_axum::router::OpenApiRouter;

use crate::{
    http::{
        document, envelope,
        gate::{self, Gate},
        problem::Problem,
    },
    state::App,
};

/// The largest body that is read.
pub(crate) const MAX_BODY: usize = 1024 * 1024;

/// The longest that a request may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The longest that a request may wait for one thing.
const STALLED: Duration = Duration::from_secs(10);

/// Every route, with the limits and headers that all of them share; no proxy is trusted.
pub fn router(app: App) -> Router {
    router_behind(app, &[])
}

/// Every route, behind proxies whose `X-Forwarded-For` is believed.
pub fn router_behind(app: App, trusted: &[IpAddr]) -> Router {
    let ids = app.ids.clone();
    let (keyed, mut all) = OpenApiRouter::new()
        .nest("/api/v2", v2::routes())
        .nest("/api/event-management", v2::event_management())
        .split_for_parts();
    let (open, others) = health::routes().split_for_parts();
    let operations = Arc::new(document::operations_of(&all));
    all.merge(others);
    let gate = Gate { app: app.clone(), operations, trusted: trusted.into() };
    let routes = keyed
        .route_layer(from_fn_with_state(gate, gate::gate))
        .merge(open)
        .merge(metrics::routes())
        .merge(document::routes(document::completed(all)))
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || Problem::of_status(StatusCode::METHOD_NOT_ALLOWED))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(app);
    shared(routes, ids, TIMEOUT)
}

/// What every answer shares, from the outside to the inside.
fn shared(routes: Router, ids: Arc<dyn IdSource>, timeout: Duration) -> Router {
    let header = |name: &'static str, value: &'static str| {
        let (name, value) = (HeaderName::from_static(name), HeaderValue::from_static(value));
        SetResponseHeaderLayer::if_not_present(name, value)
    };
    let layers = ServiceBuilder::new()
        .layer(header("x-frame-options", "DENY"))
        .layer(header("x-content-type-options", "nosniff"))
        .layer(header("x-xss-protection", "1; mode=block"))
        .layer(header("referrer-policy", "strict-origin-when-cross-origin"))
        .layer(header("content-security-policy", "default-src 'self'"))
        .layer(header("cache-control", "no-store"))
        .layer(CompressionLayer::new())
        .layer(from_fn_with_state(ids, envelope::envelope))
        .layer(TraceLayer::new_for_http().make_span_with(span))
        .layer(CatchPanicLayer::custom(|_panic| {
            let message = "something went wrong; quote the request id";
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", message).into_response()
        }))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, timeout))
        .layer(from_fn(stalled));
    routes.layer(layers)
}

/// Gives up a request that makes no progress: the database, or the client, has gone silent.
async fn stalled(request: Request, next: Next) -> Response {
    let answered = unless_stalled(STALLED, next.run(request)).await;
    answered.unwrap_or_else(|Stalled| StatusCode::GATEWAY_TIMEOUT.into_response())
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

#[cfg(test)]
mod tests {
    use axum::{
        body::{Body, to_bytes},
        routing::get,
    };
    use daybook_adapters::clock::RandomIds;
    use serde_json::Value;
    use tower::ServiceExt as _;

    use super::*;

    async fn answer(path: &str) -> (StatusCode, axum::http::HeaderMap, Value) {
        let panics = get(async || -> StatusCode { panic!("on purpose") });
        let routes = Router::new()
            .route("/panic", panics)
            .route("/never", get(std::future::pending::<StatusCode>))
            .fallback(async || Problem::not_found());
        let router = shared(routes, Arc::new(RandomIds), Duration::from_millis(20));
        let request = Request::get(path).header("x-request-id", "mine").body(Body::empty());
        let answer = router.oneshot(request.expect("a request")).await.expect("an answer");
        let (parts, body) = answer.into_parts();
        let body = to_bytes(body, 1024 * 1024).await.expect("a body");
        (parts.status, parts.headers, serde_json::from_slice(&body).expect("JSON"))
    }

    #[tokio::test]
    async fn whatever_goes_wrong_is_a_problem_with_an_id_and_safe_headers() {
        for (path, status, code) in
            [("/panic", 500, "INTERNAL"), ("/never", 504, "TIMEOUT"), ("/x", 404, "NOT_FOUND")]
        {
            let (answered, headers, body) = answer(path).await;
            assert_eq!(answered.as_u16(), status, "{path}");
            assert_eq!(headers["content-type"], "application/problem+json", "{path}");
            assert_eq!(headers["x-xss-protection"], "1; mode=block", "{path}");
            assert_eq!(headers["x-request-id"], "mine", "{path}");
            assert_eq!((&body["code"], &body["instance"]), (&code.into(), &path.into()));
            assert_eq!((&body["request_id"], &body["status"]), (&"mine".into(), &status.into()));
        }
    }
}
