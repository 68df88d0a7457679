//! What an appointment accepts and refuses.

use chrono::{DateTime, Duration, Utc};
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::{
    aggregate::fold,
    money::{Currency, Money},
    outside_ref::OutsideRef,
    policy::{CancellationPolicy, Fee, ReschedulePolicy, Terms, Violation, ViolationAction},
};

/// The hour at which the appointments of these tests begin.
const START: i64 = 1_000;

#[test]
fn booking_is_recorded_once() {
    given([]).when(book(booking())).then_expect_events(vec![booked()]);
    given([booked()]).when(book(booking())).then_expect_events(Vec::new());
    let other = Booking { external_ref: Some(OutsideRef::Clear("other".to_owned())), ..booking() };
    given([booked()]).when(book(other)).then_expect_error(AppointmentError::AlreadyBooked);
}

#[test]
fn booking_that_does_not_end_after_it_starts_is_refused() {
    let mut empty = booking();
    empty.plan.ends_at = empty.plan.starts_at;
    given([]).when(book(empty)).then_expect_error(AppointmentError::EndsBeforeItStarts);
}

#[test]
fn pending_appointment_is_confirmed_started_and_completed() {
    let (start, complete) = (
        AppointmentCommand::Start { at: hour(START) },
        AppointmentCommand::Complete { at: hour(START) },
    );
    given([pending()]).when(AppointmentCommand::Confirm).then_expect_events(vec![confirmed()]);
    given([pending(), confirmed()]).when(start.clone()).then_expect_events(vec![started()]);
    given([pending(), confirmed(), started()])
        .when(complete.clone())
        .then_expect_events(vec![completed()]);
    given([booked()]).when(AppointmentCommand::Confirm).then_expect_events(Vec::new());
    given([booked(), started()]).when(start).then_expect_events(Vec::new());
    given([booked(), started(), completed()]).when(complete).then_expect_events(Vec::new());
}

#[test]
fn steps_that_the_status_flow_does_not_have_are_refused() {
    use AppointmentStatus::{Completed, Confirmed, InProgress, NoShow, Pending, Rejected};
    let forbids = |status, wanted| AppointmentError::StatusForbids { status, wanted };
    let start = AppointmentCommand::Start { at: hour(START) };
    let complete = AppointmentCommand::Complete { at: hour(START) };
    let reject = AppointmentCommand::Reject { reason: None };
    given([pending()]).when(start).then_expect_error(forbids(Pending, InProgress));
    given([booked()]).when(complete).then_expect_error(forbids(Confirmed, Completed));
    given([booked()]).when(reject).then_expect_error(forbids(Confirmed, Rejected));
    given([booked(), started(), completed()])
        .when(AppointmentCommand::MarkNoShow { at: hour(START + 1) })
        .then_expect_error(forbids(Completed, NoShow));
    given([booked(), started()])
        .when(cancel(START, 0))
        .then_expect_error(forbids(InProgress, AppointmentStatus::Cancelled));
}

#[test]
fn pending_appointment_is_rejected_once() {
    let reject = AppointmentCommand::Reject { reason: None };
    let rejected = AppointmentEvent::Rejected { reason: None };
    given([pending()]).when(reject.clone()).then_expect_events(vec![rejected.clone()]);
    given([pending(), rejected]).when(reject).then_expect_events(Vec::new());
}

#[test]
fn no_show_is_marked_from_the_start_on() {
    let mark = |at| AppointmentCommand::MarkNoShow { at: hour(at) };
    let marked = AppointmentEvent::NoShowMarked { at: hour(START) };
    given([booked()]).when(mark(START)).then_expect_events(vec![marked.clone()]);
    given([booked(), started()]).when(mark(START)).then_expect_events(vec![marked.clone()]);
    given([booked(), marked]).when(mark(START + 1)).then_expect_events(Vec::new());
    given([booked()])
        .when(mark(START - 1))
        .then_expect_error(AppointmentError::NotYetDue { starts_at: hour(START) });
}

