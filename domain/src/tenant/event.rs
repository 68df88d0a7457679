//! What happened to a tenant.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::CompanyId;

/// How much a tenant may use; absent means unlimited (TEN-11).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UsageLimits {
    /// Companies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub companies: Option<u32>,
    /// Users of the console.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users: Option<u32>,
    /// Phone calls in a month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls_per_month: Option<u32>,
}

/// What a tenant has subscribed to (TEN-13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case", deny_unknown_fields)]
pub enum Subscription {
    /// It tries Daybook out.
    Trial {
        /// Until when.
        ends_at: DateTime<Utc>,
    },
    /// It pays.
    Active {
        /// For what.
        plan: String,
    },
    /// It no longer pays.
    Ended {
        /// Since when.
        ended_at: DateTime<Utc>,
    },
}

/// What happened to a tenant. Released variants never change; a new meaning is a new version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum TenantEvent {
    /// It was opened.
    Opened {
        /// What people call it.
        name: String,
    },
    /// Its limits were set.
    LimitsSet {
        /// All of them.
        limits: UsageLimits,
    },
    /// A feature was switched (TEN-12).
    FeatureSet {
        /// Which.
        feature: String,
        /// Whether it is on.
        is_enabled: bool,
    },
    /// Its subscription changed.
    SubscriptionSet {
        /// What it is now.
        subscription: Subscription,
    },
    /// It has a company more.
    CompanyAdded {
        /// Which.
        company_id: CompanyId,
    },
    /// A projector is to pass an event over, because somebody has looked at it.
    EventSkipped {
        /// The projector.
        projector: String,
        /// Where the event stands.
        position: u64,
        /// Why.
        reason: String,
    },
}

crate::event_kinds!(TenantEvent {
    Opened => "tenant.opened" @ "1.0.0",
    LimitsSet => "tenant.limits_set" @ "1.0.0",
    FeatureSet => "tenant.feature_set" @ "1.0.0",
    SubscriptionSet => "tenant.subscription_set" @ "1.0.0",
    CompanyAdded => "tenant.company_added" @ "1.0.0",
    EventSkipped => "tenant.event_skipped" @ "1.0.0",
});
