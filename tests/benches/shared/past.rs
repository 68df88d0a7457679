//! A history of past and future bookings, appended without deciding them: a salon in the order of its days.

use std::path::Path;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use daybook_adapters::{clock::RandomIds, log::PostgresLog};
use daybook_domain::{
    event_log::{Append, EventData, ExpectedRevision, StreamId, StreamWrite},
    ids::{IdSource as _, TenantId},
    ports::EventLog as _,
    registry::{self, EventText},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const METADATA: &str = r#"{"actor":"key:01a1fc61-6a93-7730-a9d2-afb5caf09bf6","at":"2026-11-21T08:00:00Z","correlation_id":"01a1fc61-6a93-7730-a9d2-afb5caf09bf7","source":"api"}"#;
/// Bookings of a staff member on a day.
const PER_DAY: u32 = 20;
/// Appointments are booked so many days ahead, and completed on their day.
const AHEAD_DAYS: u64 = 14;
/// Events of an appointment: booked, claimed, planned, completed.
const EVENTS: u64 = 4;

/// Where bookings take place.
pub(crate) struct Place {
    pub(crate) tenant: TenantId,
    pub(crate) company: String,
    pub(crate) branch: String,
    pub(crate) service: String,
    pub(crate) staff: Vec<String>,
    pub(crate) customers: Vec<String>,
}

struct Templates {
    booked: Value,
    claimed: Value,
    planned: Value,
}

fn golden(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../domain/golden");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().flatten().collect();
    files.retain(|file| file.file_name().to_string_lossy().starts_with(&format!("{name}.v")));
    files.sort_by_key(std::fs::DirEntry::file_name);
    serde_json::from_str(&std::fs::read_to_string(files.pop().unwrap().path()).unwrap()).unwrap()
}

fn event(kind: &str, name: &'static str, value: &Value) -> EventData {
    let known = registry::find(kind).unwrap();
    let (_, version) = known.kinds.iter().find(|(it, _)| *it == name).unwrap();
    let text = EventText {
        event_type: name.to_owned(),
        event_version: (*version).to_owned(),
        payload: value.to_string(),
    };
    EventData {
        event_id: RandomIds.next_id(),
        event_type: name.into(),
        event_version: (*version).into(),
        payload: known.reencode(&text).unwrap(),
        metadata: METADATA.into(),
    }
}

fn write(kind: &'static str, id: &str, events: Vec<EventData>) -> StreamWrite {
    StreamWrite { stream: StreamId::new(kind, id), expected: ExpectedRevision::Any, events }
}

/// The bookings of a staff member on a day, in one append; and their appointments.
fn day(place: &Place, of: &Templates, staff: &str, date: NaiveDate) -> (Append, Vec<String>) {
    let (mut writes, mut claims, mut appointments) = (Vec::new(), Vec::new(), Vec::new());
    let midnight = date.and_hms_opt(0, 0, 0).unwrap().and_utc();
    for number in 0..PER_DAY {
        let from: DateTime<Utc> = midnight + Duration::hours(2) + Duration::hours(number.into());
        let slot = json!({ "from": from, "to": from + Duration::minutes(60) });
        let [appointment, phase, claim] = [0; 3].map(|_| RandomIds.next_id().to_string());
        let planned = json!({
            "phase_id": phase, "key": "A", "service_id": place.service, "staff_id": staff,
            "active": slot, "staff_busy": slot, "client_busy": slot,
        });
        let mut booked = of.booked.clone();
        let customer = &place.customers[number as usize % place.customers.len()];
        for (name, value) in [
            ("company_id", json!(place.company)),
            ("branch_id", json!(place.branch)),
            ("customer_id", json!(customer)),
            ("service_ids", json!([place.service])),
        ] {
            booked[name] = value;
        }
        booked["plan"] = json!({
            "starts_at": from, "ends_at": from + Duration::minutes(60), "staff_id": staff,
            "phases": [planned],
            "claims": [{ "claim_id": claim, "calendar": format!("staff:{staff}"), "dates": [date],
                "slot": slot, "units": 1, "phase_id": phase, "service_id": place.service }],
        });
        let mut claimed = of.claimed.clone();
        claimed["calendar"] = json!(format!("staff:{staff}"));
        claimed["date"] = json!(date);
        claimed["claim"] = json!({ "claim_id": claim, "slot": slot, "units": 1,
            "service_id": place.service,
            "purpose": { "kind": "booked", "appointment_id": appointment, "phase_id": phase } });
        claims.push(event("calendar_day", "calendar_day.claimed", &claimed));
        let mut plan = of.planned.clone();
        (plan["appointment_id"], plan["plan"]) = (json!(appointment), planned);
        writes.push(write("phase", &phase, vec![event("phase", "phase.planned", &plan)]));
        let booked = event("appointment", "appointment.booked", &booked);
        writes.push(write("appointment", &appointment, vec![booked]));
        appointments.push(appointment);
    }
    writes.push(write("calendar_day", &format!("staff:{staff}:{date}"), claims));
    let tenant = place.tenant;
    (Append { tenant, command: None, writes, unchanged: Vec::new() }, appointments)
}

fn completed(place: &Place, appointments: &[String], date: NaiveDate) -> Append {
    let at = date.and_hms_opt(23, 0, 0).unwrap().and_utc();
    let done = json!({ "type": "completed", "at": at });
    let one = |id: &String| {
        write("appointment", id, vec![event("appointment", "appointment.completed", &done)])
    };
    let writes = appointments.iter().map(one).collect();
    Append { tenant: place.tenant, command: None, writes, unchanged: Vec::new() }
}

/// Appends a history of about so many events that ends with the next days' bookings.
pub(crate) async fn fill(log: &PostgresLog, place: &Place, events: u64, today: NaiveDate) {
    let mut of = Templates {
        booked: golden("appointment.booked"),
        claimed: golden("calendar_day.claimed"),
        planned: golden("phase.planned"),
    };
    let fields = of.booked.as_object_mut().unwrap();
    for name in ["notes", "external_ref", "call_id", "series", "hold_id"] {
        fields.remove(name);
    }
    fields.insert("booking_type".to_owned(), json!("simple"));
    let per_day = EVENTS * u64::from(PER_DAY) * place.staff.len() as u64;
    let days = events.div_ceil(per_day).max(1);
    let first = today + chrono::Days::new(AHEAD_DAYS) - chrono::Days::new(days);
    let mut open: Vec<(NaiveDate, Vec<String>)> = Vec::new();
    for date in first.iter_days().take(usize::try_from(days).unwrap()) {
        let mut appends = JoinSet::new();
        let mut booked = Vec::new();
        for staff in &place.staff {
            let (append, appointments) = day(place, &of, staff, date);
            booked.extend(appointments);
            let log = log.clone();
            appends.spawn(async move { drop(log.append(append).await.unwrap()) });
        }
        appends.join_all().await;
        open.push((date, booked));
        // What was booked two weeks ago for today is over.
        if AHEAD_DAYS < open.len() as u64 && open[0].0 < today {
            let (date, appointments) = open.remove(0);
            log.append(completed(place, &appointments, date)).await.unwrap();
        }
    }
}