#[test]
fn unbooked_appointment_is_not_found() {
    for command in [
        AppointmentCommand::Confirm,
        AppointmentCommand::MarkNoShow { at: hour(START) },
        cancel(0, 0),
        reschedule(0, START + 5),
    ] {
        given([]).when(command).then_expect_error(AppointmentError::NotFound);
    }
}

#[test]
fn cancellation_in_time_is_one_event() {
    let mut events = events_of(&[booked()], cancel(START - 24, 0));
    assert_eq!(kinds(&events), ["appointment.cancelled"]);
    events.insert(0, booked());
    assert_eq!(kinds(&events_of(&events, cancel(START - 24, 0))), [""; 0]);
}

#[test]
fn late_cancellation_is_followed_by_a_violation_that_names_it() {
    let events = events_of(&[booked()], cancel(START - 23, 0));
    assert_eq!(kinds(&events), ["appointment.cancelled", "appointment.policy_violated"]);
    let AppointmentEvent::PolicyViolated { modification, kind, outcome } = &events[1] else {
        panic!("a violation");
    };
    assert_eq!((*modification, *kind), (1, ModificationKind::Cancellation));
    let notice = Violation::ShortNotice { required_hours: 24, notice_min: 23 * 60 };
    assert_eq!(outcome.violations, vec![notice]);
}

#[test]
fn third_cancellation_of_the_month_is_a_violation() {
    assert_eq!(events_of(&[booked()], cancel(START - 100, 1)).len(), 1);
    assert_eq!(events_of(&[booked()], cancel(START - 100, 2)).len(), 2);
}

#[test]
fn terms_that_block_refuse_and_terms_that_charge_name_the_fee() {
    let with = |violation_action, fee| {
        let mut booking = booking();
        booking.terms.cancellation.violation_action = violation_action;
        booking.terms.cancellation.fee = fee;
        AppointmentEvent::Booked(Box::new(booking))
    };
    let refusal = fold::<Appointment>(&[with(ViolationAction::Block, Fee::None)])
        .decide(cancel(START - 1, 0))
        .unwrap_err();
    assert!(matches!(refusal, AppointmentError::PolicyBlocked { .. }));
    let events =
        events_of(&[with(ViolationAction::ChargeFee, Fee::Percent(50))], cancel(START - 1, 0));
    let AppointmentEvent::Cancelled { outcome, .. } = &events[0] else { panic!("cancelled") };
    assert_eq!(outcome.fee, Money::new(2_250, Currency::EUR));
}

#[test]
fn reschedule_keeps_price_and_terms_and_numbers_its_modification() {
    let mut events = vec![booked()];
    for number in 1..=3 {
        let new = events_of(&events, reschedule(0, START + i64::from(number)));
        assert_eq!(kinds(&new), ["appointment.rescheduled"]);
        events.extend(new);
        assert_eq!(fold::<Appointment>(&events).modifications(), number);
    }
    let fourth = events_of(&events, reschedule(0, START + 4));
    assert_eq!(kinds(&fourth), ["appointment.rescheduled", "appointment.policy_violated"]);
    let state = fold::<Appointment>(&events);
    let held = state.booking().unwrap();
    assert_eq!((held.price, &held.terms), (booking().price, &booking().terms));
    assert_eq!(held.plan.starts_at, hour(START + 3));
}

#[test]
fn reschedule_eleven_hours_before_warns() {
    let late = events_of(&[booked()], reschedule(START - 11, START + 50));
    assert_eq!(kinds(&late), ["appointment.rescheduled", "appointment.policy_violated"]);
    assert_eq!(events_of(&[booked()], reschedule(START - 12, START + 50)).len(), 1);
}

#[test]
fn reschedule_to_where_it_is_records_nothing() {
    given([booked()]).when(reschedule(0, START)).then_expect_events(Vec::new());
}

