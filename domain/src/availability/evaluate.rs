//! Judges one start: free with its placement, or refused with every reason.

use std::ops::Range;

use chrono::{DateTime, Days, NaiveDate, Utc};

use super::{
    explain::time_reasons,
    facts::{Busy, BusyKind, Facts},
    limits,
    masks::Masks,
    place::Placer,
    plan::Plan,
    reasons::{Reason, Why},
    request::{Explained, Request, Verdict},
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
    let masks = masks_of(facts, &plan, &(date..date));
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
    let masks = masks_of(facts, &plan, &(date..date));
    let placer = Placer::new(facts, &masks, &plan, request);
    let starts = placer.zone.on_grid(&placer.zone.day(date), plan.grid_min);
    let explained = starts.into_iter().map(|step| {
        let starts_at = instant(step);
        Explained { starts_at, verdict: verdict(&placer, starts_at) }
    });
    Ok(explained.collect())
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

/// Whole days that the plan can take.
fn days_long(plan: &Plan<'_>) -> u64 {
    u64::try_from(plan.reach() * STEP_S / 86_400).unwrap_or(0)
}

/// The bitstrings that a plan needs for starts on the dates from the first to the last.
pub(super) fn masks_of(facts: &Facts<'_>, plan: &Plan<'_>, dates: &Range<NaiveDate>) -> Masks {
    let end = dates.end.checked_add_days(Days::new(days_long(plan) + 1)).unwrap_or(dates.end);
    let mut masks = Masks::new(dates.start..end);
    masks.remember_zone(plan.branch.zone);
    for service in &plan.services {
        masks.put_service(facts, service.id, Vec::new());
    }
    for phase in &plan.phases {
        phase.candidates.iter().for_each(|it| masks.put_staff(facts, it.staff.id));
        phase.resources.iter().for_each(|it| masks.put_resource(facts, it.id));
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
        Some(placement) if reasons.is_empty() => Verdict::Free(placement),
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
    if instant(step) != start || !placer.zone.is_on_grid(step, plan.grid_min) {
        refuse(Why::OffGrid { grid_min: plan.grid_min });
    }
    for service in &plan.services {
        let rules: &BookingRules = &service.rules;
        let Some(limit) = rules.limits.per_day else { continue };
        let used = limits::used_of_service(placer.facts, request, &placer.zone, service.id);
        let calendar = CalendarId::Service(service.id);
        let here = |claim: &&Busy| {
            claim.kind == BusyKind::Unreadable && claim.slot.from <= start && start < claim.slot.to
        };
        if let Some(unknown) = placer.facts.busy(calendar).iter().find(here) {
            let why = Why::CalendarUnreadable { calendar, slot: Some(unknown.slot) };
            reasons.push(Reason::of_service(why, service.id));
        } else if usize::from(limit) <= used.get(&date).copied().unwrap_or(0) {
            reasons.push(Reason::of_service(Why::DailyLimitUsedUp { date, limit }, service.id));
        }
    }
    reasons
}
