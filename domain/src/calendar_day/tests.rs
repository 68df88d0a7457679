//! What a calendar day accepts and refuses.

use chrono::{DateTime, Duration, NaiveDate, TimeZone, Utc};
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::{aggregate::fold, calendar::CalendarId, ids::StaffId, slot::Slot};

#[test]
fn free_place_is_claimed() {
    given([]).when(claim(1, 0, 60)).then_expect_events(vec![claimed(1, 0, 60)]);
}

#[test]
fn overlapping_claim_is_refused_with_the_one_in_its_way() {
    given([claimed(1, 0, 60)])
        .when(claim(2, 55, 60))
        .then_expect_error(CalendarDayError::Taken { conflicting: Box::new(booked(1, 0, 60)) });
}

#[test]
fn claims_that_only_touch_stand_side_by_side() {
    given([claimed(1, 0, 60)]).when(claim(2, 60, 30)).then_expect_events(vec![claimed(2, 60, 30)]);
}

#[test]
fn repeated_claim_records_nothing() {
    given([claimed(1, 0, 60)]).when(claim(1, 0, 60)).then_expect_events(Vec::new());
}

#[test]
fn claim_id_of_another_claim_is_refused() {
    given([claimed(1, 0, 60)])
        .when(claim(1, 120, 60))
        .then_expect_error(CalendarDayError::ClaimReused);
}

#[test]
fn claim_without_units_is_refused() {
    let wanted = Claim { units: 0, ..booked(1, 0, 60) };
    given([]).when(claim_of(wanted, 1)).then_expect_error(CalendarDayError::NoUnits);
}

#[test]
fn claim_of_more_than_there_is_is_refused() {
    let wanted = Claim { units: 4, ..booked(1, 0, 60) };
    given([])
        .when(claim_of(wanted, 3))
        .then_expect_error(CalendarDayError::OverCapacity { capacity: 3 });
}

#[test]
fn shared_calendar_takes_claims_up_to_its_capacity() {
    let held = [claimed_of(booked(1, 0, 60), 2)];
    given(held.clone())
        .when(claim_of(booked(2, 30, 60), 2))
        .then_expect_events(vec![claimed_of(booked(2, 30, 60), 2)]);
    let [first] = held;
    given([first, claimed_of(booked(2, 30, 60), 2)])
        .when(claim_of(booked(3, 45, 60), 2))
        .then_expect_error(CalendarDayError::Taken { conflicting: Box::new(booked(1, 0, 60)) });
}

#[test]
fn claim_after_two_that_follow_each_other_meets_only_one_of_them() {
    given([claimed_of(booked(1, 0, 30), 2), claimed_of(booked(2, 30, 30), 2)])
        .when(claim_of(booked(3, 0, 60), 2))
        .then_expect_events(vec![claimed_of(booked(3, 0, 60), 2)]);
}

#[test]
fn hold_keeps_its_place_until_it_expires() {
    given([claimed_of(hold(1, 0, 60, 5), 1)])
        .when(claim_at(booked(2, 0, 60), 4))
        .then_expect_error(CalendarDayError::Taken { conflicting: Box::new(hold(1, 0, 60, 5)) });
}

#[test]
fn claim_in_the_place_of_a_lapsed_hold_releases_it() {
    given([claimed_of(hold(1, 0, 60, 5), 1)])
        .when(claim_at(booked(2, 0, 60), 5))
        .then_expect_events(vec![
            released(1, ReleaseReason::Lapsed),
            claimed_of(booked(2, 0, 60), 1),
        ]);
}

#[test]
fn hold_becomes_a_booking_in_its_place() {
    given([claimed_of(hold(1, 0, 60, 5), 1)])
        .when(CalendarDayCommand::Change { claim: booked(1, 0, 60), at: minute(4) })
        .then_expect_events(vec![CalendarDayEvent::Changed { claim: booked(1, 0, 60) }]);
}

