//! The engine on examples that people would tell.

use std::{borrow::Cow, collections::BTreeMap};

use chrono::{DateTime, Duration, NaiveDate, Utc};
use chrono_tz::Tz;

use super::{
    super::{
        BranchFacts, Busy, BusyKind, Facts, Ignoring, Item, Request, ResourceFacts, ServiceFacts,
        StaffFacts, StaffWish, TenantGrid, evaluate, explain_day, next_free,
    },
    world::{BRANCH, resource_id, service_id, staff_id},
};
use crate::{
    calendar::CalendarId,
    hours::{CivilInterval, DateException, DayHours, WeeklyHours},
    service::{
        Assignment, AssignmentRule, BookingRules, DurationPrice, DurationRange, GridFrom,
        PhaseTemplate, ResourceNeed, Strategy,
    },
    slot::Slot,
};

fn hours(open: &[&str], breaks: &[&str]) -> DayHours {
    let interval = |text: &&str| {
        let (from, to) = text.split_once('-').unwrap();
        CivilInterval::new(from.parse().unwrap(), to.parse().unwrap()).unwrap()
    };
    DayHours::new(open.iter().map(interval).collect(), breaks.iter().map(interval).collect())
        .unwrap()
}

/// A branch in UTC, so that the stories read as their clocks; two staff members, one service.
fn salon(phases: Vec<PhaseTemplate>) -> Facts<'static> {
    let mut facts = Facts::default();
    let week = WeeklyHours::on(1..=7, &hours(&["09:00-17:00"], &[])).unwrap();
    facts.put_branch(BranchFacts {
        id: BRANCH,
        zone: Tz::UTC,
        is_active: true,
        hours: Cow::Owned(week),
        exceptions: BTreeMap::new(),
    });
    let mut assignments = BTreeMap::new();
    for n in 0..2 {
        assignments.insert(staff_id(n), Cow::Owned(Assignment::plain(staff_id(n))));
        facts.put_staff(StaffFacts {
            id: staff_id(n),
            is_active: true,
            is_bookable: true,
            roles: Cow::default(),
            branches: Cow::Owned([BRANCH].into()),
            hours: None,
            hours_at: BTreeMap::new(),
            exceptions: BTreeMap::new(),
            buffer_before_min: 0,
            buffer_after_min: 0,
        });
    }
    facts.put_service(ServiceFacts {
        id: service_id(0),
        is_active: true,
        phases: Cow::Owned(phases),
        rules: Cow::Owned(BookingRules { grid_min: 60, ..BookingRules::default() }),
        assignments,
        offered_at: None,
    });
    facts
}

fn set_rules(facts: &mut Facts<'static>, change: impl FnOnce(&mut BookingRules)) {
    let mut service = facts.services[&service_id(0)].clone();
    change(service.rules.to_mut());
    facts.put_service(service);
}

fn range(from_min: u16, to_min: u16, step_min: u16) -> DurationRange {
    DurationRange { from_min, to_min, step_min, price: DurationPrice::Fixed }
}

fn at(text: &str) -> DateTime<Utc> {
    format!("2026-11-23T{text}:00Z").parse().unwrap()
}

fn day() -> NaiveDate {
    "2026-11-23".parse().unwrap()
}

fn slot(text: &str) -> Slot {
    let (from, to) = text.split_once('-').unwrap();
    Slot::new(at(from), at(to)).unwrap()
}

fn busy(facts: &mut Facts<'_>, staff: u64, text: &str) {
    let claim = Busy::plain(BusyKind::Booked, slot(text));
    facts.add_busy(CalendarId::Staff(staff_id(staff)), claim);
}

fn request() -> Request {
    Request::service(service_id(0), at("00:00"))
}

fn only(staff: u64) -> StaffWish {
    StaffWish::Pinned(staff_id(staff))
}

fn starts(facts: &Facts<'_>, request: &Request) -> Vec<String> {
    let grid = TenantGrid::new(facts.clone(), day()..day() + Duration::days(1));
    let found = grid.starts(request, &[BRANCH], slot("00:00-23:55"));
    found.into_iter().flat_map(|(_, it)| it).map(|it| it.format("%H:%M").to_string()).collect()
}

#[track_caller]
fn check_codes(facts: &Facts<'_>, request: &Request, start: &str, expected: &[&str]) {
    let verdict = evaluate(facts, request, BRANCH, at(start));
    let codes: Vec<_> = verdict.reasons().iter().map(super::super::Reason::code).collect();
    assert_eq!(codes, expected, "at {start}: {verdict:?}");
}

