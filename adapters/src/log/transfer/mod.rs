//! A whole history brought into the log in one transaction, as it stands: positions, hashes and
//! instants come with it. It is for histories that were made elsewhere; whoever has something new to
//! say appends.

mod answers;
mod batch;

use chrono::{DateTime, Utc};
use daybook_domain::{
    event_log::{EventData, Position, RecordedEvent, Revision, StreamId},
    ids::TenantId,
};
use sqlx::{Connection as _, PgConnection, Postgres, Transaction};

use self::batch::Batch;
use super::{chain, check::UNSEALED};
use crate::vault::{PortableKey, Vault, VaultError};

pub use self::answers::{StoredCommand, read_answers};

/// Why a history could not be brought in. Whatever it is, nothing of it is there.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// Histories are never mixed.
    #[error("tenant {tenant} has {events} events in this database already")]
    NotEmpty {
        /// Whose.
        tenant: TenantId,
        /// How many there are.
        events: u64,
    },
    /// The history does not end where the file begins.
    #[error(
        "the file continues position {expected} of tenant {tenant}, but the history here ends at position \
         {head}, or has another hash there"
    )]
    NotAtHead {
        /// Whose.
        tenant: TenantId,
        /// The position before the first of the file.
        expected: Position,
        /// Where the history ends.
        head: Position,
    },
    /// The keys were not taken.
    #[error("the keys of the tenant were not taken")]
    Keys(#[from] VaultError),
    /// The sequences of a stream are not 1, 2, 3 and so on.
    #[error("the stream {0} has a gap in its sequence")]
    Torn(String),
    /// Personal data were about to be written in clear.
    #[error("position {0}: it carries personal data that nobody sealed")]
    Unsealed(Position),
    /// The database refused some events.
    #[error("positions {first} to {last} were not taken")]
    EventsRefused {
        /// The first of the statement.
        first: Position,
        /// The last of the statement.
        last: Position,
        /// What it said.
        #[source]
        source: sqlx::Error,
    },
    /// The database refused some answers.
    #[error("the stored answers were not taken")]
    AnswersRefused(#[source] sqlx::Error),
    /// A row is not what the schema promises, or a number is too large for it.
    #[error("{0}")]
    OutOfRange(&'static str),
    /// The end was not confirmed.
    #[error("the import was not committed")]
    NotCommitted(#[source] sqlx::Error),
    /// The database cannot answer.
    #[error("the database cannot answer")]
    Unavailable(#[from] sqlx::Error),
}

/// A history on its way into an empty tenant, whose head stays locked meanwhile. Dropped before
/// [`Transfer::commit`], it leaves nothing.
#[derive(Debug)]
pub struct Transfer<'c> {
    transaction: Transaction<'c, Postgres>,
    tenant: TenantId,
    batch: Batch,
    /// Position, hash and instant of the last event.
    end: End,
}

impl<'c> Transfer<'c> {
    /// Begins one over a connection of the role `daybook_append`. The tenant is made if it is not
    /// there, and must have no events.
    pub async fn begin(
        connection: &'c mut PgConnection,
        tenant: TenantId,
    ) -> Result<Self, TransferError> {
        let mut transaction = connection.begin().await?;
        sqlx::query(include_str!("open.sql"))
            .bind(tenant.uuid())
            .execute(&mut *transaction)
            .await?;
        let end = claim(&mut transaction, tenant).await?;
        if end.0 != Position(0) {
            return Err(TransferError::NotEmpty { tenant, events: end.0.0 });
        }
        let end = (Position(0), chain::GENESIS, None);
        Ok(Self { transaction, tenant, batch: Batch::default(), end })
    }

    /// Goes on behind an earlier transfer: the history of the tenant ends at exactly this event.
    pub async fn resume(
        connection: &'c mut PgConnection,
        tenant: TenantId,
        (position, hash): (Position, [u8; 32]),
    ) -> Result<Self, TransferError> {
        let mut transaction = connection.begin().await?;
        let end = claim(&mut transaction, tenant).await?;
        if (end.0, end.1) != (position, hash) {
            return Err(TransferError::NotAtHead { tenant, expected: position, head: end.0 });
        }
        Ok(Self { transaction, tenant, batch: Batch::default(), end })
    }

    /// Takes keys of the tenant, in the same transaction. The login must be a member of
    /// `daybook_vault` too.
    pub async fn keys(&mut self, vault: &Vault, keys: &[PortableKey]) -> Result<(), TransferError> {
        sqlx::query("SET LOCAL ROLE daybook_vault").execute(&mut *self.transaction).await?;
        sqlx::query("SELECT set_config('app.tenant_id', $1, true)")
            .bind(self.tenant.to_string())
            .execute(&mut *self.transaction)
            .await?;
        vault.write_keys(&mut self.transaction, self.tenant, keys).await?;
        sqlx::query("SET LOCAL ROLE daybook_append").execute(&mut *self.transaction).await?;
        Ok(())
    }

    /// Takes the next event as it is; the caller has checked that it follows from the one before.
    pub async fn event(&mut self, event: RecordedEvent) -> Result<(), TransferError> {
        self.end = (event.position, event.hash, Some(event.recorded_at));
        self.batch.add_event(event);
        self.write_if_full().await
    }

    /// Takes an event that has no position and no hash yet as the next one. It was recorded no
    /// earlier than the event before it, to the microsecond.
    pub async fn new_event(
        &mut self,
        (stream, revision): (StreamId, Revision),
        event: EventData,
        recorded_at: DateTime<Utc>,
    ) -> Result<(), TransferError> {
        let (before, previous, _) = self.end;
        let position = Position(before.0 + 1);
        if event.payload.contains(UNSEALED) || event.metadata.contains(UNSEALED) {
            return Err(TransferError::Unsealed(position));
        }
        let mut recorded = RecordedEvent {
            tenant: self.tenant,
            position,
            stream,
            revision,
            event_id: event.event_id,
            event_type: event.event_type.into_owned(),
            event_version: event.event_version.into_owned(),
            payload: event.payload,
            metadata: event.metadata.as_ref().to_owned(),
            recorded_at,
            hash: [0; 32],
        };
        recorded.hash = chain::hash_after(&previous, &recorded);
        self.event(recorded).await
    }

    /// Where it stands: the position and the hash of the last event.
    pub const fn end(&self) -> (Position, [u8; 32]) {
        (self.end.0, self.end.1)
    }

    /// Takes a stored answer.
    pub async fn answer(&mut self, answer: StoredCommand) -> Result<(), TransferError> {
        self.batch.add_answer(answer);
        self.write_if_full().await
    }

    async fn write_if_full(&mut self) -> Result<(), TransferError> {
        if self.batch.is_full() {
            self.batch.write(&mut self.transaction, self.tenant).await?;
        }
        Ok(())
    }

    /// Writes the rest, makes sure that no stream is torn, and sets the head. All that is left is to
    /// commit.
    pub async fn finish(mut self) -> Result<Finished<'c>, TransferError> {
        let tenant = self.tenant.uuid();
        self.batch.write(&mut self.transaction, self.tenant).await?;
        let torn: Option<String> = sqlx::query_scalar(include_str!("torn_stream.sql"))
            .bind(tenant)
            .fetch_optional(&mut *self.transaction)
            .await?;
        if let Some(stream) = torn {
            return Err(TransferError::Torn(stream));
        }
        if let (position, hash, Some(recorded_at)) = self.end {
            sqlx::query(include_str!("set_head.sql"))
                .bind(tenant)
                .bind(number(position.0)?)
                .bind(hash.as_slice())
                .bind(recorded_at)
                .execute(&mut *self.transaction)
                .await?;
        }
        Ok(Finished { transaction: self.transaction })
    }

    /// Finishes and commits.
    pub async fn commit(self) -> Result<(), TransferError> {
        self.finish().await?.commit().await
    }
}

/// A history that the database has taken and that nobody sees yet. Dropped, it leaves nothing.
#[derive(Debug)]
pub struct Finished<'c> {
    transaction: Transaction<'c, Postgres>,
}

impl Finished<'_> {
    /// Commits.
    pub async fn commit(self) -> Result<(), TransferError> {
        self.transaction.commit().await.map_err(TransferError::NotCommitted)
    }
}

type End = (Position, [u8; 32], Option<DateTime<Utc>>);

/// Locks the head of a tenant and answers where its history ends. One that is not there ends before its
/// first event.
async fn claim(connection: &mut PgConnection, tenant: TenantId) -> Result<End, TransferError> {
    let found: Option<(i64, Vec<u8>, DateTime<Utc>)> = sqlx::query_as(include_str!("claim.sql"))
        .bind(tenant.uuid())
        .fetch_optional(connection)
        .await?;
    let Some((position, hash, recorded_at)) = found else {
        return Ok((Position(0), chain::GENESIS, None));
    };
    let hash = hash.try_into();
    let hash = hash.map_err(|_length: Vec<u8>| TransferError::OutOfRange("a hash has 32 bytes"))?;
    Ok((Position(position.cast_unsigned()), hash, Some(recorded_at)))
}

/// A count as the database has it.
fn number(count: u64) -> Result<i64, TransferError> {
    i64::try_from(count).map_err(|_too_large| TransferError::OutOfRange("a number is too large"))
}
