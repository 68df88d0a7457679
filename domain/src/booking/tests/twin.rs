//! The same truth, counted again: every five minutes of every calendar, from the appointments and
//! from the calendar days.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    aggregate::{Evolve, decode},
    appointment::Appointment,
    calendar::CalendarId,
    calendar_day::{CalendarDay, CalendarDayEvent, CalendarDayId},
    event_log::RecordedEvent,
    slot::Slot,
};

/// Units in use, by calendar and five minutes.
type Use = BTreeMap<(CalendarId, DateTime<Utc>), u16>;

fn take(used: &mut Use, calendar: CalendarId, slot: Slot, units: u16) {
    let mut minute = slot.from;
    while minute < slot.to {
        *used.entry((calendar, minute)).or_default() += units;
        minute += TimeDelta::minutes(5);
    }
}

pub(super) fn folded<E: Evolve>(events: &[RecordedEvent]) -> BTreeMap<String, E> {
    let mut states: BTreeMap<String, E> = BTreeMap::new();
    for event in events.iter().filter(|event| event.stream.aggregate_type == E::TYPE) {
        let state = states.entry(event.stream.aggregate_id.to_string()).or_default();
        state.evolve(&decode::<E>(event).expect("it is read"));
    }
    states
}

/// Everything that must not be in a history.
pub(super) fn problems(events: &[RecordedEvent], now: DateTime<Utc>) -> Vec<String> {
    let mut problems = Vec::new();
    let mut capacity: BTreeMap<CalendarId, u16> = BTreeMap::new();
    for event in events.iter().filter(|event| event.stream.aggregate_type == CalendarDay::TYPE) {
        let fact = decode::<CalendarDay>(event).expect("it is read");
        if let CalendarDayEvent::Claimed { calendar, capacity: units, .. } = fact {
            capacity.insert(calendar, units);
        }
    }

    // What the calendars say. A claim over midnight stands on both days and counts once.
    let (mut on_calendars, mut seen) = (Use::new(), BTreeSet::new());
    for (id, day) in folded::<CalendarDay>(events) {
        let id: CalendarDayId = id.parse().expect("a calendar day");
        for claim in day.live(now) {
            if seen.insert((id.calendar, claim.claim_id)) {
                take(&mut on_calendars, id.calendar, claim.slot, claim.units);
            }
        }
    }
    for ((calendar, minute), units) in &on_calendars {
        let most = capacity.get(calendar).copied().unwrap_or(0);
        if most < *units {
            problems.push(format!("{calendar} has {units} of {most} units in use at {minute}"));
        }
    }

    // What the appointments say: nobody works twice, nothing is used more often than it is there.
    let mut by_appointments = Use::new();
    for (id, appointment) in folded::<Appointment>(events) {
        let (Some(booking), Some(status)) = (appointment.booking(), appointment.status()) else {
            problems.push(format!("appointment {id} is not booked"));
            continue;
        };
        if !status.keeps_its_place() {
            continue;
        }
        for phase in &booking.plan.phases {
            let staff = CalendarId::Staff(phase.staff_id);
            take(&mut by_appointments, staff, phase.staff_busy, 1);
            if let Some(used) = &phase.resource {
                let resource = CalendarId::Resource(used.resource_id);
                take(&mut by_appointments, resource, used.slot, used.units);
            }
        }
    }
    for ((calendar, minute), units) in by_appointments {
        let claimed = on_calendars.get(&(calendar, minute)).copied().unwrap_or(0);
        if claimed < units {
            problems
                .push(format!("{calendar} is used {units} times at {minute}, claimed {claimed}"));
        }
    }
    problems
}