#[test]
fn lapsed_hold_is_not_booked() {
    given([claimed_of(hold(1, 0, 60, 5), 1)])
        .when(CalendarDayCommand::Change { claim: booked(1, 0, 60), at: minute(5) })
        .then_expect_error(CalendarDayError::Lapsed);
}

#[test]
fn hold_that_is_over_before_it_begins_is_refused() {
    given([]).when(claim_at(hold(1, 0, 60, 5), 5)).then_expect_error(CalendarDayError::Lapsed);
}

#[test]
fn change_of_the_slot_is_refused() {
    given([claimed(1, 0, 60)])
        .when(CalendarDayCommand::Change { claim: booked(1, 0, 90), at: minute(0) })
        .then_expect_error(CalendarDayError::ClaimReused);
}

#[test]
fn change_of_an_unknown_claim_is_refused() {
    given([])
        .when(CalendarDayCommand::Change { claim: booked(1, 0, 60), at: minute(0) })
        .then_expect_error(CalendarDayError::Unknown);
}

#[test]
fn repeated_change_records_nothing() {
    given([claimed(1, 0, 60)])
        .when(CalendarDayCommand::Change { claim: booked(1, 0, 60), at: minute(0) })
        .then_expect_events(Vec::new());
}

#[test]
fn released_place_is_free_again() {
    given([claimed(1, 0, 60), released(1, ReleaseReason::Cancelled)])
        .when(claim(2, 0, 60))
        .then_expect_events(vec![claimed(2, 0, 60)]);
}

#[test]
fn repeated_release_records_nothing() {
    given([claimed(1, 0, 60), released(1, ReleaseReason::Cancelled)])
        .when(CalendarDayCommand::Release {
            claim_id: id(1).into(),
            reason: ReleaseReason::Cancelled,
        })
        .then_expect_events(Vec::new());
}

#[test]
fn slot_over_midnight_touches_two_local_dates_and_one_until_midnight_only_one() {
    let berlin = chrono_tz::Europe::Berlin;
    let local = |day, hour, min| {
        let local = berlin.with_ymd_and_hms(2026, 11, day, hour, min, 0).earliest();
        local.map(|instant| instant.to_utc()).unwrap_or_default()
    };
    let dates = |from, to| Slot::new(from, to).map(|slot| local_dates(slot, berlin));
    let date = |day| NaiveDate::from_ymd_opt(2026, 11, day).unwrap_or_default();
    assert_eq!(dates(local(21, 23, 30), local(22, 0, 30)), Some(vec![date(21), date(22)]));
    assert_eq!(dates(local(21, 23, 30), local(22, 0, 0)), Some(vec![date(21)]));
}

#[test]
fn calendar_day_reads_back_from_its_stream_id() {
    let day = day();
    assert_eq!(day.to_string().parse(), Ok(day));
    assert!("staff:2026-11-21".parse::<CalendarDayId>().is_err());
}

