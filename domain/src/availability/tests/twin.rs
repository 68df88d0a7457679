//! The brute-force twin: the rules once more, minute by minute, without bitstrings, plans or the
//! engine's zone arithmetic. Slow and plain on purpose.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, Utc};
use proptest::prelude::{
    ProptestConfig, TestCaseError, any, prop_assert, prop_assert_eq, proptest,
};

use super::{
    super::{
        Busy, BusyKind, Item, Placement, Request, ServiceFacts, StaffWish, TenantGrid, evaluate,
    },
    world::{BRANCH, Dice, World},
};
use crate::{
    calendar::CalendarId,
    hours::{CivilInterval, DayHours},
    ids::{ResourceId, ServiceId, StaffId},
    service::{Assignment, GridFrom, PhaseTemplate, Strategy},
    slot::Slot,
};

/// Minutes of the world that the twin walks.
const MINUTES: usize = 7 * 24 * 60;

struct Twin<'w> {
    world: &'w World,
    begin: DateTime<Utc>,
    local: Vec<NaiveDateTime>,
    /// The latest local time seen up to a minute.
    reached: Vec<NaiveDateTime>,
}

struct Part<'w> {
    service_id: ServiceId,
    template: &'w PhaseTemplate,
    item: &'w Item,
}

impl<'w> Twin<'w> {
    fn new(world: &'w World) -> Self {
        let begin = (world.date - Duration::days(3)).and_time(chrono::NaiveTime::MIN).and_utc();
        let at = |minute: usize| begin + Duration::minutes(i64::try_from(minute).unwrap());
        let local: Vec<_> =
            (0..MINUTES).map(|it| at(it).with_timezone(&world.zone).naive_local()).collect();
        let mut reached = local.clone();
        for minute in 1..MINUTES {
            reached[minute] = reached[minute].max(reached[minute - 1]);
        }
        Self { world, begin, local, reached }
    }

    fn at(&self, minute: usize) -> DateTime<Utc> {
        self.begin + Duration::minutes(i64::try_from(minute).unwrap())
    }

    /// Begun when the clock first shows the start, over when it first shows the end.
    fn is_in(&self, minute: usize, date: NaiveDate, interval: CivilInterval) -> bool {
        let midnight = date.and_time(chrono::NaiveTime::MIN);
        let from = midnight + Duration::minutes(interval.from().minutes().into());
        let to = midnight + Duration::minutes(interval.to().minutes().into());
        from <= self.reached[minute] && self.reached[minute] < to
    }

    fn is_open(&self, minute: usize, date: NaiveDate, hours: &DayHours) -> bool {
        hours.open().iter().any(|it| self.is_in(minute, date, *it))
            && !hours.breaks().iter().any(|it| self.is_in(minute, date, *it))
    }

    fn dates(&self, minute: usize) -> impl Iterator<Item = NaiveDate> + use<> {
        let date = self.local[minute].date();
        (-1..=1).map(move |days| date + Duration::days(days))
    }

    fn branch_lets(&self, minute: usize, date: NaiveDate) -> bool {
        let exception = self.world.facts.branches[&BRANCH].exceptions.get(&date);
        exception.is_none_or(|it| self.is_open(minute, date, &it.hours))
    }

    fn works(&self, minute: usize, staff_id: StaffId, assignment: &Assignment) -> bool {
        let staff = &self.world.facts.staff[&staff_id];
        let branch = &self.world.facts.branches[&BRANCH];
        self.dates(minute).any(|date| {
            let weekday =
                u8::try_from(chrono::Datelike::weekday(&date).number_from_monday()).unwrap();
            let own = if let Some(exception) = staff.exceptions.get(&date) {
                Some(&exception.hours)
            } else if let Some(special) = &assignment.availability_override {
                special.day(weekday)
            } else if let Some(here) = staff.hours_at.get(&BRANCH) {
                here.day(weekday)
            } else if let Some(general) = &staff.hours {
                general.day(weekday)
            } else {
                branch.hours.day(weekday)
            };
            own.is_some_and(|it| self.is_open(minute, date, it)) && self.branch_lets(minute, date)
        })
    }

    fn counts(&self, claim: &Busy) -> bool {
        let Request { now, ignoring, .. } = self.world.request;
        let mine = ignoring.appointment_id.is_some_and(|it| claim.appointment_id == Some(it))
            || ignoring.hold_id.is_some_and(|it| claim.hold_id == Some(it));
        !mine && claim.expires_at.is_none_or(|it| now < it)
    }

