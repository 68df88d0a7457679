//! Judges one start: free with its placement, or refused with every reason.

use std::{collections::BTreeSet, ops::Range};

use chrono::{DateTime, Days, NaiveDate, Utc};

use super::{
    bits, choice,
    explain::time_reasons,
    facts::Facts,
    limits,
    masks::Masks,
    place::Placer,
    plan::Plan,
    reasons::{Reason, Why},
    request::{Explained, Placement, Request, Verdict},
    search,
    zone_day::{STEP_S, Step, ZoneSpan, instant, step_down},
};
use crate::{calendar::CalendarId, ids::BranchId, service::BookingRules};

/// Judges one start at a branch.
pub fn evaluate(
    facts: &Facts<'_>,
    request: &Request,
    branch_id: BranchId,
    start: DateTime<Utc>,
) -> Verdict {
    evaluate_on(facts, None, request, branch_id, start)
}

/// As [`evaluate`], on bitstrings that are there already if they cover the start.
pub(super) fn evaluate_on(
    facts: &Facts<'_>,
    warm: Option<&Masks>,
    request: &Request,
    branch_id: BranchId,
    start: DateTime<Utc>,
) -> Verdict {
    let plan = match Plan::new(facts, request, branch_id) {
        Ok(plan) => plan,
        Err(reasons) => return Verdict::Refused { reasons },
    };
    let date = start.with_timezone(&plan.branch.zone).date_naive();
    if let Some(masks) = warm.filter(|it| it.dates().contains(&date) && days_long(&plan) == 0) {
        return verdict(&Placer::new(facts, masks, &plan, request), start);
    }
    let (first, last) =
        choice::dates(&plan, request.staff, request.now, date).unwrap_or((date, date));
    let masks = masks_of(facts, &plan, &(first..last));
    verdict(&Placer::new(facts, &masks, &plan, request), start)
}

/// Judges every start that the grid of the first service has on a local date.
pub fn explain_day(
    facts: &Facts<'_>,
    request: &Request,
    branch_id: BranchId,
    date: NaiveDate,
) -> Result<Vec<Explained>, Vec<Reason>> {
    let plan = Plan::new(facts, request, branch_id)?;
    let (first, last) =
        choice::dates(&plan, request.staff, request.now, date).unwrap_or((date, date));
    let masks = masks_of(facts, &plan, &(first..last));
    let placer = Placer::new(facts, &masks, &plan, request);
    let explained = starts_of(&placer, date).into_iter().map(|step| {
        let starts_at = instant(step);
        Explained { starts_at, verdict: verdict(&placer, starts_at) }
    });
    Ok(explained.collect())
}

/// The starts of a local date that are worth a word: those of the grid, and those that are free.
fn starts_of(placer: &Placer<'_>, date: NaiveDate) -> Vec<Step> {
    let (plan, masks) = (placer.plan, placer.masks);
    let day = placer.zone.day(date);
    let midnight = || placer.zone.on_grid(&day, plan.first.grid_min);
    if plan.has_one_grid() {
        return midnight();
    }
    let (first, found) = search::starts(placer, &day);
    let mut starts: BTreeSet<Step> =
        bits::ones(&found).map(|bit| masks.step(first * 64 + bit)).collect();
    let bits = masks.bits(&day);
    let words = bits.start / 64..bits::words_for(bits.end).min(masks.words());
    for main in plan.phases.first().map_or(&[][..], |phase| phase.candidates.as_slice()) {
        let grid = placer.grid_of(main, &words);
        let own = bits::ones(&grid).map(|bit| words.start * 64 + bit);
        starts.extend(own.filter(|bit| bits.contains(bit)).map(|bit| masks.step(bit)));
    }
    if starts.is_empty() { midnight() } else { starts.into_iter().collect() }
}

/// The calendars that a booking of the request may claim, and those that it reads: all that must be
/// in the facts for a true verdict.
pub fn calendars(facts: &Facts<'_>, request: &Request, branch_id: BranchId) -> Vec<CalendarId> {
    let Ok(plan) = Plan::new(facts, request, branch_id) else { return Vec::new() };
    let services = plan.services.iter().filter(|it| it.rules.limits.per_day.is_some());
    let mut calendars: Vec<_> = services.map(|it| CalendarId::Service(it.id)).collect();
    for phase in &plan.phases {
        calendars.extend(phase.candidates.iter().map(|it| CalendarId::Staff(it.staff.id)));
        calendars.extend(phase.resources.iter().map(|it| CalendarId::Resource(it.id)));
    }
    calendars.sort_unstable();
    calendars.dedup();
    calendars
}

