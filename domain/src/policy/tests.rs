//! AT-36 to AT-39, by table.

use chrono::Duration;

use super::*;
use crate::money::{Currency, Money};

#[test]
fn cancellation_is_in_time_until_exactly_the_agreed_hours() {
    assert!(!cancelled(25 * 60, 0).policy_violation);
    assert!(!cancelled(24 * 60, 0).policy_violation);
    assert!(cancelled(24 * 60 - 1, 0).policy_violation);
    assert!(cancelled(-10, 0).policy_violation);
}

#[test]
fn cancellation_in_time_passes_free_and_is_refunded() {
    let outcome = cancelled(25 * 60, 0);
    assert_eq!(outcome.policy_check, PolicyCheck::Passed);
    assert_eq!(outcome.fee, euro(0));
    assert!(outcome.refund_eligible);
    assert_eq!(outcome.action, None);
}

#[test]
fn late_cancellation_warns_names_the_notice_and_is_not_refunded() {
    let outcome = cancelled(24 * 60 - 1, 0);
    assert_eq!(outcome.policy_check, PolicyCheck::Warning);
    let notice = Violation::ShortNotice { required_hours: 24, notice_min: 1439 };
    assert_eq!(outcome.violations, vec![notice]);
    assert!(!outcome.refund_eligible);
}

#[test]
fn third_cancellation_of_a_month_is_not_free_when_two_are() {
    assert!(!cancelled(48 * 60, 1).policy_violation);
    let outcome = cancelled(48 * 60, 2);
    let used_up = Violation::NoFreeCancellationLeft { free_per_month: 2, used: 2 };
    assert_eq!(outcome.violations, vec![used_up]);
    let unlimited = CancellationPolicy { max_free_per_month: None, ..Default::default() };
    assert!(!judge_cancellation(&unlimited, facts(48 * 60, 9)).policy_violation);
}

#[test]
fn late_cancellation_is_blocked_where_the_terms_block_it() {
    let policy =
        CancellationPolicy { violation_action: ViolationAction::Block, ..Default::default() };
    let outcome = judge_cancellation(&policy, facts(60, 0));
    assert_eq!(outcome.policy_check, PolicyCheck::Blocked);
    assert_eq!(outcome.fee, euro(0));
}

#[test]
fn late_cancellation_costs_the_agreed_fee_where_the_terms_charge_it() {
    let charge = |fee| CancellationPolicy {
        violation_action: ViolationAction::ChargeFee,
        fee,
        ..Default::default()
    };
    let fee =
        |policy: &CancellationPolicy, notice| judge_cancellation(policy, facts(notice, 0)).fee;
    assert_eq!(fee(&charge(Fee::FixedMinor(1500)), 60), euro(1500));
    assert_eq!(fee(&charge(Fee::Percent(50)), 60), euro(2250));
    assert_eq!(fee(&charge(Fee::Percent(50)), 25 * 60), euro(0));
}

#[test]
fn fourth_reschedule_and_a_late_one_warn() {
    let judged = |notice_min, rescheduled| {
        let notice = Duration::minutes(notice_min);
        judge_reschedule(
            &ReschedulePolicy::default(),
            RescheduleFacts { notice, rescheduled, price: euro(4500) },
        )
    };
    assert_eq!(judged(13 * 60, 2).policy_check, PolicyCheck::Passed);
    assert_eq!(judged(12 * 60, 2).policy_check, PolicyCheck::Passed);
    assert_eq!(judged(13 * 60, 3).policy_check, PolicyCheck::Warning);
    assert_eq!(judged(11 * 60, 0).policy_check, PolicyCheck::Warning);
    assert_eq!(
        judged(11 * 60, 3).violations,
        vec![
            Violation::ShortNotice { required_hours: 12, notice_min: 660 },
            Violation::TooManyReschedules { allowed: 3, used: 3 },
        ]
    );
}

fn euro(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

fn facts(notice_min: i64, cancelled_this_month: u32) -> CancellationFacts {
    let notice = Duration::minutes(notice_min);
    CancellationFacts { notice, cancelled_this_month, price: euro(4500) }
}

fn cancelled(notice_min: i64, cancelled_this_month: u32) -> PolicyOutcome {
    judge_cancellation(&CancellationPolicy::default(), facts(notice_min, cancelled_this_month))
}
