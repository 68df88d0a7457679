//! A replay through the codec: stored text to typed events to states, a million events.
//!
//! `cargo bench -p daybook-tests --bench replay`; `BENCH_EVENTS` sets how many.
#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]
#![allow(clippy::unwrap_used, reason = "a benchmark may stop at its first surprise")]
#![allow(clippy::cast_precision_loss, reason = "ratios are for people")]

use std::{
    collections::HashMap,
    env,
    hint::black_box,
    path::Path,
    time::{Duration, Instant},
};

use daybook_domain::{
    aggregate::{Evolve, decode},
    appointment::Appointment,
    calendar_day::CalendarDay,
    customer::Customer,
    event_log::{Position, RecordedEvent, Revision, StreamId},
    ids::TenantId,
    phase::Phase,
    registry::{self, EventText},
};
use daybook_projections::event::Fact;
use uuid::Uuid;

/// The golden events of an aggregate, as the log would hold them.
fn golden(aggregate_type: &'static str) -> Vec<RecordedEvent> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../domain/golden");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut events = Vec::new();
    for file in files {
        // Such as `appointment.booked.v1.0.0.pending.json`.
        let name = file.file_name().unwrap().to_str().unwrap();
        let Some((event_type, rest)) = name.split_once(".v1").or(name.split_once(".v2")) else {
            continue;
        };
        if event_type.split('.').next() != Some(aggregate_type) {
            continue;
        }
        let major = &name[event_type.len() + 2..name.len() - rest.len()];
        let version: Vec<&str> = rest.split('.').skip(1).take(2).collect();
        let event = EventText {
            event_type: event_type.to_owned(),
            event_version: format!("{major}.{}", version.join(".")),
            payload: std::fs::read_to_string(&file).unwrap(),
        };
        // As it would be written today.
        let payload = registry::find(aggregate_type).unwrap().reencode(&event).unwrap();
        events.push(RecordedEvent {
            tenant: TenantId::new(Uuid::from_u128(1)),
            position: Position(1),
            stream: StreamId::new(aggregate_type, Uuid::from_u128(2).to_string()),
            revision: Revision(1),
            event_id: Uuid::from_u128(3),
            event_type: event.event_type,
            event_version: event.event_version,
            payload,
            metadata: "{}".to_owned(),
            recorded_at: chrono::DateTime::UNIX_EPOCH,
            hash: [0; 32],
        });
    }
    assert!(!events.is_empty(), "no golden event of {aggregate_type}");
    events
}

fn timed(work: impl FnOnce() -> usize) -> (usize, Duration) {
    let begin = Instant::now();
    (work(), begin.elapsed())
}

/// Decodes and folds, a fresh state every hundred events.
fn fold<E: Evolve>(events: &[RecordedEvent], count: usize) -> usize {
    let mut state = E::default();
    for (number, event) in events.iter().cycle().take(count).enumerate() {
        if number % 100 == 0 {
            black_box(std::mem::take(&mut state));
        }
        state.evolve(&decode::<E>(event).unwrap());
    }
    black_box(state);
    count
}

/// What a booking touches.
#[derive(Default)]
struct Booking(Appointment, CalendarDay, Customer, Phase);

impl Booking {
    fn fold(&mut self, event: &RecordedEvent) {
        match &*event.stream.aggregate_type {
            "appointment" => self.0.evolve(&decode::<Appointment>(event).unwrap()),
            "calendar_day" => self.1.evolve(&decode::<CalendarDay>(event).unwrap()),
            "customer" => self.2.evolve(&decode::<Customer>(event).unwrap()),
            _ => self.3.evolve(&decode::<Phase>(event).unwrap()),
        }
    }
}

fn main() {
    let count = env::var("BENCH_EVENTS").ok().and_then(|it| it.parse().ok()).unwrap_or(1_000_000);
    let kinds = ["appointment", "calendar_day", "phase", "customer"];
    let all: HashMap<_, _> = kinds.into_iter().map(|kind| (kind, golden(kind))).collect();
    println!("{count} events from stored text, one thread");
    println!("{:<38} {:>12} {:>9}", "what", "events/s", "ratio");
    let texts: Vec<&RecordedEvent> = kinds.iter().flat_map(|kind| &all[kind]).collect();
    let generic = timed(|| {
        for event in texts.iter().cycle().take(count) {
            black_box(serde_json::from_str::<serde_json::Value>(&event.payload).unwrap());
        }
        count
    });
    let base = count as f64 / generic.1.as_secs_f64();
    let row = |name: &str, (count, taken): (usize, Duration)| {
        let rate = count as f64 / taken.as_secs_f64();
        println!("{name:<38} {rate:>12.0} {:>8.2}x", rate / base);
    };
    row("generic JSON, nothing decided", generic);
    // A phase is no fact of a projection.
    let told: Vec<_> = texts.iter().filter(|event| Fact::read(event).is_ok()).collect();
    let facts = timed(|| {
        for event in told.iter().cycle().take(count) {
            drop(black_box(Fact::read(event).unwrap()));
        }
        count
    });
    row("typed, as a projection reads it", facts);
    let mix =
        ["appointment.booked", "calendar_day.claimed", "customer.visit_booked", "phase.planned"];
    let mix = mix.map(|name| texts.iter().find(|it| it.event_type == name).unwrap());
    let booking = timed(|| {
        let mut states = Booking::default();
        for (number, event) in mix.iter().cycle().take(count).enumerate() {
            if number % 100 == 0 {
                black_box(std::mem::take(&mut states));
            }
            states.fold(event);
        }
        black_box(states);
        count
    });
    row("the four of a booking: typed and folded", booking);
    row(
        "appointments: typed and folded",
        timed(|| fold::<Appointment>(&all["appointment"], count)),
    );
    row(
        "calendar days: typed and folded",
        timed(|| fold::<CalendarDay>(&all["calendar_day"], count)),
    );
    row("phases: typed and folded", timed(|| fold::<Phase>(&all["phase"], count)));
    row("customers: typed and folded", timed(|| fold::<Customer>(&all["customer"], count)));
}
