//! Appointment events to rows of `read.appointments`.

use std::collections::BTreeMap;

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

use super::AppointmentRow;

/// Keeps `read.appointments`.
#[derive(Clone, Copy, Debug)]
pub struct Appointments;

impl Projector for Appointments {
    fn name(&self) -> &'static str {
        "appointments"
    }

    fn version(&self) -> i32 {
        1
    }

    fn reads(&self) -> &'static [&'static str] {
        &[Appointment::TYPE]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["read.appointments"]
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
                    let id = event.recorded.stream.aggregate_id.parse();
                    let id = id.map_err(|_not_a_uuid: uuid::Error| {
                        ProjectionError::Contradiction("the stream of an appointment is no UUID")
                    })?;
                    changes.entry(id).or_default().push((fact, event));
                }
            }
            let ids: Vec<AppointmentId> = changes.keys().copied().collect();
            let known: Vec<AppointmentRow> =
                rows::load(tx, include_str!("load.sql"), tenant, &ids).await?;
            let mut known: BTreeMap<_, _> =
                known.into_iter().map(|row| (row.appointment_id, row)).collect();
            let mut changed = Vec::with_capacity(changes.len());
            for (id, changes) in changes {
                let mut row = known.remove(&id);
                for (fact, event) in changes {
                    match (&mut row, fact) {
                        (Some(row), fact) => row.apply(fact, &event.recorded),
                        (None, AppointmentEvent::Booked(booking)) => {
                            row = Some(AppointmentRow::booked(id, booking, &event.recorded));
                        }
                        (None, _) => {
                            return Err(ProjectionError::Contradiction(
                                "an appointment changed before it was booked",
                            ));
                        }
                    }
                }
                changed.extend(row);
            }
            rows::store(tx, include_str!("store.sql"), tenant, &changed).await
        })
    }
}
