//! Customer events to rows of `read.customers`.

use std::collections::BTreeMap;

use daybook_domain::{
    aggregate::Evolve,
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

use super::CustomerRow;

/// Keeps `read.customers`.
#[derive(Clone, Copy, Debug)]
pub struct Customers;

impl Projector for Customers {
    fn name(&self) -> &'static str {
        "customers"
    }

    fn version(&self) -> i32 {
        1
    }

    fn reads(&self) -> &'static [&'static str] {
        &[Customer::TYPE]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["read.customers"]
    }

    fn personal(&self) -> &'static [&'static str] {
        &["name", "phone", "phone_extension", "phone_is_valid", "email", "words", "external_ref"]
    }

    fn project<'a>(
        &'a self,
        tx: &'a mut PgConnection,
        tenant: TenantId,
        events: &'a [&'a Event],
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(async move {
            let mut changes: BTreeMap<CustomerId, Vec<(&CustomerEvent, &Event)>> = BTreeMap::new();
            for event in events {
                if let Fact::Customer(fact) = event.fact()? {
                    changes.entry(rows::id_of(event)?).or_default().push((fact, event));
                }
            }
            let statements = (include_str!("load.sql"), include_str!("store.sql"));
            rows::fold(tx, statements, tenant, changes, folded).await
        })
    }
}

fn folded(
    row: Option<CustomerRow>,
    id: CustomerId,
    (fact, event): (&CustomerEvent, &Event),
) -> Result<Option<CustomerRow>, ProjectionError> {
    match (row, fact) {
        (Some(mut row), fact) => {
            row.apply(fact, &event.recorded);
            Ok(Some(row))
        }
        (None, CustomerEvent::Registered { company_id, contact }) => {
            Ok(Some(CustomerRow::registered(id, *company_id, contact, &event.recorded)))
        }
        (None, _) => {
            Err(ProjectionError::Contradiction("a customer changed before it was registered"))
        }
    }
}
