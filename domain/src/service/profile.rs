//! What there is to know of a service, and what differs at a branch.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    ids::CompanyId,
    master_data::{MasterDataError, check_external_ref, check_minutes, check_name},
    money::Money,
};

use super::{Assignment, BookingRules, PhaseTemplate};

/// The longest a phase part may be: half a day.
const MOST_MIN: u16 = 720;

/// What there is to know of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceProfile {
    /// The company that offers it.
    pub company_id: CompanyId,
    /// What people call it; unique within the company.
    pub name: String,
    /// What people should know before they book it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its phases in order; at least one (MD-17).
    pub phases: Vec<PhaseTemplate>,
    /// What it costs.
    pub price: Money,
    /// When and how often it may be booked.
    #[serde(default)]
    pub rules: BookingRules,
    /// The id that an outside system knows it by; unique within the tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<String>,
}

/// What differs at a branch (MD-04).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BranchOffer {
    /// Whether the branch offers the service.
    pub is_offered: bool,
    /// What it costs there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
}

impl ServiceProfile {
    /// Minutes from the start to the end for the customer, as the template has them.
    pub fn duration_min(&self) -> u32 {
        let Some((last, before)) = self.phases.split_last() else { return 0 };
        before.iter().map(PhaseTemplate::span_min).sum::<u32>() + last.client_min()
    }

    pub(super) fn check(&self) -> Result<(), MasterDataError> {
        check_name("name", &self.name)?;
        check_external_ref(self.external_ref.as_deref())?;
        if self.phases.is_empty() || 24 < self.phases.len() {
            return Err(MasterDataError::invalid("phases", "a service has 1 to 24 phases"));
        }
        let mut keys = BTreeSet::new();
        for (index, phase) in self.phases.iter().enumerate() {
            check_phase(index, phase)?;
            if !keys.insert(phase.key.as_str()) {
                let field = format!("phases/{index}/key");
                return Err(MasterDataError::invalid(field, "phase keys are unique"));
            }
        }
        self.check_price("price", self.price)?;
        if self.rules.duration.is_some() && self.phases.len() != 1 {
            let problem = "only a service of a single phase has a duration to choose";
            return Err(MasterDataError::invalid("rules/duration", problem));
        }
        check_rules(&self.rules)
    }

    fn check_price(&self, field: &str, price: Money) -> Result<(), MasterDataError> {
        if price.amount_minor < 0 {
            return Err(MasterDataError::invalid(field, "a price is not negative"));
        }
        if price.currency != self.price.currency {
            let problem = format!("the service's prices are in {}", self.price.currency);
            return Err(MasterDataError::invalid(field, problem));
        }
        Ok(())
    }

    pub(super) fn check_change(&self, held: &Self) -> Result<(), MasterDataError> {
        if self.company_id != held.company_id {
            return Err(MasterDataError::invalid("company_id", "a service stays with its company"));
        }
        if self.price.currency != held.price.currency {
            let problem = format!("the service's prices are in {}", held.price.currency);
            return Err(MasterDataError::invalid("price.currency", problem));
        }
        Ok(())
    }

    pub(super) fn check_assignment(&self, assignment: &Assignment) -> Result<(), MasterDataError> {
        for (key, minutes) in &assignment.custom_active_min {
            let field = format!("custom_active_min/{key}");
            if !self.phases.iter().any(|phase| phase.key == *key) {
                return Err(MasterDataError::invalid(field, "the service has no such phase"));
            }
            check_minutes(&field, *minutes, 5, MOST_MIN)?;
        }
        assignment.custom_price.map_or(Ok(()), |price| self.check_price("custom_price", price))
    }

    pub(super) fn check_offer(&self, offer: &BranchOffer) -> Result<(), MasterDataError> {
        offer.price.map_or(Ok(()), |price| self.check_price("price", price))
    }
}

fn check_phase(index: usize, phase: &PhaseTemplate) -> Result<(), MasterDataError> {
    let field = |name: &str| format!("phases/{index}/{name}");
    check_name(&field("key"), &phase.key)?;
    check_minutes(&field("active_min"), phase.active_min, 5, MOST_MIN)?;
    check_minutes(&field("processing_min"), phase.processing_min, 0, MOST_MIN)?;
    check_minutes(&field("transition_min"), phase.transition_min, 0, MOST_MIN)?;
    if let Some(need) = &phase.resource {
        if need.any_of.is_empty() {
            let problem = "at least one resource that will do";
            return Err(MasterDataError::invalid(field("resource/any_of"), problem));
        }
        if need.units == 0 {
            let problem = "at least one unit";
            return Err(MasterDataError::invalid(field("resource/units"), problem));
        }
    }
    Ok(())
}

fn check_rules(rules: &BookingRules) -> Result<(), MasterDataError> {
    check_minutes("rules/grid_min", rules.grid_min, 5, 1440)?;
    if 1440 % rules.grid_min != 0 {
        let problem = "a start grid divides the day: 5, 10, 15, 20, 30, 60 minutes and the like";
        return Err(MasterDataError::invalid("rules/grid_min", problem));
    }
    check_minutes("rules/min_gap_min", rules.min_gap_min, 0, 240)?;
    check_minutes("rules/buffer_before_min", rules.buffer_before_min, 0, 240)?;
    check_minutes("rules/buffer_after_min", rules.buffer_after_min, 0, 240)?;
    if let Some(rule) = rules.assignment
        && !(1..=28).contains(&rule.window_days)
    {
        let problem = "busy minutes are counted over 1 to 28 days";
        return Err(MasterDataError::invalid("rules/assignment/window_days", problem));
    }
    if let Some(range) = rules.duration {
        check_minutes("rules/duration/from_min", range.from_min, 5, MOST_MIN)?;
        check_minutes("rules/duration/to_min", range.to_min, 5, MOST_MIN)?;
        check_minutes("rules/duration/step_min", range.step_min, 5, MOST_MIN)?;
        if range.to_min < range.from_min {
            let problem = "`to_min` must not be less than `from_min`";
            return Err(MasterDataError::invalid("rules/duration/to_min", problem));
        }
    }
    if rules.max_advance_days == 0 || 730 < rules.max_advance_days {
        let problem = "a booking window is 1 to 730 days";
        return Err(MasterDataError::invalid("rules/max_advance_days", problem));
    }
    if 525_600 < rules.min_notice_min {
        let problem = "a notice is at most a year";
        return Err(MasterDataError::invalid("rules/min_notice_min", problem));
    }
    Ok(())
}
