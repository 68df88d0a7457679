//! Appointment events to rows of `read.modification_stats` and `read.policy_violations`.

use std::{collections::BTreeMap, sync::Mutex};

use daybook_domain::{
    aggregate::Evolve,
    appointment::{Appointment, AppointmentEvent},
    ids::{AppointmentId, TenantId},
};
use futures::future::BoxFuture;
use sqlx::PgConnection;

use crate::{
    event::{Event, Fact},
    projector::{ProjectionError, Projector},
    rows,
};

use super::row::StatsRow;

/// Keeps `read.modification_stats` and `read.policy_violations`.
#[derive(Clone, Copy, Debug)]
pub struct Modifications;

impl Projector for Modifications {
    fn name(&self) -> &'static str {
        "modifications"
    }

    fn version(&self) -> i32 {
        1
    }

    fn reads(&self) -> &'static [&'static str] {
        &[Appointment::TYPE]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["read.modification_stats", "read.policy_violations"]
    }

    fn project<'a>(
        &'a self,
        tx: &'a mut PgConnection,
        tenant: TenantId,
        events: &'a [&'a Event],
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(async move {
            let mut changes: BTreeMap<AppointmentId, Vec<(&AppointmentEvent, &Event)>> =
                BTreeMap::new();
            for event in events {
                if let Fact::Appointment(fact) = event.fact()? {
                    changes.entry(rows::id_of(event)?).or_default().push((fact, event));
                }
            }
            let violations = Mutex::new(Vec::new());
            let statements = (include_str!("load.sql"), include_str!("store.sql"));
            rows::fold(tx, statements, tenant, changes, |row: Option<StatsRow>, id, change| {
                let (fact, event) = change;
                match (row, fact) {
                    (Some(mut row), fact) => {
                        let violation = row.apply(fact, &event.recorded);
                        rows::held(&violations).extend(violation);
                        Ok(Some(row))
                    }
                    (None, AppointmentEvent::Booked(booking)) => {
                        Ok(Some(StatsRow::booked(id, booking, &event.recorded)))
                    }
                    (None, _) => Err(ProjectionError::Contradiction(
                        "an appointment changed before it was booked",
                    )),
                }
            })
            .await?;
            let violations = std::mem::take(&mut *rows::held(&violations));
            rows::store(tx, include_str!("store_violations.sql"), tenant, &violations).await
        })
    }
}
