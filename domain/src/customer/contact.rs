//! How a customer is reached, what was agreed to, and what kind of notes there are.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    ids::BranchId,
    master_data::{MasterDataError, check_external_ref, check_name},
    outside_ref::OutsideRef,
    personal::Personal,
    standards::check_language,
};

/// A phone number in E.164: `+` and 7 to 15 digits, and behind them the extension as RFC 3966 writes it,
/// if there is one: `+4930123456;ext=5` (CRM-13, CTR-18). Two extensions of one number are two numbers.
/// What people type is parsed at the edge, where the region is known.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Phone(String);

/// An e-mail address: something, `@`, something with a dot. More is known only by writing to it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

/// A text that is no phone number or no e-mail address. It does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAContact {
    /// Not E.164.
    #[error("a phone number is + and 7 to 15 digits, such as +4915112345678 or +4930123456;ext=5")]
    Phone,
    /// Not an address.
    #[error("an e-mail address looks like name@example.com")]
    Email,
}

/// What stands between number and extension.
const EXTENSION: &str = ";ext=";
/// Longer than any telephone system's.
const MAX_EXTENSION_DIGITS: usize = 20;

impl Phone {
    /// Number and extension: what tells customers apart.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number without the extension.
    pub fn e164(&self) -> &str {
        self.0.split_once(EXTENSION).map_or(&self.0, |(number, _)| number)
    }

    /// The extension.
    pub fn extension(&self) -> Option<&str> {
        self.0.split_once(EXTENSION).map(|(_, extension)| extension)
    }
}

impl TryFrom<String> for Phone {
    type Error = NotAContact;

    fn try_from(text: String) -> Result<Self, NotAContact> {
        let digits = text.strip_prefix('+').ok_or(NotAContact::Phone)?;
        let (digits, extension) = match digits.split_once(EXTENSION) {
            Some((digits, extension)) => (digits, Some(extension)),
            None => (digits, None),
        };
        let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let is_number =
            (7..=15).contains(&digits.len()) && all_digits(digits) && !digits.starts_with('0');
        let is_extension = extension.is_none_or(|extension| {
            (1..=MAX_EXTENSION_DIGITS).contains(&extension.len()) && all_digits(extension)
        });
        if is_number && is_extension { Ok(Self(text)) } else { Err(NotAContact::Phone) }
    }
}

impl Email {
    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Email {
    type Error = NotAContact;

    fn try_from(text: String) -> Result<Self, NotAContact> {
        let looks_right = text.len() <= 254
            && !text.chars().any(|each| each.is_whitespace() || each.is_control())
            && text.split_once('@').is_some_and(|(local, domain)| {
                !local.is_empty()
                    && !domain.contains('@')
                    && domain.split('.').count() > 1
                    && domain.split('.').all(|label| !label.is_empty())
            });
        if looks_right { Ok(Self(text)) } else { Err(NotAContact::Email) }
    }
}

impl From<Phone> for String {
    fn from(phone: Phone) -> Self {
        phone.0
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

/// Personal data stays out of every debug text.
impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phone(…)")
    }
}

/// Personal data stays out of every debug text.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}

/// How a customer is reached and known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// The name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Personal<String>>,
    /// The phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Personal<Phone>>,
    /// Whether the number was in use by a numbering plan when it was given. A number that is possible
    /// is accepted without that; absent means that nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_is_valid: Option<bool>,
    /// The e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Personal<Email>>,
    /// The language that the customer is written to in, such as `de`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The branch that the customer prefers; customers belong to the company (CTR-51).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferred_branch_id: Option<BranchId>,
    /// The id that an outside system knows the customer by; unique within the tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<OutsideRef>,
}

impl Contact {
    pub(super) fn check(&self) -> Result<(), MasterDataError> {
        if let Some(name) = self.name.as_ref().and_then(Personal::value) {
            check_name("name", name)?;
        }
        check_external_ref(self.external_ref.as_ref().and_then(OutsideRef::value))?;
        if let Some(language) = &self.language {
            check_language("language", language)?;
        }
        if self.phone.is_none() && self.email.is_none() {
            let problem = "a phone number or an e-mail address is required";
            return Err(MasterDataError::invalid("phone", problem));
        }
        Ok(())
    }
}

/// What a customer can agree to (GDPR-01).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// That data are kept and used for appointments.
    Gdpr,
    /// That offers are sent.
    Marketing,
    /// The privacy notice.
    Privacy,
    /// That text messages are sent (NOT-23).
    Sms,
}

/// What a note is about (CRM-15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteKind {
    /// Anything.
    General,
    /// A complaint.
    Complaint,
    /// Praise and wishes.
    Feedback,
    /// Health data (GDPR-09).
    Medical,
}

/// Who may read a note (CRM-15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteVisibility {
    /// The staff.
    Staff,
    /// The management.
    Management,
    /// Everybody.
    All,
}