    /// Claims that touch the five minutes from `minute` on.
    fn touching(&self, calendar: CalendarId, minute: usize) -> impl Iterator<Item = &Busy> {
        let here = Slot::of_minutes(self.at(minute), 5).unwrap();
        let claims = self.world.facts.busy(calendar).iter();
        claims.filter(move |it| it.slot.overlaps(&here) && self.counts(it))
    }

    fn is_taken(&self, staff_id: StaffId, from: usize, to: usize) -> bool {
        let mut fives = (from..to).step_by(5);
        fives.any(|it| self.touching(CalendarId::Staff(staff_id), it).next().is_some())
    }

    fn has_resource(&self, id: ResourceId, units: u16, from: usize, to: usize) -> bool {
        let Some(resource) = self.world.facts.resources.get(&id) else { return false };
        let is_open = |minute: usize| {
            self.dates(minute).any(|date| {
                let day = CivilInterval::new(
                    crate::hours::CivilTime::MIDNIGHT,
                    crate::hours::CivilTime::END_OF_DAY,
                );
                let weekday = chrono::Datelike::weekday(&date).number_from_monday();
                let own = match (resource.exceptions.get(&date), &resource.hours) {
                    (Some(exception), _) => self.is_open(minute, date, &exception.hours),
                    (None, Some(week)) => week
                        .day(u8::try_from(weekday).unwrap())
                        .is_some_and(|it| self.is_open(minute, date, it)),
                    (None, None) => self.is_in(minute, date, day.unwrap()),
                };
                own && self.branch_lets(minute, date)
            })
        };
        resource.is_active
            && (from..to).all(is_open)
            && (from..to).step_by(5).all(|it| {
                let taken: u16 =
                    self.touching(CalendarId::Resource(id), it).map(|it| it.units).sum();
                taken + units <= resource.capacity
            })
    }

    fn used(&self, calendar: CalendarId, service: Option<ServiceId>, date: NaiveDate) -> usize {
        let claims = self.world.facts.busy(calendar).iter().filter(|it| {
            let is_booking =
                matches!(it.kind, BusyKind::Hold | BusyKind::Pending | BusyKind::Booked);
            let begins = it.slot.from.with_timezone(&self.world.zone).date_naive();
            let is_asked = service.is_none_or(|service| it.service_id == Some(service));
            is_booking && begins == date && is_asked && self.counts(it)
        });
        let mut loose = 0;
        let mut owners = BTreeSet::new();
        for claim in claims {
            match (claim.appointment_id, claim.hold_id) {
                (Some(id), _) => owners.insert((Some(id), None)),
                (None, Some(id)) => owners.insert((None, Some(id))),
                (None, None) => {
                    loose += 1;
                    false
                }
            };
        }
        owners.len() + loose
    }

