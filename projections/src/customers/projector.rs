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
                    let id = event.recorded.stream.aggregate_id.parse();
                    let id = id.map_err(|_not_a_uuid: uuid::Error| {
                        ProjectionError::Contradiction("the stream of a customer is no UUID")
                    })?;
                    changes.entry(id).or_default().push((fact, event));
                }
            }
            let ids: Vec<CustomerId> = changes.keys().copied().collect();
            let known: Vec<CustomerRow> =
                rows::load(tx, include_str!("load.sql"), tenant, &ids).await?;
            let mut known: BTreeMap<_, _> =
                known.into_iter().map(|row| (row.customer_id, row)).collect();
            let mut changed = Vec::with_capacity(changes.len());
            for (id, changes) in changes {
                let mut row = known.remove(&id);
                for (fact, event) in changes {
                    match (&mut row, fact) {
                        (Some(row), fact) => row.apply(fact, &event.recorded),
                        (None, CustomerEvent::Registered { company_id, contact }) => {
                            row = Some(CustomerRow::registered(
                                id,
                                *company_id,
                                contact,
                                &event.recorded,
                            ));
                        }
                        (None, _) => {
                            return Err(ProjectionError::Contradiction(
                                "a customer changed before it was registered",
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
