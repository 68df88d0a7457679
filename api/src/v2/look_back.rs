//! Answers as of another moment, for one question.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use daybook_domain::{event_log::Position, ids::TenantId};
use daybook_projections::{
    appointments::{AppointmentFilter, AppointmentRow, Cursor},
    aside::{AsideError, Until, appointments_as_of},
};

use crate::{
    http::{
        fields::{Instant, Moment},
        problem::Problem,
    },
    state::App,
};

impl Moment {
    /// How far the history goes for it. What lies ahead was not answered yet.
    pub(super) fn until(self, now: DateTime<Utc>) -> Result<Until, Problem> {
        match self {
            Self::Instant(Instant(at)) if now < at => {
                Err(Problem::invalid("as_of", "as_of lies ahead"))
            }
            Self::Instant(Instant(at)) => Ok(Until::Instant(at)),
            Self::Position(position) | Self::Receipt(position) => {
                Ok(Until::Position(Position(position)))
            }
        }
    }
}

/// The appointments of a page as they were, and the position that they rest on.
pub(super) async fn list(
    app: &App,
    tenant: TenantId,
    moment: Moment,
    (filter, after, limit): (AppointmentFilter, Option<Cursor>, u32),
) -> Result<(Position, Vec<AppointmentRow>), Problem> {
    let _turn = app.look_back().await?;
    let until = moment.until(app.clock.now())?;
    let log = Arc::new(app.dispatcher.log().clone());
    let page = (filter, after, limit);
    let found = appointments_as_of(&app.read, &log, tenant, until, page).await;
    let (reached, rows) = found.map_err(|error| match error {
        AsideError::Log(error) => error.into(),
        AsideError::Unavailable(_) => Problem::unavailable(&error),
        _ => Problem::internal(&error),
    })?;
    match moment {
        Moment::Position(position) if reached.0 < position => {
            Err(Problem::not_reached(position, reached.0))
        }
        Moment::Position(_) | Moment::Instant(_) | Moment::Receipt(_) => Ok((reached, rows)),
    }
}
