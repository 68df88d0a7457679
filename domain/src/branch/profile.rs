//! What there is to know of a branch.

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::{
    ids::CompanyId,
    master_data::{MasterDataError, check_external_ref, check_name},
    standards::{canonical_zone, check_country, check_phone_region},
};

/// What there is to know of a branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BranchProfile {
    /// The company that it belongs to.
    pub company_id: CompanyId,
    /// What people call it; unique within the company.
    pub name: String,
    /// The zone of its clocks.
    pub zone: Tz,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// Where phone numbers without a country code belong that are given here; absent means the
    /// company's region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_region: Option<String>,
    /// How far its staff travel, in metres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_radius_m: Option<u32>,
    /// How to get there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport_info: Option<String>,
    /// The id that an outside system knows it by; unique within the tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<String>,
}

/// A postal address, and the point on the map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// Street and number.
    pub street: String,
    /// The postal code.
    pub postal_code: String,
    /// The town.
    pub city: String,
    /// The country, ISO 3166-1 alpha-2.
    pub country: String,
    /// Latitude in millionths of a degree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latitude_e6: Option<i32>,
    /// Longitude in millionths of a degree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longitude_e6: Option<i32>,
}

impl BranchProfile {
    /// With the name of its zone that the IANA database uses.
    #[must_use]
    pub(super) fn canonical(self) -> Self {
        Self { zone: canonical_zone(self.zone), ..self }
    }

    pub(super) fn check(&self) -> Result<(), MasterDataError> {
        check_name("name", &self.name)?;
        check_external_ref(self.external_ref.as_deref())?;
        if let Some(region) = &self.phone_region {
            check_phone_region("phone_region", region)?;
        }
        let Some(address) = &self.address else { return Ok(()) };
        check_country("address.country", &address.country)?;
        if address.latitude_e6.is_some_and(|degrees| !(-90_000_000..=90_000_000).contains(&degrees))
        {
            let problem = "a latitude lies between -90 and 90 degrees";
            return Err(MasterDataError::invalid("address.latitude_e6", problem));
        }
        if address
            .longitude_e6
            .is_some_and(|degrees| !(-180_000_000..=180_000_000).contains(&degrees))
        {
            let problem = "a longitude lies between -180 and 180 degrees";
            return Err(MasterDataError::invalid("address.longitude_e6", problem));
        }
        Ok(())
    }

    pub(super) fn check_change(&self, held: &Self) -> Result<(), MasterDataError> {
        if self.company_id == held.company_id {
            Ok(())
        } else {
            Err(MasterDataError::invalid("company_id", "a branch stays with its company"))
        }
    }
}
