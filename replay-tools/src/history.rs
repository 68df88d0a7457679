//! Tells a history as a timeline: when, what, who, why, through which surface, in which thread.

use daybook_domain::{
    event_log::{Metadata, Position, RecordedEvent},
    history::sentence,
};
use serde_json::{Value, json};

use crate::{
    archive::Past,
    cli::HistoryWish,
    models::{Keys, SecretText},
    say,
    source::Source,
};

/// The columns of a history as CSV.
const COLUMNS: [&str; 12] = [
    "position",
    "recorded_at",
    "event_type",
    "aggregate_type",
    "aggregate_id",
    "revision",
    "actor",
    "actor_name",
    "on_behalf_of",
    "source",
    "correlation_id",
    "sentence",
];

pub(crate) async fn run(
    past: &Past,
    wish: &HistoryWish,
    (given, source): (Option<&SecretText>, &Source),
    as_json: bool,
) -> anyhow::Result<()> {
    let needles: Vec<String> = [wish.appointment, wish.customer, wish.staff]
        .into_iter()
        .flatten()
        .map(|id| id.to_string())
        .collect();
    let keys = past.keys(given, source).await?.filter(|keys| keys.are_there);
    if wish.csv {
        say(&csv_line(&COLUMNS.map(str::to_owned))?)?;
    }
    let mut told = 0;
    let mut pages = past.follow(Position(wish.after));
    loop {
        let page = pages.page().await?;
        let Some(last) = page.last() else { break };
        let is_over = wish.to.is_some_and(|to| last.recorded_at >= to);
        let is_ours = |event: &RecordedEvent| is_wanted(event, wish, &needles);
        let mut wanted: Vec<_> = page.into_iter().filter(is_ours).collect();
        if let Some(limit) = wish.limit {
            wanted.truncate(limit.saturating_sub(told));
        }
        told += wanted.len();
        let opened = opened(&wanted, keys.as_ref()).await?;
        for (event, opened) in wanted.iter().zip(&opened) {
            let said = tell(opened)?;
            say(&match (as_json, wish.csv) {
                (true, _) => document(event, &said.0)?.to_string(),
                (false, true) => csv_line(&row(event, &said))?,
                (false, false) => line(event, &said, wish),
            })?;
        }
        if is_over || wish.limit.is_some_and(|limit| limit <= told) {
            break;
        }
    }
    if told == 0 && !as_json && !wish.csv {
        say("No matching events.")?;
    }
    Ok(())
}

/// The events with what is sealed in the clear, where the keys are at hand.
async fn opened(
    events: &[RecordedEvent],
    keys: Option<&Keys>,
) -> anyhow::Result<Vec<RecordedEvent>> {
    let mut opened = events.to_vec();
    if let (Some(keys), Some(tenant)) = (keys, events.first().map(|event| event.tenant)) {
        keys.vault.open_events(tenant, opened.iter_mut()).await?;
    }
    Ok(opened)
}

/// An event's sentence and its metadata.
type Told = (String, Option<Metadata>);

/// An event concerns something when its stream is that thing's, or when it names it.
fn is_wanted(event: &RecordedEvent, wish: &HistoryWish, needles: &[String]) -> bool {
    let concerns = |id: &String| {
        event.stream.aggregate_id.contains(id.as_str()) || event.payload.contains(id.as_str())
    };
    wish.aggregate.as_ref().is_none_or(|kind| event.stream.aggregate_type == kind.as_str())
        && wish.from.is_none_or(|from| from <= event.recorded_at)
        && wish.to.is_none_or(|to| event.recorded_at < to)
        && needles.iter().all(concerns)
}

/// What happened, by whom and why. Events of other programs may have no metadata of ours.
fn tell(event: &RecordedEvent) -> anyhow::Result<Told> {
    let payload: Value = serde_json::from_str(&event.payload)?;
    let metadata = event.metadata().ok();
    Ok((sentence(&event.event_type, &payload, metadata.as_ref(), None), metadata))
}

fn line(event: &RecordedEvent, (sentence, metadata): &Told, wish: &HistoryWish) -> String {
    let source = metadata.as_ref().and_then(|it| it.source.as_deref()).unwrap_or("-");
    let thread = metadata.as_ref().map_or("-", |it| it.correlation_id.as_str());
    let below = if wish.payload { format!("\n          {}", event.payload) } else { String::new() };
    format!(
        "{:>8}  {}  {:<28} {} #{}  {sentence}  via {source}  thread {thread}{below}",
        event.position.0,
        event.recorded_at.format("%Y-%m-%d %H:%M:%S%.3fZ"),
        event.event_type,
        event.stream.aggregate_id,
        event.revision.0,
    )
}

