//! Daily limits: how many places of a service are used up on a date.
//!
//! A claim counts on the local date on which it begins. The claims of one appointment, or of one
//! hold, count once.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::{
    facts::{Busy, BusyKind, Facts},
    request::Request,
    taken::counts,
    zone_day::{ZoneSpan, step_down},
};
use crate::{
    calendar::CalendarId,
    ids::{ServiceId, StaffId},
};

/// How many places of a service are used on each date, over all staff.
pub(super) fn used_of_service(
    facts: &Facts<'_>,
    request: &Request,
    zone: &ZoneSpan,
    service_id: ServiceId,
) -> BTreeMap<NaiveDate, usize> {
    used(facts.busy(CalendarId::Service(service_id)).iter(), request, zone)
}

/// How many places of a service are used on each date with one staff member.
pub(super) fn used_by_staff(
    facts: &Facts<'_>,
    request: &Request,
    zone: &ZoneSpan,
    service_id: ServiceId,
    staff_id: StaffId,
) -> BTreeMap<NaiveDate, usize> {
    let claims = facts.busy(CalendarId::Staff(staff_id)).iter();
    used(claims.filter(|claim| claim.service_id == Some(service_id)), request, zone)
}

fn used<'b>(
    claims: impl Iterator<Item = &'b Busy>,
    request: &Request,
    zone: &ZoneSpan,
) -> BTreeMap<NaiveDate, usize> {
    let mut seen = BTreeSet::new();
    let mut used = BTreeMap::new();
    for claim in claims.filter(|claim| counts(claim, request.now, request.ignoring)) {
        match claim.kind {
            BusyKind::Hold | BusyKind::Pending | BusyKind::Booked => {}
            BusyKind::Block | BusyKind::External => continue,
            BusyKind::Unreadable => {
                // Who knows how many: none is left.
                used.insert(zone.date(step_down(claim.slot.from)), usize::MAX / 2);
                continue;
            }
        }
        let date = zone.date(step_down(claim.slot.from));
        let belongs_to =
            (claim.appointment_id, claim.hold_id.filter(|_| claim.appointment_id.is_none()));
        let is_new = belongs_to == (None, None) || seen.insert((date, belongs_to));
        if is_new {
            *used.entry(date).or_insert(0) += 1;
        }
    }
    used
}
