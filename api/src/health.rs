//! `GET /api/health` and `/api/health/detailed` (HLT-01, HLT-02).

use std::time::Instant;

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use serde_json::{Value, json};

use crate::state::App;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/api/health", get(health)).route("/api/health/detailed", get(detailed))
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
    let asked = Instant::now();
    let answered = sqlx::query("SELECT 1").execute(&app.read).await.is_ok();
    (answered, asked.elapsed().as_millis())
}
