//! Personal data in events.
//!
//! A [`Personal`] value is clear in memory and sealed in the log: the vault encrypts it with its
//! subject's own key on append and opens it on load. Once the key is destroyed it reads as erased,
//! while the hash chain and every count stay as they were (CTR-09).
//!
//! On its way to the vault a value is written as `{"$personal": subject, "value": …}`, in the log
//! it stands as `{"$sealed": subject, "data": …}`, and an erased one reads `{"$erased": subject}`.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};

use crate::ids::CustomerId;

/// A value that belongs to a person.
#[derive(Clone, PartialEq, Eq)]
pub enum Personal<T> {
    /// Readable: it was just made, or the vault opened it.
    Clear {
        /// Whose it is.
        subject: CustomerId,
        /// The value.
        value: T,
    },
    /// As it stands in the log, when no vault was asked.
    Sealed {
        /// Whose it is.
        subject: CustomerId,
        /// Nonce and ciphertext, base64.
        data: String,
    },
    /// The key is gone; so is the value.
    Erased {
        /// Whose it was.
        subject: CustomerId,
    },
}

impl<T> Personal<T> {
    /// A readable value of a person.
    pub const fn new(subject: CustomerId, value: T) -> Self {
        Self::Clear { subject, value }
    }

    /// The value, if it can be read.
    pub const fn value(&self) -> Option<&T> {
        match self {
            Self::Clear { value, .. } => Some(value),
            Self::Sealed { .. } | Self::Erased { .. } => None,
        }
    }

    /// Whose it is.
    pub const fn subject(&self) -> CustomerId {
        match self {
            Self::Clear { subject, .. }
            | Self::Sealed { subject, .. }
            | Self::Erased { subject } => *subject,
        }
    }
}

/// Personal data stays out of every debug text.
impl<T> std::fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self {
            Self::Clear { .. } => "clear",
            Self::Sealed { .. } => "sealed",
            Self::Erased { .. } => "erased",
        };
        write!(f, "Personal({}, {what})", self.subject())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Wire<T> {
    Clear {
        #[serde(rename = "$personal")]
        subject: CustomerId,
        value: T,
    },
    Sealed {
        #[serde(rename = "$sealed")]
        subject: CustomerId,
        data: String,
    },
    Erased {
        #[serde(rename = "$erased")]
        subject: CustomerId,
    },
}

impl<T: Serialize> Serialize for Personal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Clear { subject, value } => Wire::Clear { subject: *subject, value },
            Self::Sealed { subject, data } => {
                Wire::Sealed { subject: *subject, data: data.clone() }
            }
            Self::Erased { subject } => Wire::Erased { subject: *subject },
        }
        .serialize(serializer)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Personal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Wire::<T>::deserialize(deserializer)? {
            Wire::Clear { subject, value } => Self::Clear { subject, value },
            Wire::Sealed { subject, data } => Self::Sealed { subject, data },
            Wire::Erased { subject } => Self::Erased { subject },
        })
    }
}
