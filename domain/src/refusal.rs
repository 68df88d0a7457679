//! A refusal: a rule said no. Data with a stable code, as against a failure of the machinery.

use serde_json::Value;

/// What kind of no it is; the HTTP layer maps it to a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// A field of the request is wrong whatever the state is.
    Invalid,
    /// The thing named does not exist for this tenant.
    NotFound,
    /// The state does not allow it now: another status, a taken place.
    Conflict,
    /// A policy of the company does not allow it.
    Policy,
    /// A limit is used up.
    Limit,
}

/// A business rule's no.
pub trait Refusal: std::fmt::Display + std::fmt::Debug + Send + Sync {
    /// The stable code that a client may branch on, in capitals: `APPOINTMENT_CONFLICT`.
    fn code(&self) -> &'static str;

    /// What kind of no it is.
    fn kind(&self) -> RefusalKind;

    /// The field of the request that is at fault, if one is.
    fn field(&self) -> Option<String> {
        None
    }

    /// What a client needs to go on: the conflicting id, the next free starts, the fee.
    fn details(&self) -> Option<Value> {
        None
    }
}
