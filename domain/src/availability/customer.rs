//! What the appointments of a known customer have against a time.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{
    reasons::{Reason, Why},
    request::Placement,
};
use crate::{
    ids::{AppointmentId, ServiceId},
    slot::Slot,
};

/// A customer's other appointments, where a question is about one customer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerFacts {
    /// When the customer is at another appointment, unless the customer may overlap.
    pub busy: Vec<(Slot, AppointmentId)>,
    /// The dates of the branch on which the customer has as many appointments of a service as the
    /// service allows, with the service and its limit.
    pub full_dates: BTreeMap<NaiveDate, (ServiceId, u16)>,
    /// A service that allows the customer no further appointment, with its limit.
    pub full: Option<(ServiceId, u16)>,
}

impl CustomerFacts {
    /// The reasons that lie with the customer against a placement on a date of the branch.
    pub(super) fn reasons(&self, placement: &Placement, date: NaiveDate) -> Vec<Reason> {
        let full = self.full_dates.get(&date).or(self.full.as_ref());
        let full = full.map(|(service_id, limit)| {
            let why = Why::CustomerLimitReached { limit: *limit };
            Reason::of_service(why, *service_id)
        });
        let time = Slot { from: placement.starts_at, to: placement.ends_at };
        let busy = self.busy.iter().filter(|(slot, _)| slot.overlaps(&time));
        let busy = busy.map(|(slot, appointment_id)| {
            let (slot, appointment_id) = (*slot, *appointment_id);
            Reason::general(Why::CustomerBusy { slot, appointment_id })
        });
        full.into_iter().chain(busy).collect()
    }
}
