//! For whom a client acts: one of its employees or customers.

use std::{fmt, str::FromStr};

use uuid::Uuid;

/// The longest reference of a client's own.
const MAX_REFERENCE: usize = 128;

/// For whom a client acts: `employee:<id>` or `customer:<id>`. The id is that of a staff member or a
/// customer of the tenant, or a reference of the client's own. A reference is kept in the clear for
/// as long as the history is, so it has no room for an e-mail address or a name with spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnBehalfOf {
    /// Somebody who works for the client.
    Employee(OnBehalfOfId),
    /// A customer of the client.
    Customer(OnBehalfOfId),
}

/// An id of Daybook's or of the client's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnBehalfOfId {
    /// A staff member or a customer of the tenant. Whether there is one is for the caller to check.
    Known(Uuid),
    /// What the client calls them.
    Reference(String),
}

/// Why a text names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be `employee:` or `customer:` followed by an id or by 1 to 128 letters, digits, `.`, `_` \
     or `-`"
)]
pub struct OnBehalfOfError;

impl FromStr for OnBehalfOf {
    type Err = OnBehalfOfError;

    fn from_str(text: &str) -> Result<Self, OnBehalfOfError> {
        let (kind, id) = text.split_once(':').ok_or(OnBehalfOfError)?;
        let is_plain =
            id.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'.' | b'_' | b'-'));
        if id.is_empty() || MAX_REFERENCE < id.len() || !is_plain {
            return Err(OnBehalfOfError);
        }
        let id = Uuid::parse_str(id)
            .map_or_else(|_| OnBehalfOfId::Reference(id.to_owned()), OnBehalfOfId::Known);
        match kind {
            "employee" => Ok(Self::Employee(id)),
            "customer" => Ok(Self::Customer(id)),
            _ => Err(OnBehalfOfError),
        }
    }
}

impl fmt::Display for OnBehalfOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Employee(id) => write!(f, "employee:{id}"),
            Self::Customer(id) => write!(f, "customer:{id}"),
        }
    }
}

impl fmt::Display for OnBehalfOfId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(id) => id.hyphenated().fmt(f),
            Self::Reference(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let id = "0190b2c0-0000-7000-8000-00000000002a";
        for text in [&format!("employee:{id}"), &format!("customer:{id}"), "employee:anna.7"] {
            assert_eq!(text.parse::<OnBehalfOf>().map(|it| it.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn nobody_else_is_named_and_no_address_is_taken() {
        let long = format!("employee:{}", "a".repeat(129));
        for text in
            ["", "employee", "employee:", "user:1", "customer:a@example.com", "employee:A B", &long]
        {
            assert_eq!(text.parse::<OnBehalfOf>(), Err(OnBehalfOfError), "{text}");
        }
    }
}
