//! What a series accepts and refuses (AT-40).

use chrono::{DateTime, Duration, Utc};
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::{rule::SeriesRule, *};
use crate::policy::RecurringPolicy;

#[test]
fn four_and_fifty_two_occurrences_are_accepted_three_and_fifty_three_refused() {
    for length in [4, 52] {
        given([]).when(start(length)).then_expect_events(vec![started(length)]);
    }
    given([]).when(start(3)).then_expect_error(SeriesError::TooShort { length: 3, min_length: 4 });
    given([]).when(start(53)).then_expect_error(SeriesError::TooLong { max_length: 52 });
}

#[test]
fn repeated_start_records_nothing_and_another_one_is_refused() {
    given([started(4)]).when(start(4)).then_expect_events(Vec::new());
    given([started(4)]).when(start(5)).then_expect_error(SeriesError::AlreadyStarted);
}

#[test]
fn third_skip_is_refused_and_a_repeated_one_is_no_third() {
    given([started(6), skipped(2)]).when(skip(4)).then_expect_events(vec![skipped(4)]);
    given([started(6), skipped(2), skipped(4)]).when(skip(4)).then_expect_events(Vec::new());
    given([started(6), skipped(2), skipped(4)])
        .when(skip(5))
        .then_expect_error(SeriesError::NoSkipLeft { max_skips: 2 });
}

#[test]
fn skip_is_refused_where_the_policy_has_none() {
    let mut rigid = plan(4);
    rigid.policy.skip_allowed = false;
    given([SeriesEvent::Started(Box::new(rigid))])
        .when(skip(1))
        .then_expect_error(SeriesError::SkipsNotAllowed);
}

#[test]
fn occurrence_moves_and_stands_where_it_moved_to() {
    let moved = SeriesEvent::OccurrenceMoved { number: 2, from: week(2), to: week(9) };
    given([started(4)]).when(move_to(2, week(9))).then_expect_events(vec![moved.clone()]);
    given([started(4), moved.clone()]).when(move_to(2, week(9))).then_expect_events(Vec::new());
    let back = SeriesEvent::OccurrenceMoved { number: 2, from: week(9), to: week(2) };
    given([started(4), moved]).when(move_to(2, week(2))).then_expect_events(vec![back]);
}

#[test]
fn what_does_not_take_place_is_neither_moved_nor_skipped() {
    let mut gappy = plan(5);
    gappy.occurrences[2].appointment_id = None;
    let gappy = SeriesEvent::Started(Box::new(gappy));
    let refused = SeriesError::NotPlanned { number: 3 };
    given([gappy.clone()]).when(skip(3)).then_expect_error(refused.clone());
    given([gappy]).when(move_to(3, week(9))).then_expect_error(refused);
    given([started(4), skipped(1)])
        .when(move_to(1, week(9)))
        .then_expect_error(SeriesError::NotPlanned { number: 1 });
}

#[test]
fn unknown_occurrence_and_unknown_series_are_not_found() {
    given([started(4)])
        .when(skip(5))
        .then_expect_error(SeriesError::NoSuchOccurrence { number: 5 });
    given([]).when(skip(1)).then_expect_error(SeriesError::NotFound);
    given([]).when(cancel()).then_expect_error(SeriesError::NotFound);
}

#[test]
fn cancelled_series_stays_cancelled() {
    let cancelled = SeriesEvent::Cancelled { after: week(2) };
    given([started(4)]).when(cancel()).then_expect_events(vec![cancelled.clone()]);
    given([started(4), cancelled.clone()]).when(cancel()).then_expect_events(Vec::new());
    given([started(4), cancelled]).when(skip(3)).then_expect_error(SeriesError::Cancelled);
}

fn given<const N: usize>(events: [SeriesEvent; N]) -> AggregateTestExecutor<Series> {
    TestFramework::<Series>::with(()).given(events.to_vec())
}

fn week(number: u16) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::weeks(number.into())
}

fn plan(length: u16) -> Started {
    let occurrences = (1..=length).map(|number| Occurrence {
        number,
        starts_at: week(number),
        appointment_id: Some(Uuid::from_u128(number.into()).into()),
    });
    Started {
        company_id: Uuid::from_u128(100).into(),
        branch_id: Uuid::from_u128(101).into(),
        customer_id: Uuid::from_u128(102).into(),
        service_ids: vec![Uuid::from_u128(103).into()],
        durations: Vec::new(),
        staff_id: None,
        rule: SeriesRule::new("FREQ=WEEKLY;COUNT=4", week(1).naive_utc(), chrono_tz::UTC),
        policy: RecurringPolicy::default(),
        occurrences: occurrences.collect(),
    }
}

fn start(length: u16) -> SeriesCommand {
    SeriesCommand::Start(Box::new(plan(length)))
}

fn started(length: u16) -> SeriesEvent {
    SeriesEvent::Started(Box::new(plan(length)))
}

fn skip(number: u16) -> SeriesCommand {
    SeriesCommand::Skip { number }
}

fn skipped(number: u16) -> SeriesEvent {
    SeriesEvent::OccurrenceSkipped { number }
}

fn move_to(number: u16, starts_at: DateTime<Utc>) -> SeriesCommand {
    SeriesCommand::Move { number, starts_at }
}

fn cancel() -> SeriesCommand {
    SeriesCommand::Cancel { after: week(2) }
}
