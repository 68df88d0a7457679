//! What an outside system calls a person or something of a person's: the client's own id for a customer
//! or a booking, the call that it came from.
//!
//! It leads to the person as surely as a phone number does. So it is sealed like one, and is found by
//! a keyed hash of it. Events of before hold it in clear; they are read as they are.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};

use crate::{ids::CustomerId, personal::Personal};

/// What an outside system calls a person or something of a person's.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum OutsideRef {
    /// As it is written today.
    Personal(Personal<String>),
    /// As it was written once.
    Clear(String),
}

impl OutsideRef {
    /// A reference to a person.
    pub const fn new(subject: CustomerId, reference: String) -> Self {
        Self::Personal(Personal::new(subject, reference))
    }

    /// The reference, if it can be read.
    pub fn value(&self) -> Option<&str> {
        match self {
            Self::Personal(reference) => reference.value().map(String::as_str),
            Self::Clear(reference) => Some(reference),
        }
    }
}

/// By its form: text is clear, a map is sealed or about to be.
impl<'de> Deserialize<'de> for OutsideRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EitherForm)
    }
}

struct EitherForm;

impl<'de> Visitor<'de> for EitherForm {
    type Value = OutsideRef;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a reference, as text or as personal data")
    }

    fn visit_str<E: de::Error>(self, reference: &str) -> Result<OutsideRef, E> {
        Ok(OutsideRef::Clear(reference.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<OutsideRef, A::Error> {
        Personal::deserialize(MapAccessDeserializer::new(map)).map(OutsideRef::Personal)
    }
}

/// It stays out of every debug text.
impl fmt::Debug for OutsideRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Personal(reference) => reference.fmt(f),
            Self::Clear(_) => f.write_str("OutsideRef(…)"),
        }
    }
}

/// A reference and the keyed hash by which it is found, made by the vault.
#[derive(Clone, PartialEq, Eq)]
pub struct IndexedRef {
    /// The reference.
    pub reference: String,
    /// Its keyed hash: the reference itself stands in no stream id.
    pub index: String,
}

/// It stays out of every debug text.
impl fmt::Debug for IndexedRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IndexedRef(…)")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_reference_is_read_as_it_is_written_today_and_as_it_was_once() {
        let subject = CustomerId::new(Uuid::from_u128(7));
        let sealed = Personal::Sealed { subject, data: "AAEC".to_owned() };
        let forms = [
            OutsideRef::Clear("ap-1".to_owned()),
            OutsideRef::new(subject, "ap-1".to_owned()),
            OutsideRef::Personal(sealed),
        ];
        for form in forms {
            let text = serde_json::to_string(&form).unwrap();
            assert!(serde_json::from_str::<OutsideRef>(&text).unwrap() == form, "{text}");
        }
        let refused = serde_json::from_value::<OutsideRef>(json!(1)).unwrap_err();
        assert!(refused.to_string().contains("as text or as personal data"), "{refused}");
    }
}
