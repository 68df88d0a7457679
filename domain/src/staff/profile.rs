//! What there is to know of a staff member.

use std::collections::BTreeSet;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::{
    ids::{BranchId, CompanyId},
    master_data::{MasterDataError, check_external_ref, check_minutes, check_name},
    standards::canonical_zone,
};

/// What there is to know of a staff member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StaffProfile {
    /// The employer.
    pub company_id: CompanyId,
    /// The name that customers see.
    pub name: String,
    /// Where the staff member works; at least one branch.
    pub branches: BTreeSet<BranchId>,
    /// The zone of the own calendar: its days are local dates of this zone.
    pub zone: Tz,
    /// What the staff member can be asked for, such as `colourist`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub roles: BTreeSet<String>,
    /// Whether the staff member takes appointments.
    #[serde(default = "yes")]
    pub is_bookable: bool,
    /// Minutes blocked before each appointment.
    #[serde(default)]
    pub buffer_before_min: u16,
    /// Minutes blocked after each appointment.
    #[serde(default)]
    pub buffer_after_min: u16,
    /// The name of the account at Cal.com.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calcom_username: Option<String>,
    /// The id that an outside system knows the staff member by; unique within the tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<String>,
}

const fn yes() -> bool {
    true
}

impl StaffProfile {
    /// With the name of its zone that the IANA database uses.
    #[must_use]
    pub(super) fn canonical(self) -> Self {
        Self { zone: canonical_zone(self.zone), ..self }
    }

    pub(super) fn check(&self) -> Result<(), MasterDataError> {
        check_name("name", &self.name)?;
        check_external_ref(self.external_ref.as_deref())?;
        check_minutes("buffer_before_min", self.buffer_before_min, 0, 240)?;
        check_minutes("buffer_after_min", self.buffer_after_min, 0, 240)?;
        if self.branches.is_empty() {
            let problem = "a staff member works at one branch at least";
            return Err(MasterDataError::invalid("branches", problem));
        }
        Ok(())
    }

    pub(super) fn check_change(&self, held: &Self) -> Result<(), MasterDataError> {
        if self.company_id != held.company_id {
            let problem = "a staff member stays with the company";
            return Err(MasterDataError::invalid("company_id", problem));
        }
        // The days of the calendar are named by local dates; another zone would tear them apart.
        if self.zone != held.zone {
            let problem = format!("the zone of the calendar stays {}", held.zone);
            return Err(MasterDataError::invalid("zone", problem));
        }
        Ok(())
    }
}
