//! From agreed terms and facts to an outcome (POL-09 to POL-11).

use chrono::Duration;
use serde::{Deserialize, Serialize};

use crate::{appointment::ChangedBy, money::Money};

use super::{CancellationPolicy, Fee, ReschedulePolicy, ViolationAction};

/// The terms of an appointment as they were agreed when it was booked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// When a cancellation is late.
    pub cancellation: CancellationPolicy,
    /// Where that comes from.
    pub cancellation_from: TermsSource,
    /// When a reschedule is late or one too many.
    pub reschedule: ReschedulePolicy,
    /// Where that comes from.
    pub reschedule_from: TermsSource,
}

impl Terms {
    /// The company's own terms.
    pub const fn of_company(
        cancellation: CancellationPolicy,
        reschedule: ReschedulePolicy,
    ) -> Self {
        Self {
            cancellation,
            cancellation_from: TermsSource::Company,
            reschedule,
            reschedule_from: TermsSource::Company,
        }
    }
}

/// The level at which terms were set (POL-03).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TermsSource {
    /// The company.
    Company,
    /// The branch.
    Branch,
    /// The service.
    Service,
    /// The staff member.
    Staff,
}

/// What a change comes to under the terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyOutcome {
    /// Whether a term is broken.
    pub policy_violation: bool,
    /// Which ones, and by how much.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation>,
    /// What the terms say should happen then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ViolationAction>,
    /// What it costs.
    pub fee: Money,
    /// Whether what was paid may be given back in full.
    pub refund_eligible: bool,
    /// The three in one word.
    pub policy_check: PolicyCheck,
    /// What was left aside because it was not the customer who wanted the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waived: Option<Waiver>,
}

/// Terms that were left aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// Who wanted the change.
    pub changed_by: ChangedBy,
    /// The terms that the customer would have broken.
    pub violations: Vec<Violation>,
    /// What that would have cost.
    pub fee: Money,
}

impl PolicyOutcome {
    /// What a change comes to by whoever wants it: the terms bind nobody but the customer.
    #[must_use]
    pub fn caused_by(self, changed_by: ChangedBy) -> Self {
        if changed_by.is_customer() || !self.policy_violation {
            return self;
        }
        let Self { violations, fee, .. } = self;
        let passed = outcome(Vec::new(), ViolationAction::Warn, Fee::None, fee);
        Self { waived: Some(Waiver { changed_by, violations, fee }), ..passed }
    }
}

/// An outcome in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyCheck {
    /// No term is broken.
    Passed,
    /// A term is broken, the change goes through and is recorded as a violation.
    Warning,
    /// A term is broken and the change is refused.
    Blocked,
}

/// A broken term.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Violation {
    /// The start is too close.
    ShortNotice {
        /// What was agreed.
        required_hours: u32,
        /// Whole minutes until the start; negative after it.
        notice_min: i64,
    },
    /// The free cancellations of the calendar month are used up (AT-38).
    NoFreeCancellationLeft {
        /// How many are free.
        free_per_month: u32,
        /// How many there were before this one.
        used: u32,
    },
    /// It was rescheduled as often as agreed (AT-39).
    TooManyReschedules {
        /// How often it may be.
        allowed: u32,
        /// How often it was before this time.
        used: u32,
    },
}

/// What a cancellation is judged by.
#[derive(Clone, Copy, Debug)]
pub struct CancellationFacts {
    /// From the cancellation to the start.
    pub notice: Duration,
    /// The customer's cancellations in this calendar month before this one.
    pub cancelled_this_month: u32,
    /// The agreed price.
    pub price: Money,
}

/// What a reschedule is judged by.
#[derive(Clone, Copy, Debug)]
pub struct RescheduleFacts {
    /// From the reschedule to the start as it stands.
    pub notice: Duration,
    /// How often this appointment was rescheduled before.
    pub rescheduled: u32,
    /// The agreed price.
    pub price: Money,
}

/// What a cancellation comes to.
pub fn judge_cancellation(policy: &CancellationPolicy, facts: CancellationFacts) -> PolicyOutcome {
    let mut violations = Vec::new();
    violations.extend(short_notice(policy.min_hours_notice, facts.notice));
    if let Some(free_per_month) = policy.max_free_per_month
        && free_per_month <= facts.cancelled_this_month
    {
        let used = facts.cancelled_this_month;
        violations.push(Violation::NoFreeCancellationLeft { free_per_month, used });
    }
    outcome(violations, policy.violation_action, policy.fee, facts.price)
}

/// What a reschedule comes to.
pub fn judge_reschedule(policy: &ReschedulePolicy, facts: RescheduleFacts) -> PolicyOutcome {
    let mut violations = Vec::new();
    violations.extend(short_notice(policy.min_hours_notice, facts.notice));
    if policy.max_per_booking <= facts.rescheduled {
        let (allowed, used) = (policy.max_per_booking, facts.rescheduled);
        violations.push(Violation::TooManyReschedules { allowed, used });
    }
    outcome(violations, policy.violation_action, policy.fee, facts.price)
}

/// Exactly the agreed hours are in time (AT-36).
fn short_notice(required_hours: u32, notice: Duration) -> Option<Violation> {
    let late = notice < Duration::hours(required_hours.into());
    late.then(|| Violation::ShortNotice { required_hours, notice_min: notice.num_minutes() })
}

fn outcome(
    violations: Vec<Violation>,
    action: ViolationAction,
    fee: Fee,
    price: Money,
) -> PolicyOutcome {
    let free = Money::zero(price.currency);
    if violations.is_empty() {
        return PolicyOutcome {
            policy_violation: false,
            violations,
            action: None,
            fee: free,
            refund_eligible: true,
            policy_check: PolicyCheck::Passed,
            waived: None,
        };
    }
    let (fee, policy_check) = match action {
        ViolationAction::Warn => (free, PolicyCheck::Warning),
        ViolationAction::Block => (free, PolicyCheck::Blocked),
        ViolationAction::ChargeFee => (amount(fee, price), PolicyCheck::Warning),
    };
    PolicyOutcome {
        policy_violation: true,
        violations,
        action: Some(action),
        fee,
        refund_eligible: false,
        policy_check,
        waived: None,
    }
}

/// A part of a price that overflows is never less than the price itself.
fn amount(fee: Fee, price: Money) -> Money {
    match fee {
        Fee::None => Money::zero(price.currency),
        Fee::FixedMinor(amount_minor) => Money::new(amount_minor, price.currency),
        Fee::Percent(percent) => price.checked_percent(percent).unwrap_or(price),
    }
}
