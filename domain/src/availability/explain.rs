//! Every reason why nobody can do it at that time.

use std::{collections::BTreeSet, ops::Range};

use super::{
    facts::{Busy, BusyKind, StaffFacts, Unreadable},
    open::{DayRules, OwnHours, staff_rules, steps_of},
    place::{Placer, slot},
    plan::{Candidate, PlannedPhase},
    reasons::{Reason, Why},
    request::StaffWish,
    taken::counts,
    zone_day::Step,
};
use crate::{
    calendar::CalendarId,
    hours::DayHours,
    ids::{ResourceId, StaffId},
};

/// The reasons against a start at which nothing could be placed. At least one.
///
/// Everybody who might do all of it is looked at as if doing all of it; at a phase that others may do,
/// they are looked at as well.
pub(super) fn time_reasons(placer: &Placer<'_>, start: Step) -> Vec<Reason> {
    let plan = placer.plan;
    let mut reasons = Vec::new();
    let mains = mains(placer);
    if mains.is_empty()
        && let Some(phase) = plan.phases.first()
    {
        reasons.push(of_phase(Why::NoStaffAssigned, phase, None));
    }
    for main in mains {
        let mut at = start;
        for (index, phase) in plan.phases.iter().enumerate() {
            let edges = Edges { begins: index == 0, ends: index + 1 == plan.phases.len() };
            let before = reasons.len();
            let span = against(placer, phase, main, at, edges, &mut reasons);
            if before < reasons.len() && phase.is_free {
                let edges = Edges { begins: true, ends: true };
                for other in phase.candidates.iter().filter(|it| it.staff.id != main) {
                    against(placer, phase, other.staff.id, at, edges, &mut reasons);
                }
            }
            at += span;
        }
    }
    let mut unique: Vec<Reason> = Vec::with_capacity(reasons.len());
    for reason in reasons {
        if !unique.contains(&reason) {
            unique.push(reason);
        }
    }
    unique
}

/// Which buffers count.
#[derive(Clone, Copy)]
struct Edges {
    begins: bool,
    ends: bool,
}

/// Who might do all of it: the one who is named, or everybody assigned to the first service.
fn mains(placer: &Placer<'_>) -> Vec<StaffId> {
    match placer.request.staff {
        StaffWish::Pinned(staff_id) | StaffWish::PinnedAll(staff_id) => vec![staff_id],
        StaffWish::Anyone => {
            let first = placer.plan.phases.first();
            first.map_or_else(Vec::new, |phase| phase.service.assignments.keys().copied().collect())
        }
    }
}

fn of_phase(why: Why, phase: &PlannedPhase<'_>, staff_id: Option<StaffId>) -> Reason {
    Reason {
        why,
        service_id: Some(phase.service.id),
        phase: Some(phase.template.key.clone()),
        staff_id,
    }
}

/// Adds what stands against one staff member doing a phase; returns the steps until the next phase.
fn against(
    placer: &Placer<'_>,
    phase: &PlannedPhase<'_>,
    staff_id: StaffId,
    at: Step,
    edges: Edges,
    reasons: &mut Vec<Reason>,
) -> Step {
    let staff = placer.facts.staff.get(&staff_id);
    if placer.facts.unreadable.contains(&Unreadable::Staff(staff_id)) {
        let why = Why::CalendarUnreadable { calendar: CalendarId::Staff(staff_id), slot: None };
        reasons.push(of_phase(why, phase, Some(staff_id)));
        return phase.times(staff, None).span;
    }
    let assignment = phase.service.assignments.get(&staff_id).map(AsRef::as_ref);
    let unfit = phase.refusals(staff, assignment, placer.plan.branch.id);
    let times = phase.times(staff, assignment);
    if let (Some(staff), Some(assignment), true) = (staff, assignment, unfit.is_empty()) {
        let candidate = Candidate { seat: 0, staff, assignment, times };
        let whys = whys(placer, phase, &candidate, at, edges);
        reasons.extend(whys.into_iter().map(|why| of_phase(why, phase, Some(staff_id))));
        let whys = resource_whys(placer, phase, at..at + times.span);
        reasons.extend(whys.into_iter().map(|why| of_phase(why, phase, None)));
    } else {
        reasons.extend(unfit.into_iter().map(|why| of_phase(why, phase, Some(staff_id))));
    }
    times.span
}

fn whys(
    placer: &Placer<'_>,
    phase: &PlannedPhase<'_>,
    candidate: &Candidate<'_>,
    at: Step,
    edges: Edges,
) -> Vec<Why> {
    let (staff, times) = (candidate.staff, candidate.times);
    let busy = at..at + times.staff;
    let mut whys = Vec::new();
    let mut day = at;
    while day < busy.end {
        let date = placer.zone.date(day);
        let special = candidate.assignment.availability_override.as_ref();
        let rules = staff_rules(placer.plan.branch, staff, special, date);
        let end = placer.zone.day(date).end.max(day + 1);
        hours_whys(placer, &rules, day..end.min(busy.end), &mut whys);
        day = end;
    }
    let before = if edges.begins { times.before } else { 0 };
    let after = if edges.ends { times.after } else { 0 };
    claim_whys(placer, staff, &busy, &(busy.start - before..busy.end + after), &mut whys);
    if placer.is_used_up(phase, staff.id, at)
        && let Some(limit) = phase.service.rules.limits.per_staff_per_day
    {
        whys.push(Why::StaffDailyLimitUsedUp { date: placer.zone.date(at), limit });
    }
    whys
}

