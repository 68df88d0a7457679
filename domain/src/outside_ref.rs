//! What an outside system calls a person or something of a person's: the client's own id for a customer
//! or a booking, the call that it came from.
//!
//! It leads to the person as surely as a phone number does. So it is sealed like one, and is found by
//! a keyed hash of it. Events of before hold it in clear; they are read as they are.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ids::CustomerId, personal::Personal};

/// What an outside system calls a person or something of a person's.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
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
