//! Which world a question is asked in: that of now, or of another moment.

use std::sync::Arc;

use chrono::{DateTime, Days, NaiveDate, Utc};
use daybook_domain::{event_log::Position, ids::ServiceId};
use daybook_projections::world::{Dates, Question, World, WorldError};

use crate::{
    http::{
        caller::Caller,
        fields::{Instant, LocalDate, Moment, When},
        problem::Problem,
    },
    state::App,
};

/// No question is about more days.
const MAX_DAYS: Days = Days::new(400);

/// The world that a question is about, and the time in it.
pub(super) struct Scene {
    pub(super) world: Arc<World>,
    pub(super) now: DateTime<Utc>,
}

pub(super) async fn scene(
    app: &App,
    caller: &Caller,
    min_position: Option<u64>,
    as_of: Option<(Moment, Question)>,
) -> Result<Scene, Problem> {
    caller.require("availability:read")?;
    let now = caller.asked_at;
    if let Some((moment, question)) = as_of {
        let _turn = app.look_back().await?;
        let until = moment.until(now)?;
        let found = app.worlds.as_of(caller.tenant, until, now, question).await;
        let asked = match moment {
            Moment::Position(position) | Moment::Receipt(position) => position,
            Moment::Instant(_) => 0,
        };
        let (world, then) = found.map_err(|error| unavailable(error, asked))?;
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
    let world = world.map_err(|error| unavailable(error, min_position.unwrap_or_default()))?;
    Ok(Scene { world, now })
}

/// What a question about another moment has to look at: some services from one date to another.
pub(super) fn about(
    as_of: Option<Moment>,
    services: Vec<ServiceId>,
    (from, to): (NaiveDate, NaiveDate),
) -> Option<(Moment, Question)> {
    // A day of one zone is part of three days of another. What is too long is refused later.
    let first = from.pred_opt().unwrap_or(from);
    let last = to.clamp(from, from.checked_add_days(MAX_DAYS).unwrap_or(from));
    let dates = first..last.checked_add_days(Days::new(2)).unwrap_or(last);
    as_of.map(|moment| (moment, Question { services, dates: Dates::These(dates) }))
}

/// The date that a beginning or an end of a window is on.
pub(super) fn date_of(when: When) -> NaiveDate {
    match when {
        When::Instant(Instant(at)) => at.date_naive(),
        When::Date(LocalDate(date)) => date,
    }
}

fn unavailable(error: WorldError, asked: u64) -> Problem {
    match error {
        WorldError::Log(error) => error.into(),
        WorldError::NotReached { reached } => Problem::not_reached(asked, reached.0),
        WorldError::ReadModels(_) => Problem::unavailable(&error),
    }
}