proptest! {
    #[test]
    fn nothing_leaves_a_final_status_and_the_version_counts_the_events(
        steps in prop::collection::vec((0_u8..7, 0_i64..1_200), 0..30),
    ) {
        let mut events = vec![pending()];
        for (kind, at) in steps {
            let state = fold::<Appointment>(&events);
            let command = match kind {
                0 => AppointmentCommand::Confirm,
                1 => AppointmentCommand::Reject { reason: None },
                2 => AppointmentCommand::Start { at: hour(at) },
                3 => AppointmentCommand::Complete { at: hour(at) },
                4 => AppointmentCommand::MarkNoShow { at: hour(at) },
                5 => cancel(at, 0),
                _ => reschedule(at, at + 30),
            };
            let new = state.decide(command).unwrap_or_default();
            let is_final = matches!(
                state.status(),
                Some(
                    AppointmentStatus::Completed
                        | AppointmentStatus::Cancelled
                        | AppointmentStatus::NoShow
                        | AppointmentStatus::Rejected
                )
            );
            prop_assert!(!is_final || new.is_empty());
            events.extend(new);
        }
        let state = fold::<Appointment>(&events);
        prop_assert_eq!(state.version(), events.len() as u64);
        let stored = serde_json::to_string(&state).unwrap();
        prop_assert_eq!(serde_json::from_str::<Appointment>(&stored).unwrap(), state);
    }
}

fn given<const N: usize>(events: [AppointmentEvent; N]) -> AggregateTestExecutor<Appointment> {
    TestFramework::<Appointment>::with(()).given(events.to_vec())
}

fn events_of(given: &[AppointmentEvent], command: AppointmentCommand) -> Vec<AppointmentEvent> {
    fold::<Appointment>(given).decide(command).unwrap()
}

fn kinds(events: &[AppointmentEvent]) -> Vec<&'static str> {
    events.iter().map(crate::aggregate::EventKind::kind).collect()
}

fn hour(hour: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::hours(hour)
}

fn plan(start: i64) -> Plan {
    let staff_id = Uuid::from_u128(4).into();
    let (starts_at, ends_at) = (hour(start), hour(start + 1));
    Plan { starts_at, ends_at, staff_id, phases: Vec::new(), claims: Vec::new(), choice: None }
}

fn booking() -> Booking {
    Booking {
        company_id: Uuid::from_u128(1).into(),
        branch_id: Uuid::from_u128(2).into(),
        zone: chrono_tz::Europe::Berlin,
        customer_id: Uuid::from_u128(3).into(),
        service_ids: vec![Uuid::from_u128(5).into()],
        durations: Vec::new(),
        booking_type: BookingType::Simple,
        is_composite: false,
        is_pending: false,
        plan: plan(START),
        price: Money::new(4_500, Currency::EUR),
        terms: Terms::of_company(CancellationPolicy::default(), ReschedulePolicy::default()),
        source: "api".to_owned(),
        notes: None,
        external_ref: None,
        call_id: None,
        series: None,
        hold_id: None,
    }
}

fn book(booking: Booking) -> AppointmentCommand {
    AppointmentCommand::Book(Box::new(booking))
}

fn booked() -> AppointmentEvent {
    AppointmentEvent::Booked(Box::new(booking()))
}

fn pending() -> AppointmentEvent {
    AppointmentEvent::Booked(Box::new(Booking { is_pending: true, ..booking() }))
}

fn confirmed() -> AppointmentEvent {
    AppointmentEvent::Confirmed {}
}

fn started() -> AppointmentEvent {
    AppointmentEvent::Started { at: hour(START) }
}

fn completed() -> AppointmentEvent {
    AppointmentEvent::Completed { at: hour(START) }
}

fn cancel(at: i64, cancelled_this_month: u32) -> AppointmentCommand {
    AppointmentCommand::Cancel(Cancellation {
        at: hour(at),
        reason: None,
        notify_customer: true,
        cancelled_this_month,
        is_waived: false,
    })
}

fn reschedule(at: i64, start: i64) -> AppointmentCommand {
    AppointmentCommand::Reschedule(Rescheduling {
        at: hour(at),
        plan: Box::new(plan(start)),
        reason: None,
    })
}