#[test]
fn a_crowded_day_leaves_nine_and_two_o_clock() {
    let mut facts = salon(vec![PhaseTemplate::active("A", 60)]);
    for text in ["10:00-14:00", "15:00-17:00"] {
        busy(&mut facts, 0, text);
    }
    assert_eq!(starts(&facts, &request().by(only(0))), ["09:00", "14:00"]);
}

#[test]
fn a_basket_of_thirty_and_forty_five_takes_seventy_five_minutes() {
    let mut facts = salon(vec![PhaseTemplate::active("A", 20)]);
    set_rules(&mut facts, |rules| rules.duration = Some(range(15, 60, 15)));
    let item = |active_min| Item::of(service_id(0)).lasting(Some(active_min));
    let request = Request::basket([item(30), item(45)], at("00:00"));
    let placed = next_free(facts, &request, &[BRANCH], slot("00:00-23:55"), 1).remove(0);
    assert_eq!((placed.ends_at - placed.starts_at).num_minutes(), 75);
    let segments: Vec<_> = placed.phases.iter().map(|phase| phase.active).collect();
    assert_eq!(segments, [slot("09:00-09:30"), slot("09:30-10:15")]);
}

#[test]
fn a_duration_that_cannot_be_booked_is_not_offered_and_says_so() {
    let mut facts = salon(vec![PhaseTemplate::active("A", 60)]);
    let asked =
        |minutes| Request::basket([Item::of(service_id(0)).lasting(Some(minutes))], at("00:00"));
    assert_eq!(starts(&facts, &asked(60)).len(), 8, "its own duration is always one");
    assert_eq!(starts(&facts, &asked(30)), Vec::<String>::new());
    check_codes(&facts, &asked(30), "09:00", &["DURATION_NOT_ADJUSTABLE"]);
    set_rules(&mut facts, |rules| rules.duration = Some(range(30, 90, 30)));
    for (minutes, count) in [(30, 8), (60, 8), (90, 7)] {
        assert_eq!(starts(&facts, &asked(minutes)).len(), count, "{minutes}");
    }
    for minutes in [15, 45, 120] {
        assert_eq!(starts(&facts, &asked(minutes)), Vec::<String>::new());
        check_codes(&facts, &asked(minutes), "09:00", &["DURATION_OUT_OF_RANGE"]);
    }
}

#[test]
fn whoever_takes_as_long_as_is_asked_for_fits_without_any_rule() {
    let mut facts = salon(vec![PhaseTemplate::active("A", 60)]);
    let mut service = facts.services[&service_id(0)].clone();
    let custom_active_min = BTreeMap::from([("A".to_owned(), 45)]);
    let quick = Assignment { custom_active_min, ..Assignment::plain(staff_id(1)) };
    service.assignments.insert(staff_id(1), Cow::Owned(quick));
    facts.put_service(service);
    for (minutes, who) in [(60, staff_id(0)), (45, staff_id(1))] {
        let request =
            Request::basket([Item::of(service_id(0)).lasting(Some(minutes))], at("00:00"));
        let grid = TenantGrid::new(facts.clone(), day()..day() + Duration::days(1));
        let found = grid.next(&request, &[BRANCH], slot("00:00-23:55"), 100);
        assert!(!found.is_empty() && found.iter().all(|it| it.staff_id() == Some(who)));
    }
}

#[test]
fn an_appointment_that_moves_keeps_a_duration_that_is_no_longer_offered() {
    let facts = salon(vec![PhaseTemplate::active("A", 60)]);
    let agreed = Item::agreed(&[service_id(0)], &[Some(90)]);
    let placement = evaluate(&facts, &Request::basket(agreed, at("00:00")), BRANCH, at("09:00"));
    assert_eq!(placement.placement().map(|it| it.ends_at), Some(at("10:30")));
}

#[test]
fn a_taken_start_is_answered_with_the_next_three() {
    let mut facts = salon(vec![PhaseTemplate::active("A", 60)]);
    busy(&mut facts, 0, "14:00-15:00");
    let request = request().by(only(0));
    check_codes(&facts, &request, "14:00", &["CLAIMED"]);
    let next = next_free(facts, &request, &[BRANCH], slot("14:00-23:55"), 3);
    let next: Vec<_> = next.iter().map(|it| it.starts_at).collect();
    assert_eq!(next, [at("15:00"), at("16:00")], "the horizon holds no third");
}

