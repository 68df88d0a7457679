//! `GET /api/metrics`: how far the read models are behind and how fast they go, over all tenants, in
//! the text format of OpenMetrics, as Prometheus reads it.
//!
//! It names no tenant, and it is open as `/api/health/detailed` is, which says the same in sums.

use axum::{
    Router,
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
    routing::get,
};
use daybook_projections::runner::{Lag, Worked};
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};
use std::sync::atomic::AtomicU64;

use crate::{http::problem::Problem, state::App};

/// What the answer is written in.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Which projector, in which version.
type Labels = Vec<(&'static str, String)>;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/api/metrics", get(metrics))
}

async fn metrics(State(app): State<App>) -> Result<Response, Problem> {
    let lag = app.lag().await.map_err(|error| Problem::unavailable(&error))?;
    let mut registry = Registry::with_prefix("daybook");
    behind(&mut registry, &lag);
    throughput(&mut registry, &app.runner.worked());
    let mut text = String::new();
    encode(&mut text, &registry).map_err(|error| Problem::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}

fn labels(projector: &'static str, version: i32) -> Labels {
    vec![("projector", projector.to_owned()), ("version", version.to_string())]
}

/// How far the projectors are behind, whoever works on them.
fn behind(registry: &mut Registry, lag: &[Lag]) {
    let mut gauge = |name: &str, help: &str, value: fn(&Lag) -> u64| {
        let family = Family::<Labels, Gauge>::default();
        for lag in lag {
            let value = i64::try_from(value(lag)).unwrap_or(i64::MAX);
            family.get_or_create(&labels(lag.projector, lag.version)).set(value);
        }
        registry.register(name, help, family);
    };
    gauge("projection_lag_events", "Events that a read model has not seen yet", |it| it.events);
    gauge("projection_lag_tenants", "Tenants that a read model is behind with", |it| it.tenants);
    gauge("projection_parked_streams", "Streams that wait for someone to look", |it| it.parked);
    gauge("projection_outdated_tenants", "Tenants of which another version is live", |it| {
        it.outdated
    });
}

/// What the projectors have done in this process.
fn throughput(registry: &mut Registry, worked: &[Worked]) {
    let events = Family::<Labels, Counter>::default();
    let batches = Family::<Labels, Counter>::default();
    let busy = Family::<Labels, Counter<f64, AtomicU64>>::default();
    for it in worked {
        let labels = labels(it.projector, it.version);
        events.get_or_create(&labels).inc_by(it.positions);
        batches.get_or_create(&labels).inc_by(it.batches);
        busy.get_or_create(&labels).inc_by(it.busy.as_secs_f64());
    }
    registry.register("projection_events", "Events that this process has moved on", events);
    registry.register("projection_batches", "Batches that this process has committed", batches);
    let help = "Time that batches took, together with others' in the same batch";
    registry.register_with_unit("projection_busy", help, Unit::Seconds, busy);
}
