//! Group commit: which waiting appends may share one call, and the arrays that the call takes.

use std::collections::{HashMap, HashSet, VecDeque};

use daybook_domain::{
    event_log::{Append, ExpectedRevision, Revision, StreamId},
    ids::TenantId,
};
use uuid::Uuid;

/// Appends of one call at most. Above some dozens a larger batch gains nothing.
const MAX_APPENDS: usize = 64;
/// Events of one call at most, unless a single append has more.
const MAX_EVENTS: usize = 512;

/// Takes the next batch from the front of `waiting`: each append that neither writes what another
/// one of the batch writes or rests on, nor rests on what another one writes, nor answers the same
/// command. What must wait keeps its place, so nothing starves.
pub(crate) fn take_batch<T>(
    waiting: &mut VecDeque<T>,
    append_of: impl Fn(&T) -> &Append,
) -> Vec<T> {
    let Some(first) = waiting.pop_front() else { return Vec::new() };
    if waiting.is_empty() {
        return vec![first];
    }
    let mut claims = Claims::default();
    claims.try_claim(append_of(&first));
    let mut events = event_count(append_of(&first));
    let mut batch = vec![first];
    let mut kept = VecDeque::with_capacity(waiting.len());
    while let Some(candidate) = waiting.pop_front() {
        let append = append_of(&candidate);
        let size = event_count(append);
        let has_room = batch.len() < MAX_APPENDS && events + size <= MAX_EVENTS;
        if has_room && claims.try_claim(append) {
            events += size;
            batch.push(candidate);
        } else {
            kept.push_back(candidate);
            if !has_room {
                break;
            }
        }
    }
    kept.append(waiting);
    *waiting = kept;
    batch
}

fn event_count(append: &Append) -> usize {
    append.writes.iter().map(|write| write.events.len()).sum()
}

/// What the appends of a batch write, rest on and answer.
#[derive(Default)]
struct Claims {
    written: HashSet<(TenantId, StreamId)>,
    read: HashSet<(TenantId, StreamId)>,
    keys: HashSet<(TenantId, String)>,
}

impl Claims {
    fn try_claim(&mut self, append: &Append) -> bool {
        let of_tenant = |stream: &StreamId| (append.tenant, stream.clone());
        let written: Vec<_> = append.writes.iter().map(|write| of_tenant(&write.stream)).collect();
        let read: Vec<_> = append.unchanged.iter().map(|(stream, _)| of_tenant(stream)).collect();
        let key = append.command.as_ref().map(|command| (append.tenant, command.key.clone()));
        let collides = written.iter().any(|it| self.written.contains(it) || self.read.contains(it))
            || read.iter().any(|it| self.written.contains(it))
            || key.as_ref().is_some_and(|it| self.keys.contains(it));
        if collides {
            return false;
        }
        self.written.extend(written);
        self.read.extend(read);
        self.keys.extend(key);
        true
    }
}

/// The arguments of `log.append_batch`: see its migration. Indexes count from 1.
#[derive(Default)]
pub(crate) struct BatchArrays<'a> {
    pub(crate) tenants: Vec<Uuid>,
    pub(crate) append_tenants: Vec<i32>,
    pub(crate) keys: Vec<Option<&'a str>>,
    pub(crate) request_hashes: Vec<Option<&'a [u8]>>,
    pub(crate) results: Vec<Option<&'a str>>,
    pub(crate) stream_appends: Vec<i32>,
    pub(crate) stream_types: Vec<&'a str>,
    pub(crate) stream_ids: Vec<&'a str>,
    pub(crate) stream_expected: Vec<Option<i64>>,
    pub(crate) event_streams: Vec<i32>,
    pub(crate) event_ids: Vec<Uuid>,
    pub(crate) event_types: Vec<&'a str>,
    pub(crate) event_versions: Vec<&'a str>,
    pub(crate) payloads: Vec<&'a str>,
    pub(crate) metadata: Vec<&'a str>,
}

impl<'a> BatchArrays<'a> {
    pub(crate) fn new(appends: impl IntoIterator<Item = &'a Append>) -> Self {
        let mut arrays = Self::default();
        let mut tenant_numbers = HashMap::new();
        for append in appends {
            let number = *tenant_numbers.entry(append.tenant).or_insert_with(|| {
                arrays.tenants.push(append.tenant.uuid());
                index(arrays.tenants.len())
            });
            arrays.push(append, number);
        }
        arrays
    }

    fn push(&mut self, append: &'a Append, tenant: i32) {
        self.append_tenants.push(tenant);
        let command = append.command.as_ref();
        self.keys.push(command.map(|it| it.key.as_str()));
        self.request_hashes.push(command.map(|it| it.request_hash.as_slice()));
        self.results.push(command.map(|it| it.result.as_str()));
        for write in &append.writes {
            let expected = match write.expected {
                ExpectedRevision::Any => None,
                ExpectedRevision::NoStream => Some(0),
                ExpectedRevision::Exactly(revision) => Some(sequence(revision)),
            };
            let stream = self.push_stream(&write.stream, expected);
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
            self.push_stream(stream, Some(sequence(*revision)));
        }
    }

    fn push_stream(&mut self, stream: &'a StreamId, expected: Option<i64>) -> i32 {
        self.stream_appends.push(index(self.append_tenants.len()));
        self.stream_types.push(&stream.aggregate_type);
        self.stream_ids.push(&stream.aggregate_id);
        self.stream_expected.push(expected);
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
