//! `GET /api/health` and `/api/health/detailed` (HLT-01, HLT-02).

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use daybook_adapters::{log::WriteState, postgres::answers};
use futures::future::join_all;
use serde_json::{Map, Value, json};
use tokio::{sync::Mutex, time::Instant};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    http::{describe::get, fields},
    state::{App, AppState, READ},
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
    /// `ok`; `degraded` when the read models lag or a part does not answer, such as writes to a database
    /// that is read-only; `down` when the database does not answer or is a standby.
    status: String,
    timestamp: fields::Instant,
    version: String,
    #[schema(required = false)]
    checks: Value,
}

async fn health(State(app): State<App>) -> (StatusCode, Json<Value>) {
    let vitals = app.vitals().await;
    let body = json!({
        "status": vitals.status(),
        "timestamp": app.clock.now(),
        "version": env!("CARGO_PKG_VERSION"),
    });
    (vitals.code(), Json(body))
}

async fn detailed(State(app): State<App>) -> (StatusCode, Json<Value>) {
    let vitals = app.vitals().await;
    let lag = if vitals.can_read() { app.runner.lag().await.ok() } else { None };
    let behind: u64 = lag.iter().flatten().map(|lag| lag.events).sum();
    let parked: u64 = lag.iter().flatten().map(|lag| lag.parked).sum();
    let projections = if lag.is_some() && parked == 0 { "ok" } else { "degraded" };
    let status = match vitals.status() {
        "ok" => projections,
        worse => worse,
    };
    let pools: Map<String, Value> = vitals
        .pools
        .iter()
        .map(|(name, latency_ms)| {
            let status = if latency_ms.is_some() { "ok" } else { "down" };
            ((*name).to_owned(), json!({ "status": status, "latency_ms": latency_ms }))
        })
        .collect();
    let latency_ms = vitals.pools.iter().filter_map(|(_, latency_ms)| *latency_ms).max();
    let database = if vitals.can_read() { "ok" } else { "down" };
    let body = json!({
        "status": status,
        "timestamp": app.clock.now(),
        "version": env!("CARGO_PKG_VERSION"),
        "checks": {
            "database": { "status": database, "latency_ms": latency_ms },
            "pools": pools,
            "writes": { "status": vitals.writes.to_string() },
            "projections": {
                "status": projections, "events_behind": behind, "parked_streams": parked,
            },
        },
    });
    (vitals.code(), Json(body))
}

/// How long what was asked counts: health is open to everybody, and costs a write.
const VITALS_COUNT: Duration = Duration::from_secs(1);

/// How the database is, as of the last second.
#[derive(Clone, Debug)]
pub(crate) struct Vitals {
    /// How long each pool took to answer, in milliseconds; `None` if it did not.
    pools: Vec<(&'static str, Option<u64>)>,
    writes: WriteState,
}

/// What was asked last, and when.
pub(crate) type LastVitals = Mutex<Option<(Instant, Vitals)>>;

impl Vitals {
    /// Whether the pool of the queries answers, from a server that keeps up with the log.
    fn can_read(&self) -> bool {
        let answers = self.pools.iter().any(|(name, took)| *name == READ && took.is_some());
        answers && self.writes != WriteState::InRecovery
    }

    fn status(&self) -> &'static str {
        let is_whole = self.pools.iter().all(|(_, took)| took.is_some());
        match (self.can_read(), is_whole && self.writes == WriteState::Writable) {
            (false, _) => "down",
            (true, true) => "ok",
            (true, false) => "degraded",
        }
    }

    fn code(&self) -> StatusCode {
        if self.can_read() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
    }
}

impl AppState {
    /// Asks every pool and the write path, at most once a second however many want to know.
    async fn vitals(&self) -> Vitals {
        let mut last = self.last_vitals.lock().await;
        if let Some((asked_at, vitals)) = &*last
            && asked_at.elapsed() < VITALS_COUNT
        {
            return vitals.clone();
        }
        let pools = self.pools.iter().map(async |(name, pool)| {
            let asked_at = Instant::now();
            let took = answers(pool).await.then(|| asked_at.elapsed().as_millis());
            (*name, took.map(|took| u64::try_from(took).unwrap_or(u64::MAX)))
        });
        let (pools, writes) = tokio::join!(join_all(pools), self.log.write_state());
        let vitals = Vitals { pools, writes };
        *last = Some((Instant::now(), vitals.clone()));
        vitals
    }
}