proptest! {
    #[test]
    fn no_instant_is_claimed_beyond_the_capacity(
        capacity in 1_u16..4,
        steps in prop::collection::vec((0_u8..10, 0_i64..24, 1_i64..8, 1_u16..4, 0_i64..40), 0..60),
    ) {
        let mut state = CalendarDay::default();
        let mut at = 0;
        for (number, (kind, from, length, units, wait)) in steps.into_iter().enumerate() {
            at += wait / 8;
            let id = number as u128 + 1;
            let earlier = (number as u128 + 1).saturating_sub(u128::from(units));
            let (from, length) = (from * 15, length * 15);
            let command = match kind {
                0..=3 => claim_at_of(Claim { units, ..booked(id, from, length) }, at, capacity),
                4..=6 => {
                    claim_at_of(Claim { units, ..hold(id, from, length, at + wait) }, at, capacity)
                }
                7 => CalendarDayCommand::Release {
                    claim_id: Uuid::from_u128(earlier).into(),
                    reason: ReleaseReason::Withdrawn,
                },
                _ => match state.claims().nth(usize::from(units)) {
                    Some(held) => CalendarDayCommand::Change {
                        claim: Claim { purpose: booked(id, 0, 5).purpose, ..held.clone() },
                        at: minute(at),
                    },
                    None => continue,
                },
            };
            if let Ok(events) = state.decide(command.clone()) {
                for event in &events {
                    state.evolve(event);
                }
                prop_assert_eq!(state.decide(command), Ok(Vec::new()));
            }
            for tick in 0..80 {
                let instant = minute(tick * 5);
                let there = state
                    .live(minute(at))
                    .filter(|claim| claim.slot.from <= instant && instant < claim.slot.to);
                prop_assert!(there.map(|claim| claim.units).sum::<u16>() <= capacity);
            }
        }
    }

    #[test]
    fn evolve_is_total_and_a_stored_state_goes_on_as_the_folded_one(
        steps in prop::collection::vec((0_u8..3, 0_u128..5, 0_i64..100), 0..40),
        cut in 0_usize..40,
    ) {
        let events: Vec<_> = steps
            .into_iter()
            .map(|(kind, id, from)| match kind {
                0 => claimed(id, from, 30),
                1 => CalendarDayEvent::Changed { claim: hold(id, from, 30, from) },
                _ => released(id, ReleaseReason::Moved),
            })
            .collect();
        let (before, after) = events.split_at(cut.min(events.len()));
        let stored = serde_json::to_string(&fold::<CalendarDay>(before)).unwrap_or_default();
        let mut state: CalendarDay = serde_json::from_str(&stored).unwrap_or_default();
        for event in after {
            state.evolve(event);
        }
        prop_assert_eq!(state, fold::<CalendarDay>(&events));
    }
}

fn given<const N: usize>(events: [CalendarDayEvent; N]) -> AggregateTestExecutor<CalendarDay> {
    TestFramework::<CalendarDay>::with(()).given(events.to_vec())
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn minute(minute: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::days(20_000) + Duration::minutes(minute)
}

fn day() -> CalendarDayId {
    let date = NaiveDate::from_ymd_opt(2026, 11, 21).unwrap_or_default();
    CalendarDayId { calendar: CalendarId::Staff(StaffId::new(id(900))), date }
}

fn of(number: u128, from: i64, length: i64, purpose: Purpose) -> Claim {
    let slot = Slot { from: minute(from), to: minute(from + length) };
    Claim {
        claim_id: id(number).into(),
        purpose,
        slot,
        units: 1,
        service_id: None,
        counts_on: None,
    }
}

fn booked(number: u128, from: i64, length: i64) -> Claim {
    let appointment_id = id(number + 1000).into();
    of(number, from, length, Purpose::Booked { appointment_id, phase_id: None })
}

fn hold(number: u128, from: i64, length: i64, expires: i64) -> Claim {
    let hold_id = id(number + 2000).into();
    of(number, from, length, Purpose::Hold { hold_id, expires_at: minute(expires) })
}

fn claim(number: u128, from: i64, length: i64) -> CalendarDayCommand {
    claim_of(booked(number, from, length), 1)
}

fn claim_at(claim: Claim, at: i64) -> CalendarDayCommand {
    claim_at_of(claim, at, 1)
}

fn claim_of(claim: Claim, capacity: u16) -> CalendarDayCommand {
    claim_at_of(claim, 0, capacity)
}

fn claim_at_of(claim: Claim, at: i64, capacity: u16) -> CalendarDayCommand {
    CalendarDayCommand::Claim { day: day(), capacity, claim, at: minute(at) }
}

fn claimed(number: u128, from: i64, length: i64) -> CalendarDayEvent {
    claimed_of(booked(number, from, length), 1)
}

fn claimed_of(claim: Claim, capacity: u16) -> CalendarDayEvent {
    let CalendarDayId { calendar, date } = day();
    CalendarDayEvent::Claimed { calendar, date, capacity, claim }
}

fn released(number: u128, reason: ReleaseReason) -> CalendarDayEvent {
    CalendarDayEvent::Released { claim_id: id(number).into(), reason }
}
