//! Who a booking is for: a customer who is known, or somebody who is registered along with it
//! (API-02).

use crate::{
    aggregate::Evolve as _,
    commands::{RegisterCustomer, phone_key},
    customer::Customer,
    dispatch::{Unit, UnitCommand as _, UnitError},
    event_log::StreamId,
    ids::CustomerId,
    ports::{EventLog, LogError},
    unique_key::UniqueKey,
};

use super::super::{BookingError, accept};

/// Who comes.
#[derive(Clone, Debug)]
pub enum Guest {
    /// A customer of the company.
    Known(CustomerId),
    /// Whoever of the company has the phone number; if nobody has, this customer, who is registered
    /// in the append of the booking. A refused booking registers nobody.
    New(Box<RegisterCustomer>),
}

impl Guest {
    /// Lines up, with the next queue, for the customer: one who books often, such as a walk-in account,
    /// is as hot a stream as a calendar day.
    pub(super) async fn line_up<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> Result<(), UnitError> {
        let streams = self.streams();
        unit.prefetch(&streams).await?;
        unit.queue_also(streams);
        if let Self::New(register) = self
            && let Some(index) = &register.indexes.phone
        {
            let key = phone_key(register.company_id, index);
            let known = unit.peek::<UniqueKey>(&key).await?;
            unit.queue_also(known.owner().map(Customer::stream));
        }
        Ok(())
    }

    /// The streams that tell who it is.
    fn streams(&self) -> Vec<StreamId> {
        match self {
            Self::Known(id) => vec![Customer::stream(id)],
            Self::New(register) => {
                let index = register.indexes.phone.as_deref();
                let key = index.map(|index| phone_key(register.company_id, index));
                key.into_iter().map(UniqueKey::stream).collect()
            }
        }
    }

    /// The customer, registered by now.
    pub(super) async fn arrive<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> Result<Result<CustomerId, BookingError>, UnitError> {
        let register = match self {
            Self::Known(id) => return Ok(Ok(*id)),
            Self::New(register) => register,
        };
        if let Some(index) = &register.indexes.phone {
            let key = phone_key(register.company_id, index);
            if let Some(owner) = unit.load::<UniqueKey>(&key).await?.owner() {
                let damaged = |_no_id| LogError::Damaged(format!("{key} belongs to no customer"));
                return Ok(Ok(owner.parse().map_err(damaged)?));
            }
        }
        unit.begin::<Customer>(register.id);
        accept!(register.run(unit).await?);
        Ok(Ok(CustomerId::new(register.id)))
    }
}
