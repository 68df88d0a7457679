//! Reading much of a history: `COPY … (FORMAT binary)`, whose rows cost neither side a message, a
//! description or a text form.
//!
//! A copy takes no bind parameters, so what is asked for stands in settings of the session.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use daybook_domain::{
    event_log::{Position, RecordedEvent, Revision, StreamId},
    ids::TenantId,
    ports::LogError,
};
use futures::TryStreamExt as _;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::rows::{count, unavailable};
use crate::postgres::{Held, Stalled, silent, unless_stalled};

/// What begins a binary copy; two numbers follow, flags and the length of an extension.
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// Columns of a row, in the order of `scan.sql`.
const COLUMNS: u16 = 11;
/// How long the server may take for the next rows of a copy.
const STALLED: Duration = Duration::from_secs(10);
/// The tag of the last "row".
const TRAILER: u16 = u16::MAX;

/// The events with `after < position <= to`, in order; of some aggregate types, or event types, alone if
/// any are named.
pub(super) async fn scan(
    pool: PgPool,
    tenant: TenantId,
    (after, to): (Position, Position),
    types: &[&str],
) -> Result<Vec<RecordedEvent>, LogError> {
    let types = types.join(",");
    // A copy that nobody follows to its end leaves its rows to the next user of the connection: it runs
    // in a task of its own, and a connection on which it failed is not used again.
    let read = tokio::spawn(async move {
        let mut held = Held::acquire(&pool).await.map_err(unavailable)?;
        let read = unless_stalled(STALLED, read(&mut held, tenant, (after, to), &types)).await;
        let read = read.unwrap_or_else(|Stalled| Err(unavailable(silent())));
        if read.is_err() {
            held.discard();
        }
        read
    });
    read.await.unwrap_or_else(|gone| Err(LogError::Unavailable(Box::new(gone))))
}

async fn read(
    connection: &mut PgConnection,
    tenant: TenantId,
    (after, to): (Position, Position),
    types: &str,
) -> Result<Vec<RecordedEvent>, LogError> {
    sqlx::query(include_str!("scan_settings.sql"))
        .bind(tenant.to_string())
        .bind(after.to_string())
        .bind(to.0.min(i64::MAX.cast_unsigned()).to_string())
        .bind(types)
        .execute(&mut *connection)
        .await
        .map_err(unavailable)?;
    let mut rows = connection.copy_out_raw(include_str!("scan.sql")).await.map_err(unavailable)?;
    let mut parser = Parser { tenant, is_begun: false, rest: Vec::new(), events: Vec::new() };
    while let Some(chunk) = rows.try_next().await.map_err(unavailable)? {
        parser.take(&chunk)?;
    }
    if !parser.rest.is_empty() {
        return Err(torn());
    }
    Ok(parser.events)
}

fn torn() -> LogError {
    LogError::Damaged("a copy of the log is torn".to_owned())
}

/// Takes a copy in, in whatever pieces it comes. The server sends a row at a time.
struct Parser {
    tenant: TenantId,
    is_begun: bool,
    rest: Vec<u8>,
    events: Vec<RecordedEvent>,
}

impl Parser {
    fn take(&mut self, chunk: &[u8]) -> Result<(), LogError> {
        if self.rest.is_empty() {
            let left = self.rows(chunk)?;
            self.rest.extend_from_slice(left);
            return Ok(());
        }
        let mut held = std::mem::take(&mut self.rest);
        held.extend_from_slice(chunk);
        let left = self.rows(&held)?.len();
        held.drain(..held.len() - left);
        self.rest = held;
        Ok(())
    }

    /// Reads every whole row; answers what is left.
    fn rows<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], LogError> {
        let mut cursor = Cursor(bytes);
        if !self.is_begun {
            if bytes.len() < SIGNATURE.len() + 8 {
                return Ok(bytes);
            }
            if cursor.bytes(SIGNATURE.len()) != Some(SIGNATURE) || cursor.number() != Some(0) {
                return Err(torn());
            }
            let extension = cursor.number().unwrap_or(0) as usize;
            if cursor.bytes(extension).is_none() {
                return Ok(bytes);
            }
            self.is_begun = true;
        }
        loop {
            let before = cursor.0;
            match cursor.row()? {
                None => return Ok(before),
                Some(Row::Last) => {}
                Some(Row::Fields(fields)) => self.events.push(event(self.tenant, fields)?),
            }
        }
    }
}

enum Row<'b> {
    Fields([&'b [u8]; COLUMNS as usize]),
    Last,
}

/// Bytes that are read from the front. `None` where there are not enough of them.
struct Cursor<'b>(&'b [u8]);

