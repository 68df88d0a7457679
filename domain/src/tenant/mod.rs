//! A tenant: the customer of Daybook, whose companies, limits and features these are (TEN-01,
//! TEN-07, TEN-11 to TEN-13). Its stream id is the tenant's own id.
//!
//! Invariants:
//! - a tenant is opened once;
//! - the count of companies never exceeds the limit in force when one was added.

mod event;
mod state;
#[cfg(test)]
mod tests;

use crate::{
    aggregate::Decide,
    ids::CompanyId,
    master_data::{MasterDataError, check_name},
};

pub use self::{
    event::{Subscription, TenantEvent, UsageLimits},
    state::Tenant,
};

/// What a caller may ask of a tenant.
#[derive(Clone, Debug)]
pub enum TenantCommand {
    /// Open it.
    Open {
        /// What people call it.
        name: String,
    },
    /// Set how much it may use.
    SetLimits {
        /// All limits.
        limits: UsageLimits,
    },
    /// Switch a feature on or off.
    SetFeature {
        /// Which.
        feature: String,
        /// Whether it is on.
        is_enabled: bool,
    },
    /// Set what it has subscribed to.
    SetSubscription {
        /// The state of the subscription.
        subscription: Subscription,
    },
    /// Count a new company.
    AddCompany {
        /// Which.
        company_id: CompanyId,
    },
    /// Let a projector pass an event over.
    SkipEvent {
        /// The projector.
        projector: String,
        /// Where the event stands.
        position: u64,
        /// Why.
        reason: String,
    },
}

impl Decide for Tenant {
    type Command = TenantCommand;
    type Error = MasterDataError;

    fn decide(&self, command: TenantCommand) -> Result<Vec<TenantEvent>, MasterDataError> {
        match command {
            TenantCommand::Open { name } => match self.name() {
                Some(held) if held == name => Ok(Vec::new()),
                Some(_) => Err(MasterDataError::AlreadyRegistered { what: "tenant" }),
                None => {
                    check_name("name", &name)?;
                    Ok(vec![TenantEvent::Opened { name }])
                }
            },
            TenantCommand::SetLimits { limits } => {
                self.known()?;
                let is_same = *self.limits() == limits;
                Ok(if is_same { Vec::new() } else { vec![TenantEvent::LimitsSet { limits }] })
            }
            TenantCommand::SetFeature { feature, is_enabled } => {
                self.known()?;
                check_name("feature", &feature)?;
                Ok(if self.has_feature(&feature) == is_enabled {
                    Vec::new()
                } else {
                    vec![TenantEvent::FeatureSet { feature, is_enabled }]
                })
            }
            TenantCommand::SetSubscription { subscription } => {
                self.known()?;
                Ok(if self.subscription() == Some(&subscription) {
                    Vec::new()
                } else {
                    vec![TenantEvent::SubscriptionSet { subscription }]
                })
            }
            TenantCommand::AddCompany { company_id } => self.add_company(company_id),
            TenantCommand::SkipEvent { projector, position, reason } => {
                self.known()?;
                check_name("projector", &projector)?;
                check_name("reason", &reason)?;
                Ok(if self.skips(&projector).any(|skipped| skipped == position) {
                    Vec::new()
                } else {
                    vec![TenantEvent::EventSkipped { projector, position, reason }]
                })
            }
        }
    }
}

impl Tenant {
    fn known(&self) -> Result<(), MasterDataError> {
        let missing = MasterDataError::NotFound { what: "tenant", field: "tenant_id" };
        self.name().map(|_| ()).ok_or(missing)
    }

    fn add_company(&self, company_id: CompanyId) -> Result<Vec<TenantEvent>, MasterDataError> {
        self.known()?;
        if self.has_company(company_id) {
            return Ok(Vec::new());
        }
        match self.limits().companies {
            Some(limit) if limit <= self.company_count() => {
                Err(MasterDataError::LimitReached { what: "companies", limit })
            }
            Some(_) | None => Ok(vec![TenantEvent::CompanyAdded { company_id }]),
        }
    }
}

crate::cqrs_aggregate!(Tenant);
