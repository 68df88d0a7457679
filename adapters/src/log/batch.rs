//! Group commit: which waiting appends may share one call, and the arrays that the call takes.

use std::collections::{HashMap, HashSet, VecDeque};

use daybook_domain::event_log::{Append, ExpectedRevision, Revision, StreamId};
use uuid::Uuid;

use super::known_heads::KnownHeads;

/// Appends of one call at most. Above some dozens a larger batch gains nothing.
const MAX_APPENDS: usize = 64;
/// Events of one call at most, unless a single append has more.
const MAX_EVENTS: usize = 512;

/// Takes the next batch from the front of `waiting`. The log judges its appends one after another,
/// as if each had come alone, so they keep their order; only the answer of a command must be there
/// before the command is looked at again.
pub(crate) fn take_batch<T>(
    waiting: &mut VecDeque<T>,
    append_of: impl Fn(&T) -> &Append,
) -> Vec<T> {
    let (mut batch, mut events, mut keys) = (Vec::new(), 0, HashSet::new());
    while let Some(next) = waiting.front().map(&append_of) {
        let size = event_count(next);
        let has_room = batch.len() < MAX_APPENDS && events + size <= MAX_EVENTS;
        if !has_room && !batch.is_empty() {
            break;
        }
        if let Some(command) = &next.command
            && !keys.insert((next.tenant, command.key.clone()))
        {
            break;
        }
        events += size;
        batch.extend(waiting.pop_front());
    }
    batch
}

fn event_count(append: &Append) -> usize {
    append.writes.iter().map(|write| write.events.len()).sum()
}

/// The arguments of `log.append_batch`: see its migration. Indexes count from 1.
#[derive(Default)]
pub(crate) struct BatchArrays<'a> {
    pub(crate) tenants: Vec<Uuid>,
    pub(crate) known_tenants: Vec<i32>,
    pub(crate) known_positions: Vec<i64>,
    pub(crate) known_hashes: Vec<Vec<u8>>,
    pub(crate) append_tenants: Vec<i32>,
    pub(crate) keys: Vec<Option<&'a str>>,
    pub(crate) request_hashes: Vec<Option<&'a [u8]>>,
    pub(crate) results: Vec<Option<&'a str>>,
    pub(crate) stream_appends: Vec<i32>,
    pub(crate) stream_types: Vec<&'a str>,
    pub(crate) stream_ids: Vec<&'a str>,
    pub(crate) stream_expected: Vec<Option<i64>>,
    pub(crate) stream_last_events: Vec<Option<Uuid>>,
    pub(crate) stream_first: Vec<i32>,
    pub(crate) event_streams: Vec<i32>,
    pub(crate) event_ids: Vec<Uuid>,
    pub(crate) event_types: Vec<&'a str>,
    pub(crate) event_versions: Vec<&'a str>,
    pub(crate) payloads: Vec<&'a str>,
    pub(crate) metadata: Vec<&'a str>,
}

impl<'a> BatchArrays<'a> {
    pub(crate) fn new(appends: impl IntoIterator<Item = &'a Append>, known: &KnownHeads) -> Self {
        let mut arrays = Self::default();
        let mut tenant_numbers = HashMap::new();
        let mut first = HashMap::new();
        for append in appends {
            let number = *tenant_numbers.entry(append.tenant).or_insert_with(|| {
                arrays.tenants.push(append.tenant.uuid());
                let number = index(arrays.tenants.len());
                for (position, hash) in known.of(append.tenant) {
                    arrays.known_tenants.push(number);
                    arrays.known_positions.push(position.0.cast_signed());
                    arrays.known_hashes.push(hash.to_vec());
                }
                number
            });
            arrays.push(append, number, &mut first);
        }
        arrays
    }

    fn push(
        &mut self,
        append: &'a Append,
        tenant: i32,
        first: &mut HashMap<(i32, &'a StreamId), i32>,
    ) {
        self.append_tenants.push(tenant);
        let command = append.command.as_ref();
        self.keys.push(command.map(|it| it.key.as_str()));
        self.request_hashes.push(command.map(|it| it.request_hash.as_slice()));
        self.results.push(command.map(|it| it.result.as_str()));
        let mut push_stream = |arrays: &mut Self, stream: &'a StreamId, expected| {
            let number = arrays.push_stream(stream, expected);
            arrays.stream_first.push(*first.entry((tenant, stream)).or_insert(number));
            number
        };
        for write in &append.writes {
            let stream = push_stream(self, &write.stream, write.expected);
            for event in &write.events {
                self.event_streams.push(stream);
                self.event_ids.push(event.event_id);
                self.event_types.push(&event.event_type);
                self.event_versions.push(&event.event_version);
                self.payloads.push(&event.payload);
                self.metadata.push(&event.metadata);
            }
        }
        for (stream, revision) in &append.unchanged {
            push_stream(self, stream, ExpectedRevision::Exactly(*revision));
        }
    }

    fn push_stream(&mut self, stream: &'a StreamId, expected: ExpectedRevision) -> i32 {
        let last_event = match expected {
            ExpectedRevision::After(_, event_id) => Some(event_id),
            ExpectedRevision::Any | ExpectedRevision::NoStream | ExpectedRevision::Exactly(_) => {
                None
            }
        };
        self.stream_appends.push(index(self.append_tenants.len()));
        self.stream_types.push(&stream.aggregate_type);
        self.stream_ids.push(&stream.aggregate_id);
        self.stream_expected.push(expected.revision().map(sequence));
        self.stream_last_events.push(last_event);
        index(self.stream_types.len())
    }
}

/// The stream that `log.append_batch` numbered `number`, with the index of its append.
pub(crate) fn stream_of<'a>(
    appends: &[&'a Append],
    number: usize,
) -> Option<(usize, &'a StreamId)> {
    appends
        .iter()
        .enumerate()
        .flat_map(|(no, append)| {
            let written = append.writes.iter().map(|write| &write.stream);
            let read = append.unchanged.iter().map(|(stream, _)| stream);
            written.chain(read).map(move |stream| (no, stream))
        })
        .nth(number.checked_sub(1)?)
}

/// A revision as the database counts.
pub(crate) fn sequence(revision: Revision) -> i64 {
    i64::try_from(revision.0).unwrap_or(i64::MAX)
}

fn index(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
