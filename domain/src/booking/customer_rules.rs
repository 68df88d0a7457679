//! What a customer's other appointments have against one more, or against one that moves.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::{
    availability::CustomerFacts,
    customer::{Customer, Visit},
    ids::{AppointmentId, ServiceId},
    service::BookingLimits,
    slot::Slot,
};

use super::BookingError;

/// The most overlapping appointments that an appointment names.
const MAX_NAMED: usize = 20;

/// The rules that a customer's appointments set for a time at a branch: the limits per customer of the
/// services (MD-14), and that nobody is in two places at once.
#[derive(Clone, Copy, Debug)]
pub struct CustomerRules<'c> {
    /// Who comes.
    pub customer: &'c Customer,
    /// The zone of the branch: its date is the one that limits per day count by.
    pub zone: Tz,
    /// The time of asking.
    pub now: DateTime<Utc>,
    /// The appointment that moves: it counts neither way.
    pub moving: Option<AppointmentId>,
    /// Whether the request knows that the appointments overlap.
    pub allow_overlap: bool,
}

impl CustomerRules<'_> {
    /// The same as the engine takes it into account, so that nothing is offered that would be refused.
    pub fn facts<'l>(
        &self,
        services: impl IntoIterator<Item = (ServiceId, &'l BookingLimits)>,
    ) -> CustomerFacts {
        let (customer, moving) = (self.customer, self.moving);
        let mut facts = CustomerFacts::default();
        for (service_id, limits) in services {
            if let Some(limit) = limits.per_customer_upcoming
                && usize::from(limit) <= customer.upcoming_besides(self.now, moving)
            {
                facts.full = Some((service_id, limit));
            }
            let Some(limit) = limits.per_customer_per_day else { continue };
            if limit == 0 {
                facts.full = Some((service_id, limit));
            }
            for date in customer.dates() {
                if usize::from(limit) <= customer.booked_on_besides(date, service_id, moving) {
                    facts.full_dates.insert(date, (service_id, limit));
                }
            }
        }
        if !customer.may_overlap() && !self.allow_overlap {
            let others = customer.open_visits().filter(|(id, _)| Some(*id) != moving);
            let slot = |visit: &Visit| Slot { from: visit.starts_at, to: visit.ends_at };
            facts.busy = others.map(|(id, visit)| (slot(visit), id)).collect();
        }
        facts
    }

    /// Judges a time. Answers the appointments that it overlaps with and that the request allows.
    pub fn judge<'l>(
        &self,
        (starts_at, ends_at): (DateTime<Utc>, DateTime<Utc>),
        services: impl IntoIterator<Item = (ServiceId, &'l BookingLimits)>,
    ) -> Result<Vec<AppointmentId>, BookingError> {
        let (customer, moving) = (self.customer, self.moving);
        let date = starts_at.with_timezone(&self.zone).date_naive();
        for (service_id, limits) in services {
            if let Some(limit) = limits.per_customer_per_day
                && usize::from(limit) <= customer.booked_on_besides(date, service_id, moving)
            {
                return Err(BookingError::CustomerLimit { limit, which: "per day" });
            }
            if let Some(limit) = limits.per_customer_upcoming
                && usize::from(limit) <= customer.upcoming_besides(self.now, moving)
            {
                let which = "of upcoming appointments";
                return Err(BookingError::CustomerLimit { limit, which });
            }
        }
        if customer.may_overlap() {
            return Ok(Vec::new());
        }
        let others = customer.visits_between(starts_at, ends_at);
        let mut others: Vec<_> = others.filter(|(id, _)| Some(*id) != moving).collect();
        others.sort_unstable_by_key(|(id, visit)| (visit.starts_at, *id));
        match others.first() {
            Some((appointment_id, visit)) if !self.allow_overlap => {
                Err(BookingError::CustomerBusy {
                    appointment_id: *appointment_id,
                    starts_at: visit.starts_at,
                    ends_at: visit.ends_at,
                    occurrence: None,
                })
            }
            _ => Ok(others.into_iter().take(MAX_NAMED).map(|(id, _)| id).collect()),
        }
    }
}