    fn parts(&self) -> Vec<Part<'w>> {
        let items = self.world.request.items.iter();
        let parts = items.flat_map(|item| {
            let phases = self.world.facts.services[&item.service_id].phases.iter();
            phases.map(move |template| Part { service_id: item.service_id, template, item })
        });
        parts.collect()
    }

    /// The active minutes of a part with a staff member who is fit for it, whatever the time.
    fn active(&self, part: &Part<'w>, staff_id: StaffId) -> Option<u16> {
        let service = &self.world.facts.services[&part.service_id];
        let assignment = service.assignments.get(&staff_id)?;
        let staff = &self.world.facts.staff[&staff_id];
        let has_role = part.template.role.as_ref().is_none_or(|it| staff.roles.contains(it));
        let is_fit = assignment.is_active
            && staff.is_active
            && staff.is_bookable
            && staff.branches.contains(&BRANCH)
            && has_role;
        let custom = assignment.custom_active_min.get(&part.template.key).copied();
        let own = custom.unwrap_or(part.template.active_min);
        let active = part.item.active_min.unwrap_or(own);
        let in_range = service.rules.duration.is_some_and(|it| {
            (it.from_min..=it.to_min).contains(&active)
                && (active - it.from_min).is_multiple_of(it.step_min)
        });
        (is_fit && (active == own || in_range || part.item.is_agreed)).then_some(active)
    }

    /// Whether these staff members, one for each phase, can do it from a minute on.
    fn fits(&self, parts: &[Part<'w>], who: &[StaffId], start: usize) -> bool {
        let facts = &self.world.facts;
        let mut at = start;
        for (index, (part, staff_id)) in parts.iter().zip(who).enumerate() {
            let service = &facts.services[&part.service_id];
            let Some(assignment) = service.assignments.get(staff_id) else { return false };
            let staff = &facts.staff[staff_id];
            let Some(active) = self.active(part, *staff_id) else { return false };
            let is_fit = index == 0 || part.template.other_staff || *staff_id == who[0];
            let busy = usize::from(active + part.template.transition_min);
            let pause = part.template.processing_min.max(part.template.transition_min);
            let next = at + usize::from(active + pause);
            let before = staff.buffer_before_min.max(service.rules.buffer_before_min);
            let after = staff.buffer_after_min.max(service.rules.buffer_after_min);
            let begins = index == 0 || who[index - 1] != *staff_id;
            let ends = who.get(index + 1) != Some(staff_id);
            let from = at - if begins { usize::from(before) } else { 0 };
            let to = at + busy + if ends { usize::from(after) } else { 0 };
            let date = self.local[at].date();
            let limit = service.rules.limits.per_staff_per_day;
            let used = self.used(CalendarId::Staff(*staff_id), Some(service.id), date);
            let works = (at..at + busy).all(|it| self.works(it, *staff_id, assignment));
            let has_room = part.template.resource.as_ref().is_none_or(|need| {
                need.any_of.iter().any(|id| self.has_resource(*id, need.units, at, next))
            });
            let is_within = limit.is_none_or(|it| used < usize::from(it));
            if !(is_fit && works && has_room && is_within) || self.is_taken(*staff_id, from, to) {
                return false;
            }
            at = next;
        }
        true
    }

    /// Who may do the parts, by the wish of the request.
    fn lists(&self, parts: usize) -> Vec<Vec<StaffId>> {
        let everybody: Vec<StaffId> = self.world.facts.staff.keys().copied().collect();
        let mut lists: Vec<Vec<StaffId>> = vec![Vec::new()];
        for index in 0..parts {
            let allowed = |who: &StaffId| match self.world.request.staff {
                StaffWish::Anyone => true,
                StaffWish::PinnedAll(it) => it == *who,
                StaffWish::Pinned(it) => 0 < index || it == *who,
            };
            let longer = lists.iter().flat_map(|list| {
                let more = everybody.iter().filter(|who| allowed(who));
                more.map(|who| [list.as_slice(), &[*who]].concat())
            });
            lists = longer.collect();
        }
        lists
    }

    /// Whether a start is a multiple of the grid for whoever does the first part.
    fn is_on_grid(&self, main: StaffId, start: usize) -> bool {
        let service = self.first();
        let grid = usize::from(service.rules.grid_min);
        if service.rules.grid_from == GridFrom::Midnight {
            let minutes = (self.local[start] - NaiveDateTime::default()).num_minutes();
            return minutes % i64::from(service.rules.grid_min) == 0;
        }
        let Some(assignment) = service.assignments.get(&main) else { return false };
        let is_at_work = |minute: usize| {
            self.local[minute].date() == self.local[start].date()
                && self.works(minute, main, assignment)
        };
        let opening = (1..=start).rev().take_while(|it| is_at_work(it - 1)).last();
        is_at_work(start) && (start - opening.map_or(start, |it| it - 1)).is_multiple_of(grid)
    }

    /// Minutes from one appointment to the next with the same staff member.
    fn length(&self, parts: &[Part<'w>], main: StaffId) -> usize {
        let staff = &self.world.facts.staff[&main];
        let span = |part: &Part<'w>| {
            let service = &self.world.facts.services[&part.service_id];
            let custom = service.assignments.get(&main);
            let custom = custom.and_then(|it| it.custom_active_min.get(&part.template.key));
            let own = custom.copied().unwrap_or(part.template.active_min);
            let pause = part.template.processing_min.max(part.template.transition_min);
            usize::from(part.item.active_min.unwrap_or(own) + pause)
        };
        let rules = &self.first().rules;
        let before = staff.buffer_before_min.max(rules.buffer_before_min);
        let after = staff.buffer_after_min.max(rules.buffer_after_min);
        parts.iter().map(span).sum::<usize>() + usize::from(before + after)
    }

    fn first(&self) -> &ServiceFacts<'_> {
        &self.world.facts.services[&self.world.request.items[0].service_id]
    }

    /// Whether more fits from a start off the grid, which begins a free stretch of its local date.
    fn is_snapped(&self, main: StaffId, start: usize) -> bool {
        if !self.first().rules.snap {
            return false;
        }
        let parts = self.parts();
        let lists: Vec<_> =
            self.lists(parts.len()).into_iter().filter(|who| who[0] == main).collect();
        let fits = |minute: usize| {
            self.local[minute].date() == self.local[start].date()
                && lists.iter().any(|who| self.fits(&parts, who, minute))
        };
        if !fits(start) || fits(start - 5) {
            return false;
        }
        let free: Vec<_> = (start..).step_by(5).take_while(|it| fits(*it)).collect();
        let length = self.length(&parts, main);
        let count = |from: usize| (free[free.len() - 1] - from) / length + 1;
        let on_grid = free.iter().find(|it| self.is_on_grid(main, **it));
        on_grid.map_or(0, |it| count(*it)) < count(start)
    }

    /// Who shall do the first part when nobody is named, of those who can.
    fn chosen(&self, mains: &[StaffId], start: usize) -> Option<StaffId> {
        let service = self.first();
        let rule = service.rules.assignment.unwrap_or_default();
        let date = self.local[start].date();
        let days = i64::from(rule.window_days) - 1;
        let today = self.world.request.now.with_timezone(&self.world.zone).date_naive();
        let from = (date - Duration::days(days / 2)).max(today.min(date));
        let to = date + Duration::days(days - days / 2);
        let counted = |minute: &usize| (from..=to).contains(&self.local[*minute].date());
        let busy = |who: StaffId| {
            let fives = (0..MINUTES - 5).step_by(5).filter(counted);
            fives.filter(|it| self.is_taken(who, *it, it + 5)).count()
        };
        let first = &self.parts()[0];
        let everybody = self.world.facts.staff.keys().copied();
        let fit: Vec<_> = everybody.filter(|who| self.active(first, *who).is_some()).collect();
        let day = usize::try_from(chrono::Datelike::num_days_from_ce(&date)).unwrap();
        let turn = |who: StaffId| {
            let seat = fit.iter().position(|it| *it == who).unwrap();
            (seat + fit.len() - day % fit.len()) % fit.len()
        };
        let rank = |who: StaffId| {
            let assignment = &service.assignments[&who];
            match rule.strategy {
                Strategy::Primary => u16::from(assignment.is_primary),
                Strategy::LeastBusy => 0,
                Strategy::Priority => assignment.priority,
            }
        };
        let key = |who: &&StaffId| (std::cmp::Reverse(rank(**who)), busy(**who), turn(**who));
        mains.iter().min_by_key(key).copied()
    }

    /// Who can do the first part from a start on.
    fn mains(&self, start: usize) -> Vec<StaffId> {
        let parts = self.parts();
        let lists = self.lists(parts.len());
        let free = lists.iter().filter(|who| self.fits(&parts, who, start));
        let mut mains: Vec<_> = free.map(|who| who[0]).collect();
        mains.dedup();
        mains.retain(|main| self.is_on_grid(*main, start) || self.is_snapped(*main, start));
        mains
    }

    fn is_free(&self, start: usize) -> bool {
        let (facts, request) = (&self.world.facts, &self.world.request);
        let services = || request.items.iter().map(|it| &facts.services[&it.service_id]);
        let today = request.now.with_timezone(&self.world.zone).date_naive();
        let local = self.local[start];
        let is_ruled_out = services().any(|service| {
            let rules = &service.rules;
            let used = self.used(CalendarId::Service(service.id), None, local.date());
            !service.is_active
                || self.at(start) < request.now + Duration::minutes(rules.min_notice_min.into())
                || today + Duration::days(rules.max_advance_days.into()) < local.date()
                || rules.limits.per_day.is_some_and(|it| usize::from(it) <= used)
        });
        let is_adjusted = |it: &Item| it.active_min.is_some();
        let adjusts_many = request
            .items
            .iter()
            .any(|it| is_adjusted(it) && facts.services[&it.service_id].phases.len() != 1);
        if !facts.branches[&BRANCH].is_active || is_ruled_out || adjusts_many {
            return false;
        }
        !self.mains(start).is_empty()
    }
}

