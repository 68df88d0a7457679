//! What there is to know of a resource.

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::{
    ids::{BranchId, CompanyId},
    master_data::{MasterDataError, check_external_ref, check_name},
    standards::canonical_zone,
};

/// What kind of thing it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceKind {
    /// A room, a chair, a place.
    Room,
    /// A device.
    Equipment,
}

/// What there is to know of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceProfile {
    /// The company that owns it.
    pub company_id: CompanyId,
    /// Where it stands.
    pub branch_id: BranchId,
    /// What people call it; unique within the company.
    pub name: String,
    /// What kind of thing it is.
    pub kind: ResourceKind,
    /// Units that can be used at the same time; at least 1.
    pub capacity: u16,
    /// The zone of its calendar: that of its branch.
    pub zone: Tz,
    /// The id that an outside system knows it by; unique within the tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<String>,
}

impl ResourceProfile {
    /// With the name of its zone that the IANA database uses.
    #[must_use]
    pub(super) fn canonical(self) -> Self {
        Self { zone: canonical_zone(self.zone), ..self }
    }

    pub(super) fn check(&self) -> Result<(), MasterDataError> {
        check_name("name", &self.name)?;
        check_external_ref(self.external_ref.as_deref())?;
        if self.capacity == 0 {
            return Err(MasterDataError::invalid("capacity", "a resource has at least one unit"));
        }
        Ok(())
    }

    pub(super) fn check_change(&self, held: &Self) -> Result<(), MasterDataError> {
        if self.company_id != held.company_id {
            return Err(MasterDataError::invalid(
                "company_id",
                "a resource stays with its company",
            ));
        }
        if self.branch_id != held.branch_id {
            return Err(MasterDataError::invalid("branch_id", "a resource stays at its branch"));
        }
        if self.zone != held.zone {
            let problem = format!("the zone of the calendar stays {}", held.zone);
            return Err(MasterDataError::invalid("zone", problem));
        }
        Ok(())
    }
}
