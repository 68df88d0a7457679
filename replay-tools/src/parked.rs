//! Streams that a projector could not follow: looked at, tried again, or passed over with a reason.

use daybook_domain::{
    event_log::{Position, StreamId},
    ports::EventLog as _,
};
use daybook_projections::runner::{ParkedStream, Retried};
use serde_json::json;

use crate::{
    cli::{ParkedCommand, ParkedWish},
    models::Workshop,
    say,
};

pub(crate) async fn run(
    workshop: &Workshop,
    command: &ParkedCommand,
    as_json: bool,
) -> anyhow::Result<()> {
    match command {
        ParkedCommand::List => {
            let parked = workshop.runner().parked(workshop.tenant).await?;
            for stream in &parked {
                say(&line(stream, as_json))?;
            }
            if parked.is_empty() && !as_json {
                say("nothing is parked")?;
            }
            Ok(())
        }
        ParkedCommand::Show(wish) => {
            for stream in meant(workshop, wish).await? {
                show(workshop, &stream, as_json).await?;
            }
            Ok(())
        }
        ParkedCommand::Retry(wish) => {
            for stream in meant(workshop, wish).await? {
                retry(workshop, &stream, as_json).await?;
            }
            Ok(())
        }
        ParkedCommand::Skip { wish, reason } => {
            for stream in meant(workshop, wish).await? {
                let position = stream.position.cast_unsigned();
                workshop.skip(&stream.projector, position, reason).await?;
                retry(workshop, &stream, as_json).await?;
            }
            Ok(())
        }
    }
}

/// The parked streams that are meant; an error if there is none.
async fn meant(workshop: &Workshop, wish: &ParkedWish) -> anyhow::Result<Vec<ParkedStream>> {
    let parked = workshop.runner().parked(workshop.tenant).await?;
    let is_meant = |it: &ParkedStream| {
        it.position.cast_unsigned() == wish.position
            && wish.projector.as_ref().is_none_or(|name| *name == it.projector)
    };
    let meant: Vec<_> = parked.into_iter().filter(is_meant).collect();
    anyhow::ensure!(
        !meant.is_empty(),
        "nothing is parked at position {}: `daybook-replay parked list` says what is",
        wish.position
    );
    Ok(meant)
}

fn line(stream: &ParkedStream, as_json: bool) -> String {
    let ParkedStream { projector, version, aggregate_type, aggregate_id, .. } = stream;
    if as_json {
        return json!({
            "projector": projector, "version": version, "aggregate_type": aggregate_type,
            "aggregate_id": aggregate_id, "position": stream.position,
            "revision": stream.revision, "event_type": stream.event_type, "error": stream.error,
            "events_behind": stream.events_behind, "attempts": stream.attempts,
            "parked_at": stream.parked_at,
        })
        .to_string();
    }
    format!(
        "{} {projector} v{version} {aggregate_type} {aggregate_id}: {} at position {}: {} \
         ({} events wait, {} attempts)",
        stream.parked_at.format("%F %T"),
        stream.event_type,
        stream.position,
        stream.error,
        stream.events_behind,
        stream.attempts
    )
}

/// The parked stream and the event that failed, as the log has it. Personal data stays sealed.
async fn show(workshop: &Workshop, stream: &ParkedStream, as_json: bool) -> anyhow::Result<()> {
    say(&line(stream, as_json))?;
    let before = Position(stream.position.cast_unsigned().saturating_sub(1));
    let events = workshop.log.inner().read_tenant(workshop.tenant, before, 1).await?;
    for event in events {
        if as_json {
            say(&json!({ "payload": event.payload, "metadata": event.metadata }).to_string())?;
        } else {
            say(&format!("  payload  {}\n  metadata {}", event.payload, event.metadata))?;
        }
    }
    Ok(())
}

async fn retry(workshop: &Workshop, stream: &ParkedStream, as_json: bool) -> anyhow::Result<()> {
    let (projector, version) = (stream.projector.as_str(), stream.version);
    let id = StreamId::new(stream.aggregate_type.clone(), stream.aggregate_id.clone());
    let tried = workshop.runner().retry_parked(workshop.tenant, projector, version, &id).await?;
    let (is_done, text) = match &tried {
        Retried::CaughtUp(events) => (true, format!("{projector} has caught up: {events} events")),
        Retried::StillParked { position, error } => {
            (false, format!("{projector} still cannot follow position {position}: {error}"))
        }
        Retried::NotParked => (true, "it is parked no more".to_owned()),
    };
    if as_json {
        say(&json!({ "projector": projector, "caught_up": is_done, "said": text }).to_string())?;
    } else {
        say(&text)?;
    }
    anyhow::ensure!(is_done, "{text}");
    Ok(())
}
