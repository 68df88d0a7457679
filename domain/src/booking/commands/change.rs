//! Cancels and moves appointments, under the agreed terms (APT-20, APT-21, POL-09).

use chrono::{DateTime, Utc};

use crate::{
    appointment::{
        Appointment, AppointmentCommand, AppointmentStatus, Booking, Cancellation, ChangeCause,
        ChangedBy, PlacedClaim, ReasonCode, Rescheduling,
    },
    availability::{Ignoring, Item, StaffWish},
    calendar_day::{CalendarDayId, ReleaseReason},
    company::Company,
    customer::{Customer, CustomerEvent},
    dispatch::{Unit, UnitCommand, UnitError},
    ids::{AppointmentId, CompanyId, CustomerId, StaffId},
    master_data::MasterDataError,
    phase::{Phase, PhaseCommand},
    policy::{
        CancellationFacts, PolicyOutcome, RescheduleFacts, judge_cancellation, judge_reschedule,
    },
    ports::EventLog,
};

use super::{
    super::{BookingError, ChangeAnswer, Wish, accept, place::release_claims, scene::find_place},
    book::answer,
    status::{let_go, load},
};

/// Calls an appointment off.
#[derive(Clone, Debug)]
pub struct Cancel {
    /// Which.
    pub appointment_id: AppointmentId,
    /// Who cancels and why (APT-32).
    pub cause: ChangeCause,
    /// The version that the caller has read, if the caller insists on it.
    pub expected: Option<u64>,
}

/// Moves an appointment, in time or to another staff member.
#[derive(Clone, Debug)]
pub struct Reschedule {
    /// Which.
    pub appointment_id: AppointmentId,
    /// Where to.
    pub new_starts_at: DateTime<Utc>,
    /// To whom; the same staff member when absent.
    pub staff_id: Option<StaffId>,
    /// Who moves it and why (APT-33).
    pub cause: ChangeCause,
    /// The version that the caller has read, if the caller insists on it.
    pub expected: Option<u64>,
}

/// Refuses a reason code that the company does not have. The company is only asked about codes that
/// not every company has.
pub(super) async fn check_cause<L: EventLog>(
    unit: &mut Unit<'_, L>,
    company_id: CompanyId,
    cause: &ChangeCause,
) -> Result<Result<(), MasterDataError>, UnitError> {
    if cause.reason_code.as_ref().is_none_or(ReasonCode::is_standard) {
        return Ok(Ok(()));
    }
    let company = unit.load::<Company>(company_id).await?;
    Ok(cause.check_code(&company.policies().reason_codes))
}

impl UnitCommand for Cancel {
    type Answer = ChangeAnswer;
    type Refusal = BookingError;

    async fn run<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> Result<Result<ChangeAnswer, BookingError>, UnitError> {
        let id = self.appointment_id;
        let booking = accept!(load(unit, id, self.expected).await?);
        accept!(check_cause(unit, booking.company_id, &self.cause).await?);
        let outcome = accept!(self.cancel(unit, &booking).await?);
        let old_time = booking.plan.starts_at;
        let booking = accept!(answer(unit, id).await?);
        Ok(Ok(ChangeAnswer { booking, old_time, outcome }))
    }
}

impl Cancel {
    /// Cancels a loaded appointment; `None` when that was done before.
    pub(super) async fn cancel<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
        booking: &Booking,
    ) -> Result<Result<Option<PolicyOutcome>, BookingError>, UnitError> {
        let (id, at) = (self.appointment_id, unit.context().at);
        let month = at.with_timezone(&booking.zone).format("%Y-%m").to_string();
        let customer = unit.load::<Customer>(booking.customer_id).await?;
        let cancelled_this_month = customer.cancellations_in(&month);
        drop(customer);
        let by = self.cause.by;
        let counted_in = Some(month).filter(|_| by.is_customer());
        let command = AppointmentCommand::Cancel(Cancellation {
            at,
            cause: self.cause.of(booking.customer_id),
            cancelled_this_month,
        });
        if !accept!(call_off(unit, (id, booking), command, counted_in).await?) {
            return Ok(Ok(None));
        }
        let facts = CancellationFacts {
            notice: booking.plan.starts_at - at,
            cancelled_this_month,
            price: booking.price,
        };
        Ok(Ok(Some(judge_cancellation(&booking.terms.cancellation, facts).caused_by(by))))
    }
}

/// Cancels an appointment with everything that hangs on it; `false` when that was done before.
async fn call_off<L: EventLog>(
    unit: &mut Unit<'_, L>,
    (id, booking): (AppointmentId, &Booking),
    command: AppointmentCommand,
    counted_in: Option<String>,
) -> Result<Result<bool, BookingError>, UnitError> {
    let before = unit.revision::<Appointment>(id);
    accept!(unit.decide::<Appointment>(id, command).await?);
    if unit.revision::<Appointment>(id) == before {
        return Ok(Ok(false));
    }
    accept!(let_go(unit, booking, ReleaseReason::Cancelled).await?);
    let visit = CustomerEvent::VisitCancelled { appointment_id: id, counted_in };
    unit.record::<Customer>(booking.customer_id, vec![visit]).await?;
    Ok(Ok(true))
}

