//! Proves that a history is whole: the chain, its positions, its head, and that every event can be
//! read with the code of today.

use anyhow::Context as _;
use daybook_adapters::log::chain::{self, ChainError};
use daybook_domain::{
    event_log::{Position, RecordedEvent},
    ids::TenantId,
    ports::{EventLog as _, LogError},
    registry,
};
use daybook_projections::registry::projectors;
use futures::{StreamExt as _, stream};
use serde_json::json;

use crate::{
    diff,
    merkle::Hash,
    models::Keys,
    say,
    source::{History, PAGE},
    walk::START,
};

/// What was proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many events there are.
    pub events: u64,
    /// The hash of the last one; zeros when there is none.
    pub hash: [u8; 32],
}

/// Verifies the log and, with the keys that are at hand, every read model.
pub(crate) async fn run(history: &History, keys: Option<&Keys>, json: bool) -> anyhow::Result<()> {
    let Verified { events, hash } = verify(history).await?;
    let hash = hex::encode(hash);
    if json {
        say(&json!({ "verified": true, "events": events, "head_hash": hash }).to_string())?;
    } else {
        say(&format!(
            "{events} events: the chain is whole and every event can be read (head {hash})"
        ))?;
    }
    match keys {
        Some(keys) => {
            diff::run(history, history.log().clone(), keys, projectors(), None, (5, json)).await
        }
        None => Ok(()),
    }
}

/// Pages that are read and checked at the same time.
const AT_ONCE: usize = 4;

/// Recomputes the chain from the first event to the head. The error names the first bad position.
///
/// Every event carries its hash, so a page can be checked without the pages before it; only its first
/// event has to wait for them.
pub async fn verify(history: &History) -> anyhow::Result<Verified> {
    verify_from(history, START).await
}

/// As [`verify`], from a position and its hash on; what stands below need not be there.
pub(crate) async fn verify_from(
    history: &History,
    start: (Position, Hash),
) -> anyhow::Result<Verified> {
    let head = history.head().await?;
    let (mut position, mut hash) = start;
    let starts = (position.0..).step_by(PAGE).map(Position);
    let pages = stream::iter(starts).map(|after| {
        let (log, tenant) = (history.log().clone(), history.tenant);
        let page = tokio::spawn(async move {
            let to = Position(after.0 + PAGE as u64);
            let events = log.scan(tenant, (after, to), &[]).await?;
            Ok::<_, LogError>(Page::check(tenant, events))
        });
        async move { Ok::<_, anyhow::Error>(page.await??) }
    });
    let mut pages = std::pin::pin!(pages.buffered(AT_ONCE));
    while let Some(page) = pages.next().await {
        let Page { first, end, fault } = page?;
        let Some(first) = first else { break };
        chain::verify_chain(history.tenant, (position, hash), [&first])?;
        if let Some(fault) = fault {
            return Err(fault);
        }
        (position, hash) = end;
    }
    // What was appended since the head was read is part of the chain that was followed.
    anyhow::ensure!(
        head.position <= position,
        "the history ends at {position}, but its head says {}",
        head.position
    );
    anyhow::ensure!(
        head.position < position || head.hash == hash,
        "the head at {position} has another hash than its last event"
    );
    Ok(Verified { events: position.0, hash })
}

/// A page whose events follow from its first one.
struct Page {
    first: Option<RecordedEvent>,
    end: (Position, [u8; 32]),
    /// The first thing that is wrong behind the first event's hash.
    fault: Option<anyhow::Error>,
}

impl Page {
    fn check(tenant: TenantId, mut events: Vec<RecordedEvent>) -> Self {
        let Some(first) = events.first() else {
            return Self { first: None, end: (Position(0), chain::GENESIS), fault: None };
        };
        let from = (first.position, first.hash);
        let (end, fault) = match Self::follow(tenant, from, &events) {
            Ok(end) => (end, None),
            Err(fault) => (from, Some(fault)),
        };
        Self { first: Some(events.swap_remove(0)), end, fault }
    }

    fn follow(
        tenant: TenantId,
        from: (Position, [u8; 32]),
        events: &[RecordedEvent],
    ) -> anyhow::Result<(Position, [u8; 32])> {
        let chained = chain::verify_chain(tenant, from, &events[1..]);
        let whole_before = match &chained {
            Ok(_) => Position(u64::MAX),
            Err(ChainError::Gap { expected, .. }) => *expected,
            Err(ChainError::Altered(position) | ChainError::Foreign(position)) => *position,
        };
        // An event that cannot be read may stand before the place where the chain breaks.
        let whole = events.iter().take_while(|event| event.position < whole_before);
        whole.into_iter().try_for_each(check_readable)?;
        Ok(chained?)
    }
}

/// Whether the current code knows the event's type, version and shape. Sealed fields stay sealed.
pub(crate) fn check_readable(event: &RecordedEvent) -> anyhow::Result<()> {
    let (kind, position) = (&event.stream.aggregate_type, event.position);
    let aggregate = registry::find(kind)
        .with_context(|| format!("position {position}: aggregate {kind} is unknown"))?;
    let kind = (event.event_type.as_str(), event.event_version.as_str());
    aggregate.check(kind, &event.payload).with_context(|| format!("position {position}"))?;
    Ok(())
}

/// An event as the registry reads it.
pub(crate) fn text(event: &RecordedEvent) -> registry::EventText {
    registry::EventText {
        event_type: event.event_type.clone(),
        event_version: event.event_version.clone(),
        payload: event.payload.clone(),
    }
}
