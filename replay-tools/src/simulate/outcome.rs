//! What became of a decision that was made again, held against what it came to in the past.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use daybook_domain::{
    appointment::{AppointmentEvent, Booking, Plan},
    event_log::Position,
    ids::{AppointmentId, BranchId, HoldId, SeriesId, ServiceId, StaffId},
    policy::PolicyOutcome,
    refusal::Refusal,
};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// What became of a decision.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It came to the same.
    Same,
    /// It was accepted, and came to something else.
    Changed {
        /// What is different.
        differences: Vec<Difference>,
    },
    /// It was refused.
    Refused(Refused),
    /// What it was about does not exist in this world.
    Moot,
}

/// Why a command was refused.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Refused {
    /// The code of the refusal, as the API gives it.
    pub code: String,
    /// The refusal in words.
    pub message: String,
    /// Every reason, the conflicting appointment, the next free starts.
    pub details: Option<Value>,
}

impl Refused {
    pub(super) fn of(refusal: &impl Refusal) -> Self {
        let (code, message) = (refusal.code().to_owned(), refusal.to_string());
        Self { code, message, details: refusal.details() }
    }
}

/// A field that is different.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Of which appointment; none for a hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub appointment_id: Option<AppointmentId>,
    /// Which.
    pub field: &'static str,
    /// As it was; null when it was not.
    pub before: Value,
    /// As it would be; null when it would not.
    pub after: Value,
}

/// A decision of the past and what would have become of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decided {
    /// Where its first event stands in the history.
    pub position: Position,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// What was asked: `book`, `cancel`, `reschedule` …
    pub kind: &'static str,
    /// What it is about.
    #[serde(flatten)]
    pub about: About,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What a decision is about, as far as it says so.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct About {
    /// The appointment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub appointment_id: Option<AppointmentId>,
    /// The series.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series_id: Option<SeriesId>,
    /// The hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_id: Option<HoldId>,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch_id: Option<BranchId>,
    /// What.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub service_ids: Vec<ServiceId>,
    /// By whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub staff_id: Option<StaffId>,
    /// When it was to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<DateTime<Utc>>,
}

/// The differences between what happened to appointments and what would have.
pub(super) fn differences(
    before: &[(AppointmentId, AppointmentEvent)],
    after: &[(AppointmentId, AppointmentEvent)],
) -> Vec<Difference> {
    let by_id: BTreeMap<_, _> = after.iter().map(|(id, event)| (*id, event)).collect();
    let mut found = Vec::new();
    for (id, event) in before {
        match by_id.get(id) {
            Some(other) => between(*id, event, other, &mut found),
            None => found.push(whole(*id, json!(what(event)), Value::Null)),
        }
    }
    for (id, event) in after {
        if before.iter().all(|(held, _)| held != id) {
            found.push(whole(*id, Value::Null, json!(what(event))));
        }
    }
    found
}

fn whole(id: AppointmentId, before: Value, after: Value) -> Difference {
    Difference { appointment_id: Some(id), field: "event", before, after }
}

fn what(event: &AppointmentEvent) -> &'static str {
    daybook_domain::aggregate::EventKind::kind(event)
}

fn between(
    id: AppointmentId,
    before: &AppointmentEvent,
    after: &AppointmentEvent,
    found: &mut Vec<Difference>,
) {
    let about = Some(id);
    match (before, after) {
        (AppointmentEvent::Booked(one), AppointmentEvent::Booked(other)) => {
            plans(about, &one.plan, &other.plan, found);
            unless_same(about, "price", &one.price, &other.price, found);
            unless_same(about, "status", status(one), status(other), found);
        }
        (
            AppointmentEvent::Rescheduled { to: one, outcome, .. },
            AppointmentEvent::Rescheduled { to: other, outcome: after, .. },
        ) => {
            plans(about, one, other, found);
            outcomes(about, outcome, after, found);
        }
        (
            AppointmentEvent::Cancelled { outcome, .. },
            AppointmentEvent::Cancelled { outcome: after, .. },
        ) => outcomes(about, outcome, after, found),
        (one, other) if what(one) != what(other) => {
            found.push(whole(id, json!(what(one)), json!(what(other))));
        }
        _same_step => (),
    }
}

fn status(booking: &Booking) -> &'static str {
    if booking.is_pending { "pending" } else { "confirmed" }
}

fn unless_same<T: PartialEq + Serialize + ?Sized>(
    appointment_id: Option<AppointmentId>,
    field: &'static str,
    before: &T,
    after: &T,
    found: &mut Vec<Difference>,
) {
    if before != after {
        let (before, after) = (json!(before), json!(after));
        found.push(Difference { appointment_id, field, before, after });
    }
}

/// What is different about a place. What is blocked is told only where nothing else tells of it.
pub(super) fn plans(
    about: Option<AppointmentId>,
    before: &Plan,
    after: &Plan,
    found: &mut Vec<Difference>,
) {
    let known = found.len();
    unless_same(about, "starts_at", &before.starts_at, &after.starts_at, found);
    unless_same(about, "ends_at", &before.ends_at, &after.ends_at, found);
    unless_same(about, "staff_id", &before.staff_id, &after.staff_id, found);
    unless_same(about, "phases", &phases(before), &phases(after), found);
    if known == found.len() {
        unless_same(about, "blocked", &blocked(before), &blocked(after), found);
    }
}

/// The phases without their ids.
fn phases(plan: &Plan) -> Vec<Value> {
    let bare = plan.phases.iter().map(|phase| {
        json!({
            "key": phase.key,
            "service_id": phase.service_id,
            "staff_id": phase.staff_id,
            "active": phase.active,
            "staff_busy": phase.staff_busy,
            "client_busy": phase.client_busy,
            "resource": phase.resource,
        })
    });
    bare.collect()
}

/// The claims without their ids.
fn blocked(plan: &Plan) -> Vec<Value> {
    let bare = plan.claims.iter().map(|claim| {
        let (calendar, units) = (claim.calendar.to_string(), claim.units);
        json!({ "calendar": calendar, "dates": claim.dates, "slot": claim.slot, "units": units })
    });
    bare.collect()
}

fn outcomes(
    about: Option<AppointmentId>,
    before: &PolicyOutcome,
    after: &PolicyOutcome,
    found: &mut Vec<Difference>,
) {
    let known = found.len();
    unless_same(about, "fee", &before.fee, &after.fee, found);
    unless_same(about, "policy_check", &before.policy_check, &after.policy_check, found);
    if known == found.len() {
        unless_same(about, "policy", before, after, found);
    }
}

/// A value in which the ids of the simulated world are those of the past again.
pub(super) fn in_past_ids(value: Value, past: &impl Fn(Uuid) -> Option<Uuid>) -> Value {
    match value {
        Value::String(text) => {
            let known = Uuid::parse_str(&text).ok().and_then(past);
            Value::String(known.map_or(text, |id| id.to_string()))
        }
        Value::Array(values) => values.into_iter().map(|value| in_past_ids(value, past)).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name, in_past_ids(value, past))).collect()
        }
        plain => plain,
    }
}
