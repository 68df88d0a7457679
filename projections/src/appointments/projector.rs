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
                    changes.entry(rows::id_of(event)?).or_default().push((fact, event));
                }
            }
            let statements = (include_str!("load.sql"), include_str!("store.sql"));
            rows::fold(tx, statements, tenant, changes, folded).await
        })
    }
}

fn folded(
    row: Option<AppointmentRow>,
    id: AppointmentId,
    (fact, event): (&AppointmentEvent, &Event),
) -> Result<Option<AppointmentRow>, ProjectionError> {
    match (row, fact) {
        (Some(mut row), fact) => {
            row.apply(fact, &event.recorded);
            Ok(Some(row))
        }
        (None, AppointmentEvent::Booked(booking)) => {
            Ok(Some(AppointmentRow::booked(id, booking, &event.recorded)))
        }
        (None, _) => {
            Err(ProjectionError::Contradiction("an appointment changed before it was booked"))
        }
    }
}
