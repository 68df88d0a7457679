//! Tells a history as a timeline: when, who, what, through which surface, in which thread.

use daybook_domain::event_log::{Position, RecordedEvent};
use serde_json::{Value, json};

use crate::{archive::Past, cli::HistoryWish, say};

pub(crate) async fn run(past: &Past, wish: &HistoryWish, as_json: bool) -> anyhow::Result<()> {
    let needles: Vec<String> = [wish.appointment, wish.customer, wish.staff]
        .into_iter()
        .flatten()
        .map(|id| id.to_string())
        .collect();
    let mut told = 0;
    let mut pages = past.follow(Position(wish.after));
    loop {
        let page = pages.page().await?;
        let Some(last) = page.last() else { break };
        for event in page.iter().filter(|event| is_wanted(event, wish, &needles)) {
            if wish.limit.is_some_and(|limit| limit <= told) {
                return Ok(());
            }
            told += 1;
            say(&if as_json { document(event)?.to_string() } else { line(event, wish)? })?;
        }
        if wish.to.is_some_and(|to| last.recorded_at >= to) {
            break;
        }
    }
    if told == 0 && !as_json {
        say("nothing of that kind happened")?;
    }
    Ok(())
}

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

/// Who, from where and in which thread. Events of other programs may have no such metadata.
fn circumstances(event: &RecordedEvent) -> (String, String, String) {
    event.metadata().map_or_else(
        |_not_ours| ("unknown".to_owned(), "-".to_owned(), "-".to_owned()),
        |metadata| {
            let source = metadata.source.unwrap_or_else(|| "-".to_owned());
            (metadata.actor, source, metadata.correlation_id)
        },
    )
}

fn line(event: &RecordedEvent, wish: &HistoryWish) -> anyhow::Result<String> {
    let (actor, source, thread) = circumstances(event);
    let payload: Value = serde_json::from_str(&event.payload)?;
    let reason = payload.get("reason").filter(|reason| !reason.is_null());
    let reason = reason.map(|reason| format!("  because {reason}")).unwrap_or_default();
    let below = if wish.payload { format!("\n          {}", event.payload) } else { String::new() };
    Ok(format!(
        "{:>8}  {}  {:<28} {} #{}  by {actor} via {source}  thread {thread}{reason}{below}",
        event.position.0,
        event.recorded_at.format("%Y-%m-%d %H:%M:%S%.3fZ"),
        event.event_type,
        event.stream.aggregate_id,
        event.revision.0,
    ))
}

fn document(event: &RecordedEvent) -> anyhow::Result<Value> {
    Ok(json!({
        "position": event.position,
        "recorded_at": event.recorded_at,
        "aggregate_type": event.stream.aggregate_type,
        "aggregate_id": event.stream.aggregate_id,
        "revision": event.revision,
        "event_id": event.event_id,
        "event_type": event.event_type,
        "event_version": event.event_version,
        "metadata": serde_json::from_str::<Value>(&event.metadata)?,
        "payload": serde_json::from_str::<Value>(&event.payload)?,
    }))
}
