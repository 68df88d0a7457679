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
