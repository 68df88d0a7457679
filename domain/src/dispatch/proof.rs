//! What a decision rests on, proved: whether it still stands, and at which position it stood.

use serde::de::DeserializeOwned;

use crate::{
    event_log::{Position, StreamId, StreamTail},
    ports::{EventLog, LogError},
};

use super::{CommandContext, CommandError, Dispatcher, Done, Unit, UnitError, cache::Cached};

impl<L: EventLog> Dispatcher<L> {
    /// The position at which everything stood that the unit loaded, if it still stands there; else the
    /// streams that moved on, which are brought up to date.
    ///
    /// What was under way when it was loaded and is confirmed by now was the head of its stream when it
    /// was committed, and that was while this command waited: it needs no look if everything else was
    /// as it is at that position. Otherwise the head is read first and then all the streams: what is
    /// not newer by then was so at that head.
    pub(super) async fn prove(
        &self,
        context: &CommandContext,
        unit: &Unit<'_, L>,
    ) -> Result<Result<Position, Vec<StreamId>>, UnitError> {
        let (confirmed_at, is_enough) = confirmed_at(unit);
        let log = self.log();
        let position = match confirmed_at.filter(|_| is_enough) {
            Some(position) => position,
            None => log.head(context.tenant).await?.map_or(Position(0), |head| head.position),
        };
        let to_read: Vec<_> = unit
            .loaded
            .iter()
            .filter(|(_, held)| !(is_enough && held.base.unconfirmed.is_some()))
            .map(|(id, held)| (id.clone(), held.base.revision))
            .collect();
        if !to_read.is_empty() {
            let mut tails = log.read_streams(context.tenant, &to_read).await?;
            let mut known = to_read.iter().map(|(_, revision)| *revision);
            tails.retain(|tail| known.next() != Some(tail.revision));
            if !tails.is_empty() {
                self.catch_up(context, unit, &tails)?;
                return Ok(Err(tails.into_iter().map(|tail| tail.stream).collect()));
            }
        }
        Ok(if unit.is_of_this_history() { Ok(position) } else { Err(Vec::new()) })
    }

    /// Brings the cached states of moved streams up to date. A stream that stands below what was known
    /// of it is of a history that moved back: nothing that is remembered of the tenant is a base.
    pub(super) fn catch_up(
        &self,
        context: &CommandContext,
        unit: &Unit<'_, L>,
        tails: &[StreamTail],
    ) -> Result<(), UnitError> {
        for tail in tails {
            // What rests on events that fell is no base: it is read again.
            let Some(loaded) = unit.loaded.get(&tail.stream) else { continue };
            if !loaded.base.is_confirmed() {
                continue;
            }
            if tail.revision < loaded.base.revision {
                self.forget(context.tenant);
                return Ok(());
            }
            let cached = (loaded.advance)(&loaded.base, tail)?;
            unit.keep(tail.stream.clone(), cached);
        }
        Ok(())
    }

    /// The stored answer to an earlier command with the same key.
    pub(super) async fn earlier_answer<A: DeserializeOwned, R>(
        &self,
        context: &CommandContext,
    ) -> Result<Option<Done<A>>, CommandError<R>> {
        let Some(key) = context.key.as_ref().filter(|_| !context.dry_run) else {
            return Ok(None);
        };
        match self.log().answer(context.tenant, &key.key).await? {
            None => Ok(None),
            Some(stored) if stored.stands_for(&key.request_hash) => {
                parse_answer(stored.position, &stored.result).map(Some)
            }
            Some(_) => Err(CommandError::KeyReused),
        }
    }
}

/// Where the last append stands that was under way when its events were loaded, and whether nothing
/// that the unit loaded began later: then it all stood together at that position.
fn confirmed_at<L: EventLog>(unit: &Unit<'_, L>) -> (Option<Position>, bool) {
    let bases = || unit.loaded.values().map(|held| &held.base);
    let waited_for = || bases().filter(|base| base.unconfirmed.is_some());
    let Some(last) = waited_for().map(Cached::position).max() else { return (None, false) };
    let is_one = waited_for().all(|base| base.position() == last);
    (Some(last), is_one && bases().all(|base| base.position() <= last))
}

pub(super) fn parse_answer<A: DeserializeOwned, R>(
    position: Position,
    result: &str,
) -> Result<Done<A>, CommandError<R>> {
    let answer = serde_json::from_str(result).map_err(|error| {
        LogError::Damaged(format!(
            "a stored answer does not have the shape of its command: {error}"
        ))
    })?;
    Ok(Done { answer, position: Some(position), repeated: true })
}
