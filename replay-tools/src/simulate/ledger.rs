//! What the two worlds come to: minutes, prices and fees, before and after.

use std::collections::{BTreeMap, HashMap};

use daybook_domain::{
    aggregate::Evolve as _,
    appointment::{Appointment, AppointmentEvent, AppointmentStatus},
    event_log::RecordedEvent,
    ids::AppointmentId,
    money::Currency,
};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{decision::Decision, outcome::About, world::World};

/// The appointments of the past, and the fees of both worlds.
#[derive(Default)]
pub(super) struct Ledger {
    originals: HashMap<AppointmentId, Original>,
    /// Appointments that only the simulated world has.
    taken: Vec<AppointmentId>,
    fees: BTreeMap<Currency, Fees>,
}

struct Original {
    state: Appointment,
    is_counted: bool,
}

/// Fees of one currency, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Fees {
    /// As they were.
    pub before: i64,
    /// As they would have been.
    pub after: i64,
}

/// What stands of a service, a staff member or a branch in the end: what was neither cancelled nor
/// rejected nor missed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// `service`, `staff` or `branch`.
    pub of: &'static str,
    /// Which.
    pub id: Uuid,
    /// What it is called at the end of the history.
    pub name: Option<String>,
    /// The currency of its amounts.
    pub currency: Currency,
    /// In the past.
    pub before: Sums,
    /// In the simulated world.
    pub after: Sums,
}

/// Sums of appointments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sums {
    /// Appointments that it has a part in.
    pub appointments: u64,
    /// Minutes of its staff-active phases.
    pub minutes: i64,
    /// Prices in minor units. An appointment counts for its first service, the staff member of its
    /// first phase, and its branch.
    pub revenue_minor: i64,
}

/// What things are called.
#[derive(Default)]
pub(super) struct Names(HashMap<String, String>);

impl Names {
    /// Follows what history says of the names of branches, staff and services.
    pub(super) fn follow(&mut self, facts: &[RecordedEvent]) {
        for fact in facts {
            if !matches!(&*fact.stream.aggregate_type, "branch" | "staff" | "service") {
                continue;
            }
            let payload: Option<Value> = serde_json::from_str(&fact.payload).ok();
            let name = payload.as_ref().and_then(|it| it.pointer("/profile/name")?.as_str());
            if let Some(name) = name {
                self.0.insert(fact.stream.aggregate_id.to_string(), name.to_owned());
            }
        }
    }

    fn of(&self, id: Uuid) -> Option<String> {
        self.0.get(&id.to_string()).cloned()
    }
}

impl Ledger {
    /// Notes what happened in the past and what happened now. What is not counted is only followed.
    pub(super) fn note(
        &mut self,
        decision: &Decision,
        now: &[(AppointmentId, AppointmentEvent)],
        is_counted: bool,
    ) {
        for (id, event) in &decision.appointments {
            let new = || Original { state: Appointment::default(), is_counted };
            self.originals.entry(*id).or_insert_with(new).state.evolve(event);
        }
        if is_counted {
            for (_, event) in &decision.appointments {
                self.fee(event, |fees| &mut fees.before);
            }
            for (_, event) in now {
                self.fee(event, |fees| &mut fees.after);
            }
        }
    }

    /// Notes an appointment that only the simulated world has.
    pub(super) fn take(&mut self, id: AppointmentId) {
        self.taken.push(id);
    }

    fn fee(&mut self, event: &AppointmentEvent, side: impl Fn(&mut Fees) -> &mut i64) {
        let (AppointmentEvent::Cancelled { outcome, .. }
        | AppointmentEvent::Rescheduled { outcome, .. }) = event
        else {
            return;
        };
        let sum = side(self.fees.entry(outcome.fee.currency).or_default());
        *sum = sum.saturating_add(outcome.fee.amount_minor);
    }

    /// What is known of an appointment of the past.
    pub(super) fn about(&self, id: AppointmentId) -> About {
        let booking = self.originals.get(&id).and_then(|it| it.state.booking());
        About {
            appointment_id: Some(id),
            series_id: booking.and_then(|it| it.series).map(|place| place.series_id),
            hold_id: None,
            branch_id: booking.map(|it| it.branch_id),
            service_ids: booking.map(|it| it.service_ids.clone()).unwrap_or_default(),
            staff_id: booking.map(|it| it.plan.staff_id),
            starts_at: booking.map(|it| it.plan.starts_at),
        }
    }

    /// The sums of both worlds.
    pub(super) async fn close(
        self,
        world: &World,
        names: &Names,
    ) -> anyhow::Result<(Vec<Row>, BTreeMap<Currency, Fees>)> {
        let mut rows = Rows::default();
        for (id, original) in self.originals.iter().filter(|(_, it)| it.is_counted) {
            rows.count(&original.state, |row| &mut row.0);
            if let Some(state) = world.appointment(*id).await? {
                rows.count(&state, |row| &mut row.1);
            }
        }
        for id in self.taken {
            rows.count(&*world.own_appointment(id).await?, |row| &mut row.1);
        }
        let row = |((of, id, currency), (before, after))| Row {
            of,
            id,
            name: names.of(id),
            currency,
            before,
            after,
        };
        Ok((rows.0.into_iter().map(row).collect(), self.fees))
    }
}

type Key = (&'static str, Uuid, Currency);

#[derive(Default)]
struct Rows(BTreeMap<Key, (Sums, Sums)>);

impl Rows {
    fn count(&mut self, state: &Appointment, side: impl Fn(&mut (Sums, Sums)) -> &mut Sums) {
        let stands = state.status().is_some_and(AppointmentStatus::keeps_its_place);
        let Some(booking) = state.booking().filter(|_| stands) else { return };
        let currency = booking.price.currency;
        let (branch, mut parts) = (booking.branch_id.uuid(), BTreeMap::<_, i64>::new());
        for phase in &booking.plan.phases {
            let minutes = (phase.active.to - phase.active.from).num_minutes();
            for part in [
                ("service", phase.service_id.uuid()),
                ("staff", phase.staff_id.uuid()),
                ("branch", branch),
            ] {
                *parts.entry(part).or_default() += minutes;
            }
        }
        let first = booking.service_ids.first().map(|id| id.uuid());
        for ((of, id), minutes) in parts {
            let sums = side(self.0.entry((of, id, currency)).or_default());
            sums.appointments += 1;
            sums.minutes += minutes;
            let is_first = match of {
                "service" => first == Some(id),
                "staff" => booking.plan.staff_id.uuid() == id,
                _branch => true,
            };
            if is_first {
                let price = booking.price.amount_minor;
                sums.revenue_minor = sums.revenue_minor.saturating_add(price);
            }
        }
    }
}
