//! The part of a tenant's history that decisions need.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{aggregate::Evolve, ids::CompanyId};

use super::{Subscription, TenantEvent, UsageLimits};

/// The part of a tenant's history that decisions need.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    name: Option<String>,
    limits: UsageLimits,
    features: BTreeSet<String>,
    subscription: Option<Subscription>,
    companies: BTreeSet<CompanyId>,
    #[serde(default)]
    skipped: BTreeSet<(String, u64)>,
}

impl Tenant {
    /// What people call it; `None` until it was opened.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// How much it may use.
    pub const fn limits(&self) -> &UsageLimits {
        &self.limits
    }

    /// Whether a feature is on.
    pub fn has_feature(&self, feature: &str) -> bool {
        self.features.contains(feature)
    }

    /// What it has subscribed to.
    pub const fn subscription(&self) -> Option<&Subscription> {
        self.subscription.as_ref()
    }

    /// Whether a company is counted already.
    pub fn has_company(&self, company_id: CompanyId) -> bool {
        self.companies.contains(&company_id)
    }

    /// The positions of the events that a projector passes over.
    pub fn skips(&self, projector: &str) -> impl Iterator<Item = u64> {
        let own = self.skipped.iter().filter(move |(name, _)| name == projector);
        own.map(|(_, position)| *position)
    }

    /// How many companies it has.
    pub fn company_count(&self) -> u32 {
        u32::try_from(self.companies.len()).unwrap_or(u32::MAX)
    }
}

impl Evolve for Tenant {
    const TYPE: &'static str = "tenant";
    type Event = TenantEvent;

    fn evolve(&mut self, event: &TenantEvent) {
        match event {
            TenantEvent::Opened { name } => self.name = Some(name.clone()),
            TenantEvent::LimitsSet { limits } => self.limits = limits.clone(),
            TenantEvent::FeatureSet { feature, is_enabled: true } => {
                self.features.insert(feature.clone());
            }
            TenantEvent::FeatureSet { feature, is_enabled: false } => {
                self.features.remove(feature);
            }
            TenantEvent::SubscriptionSet { subscription } => {
                self.subscription = Some(subscription.clone());
            }
            TenantEvent::CompanyAdded { company_id } => {
                self.companies.insert(*company_id);
            }
            TenantEvent::EventSkipped { projector, position, .. } => {
                self.skipped.insert((projector.clone(), *position));
            }
        }
    }
}