#[test]
fn the_staff_member_serves_others_while_the_colour_works() {
    let colour = PhaseTemplate { processing_min: 60, ..PhaseTemplate::active("A", 60) };
    let mut facts = salon(vec![colour, PhaseTemplate::active("B", 60)]);
    busy(&mut facts, 0, "10:00-11:00");
    let request = request().by(only(0));
    assert_eq!(starts(&facts, &request), ["09:00", "11:00", "12:00", "13:00", "14:00"]);
    let placement = evaluate(&facts, &request, BRANCH, at("09:00")).placement().unwrap();
    assert_eq!(placement.phases[0].client, slot("09:00-11:00"));
    assert_eq!(placement.phases[0].blocked, slot("09:00-10:00"));
    assert_eq!(placement.ends_at, at("12:00"));
}

#[test]
fn a_phase_that_others_may_do_goes_to_the_other_when_it_must() {
    let cut = PhaseTemplate { other_staff: true, ..PhaseTemplate::active("B", 60) };
    let mut facts = salon(vec![PhaseTemplate::active("A", 60), cut]);
    busy(&mut facts, 0, "10:00-11:00");
    let who = |request: &Request, start: &str| {
        let placement = evaluate(&facts, request, BRANCH, at(start)).placement().unwrap();
        placement.phases.iter().map(|phase| phase.staff_id).collect::<Vec<_>>()
    };
    assert_eq!(who(&request().by(only(0)), "09:00"), [staff_id(0), staff_id(1)]);
    assert_eq!(who(&request().by(only(0)), "11:00"), [staff_id(0), staff_id(0)]);
    let all = request().by(StaffWish::PinnedAll(staff_id(0)));
    check_codes(&facts, &all, "09:00", &["CLAIMED"]);
}

#[test]
fn nobody_named_means_the_primary_then_the_least_busy() {
    let mut facts = salon(vec![PhaseTemplate::active("A", 60)]);
    busy(&mut facts, 0, "12:00-13:00");
    let who = |facts: &Facts<'_>| {
        evaluate(facts, &request(), BRANCH, at("09:00")).placement().unwrap().staff_id()
    };
    assert_eq!(who(&facts), Some(staff_id(1)));
    let service = facts.services.get_mut(&service_id(0)).unwrap();
    service.assignments.get_mut(&staff_id(0)).unwrap().to_mut().is_primary = true;
    assert_eq!(who(&facts), Some(staff_id(0)));
}

#[test]
fn every_reason_is_named() {
    let mut facts = salon(vec![PhaseTemplate::active("A", 60)]);
    busy(&mut facts, 0, "12:30-13:00");
    let branch = facts.branches.get_mut(&BRANCH).unwrap();
    branch.hours =
        Cow::Owned(WeeklyHours::on(1..=7, &hours(&["09:00-13:00"], &["12:00-12:30"])).unwrap());
    let late = Request { now: at("12:30"), ..request() }.by(only(0));
    let expected = ["IN_THE_PAST", "OFF_GRID", "OUTSIDE_HOURS", "BREAK", "CLAIMED"];
    check_codes(&facts, &late, "12:15", &expected);
    let staff = facts.staff.get_mut(&staff_id(0)).unwrap();
    staff.is_active = false;
    staff.is_bookable = false;
    check_codes(&facts, &request().by(only(0)), "09:00", &["STAFF_INACTIVE", "STAFF_NOT_BOOKABLE"]);
}

#[test]
fn a_closed_branch_closes_everybody_and_says_why() {
    let mut facts = salon(vec![PhaseTemplate::active("A", 60)]);
    let closed = DateException {
        date: day(),
        hours: DayHours::closed(),
        reason: Some("holiday".to_owned()),
    };
    let branch = facts.branches.get_mut(&BRANCH).unwrap();
    branch.exceptions.insert(day(), Cow::Owned(closed));
    assert!(starts(&facts, &request()).is_empty());
    let verdict = evaluate(&facts, &request().by(only(0)), BRANCH, at("09:00"));
    let json = serde_json::to_value(verdict).unwrap();
    assert_eq!(json["reasons"][0]["code"], "BRANCH_CLOSED");
    assert_eq!(json["reasons"][0]["reason"], "holiday");
}

