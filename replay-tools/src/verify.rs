//! Proves that a history is whole: the chain, its positions, its head, and that every event can be
//! read with the code of today.

use anyhow::Context as _;
use daybook_adapters::log::chain;
use daybook_domain::{
    event_log::{Position, RecordedEvent},
    registry,
};
use daybook_projections::registry::projectors;
use serde_json::json;

use crate::{diff, models::Keys, say, source::History};

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
        Some(keys) => diff::run(history, keys, projectors(), None, (5, json)).await,
        None => Ok(()),
    }
}

/// Recomputes the chain from the first event to the head. The error names the first bad position.
pub async fn verify(history: &History) -> anyhow::Result<Verified> {
    let head = history.head().await?;
    let (mut position, mut hash) = (Position(0), chain::GENESIS);
    loop {
        let events = history.page(position).await?;
        if events.is_empty() {
            break;
        }
        (position, hash) = chain::verify_chain(history.tenant, (position, hash), &events)?;
        events.iter().try_for_each(check_readable)?;
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

/// Whether the current code knows the event's type, version and shape. Sealed fields stay sealed.
pub(crate) fn check_readable(event: &RecordedEvent) -> anyhow::Result<()> {
    let (kind, position) = (&event.stream.aggregate_type, event.position);
    let aggregate = registry::find(kind)
        .with_context(|| format!("position {position}: aggregate {kind} is unknown"))?;
    aggregate.reencode(&text(event)).with_context(|| format!("position {position}"))?;
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
