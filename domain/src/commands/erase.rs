//! Forgetting a customer: at once, or when the grace is over (GDPR-04, GDPR-07, JOB-11).

use uuid::Uuid;

use crate::{
    booking::{BookingError, accept, commands::call_off_upcoming},
    customer::{Customer, CustomerCommand, ErasureReason},
    dispatch::{Unit, UnitCommand, UnitError},
    ids::CustomerId,
    ports::EventLog,
};

use super::{
    customer::{CustomerIndexes, keys, old_key},
    one::{Saved, check_version, saved},
    register::move_keys,
};

/// What an appointment that is called off says of why. It is sealed like every reason, so it goes with
/// the customer; who did it stays.
const WHY: &str = "the customer is forgotten";

/// Forgets a customer: calls off what is still to come, and gives the customer's keys back, so that
/// the same person may come again as somebody new. All of it is one append. The vault destroys the
/// customer's own key once this is recorded.
#[derive(Clone, Debug)]
pub struct EraseCustomer {
    /// Who.
    pub id: Uuid,
    /// What the customer was found by, made while it could still be read.
    pub indexes: CustomerIndexes,
    /// On which ground.
    pub reason: ErasureReason,
    /// Only if the customer asked for it and the grace is over; nothing is recorded otherwise.
    pub only_if_due: bool,
    /// The version that the caller has read, if the caller insists on it.
    pub expected: Option<u64>,
}

impl UnitCommand for EraseCustomer {
    type Answer = Saved;
    type Refusal = BookingError;

    async fn run<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> Result<Result<Saved, BookingError>, UnitError> {
        accept!(check_version::<Customer, L>(unit, self.id, self.expected).await?);
        let at = unit.context().at;
        let customer = unit.load::<Customer>(self.id).await?;
        let is_due = customer.wished_erasure().is_some_and(|wish| wish.due_at <= at);
        let is_erased = customer.is_erased();
        let company_id = customer.company_id();
        let old = old_key(customer.contact());
        drop(customer);
        if (self.only_if_due && !is_due) || is_erased {
            return Ok(Ok(saved::<Customer, L>(unit, self.id)));
        }
        accept!(call_off_upcoming(unit, CustomerId::new(self.id), WHY).await?);
        let erase = CustomerCommand::Erase { reason: self.reason };
        accept!(unit.decide::<Customer>(self.id, erase).await?);
        if let Some(company_id) = company_id {
            let before = keys(company_id, &self.indexes).into_iter().chain(old);
            let before: Vec<_> = before.collect();
            accept!(move_keys(unit, self.id, &before, &[]).await?);
        }
        Ok(Ok(saved::<Customer, L>(unit, self.id)))
    }
}
