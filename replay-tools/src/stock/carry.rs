//! The second pass: events read again in the order of the history to come, sealed, and handed over.

use std::collections::{BTreeMap, HashMap};

use anyhow::Context as _;
use daybook_adapters::{
    log::{stock::StockHistory, transfer::Transfer},
    vault::{SealedLog, Vault},
};
use daybook_domain::event_log::{Append, ExpectedRevision, Revision, StreamId, StreamWrite};

use super::{
    survey::{Place, Survey},
    translate::Rules,
};
use crate::progress::Progress;

/// Events that are held at a time, besides the rest of a stream that is read with them.
const AT_ONCE: usize = 2000;

pub(super) async fn carry(
    history: &StockHistory,
    survey: &Survey,
    rules: &Rules,
    vault: &Vault,
    transfer: &mut Transfer<'_>,
) -> anyhow::Result<()> {
    let sealer = SealedLog::new((), vault.clone());
    let progress = Progress::new("events written");
    for places in survey.order.chunks(AT_ONCE) {
        let mut append = gather(history, survey, rules, places).await?;
        sealer.seal(&mut append).await?;
        for (place, write) in places.iter().zip(append.writes) {
            for event in write.events {
                let at = (write.stream.clone(), Revision(place.revision));
                transfer.new_event(at, event, place.recorded_at).await?;
            }
        }
        progress.add(places.len() as u64);
    }
    Ok(())
}

/// The events of these places, one write each.
async fn gather(
    history: &StockHistory,
    survey: &Survey,
    rules: &Rules,
    places: &[Place],
) -> anyhow::Result<Append> {
    // Within a stream the places follow each other: the first and the last sequence bound them.
    let mut ranges: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    for Place { stream, sequence, .. } in places {
        ranges.entry(*stream).or_insert((*sequence, *sequence)).1 = *sequence;
    }
    let mut events = HashMap::new();
    for (index, (first, last)) in ranges {
        let stream =
            survey.streams.get(index).context("a place names a stream that is not there")?;
        for event in history.read(stream, Some(first.saturating_sub(1))).await? {
            if event.sequence <= last {
                events.insert((index, event.sequence), event);
            }
        }
    }
    let mut writes = Vec::with_capacity(places.len());
    for place in places {
        let event = events.remove(&(place.stream, place.sequence));
        let event = event.context("an event is gone: somebody writes to the stock system")?;
        let name = format!("{}/{}", event.aggregate_type, event.aggregate_id);
        let translated = rules
            .translate(&event)
            .map_err(|fault| anyhow::anyhow!("{name} at sequence {}: {fault}", event.sequence))?;
        writes.push(StreamWrite {
            stream: StreamId::new(event.aggregate_type, event.aggregate_id),
            expected: ExpectedRevision::Any,
            events: vec![translated.event],
        });
    }
    Ok(Append { tenant: rules.tenant, command: None, writes, unchanged: Vec::new() })
}