/// How well a placement lies beside what the first staff member has already.
fn score(twin: &Twin<'_>, placement: &Placement) -> Option<u8> {
    let rules = &twin.first().rules;
    if rules.min_gap_min == 0 && !rules.prefer_adjacent {
        return None;
    }
    let staff_id = placement.phases[0].staff_id;
    let assignment = &twin.first().assignments[&staff_id];
    let own = || placement.phases.iter().filter(|it| it.staff_id == staff_id);
    let minute = |at: DateTime<Utc>| usize::try_from((at - twin.begin).num_minutes()).unwrap();
    let from = minute(own().map(|it| it.blocked.from).min().unwrap());
    let to = minute(own().map(|it| it.blocked.to).max().unwrap());
    let is_taken = |at: usize| twin.is_taken(staff_id, at, at + 5);
    let is_free = |at: &usize| twin.works(*at, staff_id, assignment) && !is_taken(*at);
    let least = usize::from(rules.min_gap_min);
    let before = (5..=least).step_by(5).take_while(|it| is_free(&(from - it))).count() * 5;
    let after = (0..least).step_by(5).take_while(|it| is_free(&(to + it))).count() * 5;
    let useless = [before, after].iter().filter(|gap| 0 < **gap && **gap < least).count();
    let touching = [from - 5, to].iter().filter(|it| is_taken(**it)).count();
    let touching = if rules.prefer_adjacent { touching } else { 0 };
    u8::try_from(50 + 25 * touching - 25 * useless).ok()
}

