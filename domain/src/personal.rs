//! Personal data in events.
//!
//! A [`Personal`] value is clear in memory and sealed in the log: the vault encrypts it with its
//! subject's own key on append and opens it on load. Once the key is destroyed it reads as erased,
//! while the hash chain and every count stay as they were (CTR-09).
//!
//! On its way to the vault a value is written as `{"$personal": subject, "value": …}`, in the log
//! it stands as `{"$sealed": subject, "data": …}`, and an erased one reads `{"$erased": subject}`.

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, Error as _},
};

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

/// How it is written. Read by what is there, not by trying one form after the other: most events of a
/// history have such a field.
#[derive(Serialize)]
#[serde(untagged)]
enum Written<'a, T> {
    Clear {
        #[serde(rename = "$personal")]
        subject: CustomerId,
        value: &'a T,
    },
    Sealed {
        #[serde(rename = "$sealed")]
        subject: CustomerId,
        data: &'a str,
    },
    Erased {
        #[serde(rename = "$erased")]
        subject: CustomerId,
    },
}

#[derive(Deserialize)]
struct Found<T> {
    #[serde(rename = "$personal")]
    personal: Option<CustomerId>,
    value: Option<T>,
    #[serde(rename = "$sealed")]
    sealed: Option<CustomerId>,
    data: Option<String>,
    #[serde(rename = "$erased")]
    erased: Option<CustomerId>,
}

impl<T: Serialize> Serialize for Personal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Clear { subject, value } => Written::Clear { subject: *subject, value },
            Self::Sealed { subject, data } => Written::Sealed { subject: *subject, data },
            Self::Erased { subject } => Written::Erased { subject: *subject },
        }
        .serialize(serializer)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Personal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Found::<T>::deserialize(deserializer)? {
            Found { personal: Some(subject), value: Some(value), .. } => {
                Ok(Self::Clear { subject, value })
            }
            Found { sealed: Some(subject), data: Some(data), .. } => {
                Ok(Self::Sealed { subject, data })
            }
            Found { erased: Some(subject), .. } => Ok(Self::Erased { subject }),
            Found { personal: Some(_), .. } => Err(D::Error::missing_field("value")),
            Found { sealed: Some(_), .. } => Err(D::Error::missing_field("data")),
            Found { .. } => Err(D::Error::custom(
                "personal data has a field $personal, $sealed or $erased, which name its subject",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn every_form_is_read_as_it_was_written() {
        let subject = CustomerId::new(Uuid::from_u128(7));
        let forms = [
            Personal::new(subject, vec!["Ada".to_owned()]),
            Personal::Sealed { subject, data: "AAEC".to_owned() },
            Personal::Erased { subject },
        ];
        for form in forms {
            let text = serde_json::to_string(&form).unwrap();
            assert_eq!(serde_json::from_str::<Personal<Vec<String>>>(&text).unwrap(), form);
        }
    }

    #[test]
    fn what_has_no_form_is_refused_with_what_it_lacks() {
        let subject = Uuid::from_u128(7).to_string();
        let lacks = [
            (json!({ "$personal": subject }), "missing field `value`"),
            (json!({ "$sealed": subject, "value": "Ada" }), "missing field `data`"),
            (json!({ "value": "Ada" }), "$personal, $sealed or $erased"),
            (json!("Ada"), "invalid type: string"),
        ];
        for (form, lack) in lacks {
            let refused = serde_json::from_value::<Personal<String>>(form).unwrap_err();
            assert!(refused.to_string().contains(lack), "{refused}");
        }
    }
}
