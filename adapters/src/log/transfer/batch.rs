//! What is written with the next statements of a transfer.

use daybook_domain::{event_log::RecordedEvent, ids::TenantId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{StoredCommand, TransferError, number};

/// Rows per statement.
const ROWS: usize = 2000;
/// And no more bytes of payload than this, so that large events make small batches.
const BYTES: usize = 8 << 20;

#[derive(Debug, Default)]
pub(super) struct Batch {
    events: Vec<RecordedEvent>,
    answers: Vec<StoredCommand>,
    bytes: usize,
}

impl Batch {
    pub(super) fn add_event(&mut self, event: RecordedEvent) {
        self.bytes += event.payload.len() + event.metadata.len();
        self.events.push(event);
    }

    pub(super) fn add_answer(&mut self, answer: StoredCommand) {
        self.bytes += answer.result.len();
        self.answers.push(answer);
    }

    pub(super) const fn is_full(&self) -> bool {
        ROWS <= self.events.len() + self.answers.len() || BYTES <= self.bytes
    }

    /// Writes all of it, and is empty then.
    pub(super) async fn write(
        &mut self,
        connection: &mut PgConnection,
        tenant: TenantId,
    ) -> Result<(), TransferError> {
        let Self { events, answers, .. } = std::mem::take(self);
        if let (Some(first), Some(last)) = (events.first(), events.last()) {
            let (first, last) = (first.position, last.position);
            write_events(connection, tenant, &events).await.map_err(|error| match error {
                TransferError::Unavailable(source) => {
                    TransferError::EventsRefused { first, last, source }
                }
                error => error,
            })?;
        }
        if answers.is_empty() {
            return Ok(());
        }
        write_answers(connection, tenant, &answers).await.map_err(|error| match error {
            TransferError::Unavailable(source) => TransferError::AnswersRefused(source),
            error => error,
        })
    }
}

async fn write_events(
    connection: &mut PgConnection,
    tenant: TenantId,
    events: &[RecordedEvent],
) -> Result<(), TransferError> {
    let numbers = |of: fn(&RecordedEvent) -> u64| {
        events.iter().map(|event| number(of(event))).collect::<Result<Vec<_>, _>>()
    };
    let texts = |of: fn(&RecordedEvent) -> &str| events.iter().map(of).collect::<Vec<&str>>();
    sqlx::query(include_str!("write_events.sql"))
        .bind(tenant.uuid())
        .bind(numbers(|event| event.position.0)?)
        .bind(texts(|event| &event.stream.aggregate_type))
        .bind(texts(|event| &event.stream.aggregate_id))
        .bind(numbers(|event| event.revision.0)?)
        .bind(events.iter().map(|event| event.event_id).collect::<Vec<Uuid>>())
        .bind(texts(|event| &event.event_type))
        .bind(texts(|event| &event.event_version))
        .bind(texts(|event| &event.payload))
        .bind(texts(|event| &event.metadata))
        .bind(events.iter().map(|event| event.recorded_at).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.hash.as_slice()).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}

async fn write_answers(
    connection: &mut PgConnection,
    tenant: TenantId,
    answers: &[StoredCommand],
) -> Result<(), TransferError> {
    let position = |answer: &StoredCommand| number(answer.position.0);
    sqlx::query(include_str!("write_answers.sql"))
        .bind(tenant.uuid())
        .bind(answers.iter().map(|answer| answer.key.as_str()).collect::<Vec<_>>())
        .bind(answers.iter().map(|answer| answer.request_hash.as_slice()).collect::<Vec<_>>())
        .bind(answers.iter().map(|answer| answer.result.as_str()).collect::<Vec<_>>())
        .bind(answers.iter().map(position).collect::<Result<Vec<_>, _>>()?)
        .bind(answers.iter().map(|answer| answer.recorded_at).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}