/// What the hours of one date have against some of its steps.
fn hours_whys(placer: &Placer<'_>, rules: &DayRules<'_>, steps: Range<Step>, whys: &mut Vec<Why>) {
    let zone = &placer.zone;
    let date = zone.date(steps.start);
    let is_within = |hours: &DayHours| {
        let open = steps_of(hours, zone, date);
        open.iter().any(|open| open.start <= steps.start && steps.end <= open.end)
    };
    if let Some(exception) = rules.branch
        && !is_within(&exception.hours)
    {
        let (open, reason) = (exception.hours.open().to_vec(), exception.reason.clone());
        whys.push(Why::BranchClosed { date, open, reason });
    }
    match rules.own {
        OwnHours::Exception(exception) if !is_within(&exception.hours) => {
            let (open, reason) = (exception.hours.open().to_vec(), exception.reason.clone());
            whys.push(Why::StaffException { date, open, reason });
        }
        OwnHours::Week(None) => whys.push(Why::OutsideHours { date, open: Vec::new() }),
        OwnHours::Week(Some(hours)) if !is_within(hours) => {
            let unbroken = DayHours::new(hours.open().to_vec(), Vec::new()).unwrap_or_default();
            if !is_within(&unbroken) {
                whys.push(Why::OutsideHours { date, open: hours.open().to_vec() });
            }
            whys.extend(hours.breaks().iter().filter_map(|interval| {
                let taken = zone.interval(date, *interval);
                let is_hit = taken.start < steps.end && steps.start < taken.end;
                is_hit.then_some(Why::Break { date, interval: *interval })
            }));
        }
        OwnHours::Always | OwnHours::Exception(_) | OwnHours::Week(Some(_)) => (),
    }
}

fn claim_whys(
    placer: &Placer<'_>,
    staff: &StaffFacts<'_>,
    busy: &Range<Step>,
    blocked: &Range<Step>,
    whys: &mut Vec<Why>,
) {
    let (busy, blocked) = (slot(busy.clone()), slot(blocked.clone()));
    for claim in live(placer, CalendarId::Staff(staff.id)) {
        let (kind, slot, appointment_id) = (claim.kind, claim.slot, claim.appointment_id);
        if kind == BusyKind::Unreadable && slot.overlaps(&blocked) {
            let calendar = CalendarId::Staff(staff.id);
            whys.push(Why::CalendarUnreadable { calendar, slot: Some(slot) });
        } else if slot.overlaps(&busy) {
            whys.push(Why::Claimed { kind, slot, appointment_id });
        } else if slot.overlaps(&blocked) {
            whys.push(Why::BufferCollision { kind, slot, appointment_id });
        }
    }
}

fn live<'p>(placer: &'p Placer<'_>, calendar: CalendarId) -> impl Iterator<Item = &'p Busy> {
    let claims = placer.facts.busy(calendar).iter();
    claims.filter(|claim| counts(claim, placer.request.now, placer.request.ignoring))
}

fn resource_whys(placer: &Placer<'_>, phase: &PlannedPhase<'_>, steps: Range<Step>) -> Vec<Why> {
    let Some(need) = &phase.template.resource else { return Vec::new() };
    if placer.resource(phase, steps.clone()).is_some() {
        return Vec::new();
    }
    let wanted = need.any_of.iter();
    let unreadable =
        wanted.filter(|id| placer.facts.unreadable.contains(&Unreadable::Resource(**id)));
    let calendar = |id: &ResourceId| CalendarId::Resource(*id);
    let mut whys: Vec<Why> = unreadable
        .map(|id| Why::CalendarUnreadable { calendar: calendar(id), slot: None })
        .collect();
    if phase.resources.is_empty() {
        if whys.is_empty() {
            whys.push(Why::ResourceMissing { any_of: need.any_of.clone() });
        }
        return whys;
    }
    let span = slot(steps.clone());
    for resource in &phase.resources {
        let resource_id = resource.id;
        if !placer.is_open(resource_id, &steps) {
            whys.push(Why::ResourceClosed { resource_id });
        }
        let mut claims = live(placer, calendar(&resource_id));
        let unknown = claims.find(|it| it.kind == BusyKind::Unreadable && it.slot.overlaps(&span));
        if let Some(claim) = unknown {
            let (calendar, slot) = (calendar(&resource_id), Some(claim.slot));
            whys.push(Why::CalendarUnreadable { calendar, slot });
            continue;
        }
        let free = units_free(placer, resource_id, resource.capacity, &steps);
        if free < phase.units() {
            whys.push(Why::ResourceFull { resource_id, needed: phase.units(), free });
        }
    }
    whys
}

/// The units that are free all the time: the most that are taken at once are taken at the beginning,
/// or where one of the claims begins.
fn units_free(
    placer: &Placer<'_>,
    resource_id: ResourceId,
    capacity: u16,
    steps: &Range<Step>,
) -> u16 {
    use super::zone_day::{step_down, step_up};
    let claims = live(placer, CalendarId::Resource(resource_id));
    let claims: Vec<_> = claims
        .map(|claim| (step_down(claim.slot.from)..step_up(claim.slot.to), claim.units))
        .collect();
    let begins = claims.iter().map(|(taken, _)| taken.start).filter(|at| steps.contains(at));
    let moments: BTreeSet<Step> = begins.chain([steps.start]).collect();
    let taken_at = |at: &Step| {
        let units = claims.iter().filter(|(taken, _)| taken.contains(at)).map(|(_, units)| *units);
        units.fold(0, u16::saturating_add)
    };
    capacity.saturating_sub(moments.iter().map(taken_at).max().unwrap_or(0))
}
