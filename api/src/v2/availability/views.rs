//! Offers as clients see them: who, when, where; not what is blocked around them.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use daybook_domain::{
    availability::{PlacedPhase, Placement, Reason, Request},
    event_log::Position,
    ids::BranchId,
};
use daybook_projections::world::{Answer, World};
use serde_json::{Value, json};

/// A time of the local clock, as older clients read it.
pub(super) fn local(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%H:%M").to_string()
}

/// The segments of a basket, in local time.
pub(super) fn segments(placement: &Placement, zone: Tz) -> Value {
    let segment = |phase: &PlacedPhase| {
        json!({
            "service_id": phase.service_id,
            "key": phase.key,
            "start": local(phase.active.from, zone),
            "end": local(phase.active.to, zone),
            "staff_id": phase.staff_id,
        })
    };
    placement.phases.iter().map(segment).collect()
}

/// One offer.
pub(super) fn offer(placement: &Placement) -> Value {
    let phases = placement.phases.iter().map(|phase| {
        json!({
            "service_id": phase.service_id,
            "key": phase.key,
            "staff_id": phase.staff_id,
            "starts_at": phase.active.from,
            "ends_at": phase.active.to,
        })
    });
    let mut offer = json!({
        "starts_at": placement.starts_at,
        "ends_at": placement.ends_at,
        "staff_id": placement.staff_id(),
        "branch_id": placement.branch_id,
        "phases": phases.collect::<Vec<_>>(),
    });
    if let Some(score) = placement.score {
        offer["score"] = json!(score);
    }
    offer
}

/// The offers of a window. When there are none because the request can be met at no time, it says why.
pub(super) fn offers(
    world: &World,
    request: &Request,
    branches: impl Iterator<Item = BranchId>,
    found: &Answer<Vec<Placement>>,
) -> Value {
    let slots: Vec<_> = found.value.iter().map(offer).collect();
    let mut body = json!({ "slots": slots, "position": found.position });
    add_obstacles(&mut body, world, request, branches);
    body
}

/// Adds why a request can be met at no time, if nothing was offered.
pub(super) fn add_obstacles(
    body: &mut Value,
    world: &World,
    request: &Request,
    branches: impl Iterator<Item = BranchId>,
) {
    if body["slots"].as_array().is_none_or(|slots| !slots.is_empty()) {
        return;
    }
    let mut all: Vec<Reason> = Vec::new();
    for branch_id in branches {
        let obstacles = world.obstacles(request, branch_id);
        if obstacles.is_empty() {
            return;
        }
        for reason in obstacles {
            if !all.contains(&reason) {
                all.push(reason);
            }
        }
    }
    if !all.is_empty() {
        body["reasons"] = json!(all);
    }
}

/// The body of a day's offers.
pub(super) fn day(slots: &[Value], total_duration: Option<i64>, position: Position) -> Value {
    json!({
        "available": !slots.is_empty(),
        "total_duration": total_duration,
        "slots": slots,
        "position": position,
    })
}
