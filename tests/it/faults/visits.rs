//! Visits that are booked, and some of them cancelled later, over all kinds of streams. An append that
//! was in doubt can be made again: it is refused if it is there.

use std::{
    collections::{BTreeMap, VecDeque},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use daybook_adapters::{clock::RandomIds, log::PostgresLog};
use daybook_domain::{
    event_log::{Append, EventData, ExpectedRevision, Revision, StreamId, StreamWrite},
    ids::{IdSource as _, TenantId},
    ports::{AppendError, EventLog as _},
};
use tokio::task::JoinSet;

use super::load::Dice;

/// What the ids in the golden files begin with; their last two digits tell them apart.
const GOLDEN_IDS: &str = "018f4c1e-0000-7000-8000-0000000000";
const METADATA: &str =
    r#"{"actor":"key:1","at":"2026-11-01T00:00:00Z","correlation_id":"r1","source":"api"}"#;
/// Visits that an append books at most.
const AT_ONCE: u64 = 6;

/// A stream of a visit: its type, the end of its id, its revision before, and what happens.
type Part = (&'static str, &'static str, u64, &'static [&'static str]);

const BOOKED: &[Part] = &[
    ("staff", "04", 0, &["registered"]),
    ("customer", "07", 0, &["registered", "visit_booked"]),
    ("appointment", "08", 0, &["booked"]),
    ("phase", "09", 0, &["planned"]),
    ("calendar_day", "04", 0, &["claimed"]),
];
const CANCELLED: &[Part] = &[
    ("appointment", "08", 1, &["cancelled"]),
    ("phase", "09", 1, &["cancelled"]),
    ("calendar_day", "04", 1, &["released"]),
    ("customer", "07", 2, &["visit_cancelled"]),
];

/// The events of a visit, as the golden files have them.
struct Texts(BTreeMap<String, String>);

impl Texts {
    fn load() -> Self {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../domain/golden");
        let parts = BOOKED.iter().chain(CANCELLED);
        let names = parts
            .flat_map(|(kind, _, _, names)| names.iter().map(move |it| format!("{kind}.{it}")));
        let text = |name: String| {
            let text = std::fs::read_to_string(golden.join(format!("{name}.v1.0.0.json"))).unwrap();
            (name, text)
        };
        Self(names.map(text).collect())
    }

    /// What happens to the visit whose ids begin so.
    fn writes(&self, parts: &[Part], ids: &str) -> Vec<StreamWrite> {
        let write = |(kind, end, before, names): &Part| {
            let id = match *kind {
                "calendar_day" => format!("staff:{ids}{end}:2026-11-23"),
                _ => format!("{ids}{end}"),
            };
            let event = |name: &&str| {
                let name = format!("{kind}.{name}");
                EventData {
                    event_id: RandomIds.next_id(),
                    payload: self.0[&name].replace(GOLDEN_IDS, ids),
                    event_type: name.into(),
                    event_version: "1.0.0".into(),
                    metadata: METADATA.into(),
                }
            };
            let expected = match before {
                0 => ExpectedRevision::NoStream,
                before => ExpectedRevision::Exactly(Revision(*before)),
            };
            let stream = StreamId::new(*kind, id);
            StreamWrite { stream, expected, events: names.iter().map(event).collect() }
        };
        parts.iter().map(write).collect()
    }
}

/// What the ids of another visit begin with.
fn new_ids() -> String {
    let mut ids = RandomIds.next_id().to_string();
    ids.truncate(GOLDEN_IDS.len());
    ids
}

/// Books a visit for each of the tenants.
pub(super) async fn book_for_each(log: &PostgresLog, tenants: &[TenantId]) {
    let texts = Texts::load();
    for tenant in tenants {
        let writes = texts.writes(BOOKED, &new_ids());
        let append = Append { tenant: *tenant, command: None, writes, unchanged: Vec::new() };
        log.append(append).await.unwrap();
    }
}

/// Writers at work, until they are stopped.
pub(super) struct Writers {
    stop: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
    tasks: JoinSet<()>,
}

impl Writers {
    /// Sets writers to work on all of the tenants. Each pauses so long after an append.
    pub(super) fn start(
        log: &PostgresLog,
        tenants: &[TenantId],
        writers: usize,
        pause: Duration,
        dice: &mut Dice,
    ) -> Self {
        let texts = Arc::new(Texts::load());
        let (stop, written) = (Arc::default(), Arc::default());
        let mut tasks = JoinSet::new();
        for _ in 0..writers {
            let writer = Writer {
                log: log.clone(),
                tenants: tenants.to_vec(),
                texts: Arc::clone(&texts),
                dice: Dice(dice.roll()),
                booked: VecDeque::new(),
            };
            tasks.spawn(writer.work(Arc::clone(&stop), Arc::clone(&written), pause));
        }
        Self { stop, written, tasks }
    }

    /// Waits until so many events were acknowledged.
    #[expect(clippy::disallowed_methods, reason = "how far writers are is looked at now and then")]
    pub(super) async fn wait_for(&self, events: u64) {
        while self.written.load(Ordering::SeqCst) < events {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Lets every append come to its end. Answers how many events were acknowledged.
    pub(super) async fn stop(self) -> u64 {
        self.stop.store(true, Ordering::SeqCst);
        self.tasks.join_all().await;
        self.written.load(Ordering::SeqCst)
    }
}

struct Writer {
    log: PostgresLog,
    tenants: Vec<TenantId>,
    texts: Arc<Texts>,
    dice: Dice,
    /// Visits that can be cancelled.
    booked: VecDeque<(TenantId, String)>,
}

impl Writer {
    #[expect(clippy::disallowed_methods, reason = "a writer's pause is its pace")]
    async fn work(mut self, stop: Arc<AtomicBool>, written: Arc<AtomicU64>, pause: Duration) {
        while !stop.load(Ordering::SeqCst) {
            let append = self.next();
            let events: usize = append.writes.iter().map(|write| write.events.len()).sum();
            self.append(append).await;
            written.fetch_add(events as u64, Ordering::SeqCst);
            tokio::time::sleep(pause).await;
        }
    }

    /// Some visits are booked, and some of earlier appends called off.
    fn next(&mut self) -> Append {
        let tenant = self.tenants[self.dice.below(self.tenants.len())];
        let mut writes = Vec::new();
        if self.dice.roll().is_multiple_of(2)
            && let Some(at) = self.booked.iter().position(|(of, _)| *of == tenant)
            && let Some((_, ids)) = self.booked.remove(at)
        {
            writes.extend(self.texts.writes(CANCELLED, &ids));
        }
        for _ in 0..=self.dice.roll() % AT_ONCE {
            let ids = new_ids();
            writes.extend(self.texts.writes(BOOKED, &ids));
            self.booked.push_back((tenant, ids));
        }
        // Those that stay are not remembered.
        while 50 < self.booked.len() {
            self.booked.pop_front();
        }
        Append { tenant, command: None, writes, unchanged: Vec::new() }
    }

    /// Appends it, whatever happens to the database.
    #[expect(
        clippy::disallowed_methods,
        reason = "a database that starts again is asked now and then"
    )]
    async fn append(&self, append: Append) {
        loop {
            match self.log.append(append.clone()).await {
                // What is in already was in doubt.
                Ok(_) | Err(AppendError::Conflict(_)) => return,
                Err(AppendError::Log(_) | AppendError::KeyReused) => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }
}
