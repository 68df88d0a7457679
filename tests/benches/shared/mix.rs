//! What bookings append, without deciding them.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use daybook_adapters::{clock::RandomIds, log::PostgresLog};
use daybook_domain::{
    event_log::{Append, EventData, ExpectedRevision, StreamId, StreamWrite},
    ids::{IdSource as _, TenantId},
    ports::EventLog as _,
    registry::{self, EventText},
};
use tokio::task::JoinSet;

const METADATA: &str = r#"{"actor":"key:01a1fc61-6a93-7730-a9d2-afb5caf09bf6","at":"2026-11-21T08:00:00Z","correlation_id":"01a1fc61-6a93-7730-a9d2-afb5caf09bf7","source":"api"}"#;
/// What a booking appends.
const MIX: [(&str, &str); 4] = [
    ("appointment", "appointment.booked"),
    ("calendar_day", "calendar_day.claimed"),
    ("customer", "customer.visit_booked"),
    ("phase", "phase.planned"),
];

/// The golden payloads of a booking.
pub(crate) struct Mix(Vec<(&'static str, &'static str, String)>);

impl Mix {
    pub(crate) fn read() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../domain/golden");
        let events = MIX.map(|(kind, name)| {
            let file = folder.join(format!("{name}.v1.0.0.json"));
            let value: serde_json::Value =
                serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
            // As it is written, type first: the golden files are sorted for people.
            let event = EventText {
                event_type: name.to_owned(),
                event_version: "1.0.0".to_owned(),
                payload: value.to_string(),
            };
            (kind, name, registry::find(kind).unwrap().reencode(&event).unwrap())
        });
        Self(events.into())
    }

    /// Without what happens to customers, whom nobody has registered: every read model can follow.
    pub(crate) fn without_customers(mut self) -> Self {
        self.0.retain(|(kind, ..)| *kind != "customer");
        self
    }

    /// A booking on streams of its own; of a phone book's worth of days and customers.
    pub(crate) fn booking(&self, tenant: TenantId) -> Append {
        let one = |(kind, name, payload): &(&'static str, &'static str, String)| {
            let id = RandomIds.next_id();
            let stream = match *kind {
                "calendar_day" => format!("staff:{id}:2026-12-01"),
                _ => id.to_string(),
            };
            let event = EventData {
                event_id: RandomIds.next_id(),
                event_type: (*name).into(),
                event_version: "1.0.0".into(),
                payload: payload.clone(),
                metadata: METADATA.into(),
            };
            let (stream, expected) = (StreamId::new(*kind, stream), ExpectedRevision::NoStream);
            StreamWrite { stream, expected, events: vec![event] }
        };
        let writes = self.0.iter().map(one).collect();
        Append { tenant, command: None, writes, unchanged: Vec::new() }
    }
}

/// A tenant with a history of about so many events; how many, and how long they took 32 callers.
pub(crate) async fn filled(
    log: &PostgresLog,
    mix: &Arc<Mix>,
    events: u64,
) -> (TenantId, u64, Duration) {
    let tenant = TenantId::new(RandomIds.next_id());
    log.open_tenant(tenant).await.unwrap();
    let begin = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..32 {
        let (log, mix, bookings) = (log.clone(), Arc::clone(mix), events / mix.0.len() as u64 / 32);
        callers.spawn(async move {
            for _ in 0..bookings {
                log.append(mix.booking(tenant)).await.unwrap();
            }
        });
    }
    callers.join_all().await;
    let appended = events / mix.0.len() as u64 / 32 * mix.0.len() as u64 * 32;
    (tenant, appended, begin.elapsed())
}
