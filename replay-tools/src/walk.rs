//! Goes over a history page by page, with its chain checked before anyone looks at an event.

use daybook_adapters::log::chain;
use daybook_domain::event_log::{Position, RecordedEvent};

use crate::{merkle::Hash, source::History};

/// What stands before the first event.
pub(crate) const START: (Position, Hash) = (Position(0), chain::GENESIS);

/// Shows every event after `from` up to the position `to`, each with the hash before it, and
/// answers the hash of the last one. One page is held at a time.
pub(crate) async fn walk(
    history: &History,
    from: (Position, Hash),
    to: Position,
    mut show: impl FnMut(Hash, &RecordedEvent) -> anyhow::Result<()>,
) -> anyhow::Result<Hash> {
    let (mut position, mut hash) = from;
    while position < to {
        let page = history.page(position).await?;
        let events = page.iter().take_while(|event| event.position <= to);
        let (reached, reached_hash) =
            chain::verify_chain(history.tenant, (position, hash), events.clone())?;
        anyhow::ensure!(
            position < reached,
            "the history ends at position {position}, but it had {to} events: its tail is missing"
        );
        for event in events {
            show(hash, event)?;
            hash = event.hash;
        }
        (position, hash) = (reached, reached_hash);
    }
    Ok(hash)
}
