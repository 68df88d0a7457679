//! Answers as of another moment: read models folded aside from the log, for one question.

use std::{convert::Infallible, sync::Arc};

use chrono::{DateTime, Utc};
use daybook_adapters::postgres::scoped_transaction;
use daybook_domain::{event_log::Position, ids::TenantId};
use daybook_projections::{
    appointments::{self, AppointmentFilter, AppointmentRow, Appointments, Cursor},
    aside::{AsideError, Until, fold_into_temporary},
};

use tokio::sync::oneshot;

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
    let turn = app.look_back().await?;
    let until = moment.until(app.clock.now())?;
    let log = Arc::new(app.dispatcher.log().clone());
    let read = app.read.clone();
    let (waits, gone) = oneshot::channel::<Infallible>();
    // The turn belongs to the work, which ends later than a caller that goes: it hears of it, and its
    // transaction is rolled back then.
    let work = tokio::spawn(async move {
        let found = scoped_transaction(&read, tenant, move |tx| {
            Box::pin(async move {
                let answered = async {
                    let folded =
                        fold_into_temporary(tx, &log, tenant, &[Arc::new(Appointments)], until)
                            .await?;
                    let rows = appointments::list_folded(tx, tenant, &filter, after, limit).await?;
                    Ok((folded.position, rows))
                };
                tokio::select! {
                    answered = answered => answered,
                    _gone = gone => Err(AsideError::Abandoned),
                }
            })
        });
        let found: Result<_, AsideError> = found.await;
        drop(turn);
        found
    });
    let found = work.await.map_err(|error| Problem::internal(&error))?;
    drop(waits);
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
