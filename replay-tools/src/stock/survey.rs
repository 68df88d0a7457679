//! The first look: every stream read and checked, everything that is wrong gathered, and the order
//! made in which the events will stand.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use cqrs_es::persist::SerializedEvent;
use daybook_adapters::log::stock::{KindCount, StockHistory, StockStream};
use daybook_domain::registry;
use serde::Serialize;

use super::translate::Rules;
use crate::progress::Progress;

/// Something that is wrong with the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The stream: type and id.
    pub stream: String,
    /// The sequence of the event.
    pub sequence: u64,
    /// What is wrong; never a value of the event.
    pub fault: String,
}

/// An event's place in the history to come. The order of the fields is the order of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) recorded_at: DateTime<Utc>,
    /// The index of its stream; streams are ordered by type and id.
    pub(super) stream: usize,
    /// In the stock system.
    pub(super) sequence: usize,
    /// In Daybook: the same unless events before it were left out.
    pub(super) revision: u64,
}

/// What there is, what is wrong with it, and in which order it will stand.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub(super) kinds: Vec<KindCount>,
    /// Kinds that nobody knows and nobody left out.
    pub(super) unknown: Vec<KindCount>,
    pub(super) left_out: Vec<KindCount>,
    pub(super) streams: Vec<StockStream>,
    pub(super) order: Vec<Place>,
    pub(super) faults: u64,
    /// The first of them.
    pub(super) told: Vec<Fault>,
    /// Events that were dated before the one before them in their stream.
    pub(super) redated: u64,
    /// Events with personal data.
    pub(super) personal: u64,
    /// Fields of the metadata that have no place, and how often they occur.
    pub(super) unplaced: BTreeMap<String, u64>,
    limit: usize,
}

impl Survey {
    pub(super) async fn of(
        history: &StockHistory,
        rules: &Rules,
        leave_out: &[String],
        limit: usize,
    ) -> anyhow::Result<Self> {
        let kinds = history.census().await?;
        for name in leave_out {
            anyhow::ensure!(
                kinds.iter().any(|kind| is_named(kind, name)),
                "--leave-out {name}: there is nothing of that type"
            );
        }
        let mut survey = Self { limit, ..Self::default() };
        for kind in &kinds {
            if leave_out.iter().any(|name| is_named(kind, name)) {
                survey.left_out.push(kind.clone());
            } else if !is_known(kind) {
                survey.unknown.push(kind.clone());
            }
        }
        survey.kinds = kinds;
        let mut types: Vec<_> = survey.kinds.iter().map(|kind| &kind.aggregate_type).collect();
        types.dedup();
        let is_read = |name: &&&String| registry::find(name).is_some() && !leave_out.contains(name);
        let types: Vec<String> = types.iter().filter(is_read).map(|it| (*it).clone()).collect();
        let progress = Progress::new("events looked at");
        for name in types {
            for stream in history.streams(&name).await? {
                let events = history.read(&stream, None).await?;
                progress.add(events.len() as u64);
                survey.add(stream, &events, rules, leave_out);
            }
        }
        survey.order.sort_unstable();
        Ok(survey)
    }

    /// Looks a stream over.
    fn add(
        &mut self,
        stream: StockStream,
        events: &[SerializedEvent],
        rules: &Rules,
        leave_out: &[String],
    ) {
        let name = format!("{}/{}", stream.aggregate_type, stream.aggregate_id);
        if stream.events != events.len() as u64 {
            let (counted, read) = (stream.events, events.len());
            let fault = format!("{counted} events were counted and {read} read: it is written to");
            self.fault(&name, 0, fault);
        }
        let index = self.streams.len();
        self.streams.push(stream);
        let (mut before, mut revision, mut latest) = (0, 0, DateTime::<Utc>::MIN_UTC);
        for event in events {
            let sequence = event.sequence;
            if let Some(fault) = out_of_order(before, sequence) {
                self.fault(&name, sequence, fault);
            }
            before = sequence;
            let is_out = leave_out.contains(&event.event_type);
            let is_known = registry::find(&event.aggregate_type)
                .is_some_and(|it| it.kinds.iter().any(|(kind, _)| *kind == event.event_type));
            if is_out || !is_known {
                continue;
            }
            revision += 1;
            match rules.translate(event) {
                Err(fault) => self.fault(&name, sequence, fault),
                Ok(translated) => {
                    self.redated += u64::from(translated.at < latest);
                    latest = translated.at.max(latest);
                    self.personal += u64::from(translated.is_personal);
                    for field in translated.unplaced {
                        *self.unplaced.entry(field).or_default() += 1;
                    }
                    self.order.push(Place {
                        recorded_at: latest,
                        stream: index,
                        sequence,
                        revision,
                    });
                }
            }
        }
    }

    fn fault(&mut self, stream: &str, sequence: usize, fault: String) {
        self.faults += 1;
        if self.told.len() < self.limit {
            let sequence = sequence as u64;
            self.told.push(Fault { stream: stream.to_owned(), sequence, fault });
        }
    }
}

/// What is wrong with a sequence after another one; 0 stands before the first.
fn out_of_order(before: usize, sequence: usize) -> Option<String> {
    match (before, sequence) {
        (0, 1) => None,
        (0, _) => Some(format!("the stream begins at sequence {sequence}, not at 1")),
        _ if sequence == before => Some("the sequence is there twice".to_owned()),
        _ if sequence == before + 1 => None,
        _ => Some(format!("there is a gap: sequence {before} stands before it")),
    }
}

/// Whether a name is that of the aggregate type or of the event type.
fn is_named(kind: &KindCount, name: &str) -> bool {
    kind.aggregate_type == name || kind.event_type == name
}

/// Whether there is such an event, whatever its version.
fn is_known(kind: &KindCount) -> bool {
    registry::find(&kind.aggregate_type)
        .is_some_and(|it| it.kinds.iter().any(|(known, _)| *known == kind.event_type))
}
