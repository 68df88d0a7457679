//! Who wants a change of an appointment, and why.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ids::CustomerId, master_data::MasterDataError, personal::Personal};

/// Who wants a change. Only what the customer wants is judged by the agreed terms and counts against
/// the customer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangedBy {
    /// The customer, or somebody in the customer's name.
    #[default]
    Customer,
    /// The business itself.
    Business,
    /// Daybook, following a rule.
    System,
}

impl ChangedBy {
    /// Whether it is the customer.
    pub const fn is_customer(&self) -> bool {
        matches!(self, Self::Customer)
    }
}

impl fmt::Display for ChangedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Customer => "the customer",
            Self::Business => "the business",
            Self::System => "the system",
        })
    }
}

/// The reasons that every company has; a company may add some of its own to its policies.
pub const REASON_CODES: [&str; 12] = [
    "booked_by_mistake",
    "branch_closed",
    "customer_erased",
    "equipment_failure",
    "illness",
    "no_longer_needed",
    "other",
    "other_provider",
    "payment_missing",
    "schedule_conflict",
    "staff_unavailable",
    "weather",
];

/// Why something changed, in one word that reports count by: one of [`REASON_CODES`] or of the
/// company's own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReasonCode(String);

impl ReasonCode {
    /// Whether every company has it.
    pub fn is_standard(&self) -> bool {
        REASON_CODES.contains(&self.0.as_str())
    }

    /// The code itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ReasonCode {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let is_plain =
            text.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_');
        let begins = text.bytes().next().is_some_and(|first| first.is_ascii_lowercase());
        if !is_plain || !begins || 40 < text.len() {
            return Err(
                "a reason code has 1 to 40 lower-case letters, digits or `_` and begins with \
                        a letter",
            );
        }
        Ok(Self(text))
    }
}

impl From<ReasonCode> for String {
    fn from(code: ReasonCode) -> Self {
        code.0
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who wants a change and why, as it is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeCause {
    /// Who wants it.
    pub by: ChangedBy,
    /// Why, in one word.
    pub reason_code: Option<ReasonCode>,
    /// Why, in the words of whoever wants it (APT-32, APT-33).
    pub reason: Option<String>,
    /// Whether the customer is to be notified.
    pub notify_customer: bool,
}

impl ChangeCause {
    /// What the business or Daybook itself wants, for a reason that every company has.
    pub fn standard(by: ChangedBy, reason_code: &'static str) -> Self {
        let reason_code = Some(ReasonCode(reason_code.to_owned()));
        Self { by, reason_code, reason: None, notify_customer: false }
    }

    /// The cause as it is recorded: the words are the customer's personal data.
    pub fn of(&self, customer_id: CustomerId) -> Cause {
        Cause {
            by: self.by,
            reason_code: self.reason_code.clone(),
            reason: self.reason.clone().map(|reason| Personal::new(customer_id, reason)),
            notify_customer: self.notify_customer,
        }
    }

    /// Refuses a code that neither every company has nor this one.
    pub fn check_code(&self, own: &[ReasonCode]) -> Result<(), MasterDataError> {
        match &self.reason_code {
            Some(code) if !code.is_standard() && !own.contains(code) => {
                let known = REASON_CODES.into_iter().chain(own.iter().map(ReasonCode::as_str));
                let known = known.collect::<Vec<_>>().join(", ");
                let problem = format!("must be one of: {known}");
                Err(MasterDataError::invalid("reason_code", problem))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Who wanted a change and why, as an appointment decides on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// Who wants it.
    pub by: ChangedBy,
    /// Why, in one word.
    pub reason_code: Option<ReasonCode>,
    /// Why, in the words of whoever wants it.
    pub reason: Option<Personal<String>>,
    /// Whether the customer is to be notified.
    pub notify_customer: bool,
}
