//! What the master-data aggregates share: their refusals and the checks of their fields.

use serde_json::{Value, json};

use crate::{
    hours::GRID_MIN,
    refusal::{Refusal, RefusalKind},
};

/// Why a company, branch, staff member, service or resource refuses a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MasterDataError {
    /// The id is taken by something with other content.
    #[error("this {what} was already registered with other content")]
    AlreadyRegistered {
        /// Such as `staff member`.
        what: &'static str,
    },
    /// There is no such thing.
    #[error("there is no such {what}")]
    NotFound {
        /// Such as `staff member`.
        what: &'static str,
        /// The field of the request that names it.
        field: &'static str,
    },
    /// A field is wrong whatever the state is.
    #[error("{field}: {problem}")]
    Invalid {
        /// The field of the request.
        field: String,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// The thing is not in use.
    #[error("this {what} is not active")]
    Inactive {
        /// Such as `staff member`.
        what: &'static str,
        /// The field of the request that names it.
        field: &'static str,
    },
    /// An event of the thing cannot be read: how it stands is unknown.
    #[error("this {what} cannot be used: one of its events cannot be read")]
    Unreadable {
        /// Such as `service`.
        what: &'static str,
        /// The field of the request that names it.
        field: &'static str,
    },
    /// The customer asked to be forgotten and counts as deleted (GDPR-07).
    #[error("this customer asked to be forgotten")]
    ErasurePending {
        /// The field of the request that names the customer.
        field: &'static str,
    },
    /// The staff member does not take appointments (AT-80).
    #[error("this staff member does not take appointments")]
    NotBookable,
    /// Another one has the name, the reference or the phone number.
    #[error("the {field} is taken")]
    Taken {
        /// The field of the request.
        field: &'static str,
        /// Whose it is.
        owner: String,
    },
    /// The tenant may not have more of these (TEN-11).
    #[error("the tenant may have {limit} {what}")]
    LimitReached {
        /// Such as `companies`.
        what: &'static str,
        /// How many it may have.
        limit: u32,
    },
    /// The thing changed since the caller read it.
    #[error("it is at version {actual}, not {expected}")]
    VersionMismatch {
        /// What the caller has read.
        expected: u64,
        /// What it is at.
        actual: u64,
    },
}

impl MasterDataError {
    /// A wrong field.
    pub fn invalid(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), problem: problem.into() }
    }
}

impl Refusal for MasterDataError {
    fn code(&self) -> &'static str {
        match self {
            Self::AlreadyRegistered { .. } => "ALREADY_REGISTERED",
            Self::NotFound { .. } => "NOT_FOUND",
            Self::Invalid { .. } => "VALIDATION_ERROR",
            Self::Inactive { .. } => "INACTIVE",
            Self::Unreadable { .. } => "RECORD_UNREADABLE",
            Self::ErasurePending { .. } => "CUSTOMER_ERASURE_PENDING",
            Self::NotBookable => "STAFF_NOT_BOOKABLE",
            Self::Taken { field: "name", .. } => "NAME_TAKEN",
            Self::Taken { field: "external_ref", .. } => "EXTERNAL_REF_TAKEN",
            Self::Taken { field: "phone", .. } => "PHONE_TAKEN",
            Self::Taken { .. } => "ALREADY_TAKEN",
            Self::LimitReached { .. } => "LIMIT_REACHED",
            Self::VersionMismatch { .. } => "VERSION_MISMATCH",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::Invalid { .. } => RefusalKind::Invalid,
            Self::NotFound { .. } => RefusalKind::NotFound,
            Self::LimitReached { .. } => RefusalKind::Limit,
            Self::AlreadyRegistered { .. }
            | Self::Inactive { .. }
            | Self::Unreadable { .. }
            | Self::ErasurePending { .. }
            | Self::NotBookable
            | Self::Taken { .. }
            | Self::VersionMismatch { .. } => RefusalKind::Conflict,
        }
    }

    fn field(&self) -> Option<String> {
        match self {
            Self::Invalid { field, .. } => Some(field.clone()),
            Self::NotFound { field, .. }
            | Self::Inactive { field, .. }
            | Self::Unreadable { field, .. }
            | Self::ErasurePending { field }
            | Self::Taken { field, .. } => Some((*field).to_owned()),
            Self::NotBookable => Some("staff_id".to_owned()),
            Self::AlreadyRegistered { .. }
            | Self::LimitReached { .. }
            | Self::VersionMismatch { .. } => None,
        }
    }

    fn details(&self) -> Option<Value> {
        match self {
            Self::Taken { owner, .. } => Some(json!({ "owner": owner })),
            Self::LimitReached { limit, .. } => Some(json!({ "limit": limit })),
            Self::VersionMismatch { expected, actual } => {
                Some(json!({ "expected_version": expected, "actual_version": actual }))
            }
            Self::AlreadyRegistered { .. }
            | Self::NotFound { .. }
            | Self::Invalid { .. }
            | Self::Inactive { .. }
            | Self::Unreadable { .. }
            | Self::ErasurePending { .. }
            | Self::NotBookable => None,
        }
    }
}

/// A name: 1 to 200 characters, not only spaces.
pub fn check_name(field: &str, name: &str) -> Result<(), MasterDataError> {
    let length = name.chars().count();
    if name.trim().is_empty() || 200 < length {
        return Err(MasterDataError::invalid(field, "a name has 1 to 200 characters"));
    }
    Ok(())
}

/// An outside reference: absent, or 1 to 200 characters.
pub fn check_external_ref(reference: Option<&str>) -> Result<(), MasterDataError> {
    match reference {
        Some(text) if text.is_empty() || 200 < text.chars().count() => {
            Err(MasterDataError::invalid("external_ref", "a reference has 1 to 200 characters"))
        }
        _ => Ok(()),
    }
}

/// Minutes on the grid, between two bounds.
pub fn check_minutes(
    field: &str,
    minutes: u16,
    least: u16,
    most: u16,
) -> Result<(), MasterDataError> {
    if minutes < least || most < minutes || !minutes.is_multiple_of(GRID_MIN) {
        let problem = format!("minutes are a multiple of 5 between {least} and {most}");
        return Err(MasterDataError::invalid(field, problem));
    }
    Ok(())
}
