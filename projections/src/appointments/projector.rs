//! Appointment events to rows of `read.appointments`.

use std::collections::BTreeMap;

use daybook_domain::{
    aggregate::Evolve,
    appointment::{Appointment, AppointmentEvent},
    customer::CustomerEvent,
    ids::{AppointmentId, CustomerId, TenantId},
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
        2
    }

    fn reads(&self) -> &'static [&'static str] {
        &[Appointment::TYPE, "customer.erased"]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["read.appointments"]
    }

    fn personal(&self) -> &'static [&'static str] {
        &["external_ref", "call_id"]
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
            let mut forgotten: Vec<CustomerId> = Vec::new();
            for event in events {
                match event.fact()? {
                    Fact::Appointment(fact) => {
                        changes.entry(rows::id_of(event)?).or_default().push((fact, event));
                    }
                    Fact::Customer(CustomerEvent::Erased { .. }) => {
                        forgotten.push(rows::id_of(event)?);
                    }
                    _ => {}
                }
            }
            let statements = (include_str!("load.sql"), include_str!("store.sql"));
            rows::fold(tx, statements, tenant, changes, folded).await?;
            // Nothing is booked for the forgotten, so the order within a batch does not matter.
            forget(tx, tenant, &forgotten).await
        })
    }
}

/// Clears what outside systems call the appointments of the forgotten.
async fn forget(
    tx: &mut PgConnection,
    tenant: TenantId,
    customers: &[CustomerId],
) -> Result<(), ProjectionError> {
    if !customers.is_empty() {
        let ids: Vec<_> = customers.iter().map(|id| id.uuid()).collect();
        let forget = sqlx::query(include_str!("forget.sql")).bind(tenant.uuid()).bind(ids);
        forget.execute(tx).await?;
    }
    Ok(())
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