#[test]
fn buffers_of_two_appointments_add_up() {
    let mut facts = salon(vec![PhaseTemplate::active("A", 60)]);
    facts.staff.get_mut(&staff_id(0)).unwrap().buffer_after_min = 15;
    let service = facts.services.get_mut(&service_id(0)).unwrap();
    service.rules.to_mut().buffer_after_min = 10;
    service.rules.to_mut().grid_min = 15;
    let request = request().by(only(0));
    // The claim holds its own buffer already.
    busy(&mut facts, 0, "12:00-13:15");
    check_codes(&facts, &request, "11:00", &["BUFFER_COLLISION"]);
    check_codes(&facts, &request, "10:45", &[]);
    check_codes(&facts, &request, "13:15", &[]);
}

#[test]
fn a_hold_lapses_on_a_grid_that_nobody_touches() {
    let mut grid = TenantGrid::new(
        salon(vec![PhaseTemplate::active("A", 60)]),
        day()..day() + Duration::days(1),
    );
    let hold =
        Busy { expires_at: Some(at("08:05")), ..Busy::plain(BusyKind::Hold, slot("09:00-17:00")) };
    grid.set_claims(CalendarId::Staff(staff_id(0)), vec![hold]);
    let count = |now: &str| {
        let request = Request { now: at(now), ..request() }.by(only(0));
        grid.count(&request, BRANCH, slot("00:00-23:55"))
    };
    assert_eq!((count("08:04"), count("08:05")), (0, 8));
}

#[test]
fn an_appointment_may_move_onto_its_own_time() {
    let mut facts = salon(vec![PhaseTemplate::active("A", 60)]);
    let appointment_id = Some(uuid::Uuid::from_u128(5).into());
    let claim = Busy { appointment_id, ..Busy::plain(BusyKind::Booked, slot("09:00-10:00")) };
    facts.add_busy(CalendarId::Staff(staff_id(0)), claim);
    let request = request().by(only(0));
    check_codes(&facts, &request, "09:00", &["CLAIMED"]);
    check_codes(
        &facts,
        &request.ignoring(Ignoring { appointment_id, hold_id: None }),
        "09:00",
        &[],
    );
}

#[test]
fn a_full_room_is_named_with_what_is_free() {
    let need = ResourceNeed { any_of: vec![resource_id(0)], units: 2 };
    let phase = PhaseTemplate { resource: Some(need), ..PhaseTemplate::active("A", 60) };
    let mut facts = salon(vec![phase]);
    check_codes(&facts, &request().by(only(0)), "09:00", &["RESOURCE_MISSING"]);
    facts.put_resource(ResourceFacts {
        id: resource_id(0),
        branch_id: BRANCH,
        is_active: true,
        capacity: 3,
        hours: None,
        exceptions: BTreeMap::new(),
    });
    check_codes(&facts, &request().by(only(0)), "09:00", &[]);
    let claim = Busy { units: 2, ..Busy::plain(BusyKind::Booked, slot("09:30-10:00")) };
    facts.add_busy(CalendarId::Resource(resource_id(0)), claim);
    check_codes(&facts, &request().by(only(0)), "09:00", &["RESOURCE_FULL"]);
    assert_eq!(starts(&facts, &request().by(only(0)))[0], "10:00");
}

#[test]
fn a_day_is_explained_start_by_start() {
    let mut facts = salon(vec![PhaseTemplate::active("A", 60)]);
    busy(&mut facts, 0, "10:00-11:00");
    let explained = explain_day(&facts, &request().by(only(0)), BRANCH, day()).unwrap();
    assert_eq!(explained.len(), 24);
    assert_eq!(explained.iter().filter(|it| it.verdict.is_free()).count(), 7);
}

#[test]
fn a_grid_from_the_opening_begins_anew_after_a_break() {
    let mut facts = salon(vec![PhaseTemplate::active("A", 30)]);
    let day = hours(&["09:10-12:00"], &["10:15-10:35"]);
    let mut branch = facts.branches[&BRANCH].clone();
    branch.hours = Cow::Owned(WeeklyHours::on(1..=7, &day).unwrap());
    facts.put_branch(branch);
    set_rules(&mut facts, |rules| {
        rules.grid_min = 30;
        rules.grid_from = GridFrom::Opening;
    });
    assert_eq!(starts(&facts, &request()), ["09:10", "09:40", "10:35", "11:05"]);
    check_codes(&facts, &request().by(only(0)), "09:30", &["OFF_GRID"]);
    let listed = explain_day(&facts, &request(), BRANCH, self::day()).unwrap();
    assert_eq!(listed.iter().filter(|it| it.verdict.is_free()).count(), 4);
}