/// Calls off what a customer still has before them, on the company's part: the terms are left aside
/// and nothing is counted against the customer. What has begun early is left to run.
pub(crate) async fn call_off_upcoming<L: EventLog>(
    unit: &mut Unit<'_, L>,
    customer_id: CustomerId,
    reason: &str,
) -> Result<Result<(), BookingError>, UnitError> {
    let at = unit.context().at;
    let upcoming: Vec<_> = unit.load::<Customer>(customer_id).await?.upcoming_visits(at).collect();
    for id in upcoming {
        let booking = accept!(load(unit, id, None).await?);
        let status = unit.load::<Appointment>(id).await?.status();
        if !matches!(status, Some(AppointmentStatus::Pending | AppointmentStatus::Confirmed)) {
            continue;
        }
        let cause = ChangeCause {
            reason: Some(reason.to_owned()),
            ..ChangeCause::standard(ChangedBy::System, "customer_erased")
        };
        let command = AppointmentCommand::Cancel(Cancellation {
            at,
            cause: cause.of(customer_id),
            cancelled_this_month: 0,
        });
        accept!(call_off(unit, (id, &booking), command, None).await?);
    }
    Ok(Ok(()))
}

impl UnitCommand for Reschedule {
    type Answer = ChangeAnswer;
    type Refusal = BookingError;

    async fn run<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> Result<Result<ChangeAnswer, BookingError>, UnitError> {
        let id = self.appointment_id;
        let booking = accept!(load(unit, id, self.expected).await?);
        accept!(check_cause(unit, booking.company_id, &self.cause).await?);
        let outcome = match self.reschedule(unit, &booking).await? {
            // The caller's field has another name than that of a new booking.
            Err(BookingError::InThePast { .. }) => {
                return Ok(Err(BookingError::InThePast { field: "new_starts_at" }));
            }
            other => accept!(other),
        };
        let old_time = booking.plan.starts_at;
        let booking = accept!(answer(unit, id).await?);
        Ok(Ok(ChangeAnswer { booking, old_time, outcome }))
    }
}

impl Reschedule {
    /// Moves a loaded appointment; `None` when it is there already.
    pub(super) async fn reschedule<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
        booking: &Booking,
    ) -> Result<Result<Option<PolicyOutcome>, BookingError>, UnitError> {
        let (id, at) = (self.appointment_id, unit.context().at);
        let wish = Wish {
            branch_id: booking.branch_id,
            items: Item::agreed(&booking.service_ids, &booking.durations),
            staff: StaffWish::Pinned(self.staff_id.unwrap_or(booking.plan.staff_id)),
            starts_at: self.new_starts_at,
        };
        let ignoring = Ignoring { appointment_id: Some(id), hold_id: None };
        let old_days: Vec<CalendarDayId> =
            booking.plan.claims.iter().flat_map(PlacedClaim::days).collect();
        let found = find_place(unit, &wish, ignoring, &old_days).await?;
        let (scene, placement) = accept!(found);
        let old_phases = &booking.plan.phases;
        let phase_ids: Vec<_> = old_phases.iter().map(|phase| phase.phase_id).collect();
        let plan = accept!(scene.plan(unit, &placement, &phase_ids));
        let appointment = unit.load::<Appointment>(id).await?;
        let rescheduled = appointment.counted_reschedules();
        let is_pending = appointment.status() == Some(AppointmentStatus::Pending);
        drop(appointment);
        let command = AppointmentCommand::Reschedule(Rescheduling {
            at,
            plan: Box::new(plan.clone()),
            cause: self.cause.of(booking.customer_id),
        });
        let before = unit.revision::<Appointment>(id);
        accept!(unit.decide::<Appointment>(id, command).await?);
        if unit.revision::<Appointment>(id) == before {
            return Ok(Ok(None));
        }
        accept!(release_claims(unit, &booking.plan, ReleaseReason::Moved).await?);
        accept!(scene.claim(unit, &plan, |placed| placed.of_appointment(id, is_pending)).await?);
        for (index, phase) in plan.phases.iter().enumerate() {
            let plan = phase.clone();
            let command = if index < old_phases.len() {
                PhaseCommand::Move { plan }
            } else {
                PhaseCommand::Plan { appointment_id: id, plan }
            };
            accept!(unit.decide::<Phase>(phase.phase_id, command).await?);
        }
        for phase in old_phases.iter().skip(plan.phases.len()) {
            accept!(unit.decide::<Phase>(phase.phase_id, PhaseCommand::Cancel).await?);
        }
        let local_date = plan.starts_at.with_timezone(&booking.zone).date_naive();
        let starts_at = plan.starts_at;
        let moved = CustomerEvent::VisitMoved { appointment_id: id, starts_at, local_date };
        unit.record::<Customer>(booking.customer_id, vec![moved]).await?;
        let notice = booking.plan.starts_at - at;
        let facts = RescheduleFacts { notice, rescheduled, price: booking.price };
        let outcome = judge_reschedule(&booking.terms.reschedule, facts);
        Ok(Ok(Some(outcome.caused_by(self.cause.by))))
    }
}