/// The first and the last local date whose claims on staff calendars decide who is chosen for a start;
/// `None` if those of its own date do, or nobody is to be chosen.
pub fn busy_dates(
    facts: &Facts<'_>,
    request: &Request,
    branch_id: BranchId,
    start: DateTime<Utc>,
) -> Option<(NaiveDate, NaiveDate)> {
    let plan = Plan::new(facts, request, branch_id).ok()?;
    let date = start.with_timezone(&plan.branch.zone).date_naive();
    choice::dates(&plan, request.staff, request.now, date)
}

/// Whole days that the plan can take.
fn days_long(plan: &Plan<'_>) -> u64 {
    u64::try_from(plan.reach() * STEP_S / 86_400).unwrap_or(0)
}

/// The bitstrings that a plan needs for starts on the dates from the first to the last.
pub(super) fn masks_of(facts: &Facts<'_>, plan: &Plan<'_>, dates: &Range<NaiveDate>) -> Masks {
    let end = dates.end.checked_add_days(Days::new(days_long(plan) + 1)).unwrap_or(dates.end);
    let mut masks = Masks::new(dates.start..end);
    for phase in &plan.phases {
        for candidate in &phase.candidates {
            if !masks.staff.contains_key(&candidate.staff.id) {
                masks.compile_staff(facts, candidate.staff.id);
            }
        }
        for resource in &phase.resources {
            if !masks.resources.contains_key(&resource.id) {
                masks.compile_resource(facts, resource.id);
            }
        }
    }
    masks
}

/// The steps at which the plan may begin, by notice and window alone.
pub(super) fn bookable(plan: &Plan<'_>, request: &Request, zone: &ZoneSpan) -> Range<Step> {
    let earliest = super::zone_day::step_up(earliest(plan, request));
    let next = last_date(plan, request).checked_add_days(Days::new(1));
    earliest..next.map_or(Step::MAX, |next| zone.day(next).start)
}

fn earliest(plan: &Plan<'_>, request: &Request) -> DateTime<Utc> {
    let notice = chrono::Duration::minutes(plan.min_notice_min.into());
    request.now.checked_add_signed(notice).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

fn last_date(plan: &Plan<'_>, request: &Request) -> NaiveDate {
    let today = request.now.with_timezone(&plan.branch.zone).date_naive();
    today.checked_add_days(Days::new(plan.max_advance_days.into())).unwrap_or(NaiveDate::MAX)
}

fn verdict(placer: &Placer<'_>, start: DateTime<Utc>) -> Verdict {
    let mut reasons = rule_reasons(placer, start);
    let step = step_down(start);
    if instant(step) != start {
        return Verdict::Refused { reasons };
    }
    match placer.place(step) {
        Some(placement) if reasons.is_empty() => {
            Verdict::Free(Placement { choice: placer.choice(step), ..placement })
        }
        Some(_) => Verdict::Refused { reasons },
        None => {
            reasons.extend(time_reasons(placer, step));
            Verdict::Refused { reasons }
        }
    }
}

/// What notice, window, grid and daily limits have against a start.
fn rule_reasons(placer: &Placer<'_>, start: DateTime<Utc>) -> Vec<Reason> {
    let (plan, request) = (placer.plan, placer.request);
    let mut reasons = Vec::new();
    let mut refuse = |why| reasons.push(Reason::general(why));
    let (earliest, last_date) = (earliest(plan, request), last_date(plan, request));
    let date = start.with_timezone(&plan.branch.zone).date_naive();
    if start < request.now {
        refuse(Why::InThePast);
    } else if start < earliest {
        refuse(Why::NoticeTooShort { earliest });
    }
    if last_date < date {
        refuse(Why::TooFarAhead { last_date });
    }
    let step = step_down(start);
    let grid_min = plan.first.grid_min;
    // Where staff members have starts of their own, each of them is judged by these.
    let is_on_grid = !plan.has_one_grid() || placer.zone.is_on_grid(step, grid_min);
    if instant(step) != start || !is_on_grid {
        refuse(Why::OffGrid { grid_min });
    }
    for service in &plan.services {
        let rules: &BookingRules = &service.rules;
        let Some(limit) = rules.limits.per_day else { continue };
        let used = limits::used_of_service(placer.facts, request, &placer.zone, service.id);
        if usize::from(limit) <= used.get(&date).copied().unwrap_or(0) {
            reasons.push(Reason::of_service(Why::DailyLimitUsedUp { date, limit }, service.id));
        }
    }
    reasons
}