fn row(event: &RecordedEvent, (sentence, metadata): &Told) -> [String; 12] {
    let metadata = metadata.as_ref();
    let text = |field: Option<&String>| field.cloned().unwrap_or_default();
    [
        event.position.to_string(),
        event.recorded_at.to_rfc3339(),
        event.event_type.clone(),
        event.stream.aggregate_type.to_string(),
        event.stream.aggregate_id.to_string(),
        event.revision.to_string(),
        text(metadata.map(|it| &it.actor)),
        text(metadata.and_then(|it| it.actor_name.as_ref())),
        text(metadata.and_then(|it| it.on_behalf_of.as_ref())),
        text(metadata.and_then(|it| it.source.as_ref())),
        text(metadata.map(|it| &it.correlation_id)),
        sentence.clone(),
    ]
}

/// A line of RFC 4180 without its end.
fn csv_line(fields: &[String]) -> anyhow::Result<String> {
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new());
    writer.write_record(fields)?;
    let text = String::from_utf8(writer.into_inner()?)?;
    Ok(text.trim_end_matches('\n').to_owned())
}

/// The payload stays as it was recorded.
fn document(event: &RecordedEvent, sentence: &str) -> anyhow::Result<Value> {
    Ok(json!({
        "position": event.position,
        "recorded_at": event.recorded_at,
        "aggregate_type": event.stream.aggregate_type,
        "aggregate_id": event.stream.aggregate_id,
        "revision": event.revision,
        "event_id": event.event_id,
        "event_type": event.event_type,
        "event_version": event.event_version,
        "sentence": sentence,
        "metadata": serde_json::from_str::<Value>(&event.metadata)?,
        "payload": serde_json::from_str::<Value>(&event.payload)?,
    }))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use daybook_adapters::{
        log::MemoryLog,
        vault::{MasterKey, SealedLog, Vault},
    };
    use daybook_domain::{
        event_log::{Append, EventData, ExpectedRevision, StreamId, StreamWrite},
        ids::TenantId,
        ports::EventLog as _,
    };
    use uuid::Uuid;

    use super::*;

    /// A rejection whose reason is sealed, as the log has it, and the keys of its vault.
    async fn rejected() -> (RecordedEvent, Keys) {
        let master = MasterKey::parse(&"7".repeat(64)).expect("a key");
        let (tenant, log) = (TenantId::new(Uuid::from_u128(1)), MemoryLog::new());
        let vault = Vault::memory(master);
        let sealed = SealedLog::new(log.clone(), vault.clone());
        sealed.open_tenant(tenant).await.expect("a tenant is opened");
        let reason = json!({ "$personal": Uuid::from_u128(2), "value": "too late, \"again\"" });
        let payload = json!({ "type": "rejected", "reason_code": "other", "reason": reason });
        let mut metadata = Metadata::new("key:7", DateTime::UNIX_EPOCH, "r-1");
        metadata.actor_name = Some("Till".to_owned());
        let event = EventData {
            event_id: Uuid::from_u128(3),
            event_type: "appointment.rejected".into(),
            event_version: "1.0.0".into(),
            payload: payload.to_string(),
            metadata: json!(metadata).to_string().into(),
        };
        let stream = StreamId::new("appointment", "a");
        let write =
            StreamWrite { stream, expected: ExpectedRevision::NoStream, events: vec![event] };
        let append = Append { tenant, command: None, writes: vec![write], unchanged: Vec::new() };
        sealed.append(append).await.expect("it is appended");
        let events = log.read_tenant(tenant, Position(0), 1).await.expect("it is read");
        let event = events.into_iter().next().expect("there is one");
        (event, Keys { vault, are_there: true })
    }

    #[tokio::test]
    async fn a_sealed_reason_is_told_where_the_key_is_at_hand_and_the_payload_stays_sealed() {
        let (event, keys) = rejected().await;
        let events = std::slice::from_ref(&event);
        let blind = tell(&opened(events, None).await.expect("nothing is opened")[0]);
        let (sentence, _) = blind.expect("a sentence");
        let by = "Rejected by API key \u{201c}Till\u{201d}. Reason: other, ";
        assert_eq!(sentence, format!("{by}(sealed)."));
        let said = tell(&opened(events, Some(&keys)).await.expect("it is opened")[0]);
        let said = said.expect("a sentence");
        assert_eq!(said.0, format!("{by}\u{201c}too late, \"again\"\u{201d}."));
        let document = document(&event, &said.0).expect("a document");
        assert!(document["payload"]["reason"]["$sealed"].is_string(), "{document}");
        let table = csv_line(&row(&event, &said)).expect("a line");
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(table.as_bytes());
        let fields = reader.records().next().expect("a line").expect("it is CSV");
        assert_eq!((fields.len(), &fields[7], &fields[11]), (12, "Till", said.0.as_str()));
    }
}
