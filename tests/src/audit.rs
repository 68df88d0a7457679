//! Looks at a whole history from outside: no half booking, no two claims on one place.
//!
//! Written without the code that decides: it folds the streams and compares them with each other.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use daybook_domain::{
    aggregate::{Evolve, decode},
    appointment::{Appointment, AppointmentStatus},
    calendar_day::{CalendarDay, CalendarDayEvent, CalendarDayId, Claim},
    event_log::{Position, RecordedEvent},
    ids::{AppointmentId, PhaseId},
    phase::Phase,
};
use daybook_replay_tools::History;

/// What a history says of its appointments.
#[derive(Debug, Default)]
pub struct Audit {
    /// Where each appointment stands, and when it starts.
    pub appointments: BTreeMap<AppointmentId, (AppointmentStatus, DateTime<Utc>)>,
    /// The last position.
    pub head: Position,
    /// Everything that must not be.
    pub problems: Vec<String>,
}

#[derive(Default)]
struct Streams {
    appointments: BTreeMap<AppointmentId, Appointment>,
    phases: BTreeMap<PhaseId, Phase>,
    days: BTreeMap<CalendarDayId, (CalendarDay, u16)>,
}

/// Reads the whole history of a tenant and audits it.
pub async fn audit(history: &History) -> anyhow::Result<Audit> {
    let mut streams = Streams::default();
    let mut after = Position(0);
    loop {
        let page = history.page(after).await?;
        let Some(last) = page.last() else { break };
        after = last.position;
        for event in &page {
            streams.fold(event)?;
        }
    }
    Ok(Audit { head: after, ..streams.audit() })
}

impl Streams {
    fn fold(&mut self, event: &RecordedEvent) -> anyhow::Result<()> {
        let (kind, id) = (&*event.stream.aggregate_type, &*event.stream.aggregate_id);
        if kind == Appointment::TYPE {
            self.appointments
                .entry(id.parse()?)
                .or_default()
                .evolve(&decode::<Appointment>(event)?);
        } else if kind == Phase::TYPE {
            self.phases.entry(id.parse()?).or_default().evolve(&decode::<Phase>(event)?);
        } else if kind == CalendarDay::TYPE {
            let (day, units) = self.days.entry(id.parse()?).or_default();
            let fact = decode::<CalendarDay>(event)?;
            if let CalendarDayEvent::Claimed { capacity, .. } = &fact {
                *units = *capacity;
            }
            day.evolve(&fact);
        }
        Ok(())
    }

    fn audit(self) -> Audit {
        let mut audit = Audit::default();
        for (id, appointment) in &self.appointments {
            let (Some(booking), Some(status)) = (appointment.booking(), appointment.status())
            else {
                audit.problems.push(format!("appointment {id} changed before it was booked"));
                continue;
            };
            audit.appointments.insert(*id, (status, booking.plan.starts_at));
            for phase in &booking.plan.phases {
                if !self.phases.contains_key(&phase.phase_id) {
                    audit.problems.push(format!("appointment {id} lacks phase {}", phase.phase_id));
                }
            }
            for placed in &booking.plan.claims {
                for day in placed.days() {
                    let state = self.days.get(&day).map(|(state, _)| state);
                    let claim = state.and_then(|state| state.claim(placed.claim_id));
                    if claim.is_some() != status.keeps_its_place() {
                        let what = if claim.is_some() { "still claims" } else { "lacks its claim" };
                        audit.problems.push(format!("{status} appointment {id} {what} on {day}"));
                    }
                }
            }
        }
        for (id, phase) in &self.phases {
            self.audit_phase(*id, phase, &mut audit.problems);
        }
        for (id, (day, capacity)) in &self.days {
            self.audit_day(*id, day, *capacity, &mut audit.problems);
        }
        audit
    }

    fn audit_phase(&self, id: PhaseId, phase: &Phase, out: &mut Vec<String>) {
        let Some((owner, _)) = phase.planned() else {
            return out.push(format!("phase {id} changed before it was planned"));
        };
        let Some(appointment) = self.appointments.get(&owner) else {
            return out.push(format!("phase {id} is of no appointment"));
        };
        let plan = appointment.booking().map(|booking| &booking.plan);
        if !plan.is_some_and(|plan| plan.phases.iter().any(|planned| planned.phase_id == id)) {
            out.push(format!("phase {id} is not planned by appointment {owner}"));
        }
        let keeps = appointment.status().is_some_and(AppointmentStatus::keeps_its_place);
        if keeps == phase.is_cancelled() {
            let what = if keeps { "called off before" } else { "still on after" };
            out.push(format!("phase {id} is {what} its appointment {owner}"));
        }
    }

    fn audit_day(
        &self,
        id: CalendarDayId,
        day: &CalendarDay,
        capacity: u16,
        out: &mut Vec<String>,
    ) {
        let claims: Vec<&Claim> = day.claims().collect();
        for claim in &claims {
            let owner = claim.appointment_id();
            let plan = owner.and_then(|owner| self.appointments.get(&owner)?.booking());
            let is_planned = plan.is_some_and(|booking| {
                booking.plan.claims.iter().any(|placed| placed.claim_id == claim.claim_id)
            });
            if owner.is_some() && !is_planned {
                out.push(format!("{id} holds claim {} of no appointment", claim.claim_id));
            }
            // Whatever begins while this one lasts shares its first instant with it.
            let beside = claims.iter().filter(|other| {
                other.slot.from <= claim.slot.from && claim.slot.from < other.slot.to
            });
            let units: u32 = beside.map(|other| u32::from(other.units)).sum();
            if u32::from(capacity) < units {
                out.push(format!("{id} has {units} of {capacity} units at {}", claim.slot.from));
            }
        }
    }
}
