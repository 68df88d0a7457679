//! Brings an exported log into another database: in one transaction, unchanged to the byte.

use std::path::Path;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use daybook_domain::{event_log::RecordedEvent, ids::TenantId};
use serde_json::json;
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use crate::{
    answers::CommandAnswer,
    export::Trailer,
    log_file::{Line, LogFile},
    progress::Progress,
    say,
    source::{Operator, Source},
    verify::verify,
};

/// Rows per statement.
const BATCH: usize = 2000;
/// And no more bytes of payload than this, so that large events make small batches.
const BATCH_BYTES: usize = 8 << 20;

/// Reads a file, checks all of it, and writes the tenant that it holds. The tenant must have no
/// events yet; unless the whole file is as `export` wrote it, nothing is there afterwards.
pub async fn import(
    operator: &mut Operator,
    from: &Path,
    tenant: Option<TenantId>,
) -> anyhow::Result<(TenantId, Trailer)> {
    let mut file = LogFile::open(from)?;
    let owner = file.header.tenant;
    anyhow::ensure!(
        tenant.is_none_or(|tenant| tenant == owner),
        "the file holds the log of tenant {owner}"
    );
    anyhow::ensure!(
        file.header.from_position.0 == 1,
        "the file begins at position {}: an import needs the whole history",
        file.header.from_position
    );
    // Dropped before its commit, it is rolled back.
    let mut transaction = operator.connection.begin().await?;
    claim(&mut transaction, owner).await?;
    let mut batch = Batch::default();
    let mut progress = Progress::new("events");
    let mut recorded_at = None;
    let trailer = loop {
        match file.take()? {
            Line::Event(event) => {
                recorded_at = Some(event.recorded_at);
                progress.add(1);
                batch.add_event(*event);
            }
            Line::Answer(answer) => batch.add_answer(answer),
            Line::End(trailer) => break trailer,
        }
        if batch.is_full() {
            batch.write(&mut transaction, owner).await?;
        }
    };
    batch.write(&mut transaction, owner).await?;
    let torn: Option<String> = sqlx::query_scalar(include_str!("torn_stream.sql"))
        .bind(owner.uuid())
        .fetch_optional(&mut *transaction)
        .await?;
    if let Some(stream) = torn {
        anyhow::bail!("the stream {stream} has a gap in its sequence");
    }
    if let Some(recorded_at) = recorded_at {
        set_head(&mut transaction, owner, &trailer, recorded_at).await?;
    }
    transaction.commit().await.context("the import was not committed")?;
    Ok((owner, trailer))
}

/// Makes the head and locks it, so that nobody appends meanwhile. It must stand at nothing.
async fn claim(connection: &mut PgConnection, tenant: TenantId) -> anyhow::Result<()> {
    sqlx::query("INSERT INTO log.tenant_head (tenant_id) VALUES ($1) ON CONFLICT DO NOTHING")
        .bind(tenant.uuid())
        .execute(&mut *connection)
        .await?;
    let position: i64 =
        sqlx::query_scalar("SELECT position FROM log.tenant_head WHERE tenant_id = $1 FOR UPDATE")
            .bind(tenant.uuid())
            .fetch_one(&mut *connection)
            .await?;
    anyhow::ensure!(
        position == 0,
        "tenant {tenant} has {position} events in this database already"
    );
    Ok(())
}

async fn set_head(
    connection: &mut PgConnection,
    tenant: TenantId,
    trailer: &Trailer,
    recorded_at: DateTime<Utc>,
) -> anyhow::Result<()> {
    sqlx::query(
        "UPDATE log.tenant_head SET position = $2, hash = $3, recorded_at = $4 WHERE tenant_id = $1",
    )
    .bind(tenant.uuid())
    .bind(i64::try_from(trailer.head_position.0)?)
    .bind(trailer.head_hash.as_slice())
    .bind(recorded_at)
    .execute(connection)
    .await?;
    Ok(())
}

/// What is written with the next statements.
#[derive(Default)]
struct Batch {
    events: Vec<RecordedEvent>,
    answers: Vec<CommandAnswer>,
    bytes: usize,
}

impl Batch {
    fn add_event(&mut self, event: RecordedEvent) {
        self.bytes += event.payload.len() + event.metadata.len();
        self.events.push(event);
    }

    fn add_answer(&mut self, answer: CommandAnswer) {
        self.bytes += answer.result.len();
        self.answers.push(answer);
    }

    fn is_full(&self) -> bool {
        BATCH <= self.events.len() + self.answers.len() || BATCH_BYTES <= self.bytes
    }

    async fn write(
        &mut self,
        connection: &mut PgConnection,
        tenant: TenantId,
    ) -> anyhow::Result<()> {
        let Self { events, answers, .. } = std::mem::take(self);
        if let (Some(first), Some(last)) = (events.first(), events.last()) {
            let (first, last) = (first.position, last.position);
            write_events(connection, tenant, &events)
                .await
                .with_context(|| format!("positions {first} to {last} were not taken"))?;
        }
        if !answers.is_empty() {
            let written = write_answers(connection, tenant, &answers).await;
            written.context("the stored answers were not taken")?;
        }
        Ok(())
    }
}

async fn write_events(
    connection: &mut PgConnection,
    tenant: TenantId,
    events: &[RecordedEvent],
) -> anyhow::Result<()> {
    let numbers = |of: fn(&RecordedEvent) -> u64| {
        events.iter().map(|event| i64::try_from(of(event))).collect::<Result<Vec<_>, _>>()
    };
    let texts = |of: fn(&RecordedEvent) -> &str| events.iter().map(of).collect::<Vec<&str>>();
    sqlx::query(include_str!("import_events.sql"))
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
    answers: &[CommandAnswer],
) -> anyhow::Result<()> {
    let position = |answer: &CommandAnswer| i64::try_from(answer.position);
    let instant = |answer: &CommandAnswer| {
        DateTime::from_timestamp_micros(answer.recorded_at_micros)
            .context("recorded_at_micros of an answer is no instant")
    };
    sqlx::query(include_str!("import_answers.sql"))
        .bind(tenant.uuid())
        .bind(answers.iter().map(|answer| answer.key.as_str()).collect::<Vec<_>>())
        .bind(answers.iter().map(|answer| answer.request_hash.as_slice()).collect::<Vec<_>>())
        .bind(answers.iter().map(|answer| answer.result.as_str()).collect::<Vec<_>>())
        .bind(answers.iter().map(position).collect::<Result<Vec<_>, _>>()?)
        .bind(answers.iter().map(instant).collect::<anyhow::Result<Vec<_>>>()?)
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn run(
    source: &Source,
    from: &Path,
    tenant: Option<TenantId>,
    as_json: bool,
) -> anyhow::Result<()> {
    let mut operator = source.operator().await?;
    let imported = import(&mut operator, from, tenant).await;
    operator.close().await;
    let (tenant, Trailer { events, answers, head_hash, .. }) = imported?;
    // What was written is read back, as any auditor would.
    let history = source.open(tenant.uuid()).await?;
    let verified = verify(&history).await;
    history.close().await;
    verified.context("the import was committed, but what is there now does not verify")?;
    let hash = hex::encode(head_hash);
    if as_json {
        return say(&json!({
            "tenant": tenant, "events": events, "answers": answers, "head_hash": hash, "verified": true,
        })
        .to_string());
    }
    say(&format!(
        "imported {events} events and {answers} answers of tenant {tenant}; they verify (head {hash})"
    ))
}
