//! Folds one aggregate as it was at a revision, a position or an instant.

use anyhow::Context as _;
use daybook_domain::{
    event_log::{RecordedEvent, StreamId},
    registry,
};
use serde_json::{Value, json};

use crate::{archive::Past, cli::StateWish, say, verify::text};

pub(crate) async fn run(past: &Past, wish: &StateWish, as_json: bool) -> anyhow::Result<()> {
    let aggregate = registry::find(&wish.aggregate).with_context(|| {
        let known: Vec<_> = registry::AGGREGATES.iter().map(|kind| kind.aggregate_type).collect();
        format!("{} is no aggregate; there are {}", wish.aggregate, known.join(", "))
    })?;
    let stream = StreamId::new(aggregate.aggregate_type, wish.id.as_str());
    let events = past.stream(stream).await?;
    anyhow::ensure!(!events.is_empty(), "there is no {} {}", wish.aggregate, wish.id);
    let seen: Vec<&RecordedEvent> =
        events.iter().take_while(|event| was_there(event, wish)).collect();
    let Some(last) = seen.last() else {
        anyhow::bail!("the {} {} did not exist yet", wish.aggregate, wish.id);
    };
    let texts: Vec<_> = seen.iter().map(|event| text(event)).collect();
    let state: Value = serde_json::from_str(&aggregate.fold(None, &texts)?)?;
    if as_json {
        return say(&json!({
            "aggregate_type": wish.aggregate,
            "aggregate_id": wish.id,
            "revision": last.revision,
            "position": last.position,
            "recorded_at": last.recorded_at,
            "is_latest": seen.len() == events.len(),
            "state": state,
        })
        .to_string());
    }
    say(&format!(
        "{} {} at revision {} of {} (position {}, {})",
        wish.aggregate,
        wish.id,
        last.revision,
        events.len(),
        last.position,
        last.recorded_at.to_rfc3339(),
    ))?;
    say(&serde_json::to_string_pretty(&state)?)
}

fn was_there(event: &RecordedEvent, wish: &StateWish) -> bool {
    wish.revision.is_none_or(|revision| event.revision.0 <= revision)
        && wish.position.is_none_or(|position| event.position.0 <= position)
        && wish.at.is_none_or(|at| event.recorded_at <= at)
}