impl<'b> Cursor<'b> {
    fn bytes(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.bytes(4)?.try_into().ok()?))
    }

    fn row(&mut self) -> Result<Option<Row<'b>>, LogError> {
        let Some(tag) = self.bytes(2) else { return Ok(None) };
        match u16::from_be_bytes([tag[0], tag[1]]) {
            TRAILER => return Ok(Some(Row::Last)),
            COLUMNS => {}
            _ => return Err(torn()),
        }
        let mut fields: [&[u8]; COLUMNS as usize] = [&[]; COLUMNS as usize];
        for field in &mut fields {
            let Some(length) = self.number() else { return Ok(None) };
            // A negative length is NULL, which no column of the log can be.
            let length = usize::try_from(length.cast_signed()).map_err(|_null| torn())?;
            let Some(bytes) = self.bytes(length) else { return Ok(None) };
            *field = bytes;
        }
        Ok(Some(Row::Fields(fields)))
    }
}

fn event(tenant: TenantId, fields: [&[u8]; COLUMNS as usize]) -> Result<RecordedEvent, LogError> {
    let [position, kind, id, sequence, event_id, name, version, payload, metadata, at, hash] =
        fields;
    Ok(RecordedEvent {
        tenant,
        position: Position(count(integer(position)?)?),
        stream: StreamId::new(text(kind)?.to_owned(), text(id)?),
        revision: Revision(count(integer(sequence)?)?),
        event_id: Uuid::from_slice(event_id).map_err(|_length| torn())?,
        event_type: text(name)?.to_owned(),
        event_version: text(version)?.to_owned(),
        payload: text(payload)?.to_owned(),
        metadata: text(metadata)?.to_owned(),
        recorded_at: instant(integer(at)?)?,
        hash: hash.try_into().map_err(|_length| torn())?,
    })
}

fn integer(bytes: &[u8]) -> Result<i64, LogError> {
    Ok(i64::from_be_bytes(bytes.try_into().map_err(|_length| torn())?))
}

fn text(bytes: &[u8]) -> Result<&str, LogError> {
    std::str::from_utf8(bytes).map_err(|_not_utf8| torn())
}

/// PostgreSQL counts microseconds from 2000 on.
fn instant(micros: i64) -> Result<DateTime<Utc>, LogError> {
    const Y2K: DateTime<Utc> = DateTime::from_timestamp(946_684_800, 0).expect("an instant");
    Y2K.checked_add_signed(TimeDelta::microseconds(micros)).ok_or_else(torn)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A copy with one row per position, as the server writes it.
    fn copy(positions: &[i64]) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([0; 8]);
        for position in positions {
            bytes.extend(COLUMNS.to_be_bytes());
            let one = 1_i64.to_be_bytes();
            let fields: [&[u8]; COLUMNS as usize] = [
                &position.to_be_bytes(),
                b"appointment",
                b"id",
                &one,
                &[7; 16],
                b"appointment.booked",
                b"1.0.0",
                b"{}",
                b"{\"a\":1}",
                &[0; 8],
                &[9; 32],
            ];
            for field in fields {
                bytes.extend(u32::try_from(field.len()).unwrap().to_be_bytes());
                bytes.extend(field);
            }
        }
        bytes.extend(TRAILER.to_be_bytes());
        bytes
    }

    fn parsed(pieces: &[&[u8]]) -> Result<(Vec<u64>, usize), LogError> {
        let tenant = TenantId::new(Uuid::from_u128(1));
        let mut parser = Parser { tenant, is_begun: false, rest: Vec::new(), events: Vec::new() };
        for piece in pieces {
            parser.take(piece)?;
        }
        let positions = parser.events.iter().map(|event| event.position.0).collect();
        Ok((positions, parser.rest.len()))
    }

    #[test]
    fn a_copy_reads_the_same_in_whatever_pieces_it_comes() {
        let whole = copy(&[4, 5, 6]);
        for size in 1..whole.len() {
            let pieces: Vec<&[u8]> = whole.chunks(size).collect();
            assert_eq!(parsed(&pieces).unwrap(), (vec![4, 5, 6], 0), "in pieces of {size}");
        }
        assert_eq!(parsed(&[&copy(&[])]).unwrap(), (vec![], 0));
    }

    #[test]
    fn a_copy_that_breaks_off_or_has_another_shape_is_damage() {
        let whole = copy(&[4]);
        assert_ne!(parsed(&[&whole[..whole.len() - 40]]).unwrap().1, 0);
        let mut other = whole.clone();
        other[0] = b'X';
        assert!(matches!(parsed(&[&other]), Err(LogError::Damaged(_))));
        let mut fewer = whole;
        fewer[SIGNATURE.len() + 8 + 1] = 10;
        assert!(matches!(parsed(&[&fewer]), Err(LogError::Damaged(_))));
    }
}
