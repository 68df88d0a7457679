//! What there is to know of a company, and its policies.

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::{
    appointment::ReasonCode,
    master_data::{MasterDataError, check_external_ref, check_name},
    money::Currency,
    policy::{CancellationPolicy, Fee, RecurringPolicy, ReschedulePolicy, ViolationAction},
    standards::{canonical_zone, check_currency, check_phone_region},
};

/// What there is to know of a company.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompanyProfile {
    /// What people call it; unique within the tenant.
    pub name: String,
    /// The zone of branches that name none.
    pub zone: Tz,
    /// The currency of its prices.
    pub currency: Currency,
    /// Where phone numbers without a country code belong: two capital letters, such as `DE`.
    pub phone_region: String,
    /// The id that an outside system knows it by; unique within the tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<String>,
}

impl CompanyProfile {
    /// With the name of its zone that the IANA database uses.
    #[must_use]
    pub(super) fn canonical(self) -> Self {
        Self { zone: canonical_zone(self.zone), ..self }
    }

    pub(super) fn check(&self) -> Result<(), MasterDataError> {
        check_name("name", &self.name)?;
        check_external_ref(self.external_ref.as_deref())?;
        check_currency("currency", self.currency)?;
        check_phone_region("phone_region", &self.phone_region)
    }

    pub(super) fn check_change(&self, held: &Self) -> Result<(), MasterDataError> {
        if self.currency == held.currency {
            Ok(())
        } else {
            let problem = format!("the company's currency stays {}", held.currency);
            Err(MasterDataError::invalid("currency", problem))
        }
    }
}

/// The policies of a company (POL-06 to POL-08).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policies {
    /// When a cancellation is late, and what that means.
    pub cancellation: CancellationPolicy,
    /// When a reschedule is late or one too many.
    pub reschedule: ReschedulePolicy,
    /// How long a series may be.
    pub recurring: RecurringPolicy,
    /// Reasons of changes that the company counts beside those that every company has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reason_codes: Vec<ReasonCode>,
}

/// How many reason codes a company may add.
const MAX_REASON_CODES: usize = 50;

impl Policies {
    pub(super) fn check(&self) -> Result<(), MasterDataError> {
        check_fee("cancellation", self.cancellation.violation_action, self.cancellation.fee)?;
        check_fee("reschedule", self.reschedule.violation_action, self.reschedule.fee)?;
        let mut codes: Vec<_> = self.reason_codes.iter().collect();
        codes.sort_unstable();
        codes.dedup();
        if codes.len() < self.reason_codes.len() || codes.iter().any(|code| code.is_standard()) {
            let problem = "must not contain a code twice or one that every company has";
            return Err(MasterDataError::invalid("reason_codes", problem));
        }
        if MAX_REASON_CODES < codes.len() {
            let problem = format!("must contain at most {MAX_REASON_CODES} codes");
            return Err(MasterDataError::invalid("reason_codes", problem));
        }
        let recurring = &self.recurring;
        if recurring.min_length < 1 || 366 < recurring.max_length {
            let problem = "a series has 1 to 366 occurrences";
            return Err(MasterDataError::invalid("recurring.max_length", problem));
        }
        if recurring.max_length < recurring.min_length {
            let problem = "the most occurrences are at least the fewest";
            return Err(MasterDataError::invalid("recurring.min_length", problem));
        }
        Ok(())
    }
}

/// A fee of nothing has no effect, so to charge one is a mistake (CTR-64).
fn check_fee(policy: &str, action: ViolationAction, fee: Fee) -> Result<(), MasterDataError> {
    let field = format!("{policy}.fee");
    let charges = action == ViolationAction::ChargeFee;
    match fee {
        Fee::None | Fee::FixedMinor(0) | Fee::Percent(0) if charges => {
            Err(MasterDataError::invalid(field, "charge_fee needs a fee above zero"))
        }
        Fee::FixedMinor(amount) if amount < 0 => {
            Err(MasterDataError::invalid(field, "a fee is not negative"))
        }
        Fee::Percent(percent) if 100 < percent => {
            Err(MasterDataError::invalid(field, "a fee is at most 100 per cent"))
        }
        Fee::None | Fee::FixedMinor(_) | Fee::Percent(_) => Ok(()),
    }
}
