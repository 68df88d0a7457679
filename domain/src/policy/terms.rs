//! The policies of a company: when a change is late, and what that costs (POL-06, POL-07).

use serde::{Deserialize, Serialize};

/// What happens when a change breaks the policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViolationAction {
    /// It goes through, and the violation is recorded.
    #[default]
    Warn,
    /// It is refused.
    Block,
    /// It goes through, for a fee.
    ChargeFee,
}

/// What a violation costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fee {
    /// Nothing.
    #[default]
    None,
    /// An amount in minor units of the price's currency.
    FixedMinor(i64),
    /// A part of the price.
    Percent(u32),
}

/// When a cancellation is late (POL-06).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CancellationPolicy {
    /// Hours before the start; exactly so many is in time.
    pub min_hours_notice: u32,
    /// What a violation costs when the action is to charge.
    pub fee: Fee,
    /// Cancellations of one customer in a calendar month that are free; absent means all.
    pub max_free_per_month: Option<u32>,
    /// What a violation leads to.
    pub violation_action: ViolationAction,
}

impl Default for CancellationPolicy {
    fn default() -> Self {
        Self {
            min_hours_notice: 24,
            fee: Fee::None,
            max_free_per_month: Some(2),
            violation_action: ViolationAction::Warn,
        }
    }
}

/// When a reschedule is late or one too many (POL-07).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReschedulePolicy {
    /// Hours before the start; exactly so many is in time.
    pub min_hours_notice: u32,
    /// Reschedules of one booking; one more is a violation.
    pub max_per_booking: u32,
    /// What a violation leads to.
    pub violation_action: ViolationAction,
    /// What a violation costs when the action is to charge.
    pub fee: Fee,
}

impl Default for ReschedulePolicy {
    fn default() -> Self {
        Self {
            min_hours_notice: 12,
            max_per_booking: 3,
            violation_action: ViolationAction::Warn,
            fee: Fee::None,
        }
    }
}

/// How long a series may be and how much of it may be skipped (POL-08).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecurringPolicy {
    /// The fewest occurrences.
    pub min_length: u16,
    /// The most occurrences.
    pub max_length: u16,
    /// Whether an occurrence may be skipped at all.
    pub skip_allowed: bool,
    /// How many may be skipped.
    pub max_skips: u16,
}

impl Default for RecurringPolicy {
    fn default() -> Self {
        Self { min_length: 4, max_length: 52, skip_allowed: true, max_skips: 2 }
    }
}
