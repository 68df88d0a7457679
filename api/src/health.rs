//! `GET /api/health` and `/api/health/detailed` (HLT-01, HLT-02).

use std::time;

use axum::{Json, extract::State, http::StatusCode};
use daybook_adapters::postgres::answers;
use daybook_domain::ports::EventLog as _;
use serde_json::{Value, json};

use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    http::{describe::get, fields::Instant},
    state::App,
};

pub(crate) fn routes() -> OpenApiRouter<App> {
    let brief = get("/api/health", health).about("Health", "health", "Whether it is up.");
    let long = get("/api/health/detailed", detailed);
    let long = long.about("Health", "health_detailed", "Whether each part of it is up.");
    OpenApiRouter::new()
        .routes(brief.answers::<Health>(200, "Up.").answers::<Health>(503, "Down.").done())
        .routes(long.answers::<Health>(200, "Up.").answers::<Health>(503, "Down.").done())
}

/// How it is.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the shape of what the handlers write")]
struct Health {
    /// `ok`, `degraded` or `down`.
    status: String,
    timestamp: Instant,
    version: String,
    #[schema(required = false)]
    checks: Value,
}

async fn health(State(app): State<App>) -> (StatusCode, Json<Value>) {
    let (database, _latency_ms) = database(&app).await;
    let status = if database { "ok" } else { "down" };
    let body = json!({
        "status": status,
        "timestamp": app.clock.now(),
        "version": env!("CARGO_PKG_VERSION"),
    });
    (code(database), Json(body))
}

async fn detailed(State(app): State<App>) -> (StatusCode, Json<Value>) {
    let (database, latency_ms) = database(&app).await;
    let lag = if database { app.runner.lag().await.ok() } else { None };
    let behind: u64 = lag.iter().flatten().map(|lag| lag.events).sum();
    let parked: u64 = lag.iter().flatten().map(|lag| lag.parked).sum();
    let projections = if lag.is_some() && parked == 0 { "ok" } else { "degraded" };
    // What was acknowledged is gone: somebody has to look, whatever works by now.
    let moved_back = app.dispatcher.log().generation();
    let log = if moved_back == 0 { "ok" } else { "degraded" };
    let status = match (database, projections, log) {
        (false, ..) => "down",
        (true, "ok", "ok") => "ok",
        (true, ..) => "degraded",
    };
    let body = json!({
        "status": status,
        "timestamp": app.clock.now(),
        "version": env!("CARGO_PKG_VERSION"),
        "checks": {
            "database": { "status": if database { "ok" } else { "down" }, "latency_ms": latency_ms },
            "log": { "status": log, "moved_back": moved_back },
            "projections": {
                "status": projections, "events_behind": behind, "parked_streams": parked,
            },
        },
    });
    (code(database), Json(body))
}

fn code(is_up: bool) -> StatusCode {
    if is_up { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

async fn database(app: &App) -> (bool, u128) {
    let asked = time::Instant::now();
    let answered = answers(&app.read).await;
    (answered, asked.elapsed().as_millis())
}