#[test]
fn a_free_stretch_begins_off_the_grid_when_more_fits_then() {
    let mut facts = salon(vec![PhaseTemplate::active("A", 50)]);
    busy(&mut facts, 0, "09:00-10:20");
    busy(&mut facts, 0, "12:00-17:00");
    set_rules(&mut facts, |rules| rules.grid_min = 30);
    let anna = request().by(only(0));
    assert_eq!(starts(&facts, &anna), ["10:30", "11:00"]);
    set_rules(&mut facts, |rules| rules.snap = true);
    assert_eq!(starts(&facts, &anna), ["10:20", "10:30", "11:00"]);
    check_codes(&facts, &anna, "10:20", &[]);
    busy(&mut facts, 0, "10:20-11:10");
    assert_eq!(starts(&facts, &anna), ["11:10"], "and the next one right after");
    busy(&mut facts, 0, "11:55-12:00");
    assert_eq!(starts(&facts, &anna), Vec::<String>::new());
}

#[test]
fn an_offer_next_to_an_appointment_scores_more_and_one_that_leaves_a_short_gap_less() {
    let mut facts = salon(vec![PhaseTemplate::active("A", 60)]);
    busy(&mut facts, 0, "12:00-13:00");
    set_rules(&mut facts, |rules| {
        rules.grid_min = 30;
        rules.min_gap_min = 60;
        rules.prefer_adjacent = true;
    });
    let score = |start| {
        let verdict = evaluate(&facts, &request().by(only(0)), BRANCH, at(start));
        verdict.placement().and_then(|it| it.score)
    };
    // Beside the opening, with a gap of half an hour, of an hour, and beside the appointment.
    let scores = ["09:00", "09:30", "10:00", "10:30", "11:00"].map(score);
    assert_eq!(scores, [50, 25, 50, 25, 75].map(Some));
}

#[test]
fn whoever_has_fewest_busy_minutes_around_the_date_is_chosen_and_equals_take_turns() {
    let mut facts = salon(vec![PhaseTemplate::active("A", 60)]);
    let mut service = facts.services[&service_id(0)].clone();
    let third = Assignment::plain(staff_id(2));
    service.assignments.insert(staff_id(2), Cow::Owned(third));
    facts.put_service(service);
    let carla = StaffFacts { id: staff_id(2), ..facts.staff[&staff_id(0)].clone() };
    facts.put_staff(carla);
    for strategy in [Strategy::Primary, Strategy::LeastBusy, Strategy::Priority] {
        let mut facts = facts.clone();
        set_rules(&mut facts, |rules| {
            rules.assignment = Some(AssignmentRule { strategy, window_days: 7 });
        });
        let mut counts = BTreeMap::new();
        for days in 0..12 {
            let start = at("10:00") + Duration::days(days);
            let placement = evaluate(&facts, &request(), BRANCH, start).placement().unwrap();
            let choice = placement.choice.clone().unwrap();
            assert_eq!(choice.candidates[0].staff_id, placement.staff_id().unwrap());
            assert_eq!((choice.strategy, choice.free), (strategy, 3));
            *counts.entry(placement.staff_id().unwrap()).or_insert(0) += 1;
            let claim = Busy::plain(BusyKind::Booked, placement.phases[0].blocked);
            facts.add_busy(CalendarId::Staff(placement.staff_id().unwrap()), claim);
        }
        assert_eq!(counts.into_values().collect::<Vec<_>>(), [4, 4, 4], "{strategy:?}");
    }
}

#[test]
fn the_highest_priority_is_chosen_however_busy() {
    let mut facts = salon(vec![PhaseTemplate::active("A", 60)]);
    let mut service = facts.services[&service_id(0)].clone();
    let first = Assignment { priority: 3, ..Assignment::plain(staff_id(1)) };
    service.assignments.insert(staff_id(1), Cow::Owned(first));
    facts.put_service(service);
    busy(&mut facts, 1, "11:00-17:00");
    set_rules(&mut facts, |rules| {
        rules.assignment = Some(AssignmentRule { strategy: Strategy::Priority, window_days: 1 });
    });
    let chosen = |start: &str| evaluate(&facts, &request(), BRANCH, at(start)).placement();
    let placement = chosen("10:00").unwrap();
    assert_eq!(placement.staff_id(), Some(staff_id(1)));
    assert_eq!(placement.choice.unwrap().candidates[0].busy_minutes, 360);
    assert_eq!(chosen("11:00").unwrap().staff_id(), Some(staff_id(0)));
}
