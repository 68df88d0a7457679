//! A row of `read.customer_journey` and how events change it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use daybook_domain::{
    appointment::Booking,
    customer::{
        CustomerEvent,
        journey::{Activity, Stage, Thresholds},
    },
    event_log::RecordedEvent,
    ids::{AppointmentId, CompanyId, CustomerId},
};
use serde::{Deserialize, Serialize};

use crate::rows::{Keyed, kept_as_json, stored};

/// Transitions that are kept; the oldest go first.
const KEPT: usize = 100;

/// A customer's way with a company. The fields are the columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JourneyRow {
    /// The customer.
    pub customer_id: CustomerId,
    /// The position of the event that the row rests on.
    pub position: u64,
    /// Whose customer.
    pub company_id: CompanyId,
    /// Appointments that were booked.
    pub booked: u32,
    /// Appointments that were kept.
    pub completed: u32,
    /// Appointments that the customer called off.
    pub cancelled: u32,
    /// Appointments that the customer missed.
    pub missed: u32,
    /// Phone calls.
    pub calls: u32,
    /// What was spent on kept appointments, in the smallest unit.
    pub spent_minor: i64,
    /// The agreed prices of appointments that are not over.
    pub open_prices: BTreeMap<AppointmentId, i64>,
    /// The latest sign of life.
    pub last_activity_at: DateTime<Utc>,
    /// The stages that were reached, oldest first.
    pub history: Vec<Transition>,
    /// Whether the customer was forgotten.
    pub is_erased: bool,
}

/// A stage and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// The stage.
    pub stage: Stage,
    /// Since when.
    pub at: DateTime<Utc>,
}

kept_as_json!(Vec<Transition>);
stored!(JourneyRow {
    customer_id,
    position,
    company_id,
    booked,
    completed,
    cancelled,
    missed,
    calls,
    spent_minor,
    open_prices,
    last_activity_at,
    history,
    is_erased,
});

impl Keyed for JourneyRow {
    type Key = CustomerId;

    fn key(&self) -> CustomerId {
        self.customer_id
    }
}

impl JourneyRow {
    pub(crate) fn registered(
        customer_id: CustomerId,
        company_id: CompanyId,
        recorded: &RecordedEvent,
        at: DateTime<Utc>,
    ) -> Self {
        Self {
            customer_id,
            position: recorded.position.0,
            company_id,
            booked: 0,
            completed: 0,
            cancelled: 0,
            missed: 0,
            calls: 0,
            spent_minor: 0,
            open_prices: BTreeMap::new(),
            last_activity_at: at,
            history: vec![Transition { stage: Stage::Lead, at }],
            is_erased: false,
        }
    }

    /// What the customer has done.
    pub fn activity(&self) -> Activity {
        Activity {
            booked: self.booked,
            completed: self.completed,
            cancelled: self.cancelled,
            missed: self.missed,
            calls: self.calls,
            spent_minor: self.spent_minor,
            last_at: Some(self.last_activity_at),
        }
    }

    /// The transitions up to a moment, those that silence has brought included.
    pub fn history_at(&self, thresholds: &Thresholds, now: DateTime<Utc>) -> Vec<Transition> {
        let mut history = self.history.clone();
        history.extend(self.silence(thresholds, now));
        history
    }

    /// Notes the price of a booking. One that the row has seen changes nothing.
    pub(crate) fn priced(&mut self, id: AppointmentId, booking: &Booking, at: &RecordedEvent) {
        if self.position < at.position.0 {
            self.position = at.position.0;
            self.agreed(id, booking);
        }
    }

    /// A price was agreed.
    pub(crate) fn agreed(&mut self, id: AppointmentId, booking: &Booking) {
        self.open_prices.insert(id, booking.price.amount_minor);
    }

    /// Folds a later event in, decided at an instant: the time of the business, not that of the
    /// database. One that the row has seen changes nothing.
    pub(crate) fn apply(
        &mut self,
        event: &CustomerEvent,
        recorded: &RecordedEvent,
        at: DateTime<Utc>,
    ) {
        if recorded.position.0 <= self.position {
            return;
        }
        self.position = recorded.position.0;
        match event {
            CustomerEvent::VisitBooked { .. } => {
                self.lives(at, |row| row.booked += 1);
            }
            CustomerEvent::VisitCompleted { appointment_id } => {
                let price = self.open_prices.remove(appointment_id).unwrap_or(0);
                self.lives(at, |row| {
                    row.completed += 1;
                    row.spent_minor = row.spent_minor.saturating_add(price);
                });
            }
            CustomerEvent::VisitCancelled { appointment_id, counted_in } => {
                self.open_prices.remove(appointment_id);
                // What the business has turned down is not the customer's doing.
                if counted_in.is_some() {
                    self.lives(at, |row| row.cancelled += 1);
                }
            }
            CustomerEvent::VisitMissed { appointment_id } => {
                self.open_prices.remove(appointment_id);
                self.missed += 1;
            }
            CustomerEvent::VisitMoved { .. }
            | CustomerEvent::ContactChanged { .. }
            | CustomerEvent::ConsentGiven { .. }
            | CustomerEvent::ConsentWithdrawn { .. } => self.lives(at, |_| ()),
            CustomerEvent::Erased { .. } => self.is_erased = true,
            // The business wrote something down, or registered what it knows already.
            CustomerEvent::Registered { .. }
            | CustomerEvent::NoteAdded { .. }
            | CustomerEvent::ErasureRequested { .. }
            | CustomerEvent::ErasureWithdrawn { .. } => {}
        }
    }

    /// A sign of life: it ends any silence, and may bring the customer to another stage.
    fn lives(&mut self, at: DateTime<Utc>, count: impl FnOnce(&mut Self)) {
        let thresholds = Thresholds::default();
        let silence = self.silence(&thresholds, at);
        self.history.extend(silence);
        count(self);
        self.last_activity_at = self.last_activity_at.max(at);
        let stage = self.activity().reached(&thresholds);
        if self.history.last().is_none_or(|last| last.stage != stage) {
            self.history.push(Transition { stage, at });
        }
        let too_many = self.history.len().saturating_sub(KEPT);
        self.history.drain(..too_many);
    }

    /// What silence has brought by a moment.
    fn silence(&self, thresholds: &Thresholds, now: DateTime<Utc>) -> Vec<Transition> {
        let after =
            [(Stage::AtRisk, thresholds.at_risk_after), (Stage::Churned, thresholds.churned_after)];
        let ends =
            after.map(|(stage, after)| Transition { stage, at: self.last_activity_at + after });
        ends.into_iter().filter(|end| end.at <= now).collect()
    }
}