/// What must hold of every placement, whoever made it.
fn is_sound(placement: &Placement) -> bool {
    let phases = &placement.phases;
    let own = phases.iter().all(|it| {
        it.blocked.contains(&it.staff)
            && it.staff.contains(&it.active)
            && it.client.contains(&it.active)
    });
    let apart = phases.iter().enumerate().all(|(index, one)| {
        let others = phases[index + 1..].iter().filter(|it| it.staff_id == one.staff_id);
        others.into_iter().all(|other| !one.blocked.overlaps(&other.blocked))
    });
    let in_order = phases.windows(2).all(|pair| pair[0].client.to <= pair[1].active.from);
    own && apart && in_order
}

/// Holds the search, the verdict and the twin against each other on every start of a world.
fn agree(seed: u64) -> Result<(), TestCaseError> {
    let world = Dice(seed).world();
    let twin = Twin::new(&world);
    let dates = world.date - Duration::days(1)..world.date + Duration::days(2);
    let grid = TenantGrid::new(world.facts.clone(), dates.clone());
    // The three local dates lie well inside.
    let window = Slot { from: twin.at(24 * 60), to: twin.at(6 * 24 * 60) };
    let found = grid.starts(&world.request, &[BRANCH], window);
    let found: BTreeSet<_> = found.into_iter().flat_map(|(_, starts)| starts).collect();
    let placed = grid.next(&world.request, &[BRANCH], window, usize::MAX);
    let listed: Vec<_> = placed.iter().map(|it| it.starts_at).collect();
    prop_assert_eq!(&listed, &found.iter().copied().collect::<Vec<_>>());
    for minute in (24 * 60..6 * 24 * 60).step_by(5) {
        if !dates.contains(&twin.local[minute].date()) {
            continue;
        }
        let start = twin.at(minute);
        let expected = twin.is_free(minute);
        prop_assert_eq!(found.contains(&start), expected, "search at {} {}", start, world.zone);
        // Judging is slow here: every start that is free, and a third of the others.
        if expected || minute % 15 == 0 {
            let verdict = evaluate(&world.facts, &world.request, BRANCH, start);
            prop_assert_eq!(verdict.is_free(), expected, "{:?} at {}", verdict, start);
            prop_assert_eq!(verdict.reasons().is_empty(), expected, "a refusal has its reasons");
            if let Some(placement) = verdict.placement() {
                prop_assert!(is_sound(&placement), "{:?}", placement);
                let who: Vec<_> = placement.phases.iter().map(|it| it.staff_id).collect();
                prop_assert!(twin.fits(&twin.parts(), &who, minute), "{:?}", placement);
                let plain = Placement { choice: None, ..placement.clone() };
                prop_assert!(placed.contains(&plain), "the same placement by both");
                if world.request.staff == StaffWish::Anyone {
                    let chosen = twin.chosen(&twin.mains(minute), minute);
                    prop_assert_eq!(placement.staff_id(), chosen, "{:?} at {}", placement, start);
                }
                prop_assert_eq!(placement.score, score(&twin, &placement), "at {}", start);
                let main = who[0];
                prop_assert!(twin.is_on_grid(main, minute) || twin.is_snapped(main, minute));
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn search_verdict_and_twin_agree_on_every_start(seed in any::<u64>()) {
        agree(seed)?;
    }
}

#[test]
fn a_block_does_not_hide_the_booking_of_its_appointment_from_a_limit() {
    agree(12_213_337_444_634_398_959).unwrap();
}

#[test]
fn random_worlds_have_free_starts_in_fair_numbers() {
    let free = (0..60).filter(|seed| {
        let world = Dice(*seed).world();
        let twin = Twin::new(&world);
        (2 * 24 * 60..5 * 24 * 60).step_by(15).any(|minute| twin.is_free(minute))
    });
    assert!(15 <= free.count(), "worlds without any free start prove nothing");
}
