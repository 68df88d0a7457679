//! Customer events and bookings to rows of `read.customer_journey`.

use std::collections::BTreeMap;

use daybook_domain::{
    aggregate::Evolve,
    appointment::{Appointment, AppointmentEvent},
    customer::{Customer, CustomerEvent},
    ids::{CustomerId, TenantId},
};
use futures::future::BoxFuture;
use sqlx::PgConnection;

use crate::{
    event::{Event, Fact},
    projector::{ProjectionError, Projector},
    rows,
};

use super::JourneyRow;

/// Keeps `read.customer_journey`.
#[derive(Clone, Copy, Debug)]
pub struct CustomerJourney;

impl Projector for CustomerJourney {
    fn name(&self) -> &'static str {
        "customer_journey"
    }

    fn version(&self) -> i32 {
        2
    }

    fn reads(&self) -> &'static [&'static str] {
        &[Customer::TYPE, Appointment::TYPE]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["read.customer_journey"]
    }

    fn project<'a>(
        &'a self,
        tx: &'a mut PgConnection,
        tenant: TenantId,
        events: &'a [&'a Event],
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(async move {
            let mut changes: BTreeMap<CustomerId, Vec<&Event>> = BTreeMap::new();
            for event in events {
                match event.fact()? {
                    Fact::Customer(_) => {
                        changes.entry(rows::id_of(event)?).or_default().push(event);
                    }
                    Fact::Appointment(AppointmentEvent::Booked(booking)) => {
                        changes.entry(booking.customer_id).or_default().push(event);
                    }
                    _ => {}
                }
            }
            let statements = (include_str!("load.sql"), include_str!("store.sql"));
            rows::fold(tx, statements, tenant, changes, folded).await
        })
    }
}

fn folded(
    row: Option<JourneyRow>,
    id: CustomerId,
    event: &Event,
) -> Result<Option<JourneyRow>, ProjectionError> {
    let recorded = &event.recorded;
    match (row, event.fact()?) {
        (Some(mut row), Fact::Customer(fact)) => {
            row.apply(fact, recorded, event.metadata()?.at);
            Ok(Some(row))
        }
        (Some(mut row), Fact::Appointment(AppointmentEvent::Booked(booking))) => {
            row.priced(rows::id_of(event)?, booking, recorded);
            Ok(Some(row))
        }
        (None, Fact::Customer(CustomerEvent::Registered { company_id, .. })) => {
            let at = event.metadata()?.at;
            Ok(Some(JourneyRow::registered(id, *company_id, recorded, at)))
        }
        // Who books for the first time is registered by the same append, behind the booking.
        (None, Fact::Appointment(AppointmentEvent::Booked(booking))) => {
            let at = event.metadata()?.at;
            let mut row = JourneyRow::registered(id, booking.company_id, recorded, at);
            row.agreed(rows::id_of(event)?, booking);
            Ok(Some(row))
        }
        (None, Fact::Customer(_)) => {
            Err(ProjectionError::Contradiction("a customer changed before it was registered"))
        }
        (row, _) => Ok(row),
    }
}
