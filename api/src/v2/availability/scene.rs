//! Which world a question is asked in: that of now, or of another moment.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use daybook_domain::event_log::Position;
use daybook_projections::world::{World, WorldError};

use crate::{
    http::{caller::Caller, fields::Moment, problem::Problem},
    state::App,
};

/// The world that a question is about, and the time in it.
pub(super) struct Scene {
    pub(super) world: Arc<World>,
    pub(super) now: DateTime<Utc>,
}

pub(super) async fn scene(
    app: &App,
    caller: &Caller,
    min_position: Option<u64>,
    as_of: Option<Moment>,
) -> Result<Scene, Problem> {
    caller.require("availability:read")?;
    let now = caller.asked_at;
    if let Some(moment) = as_of {
        let _turn = app.look_back().await?;
        let until = moment.until(now)?;
        let found = app.worlds.as_of(caller.tenant, until, now).await;
        let asked = match moment {
            Moment::Position(position) | Moment::Receipt(position) => position,
            Moment::Instant(_) => 0,
        };
        let (world, then) = found.map_err(|error| unavailable(error, ("as_of", asked)))?;
        let now = if matches!(moment, Moment::Receipt(_)) { now } else { then };
        return Ok(Scene { world, now });
    }
    let least = match min_position {
        Some(position) => Some(Position(position)),
        None => app.last_write(caller.tenant).await?,
    };
    let world = match app.worlds.at_least(caller.tenant, least, now).await {
        // Nobody asked for a position: the answer rests on what there is.
        Err(WorldError::NotReached { .. }) if min_position.is_none() => {
            app.worlds.at_least(caller.tenant, None, now).await
        }
        world => world,
    };
    let asked = ("min_position", min_position.unwrap_or_default());
    let world = world.map_err(|error| unavailable(error, asked))?;
    Ok(Scene { world, now })
}

fn unavailable(error: WorldError, (name, asked): (&str, u64)) -> Problem {
    match error {
        WorldError::Log(error) => error.into(),
        WorldError::NotReached { reached } => Problem::beyond_head(name, asked, reached),
        WorldError::Unreadable { .. } => Problem::internal(&error),
    }
}
