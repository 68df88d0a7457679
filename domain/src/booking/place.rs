//! From a placement to a plan with ids and claims, and the claims on and off the calendar days.

use chrono::{DateTime, NaiveDate, TimeZone, Utc};
use chrono_tz::Tz;

use crate::{
    appointment::{PlacedClaim, Plan},
    availability::{Item, Placement},
    calendar::CalendarId,
    calendar_day::{CalendarDay, CalendarDayCommand, Claim, ReleaseReason, local_dates},
    dispatch::{Unit, UnitError},
    ids::{ClaimId, PhaseId},
    money::Money,
    phase::{PhasePlan, ResourceUse},
    ports::EventLog,
    slot::Slot,
};

use super::{BookingError, accept, scene::Scene};

impl Scene {
    /// The plan of a placement. Phases take the ids that are given, in order, then fresh ones.
    pub(super) fn plan<L: EventLog>(
        &self,
        unit: &Unit<'_, L>,
        placement: &Placement,
        phase_ids: &[PhaseId],
    ) -> Result<Plan, BookingError> {
        let context = unit.context();
        let staff_id = placement.staff_id().ok_or(BookingError::Invalid {
            field: "service_id",
            problem: "a booking has at least one phase".to_owned(),
        })?;
        let (mut phases, mut claims) = (Vec::new(), Vec::new());
        for (index, placed) in placement.phases.iter().enumerate() {
            let fresh = || PhaseId::new(context.next_id());
            let phase_id = phase_ids.get(index).copied().unwrap_or_else(fresh);
            let mut claim = |calendar: CalendarId, slot: Slot, units: u16| {
                claims.push(PlacedClaim {
                    claim_id: ClaimId::new(context.next_id()),
                    calendar,
                    dates: local_dates(slot, self.zone_of(calendar)),
                    slot,
                    units,
                    phase_id: Some(phase_id),
                    service_id: placed.service_id,
                });
            };
            claim(CalendarId::Staff(placed.staff_id), placed.blocked, 1);
            if let Some(used) = placed.resource {
                claim(CalendarId::Resource(used.resource_id), used.slot, used.units);
            }
            phases.push(PhasePlan {
                phase_id,
                key: placed.key.clone(),
                service_id: placed.service_id,
                staff_id: placed.staff_id,
                active: placed.active,
                staff_busy: placed.staff,
                client_busy: placed.client,
                resource: placed.resource.map(|used| ResourceUse {
                    resource_id: used.resource_id,
                    units: used.units,
                    slot: used.slot,
                }),
            });
        }
        let date = placement.starts_at.with_timezone(&self.profile.zone).date_naive();
        for (service_id, service) in &self.services {
            let limit = service.profile().and_then(|profile| profile.rules.limits.per_day);
            // The claim takes the whole day, so that the day's capacity is the limit.
            if limit.is_some()
                && let Some(slot) = whole_day(date, self.profile.zone)
            {
                claims.push(PlacedClaim {
                    claim_id: ClaimId::new(context.next_id()),
                    calendar: CalendarId::Service(*service_id),
                    dates: vec![date],
                    slot,
                    units: 1,
                    phase_id: None,
                    service_id: *service_id,
                });
            }
        }
        let (starts_at, ends_at) = (placement.starts_at, placement.ends_at);
        let choice = placement.choice.clone().map(Box::new);
        Ok(Plan { starts_at, ends_at, staff_id, phases, claims, choice })
    }

    /// The units that a calendar has.
    fn capacity(&self, calendar: CalendarId) -> u16 {
        match calendar {
            CalendarId::Staff(_) => 1,
            CalendarId::Resource(id) => {
                self.resources.get(&id).and_then(|it| it.profile()).map_or(0, |it| it.capacity)
            }
            CalendarId::Service(id) => {
                let profile = self.services.get(&id).and_then(|it| it.profile());
                profile.and_then(|profile| profile.rules.limits.per_day).unwrap_or(0)
            }
        }
    }

    /// What the services of a plan cost together (CTR-43).
    pub(super) fn price(&self, plan: &Plan, items: &[Item]) -> Option<Money> {
        let mut total: Option<Money> = None;
        for item in items {
            let phase = plan.phases.iter().find(|phase| phase.service_id == item.service_id)?;
            let service = self.services.get(&item.service_id)?;
            let price = service.price_lasting(phase.staff_id, self.branch_id, item.active_min)?;
            total = Some(match total {
                None => price,
                Some(sum) => sum.checked_add(price)?,
            });
        }
        total
    }

    /// Puts the claims of a plan on their calendar days.
    pub(super) async fn claim<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
        plan: &Plan,
        claim: impl Fn(&PlacedClaim) -> Claim + Send + Sync,
    ) -> Result<Result<(), BookingError>, UnitError> {
        let at = unit.context().at;
        for placed in &plan.claims {
            let capacity = self.capacity(placed.calendar);
            for day in placed.days() {
                let command = CalendarDayCommand::Claim { day, capacity, claim: claim(placed), at };
                accept!(unit.decide::<CalendarDay>(day, command).await?);
            }
        }
        Ok(Ok(()))
    }
}

/// Keeps the places of a plan for another purpose or for longer.
pub(super) async fn change_claims<L: EventLog>(
    unit: &mut Unit<'_, L>,
    plan: &Plan,
    claim: impl Fn(&PlacedClaim) -> Claim + Send + Sync,
) -> Result<Result<(), BookingError>, UnitError> {
    let at = unit.context().at;
    for placed in &plan.claims {
        for day in placed.days() {
            let command = CalendarDayCommand::Change { claim: claim(placed), at };
            accept!(unit.decide::<CalendarDay>(day, command).await?);
        }
    }
    Ok(Ok(()))
}

/// Gives the places of a plan back.
pub(super) async fn release_claims<L: EventLog>(
    unit: &mut Unit<'_, L>,
    plan: &Plan,
    reason: ReleaseReason,
) -> Result<Result<(), BookingError>, UnitError> {
    for placed in &plan.claims {
        for day in placed.days() {
            let claim_id = placed.claim_id;
            let command = CalendarDayCommand::Release { claim_id, reason };
            accept!(unit.decide::<CalendarDay>(day, command).await?);
        }
    }
    Ok(Ok(()))
}

/// A local date from its first instant to the first of the next.
fn whole_day(date: NaiveDate, zone: Tz) -> Option<Slot> {
    Slot::new(first_instant(date, zone)?, first_instant(date.succ_opt()?, zone)?)
}

/// The first instant of a local date; some zones skip midnight when clocks go forward.
fn first_instant(date: NaiveDate, zone: Tz) -> Option<DateTime<Utc>> {
    (0..=3 * 4).find_map(|quarter| {
        let local = date.and_hms_opt(quarter / 4, (quarter % 4) * 15, 0)?;
        zone.from_local_datetime(&local).earliest().map(|at| at.to_utc())
    })
}
