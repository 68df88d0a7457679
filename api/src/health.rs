//! `GET /api/health` and `/api/health/detailed` (HLT-01, HLT-02).

use std::time;

use axum::{Json, extract::State, http::StatusCode};
use daybook_adapters::postgres::answers;
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
    let lag = if database { app.lag().await.ok() } else { None };
    let behind: u64 = lag.iter().flat_map(|lag| lag.iter()).map(|lag| lag.events).sum();
    let parked: u64 = lag.iter().flat_map(|lag| lag.iter()).map(|lag| lag.parked).sum();
    let projections = if lag.is_some() && parked == 0 { "ok" } else { "degraded" };
    let status = match (database, projections) {
        (false, _) => "down",
        (true, "ok") => "ok",
        (true, _) => "degraded",
    };
    let body = json!({
        "status": status,
        "timestamp": app.clock.now(),
        "version": env!("CARGO_PKG_VERSION"),
        "checks": {
            "database": { "status": if database { "ok" } else { "down" }, "latency_ms": latency_ms },
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
