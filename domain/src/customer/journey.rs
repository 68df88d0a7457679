//! How far a customer has come with a company, and how engaged they are (CRM-01 to CRM-10, CTR-50).
//!
//! The stage rests on what happened; `at_risk` and `churned` rest on how long nothing happened, so they
//! come with time and go with the next visit. VIP is a flag beside the stage.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// How far a customer has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// First contact, no appointment yet.
    #[default]
    Lead,
    /// An appointment was booked.
    Prospect,
    /// An appointment was kept.
    Customer,
    /// Several were kept.
    Regular,
    /// Nothing has happened for long.
    AtRisk,
    /// Nothing has happened for so long that nothing is expected any more.
    Churned,
}

/// Where the stages begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Kept appointments of a regular.
    pub regular_from: u32,
    /// How long it is silent until a customer is at risk.
    pub at_risk_after: TimeDelta,
    /// How long until one is lost.
    pub churned_after: TimeDelta,
    /// How recent an activity is rewarded.
    pub recent_within: TimeDelta,
    /// What a VIP has spent at least, in the smallest unit; `None` makes nobody one.
    pub vip_from_minor: Option<i64>,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            regular_from: 3,
            at_risk_after: TimeDelta::days(90),
            churned_after: TimeDelta::days(180),
            recent_within: TimeDelta::days(30),
            vip_from_minor: None,
        }
    }
}

/// What a customer has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// Appointments that were booked.
    pub booked: u32,
    /// Appointments that were kept.
    pub completed: u32,
    /// Appointments that the customer called off.
    pub cancelled: u32,
    /// Appointments that the customer missed.
    pub missed: u32,
    /// Phone calls.
    pub calls: u32,
    /// What was spent on kept appointments, in the smallest unit.
    pub spent_minor: i64,
    /// The latest sign of life.
    pub last_at: Option<DateTime<Utc>>,
}

impl Activity {
    /// The stage that rests on what happened alone.
    pub const fn reached(&self, thresholds: &Thresholds) -> Stage {
        match (self.completed, self.booked) {
            (completed, _) if thresholds.regular_from <= completed => Stage::Regular,
            (1.., _) => Stage::Customer,
            (0, 1..) => Stage::Prospect,
            (0, 0) => Stage::Lead,
        }
    }

    /// The stage at a moment.
    pub fn stage(&self, thresholds: &Thresholds, now: DateTime<Utc>) -> Stage {
        match self.last_at.map(|last| now - last) {
            Some(silent) if thresholds.churned_after <= silent => Stage::Churned,
            Some(silent) if thresholds.at_risk_after <= silent => Stage::AtRisk,
            Some(_) | None => self.reached(thresholds),
        }
    }

    /// Whether the customer is a VIP.
    pub fn is_vip(&self, thresholds: &Thresholds) -> bool {
        thresholds.vip_from_minor.is_some_and(|least| least <= self.spent_minor)
    }

    /// The engagement score, 0 to 1000 (CRM-09).
    pub fn engagement(&self, thresholds: &Thresholds, now: DateTime<Utc>) -> u16 {
        let is_recent = self.last_at.is_some_and(|last| now - last <= thresholds.recent_within);
        let bonus = |holds: bool, points: i64| if holds { points } else { 0 };
        let score = 10 * i64::from(self.booked)
            + 5 * i64::from(self.completed)
            + 3 * i64::from(self.calls)
            + bonus(is_recent, 20)
            + bonus(self.is_vip(thresholds), 50)
            - 5 * i64::from(self.missed)
            - 2 * i64::from(self.cancelled);
        u16::try_from(score.clamp(0, 1000)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
    }

    fn active(days_ago: i64) -> Activity {
        Activity { last_at: Some(now() - TimeDelta::days(days_ago)), ..Activity::default() }
    }

    /// AT-60.
    #[test]
    fn engagement_adds_up_and_stays_within_its_range() {
        let some = Activity {
            booked: 10,
            completed: 8,
            calls: 4,
            missed: 1,
            cancelled: 1,
            spent_minor: 9,
            ..active(30)
        };
        let plain = Thresholds::default();
        assert_eq!(some.engagement(&plain, now()), 165);
        let vip = Thresholds { vip_from_minor: Some(9), ..plain };
        assert_eq!(some.engagement(&vip, now()), 215);
        assert_eq!(some.engagement(&plain, now() + TimeDelta::days(1)), 145);
        let misses = Activity { booked: 3, missed: 90, ..active(1) };
        assert_eq!(misses.engagement(&plain, now()), 0);
        let loyal = Activity { booked: 200, completed: 200, ..active(1) };
        assert_eq!(loyal.engagement(&plain, now()), 1000);
    }

    /// AT-61.
    #[test]
    fn stages_follow_what_happens_and_what_does_not() {
        let stage = |booked, completed, days_ago| {
            let activity = Activity { booked, completed, ..active(days_ago) };
            activity.stage(&Thresholds::default(), now())
        };
        assert_eq!(stage(0, 0, 0), Stage::Lead);
        assert_eq!(stage(1, 0, 0), Stage::Prospect);
        assert_eq!(stage(1, 1, 0), Stage::Customer);
        assert_eq!(stage(3, 3, 89), Stage::Regular);
        assert_eq!(stage(3, 3, 90), Stage::AtRisk);
        assert_eq!(stage(3, 3, 180), Stage::Churned);
        assert_eq!(stage(4, 3, 0), Stage::Regular, "whoever comes back is where they were");
    }
}
