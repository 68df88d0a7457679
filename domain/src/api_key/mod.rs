//! An API key of a tenant: what it may do and until when (SEC-24). Its stream id is the key's own id.
//!
//! Invariants:
//! - the secret is never recorded, only its SHA-256: 256 random bits are not found from it;
//! - a revoked key never lets anybody in again;
//! - after a rotation the secret before is good until the end of the overlap, and only that one.

mod event;
mod state;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    aggregate::Decide,
    master_data::{MasterDataError, check_name},
};

pub use self::{
    event::{ApiKeyEvent, SecretHash},
    state::ApiKey,
};

/// The longest that two secrets of a key may be good at the same time.
const MAX_OVERLAP: TimeDelta = TimeDelta::days(30);

/// How many scopes a key may have.
const MAX_SCOPES: usize = 64;

/// What a caller may ask of an API key.
#[derive(Clone, Debug)]
pub enum ApiKeyCommand {
    /// Create it.
    Create {
        /// Its name: what it is used for.
        name: String,
        /// What it may do.
        scopes: BTreeSet<String>,
        /// The hash of its secret.
        secret_hash: SecretHash,
        /// When.
        at: DateTime<Utc>,
        /// When it expires.
        expires_at: DateTime<Utc>,
    },
    /// Give it another secret.
    Rotate {
        /// The hash of the new secret.
        secret_hash: SecretHash,
        /// When.
        at: DateTime<Utc>,
        /// How long the secret before is good beside the new one.
        overlap: TimeDelta,
        /// When the new secret expires.
        expires_at: DateTime<Utc>,
    },
    /// Make it good no more.
    Revoke {
        /// When.
        at: DateTime<Utc>,
    },
}

impl Decide for ApiKey {
    type Command = ApiKeyCommand;
    type Error = MasterDataError;

    fn decide(&self, command: ApiKeyCommand) -> Result<Vec<ApiKeyEvent>, MasterDataError> {
        match command {
            ApiKeyCommand::Create { name, scopes, secret_hash, at, expires_at } => {
                if self.is_created() {
                    return Err(MasterDataError::AlreadyRegistered { what: "API key" });
                }
                check_name("name", &name)?;
                check_scopes(&scopes)?;
                check_expiry(at, expires_at)?;
                let scopes = scopes.into_iter().collect();
                Ok(vec![ApiKeyEvent::Created { name, scopes, secret_hash, at, expires_at }])
            }
            ApiKeyCommand::Rotate { secret_hash, at, overlap, expires_at } => {
                self.require_active()?;
                check_expiry(at, expires_at)?;
                if overlap < TimeDelta::zero() || MAX_OVERLAP < overlap {
                    let problem = "must be between 0 seconds and 30 days";
                    return Err(MasterDataError::invalid("overlap_seconds", problem));
                }
                let overlap_until = at + overlap;
                Ok(vec![ApiKeyEvent::Rotated { secret_hash, at, overlap_until, expires_at }])
            }
            ApiKeyCommand::Revoke { at } => {
                self.require_created()?;
                let is_revoked = self.revoked_at().is_some();
                Ok(if is_revoked { Vec::new() } else { vec![ApiKeyEvent::Revoked { at }] })
            }
        }
    }
}

fn check_scopes(scopes: &BTreeSet<String>) -> Result<(), MasterDataError> {
    if scopes.is_empty() || MAX_SCOPES < scopes.len() {
        let problem = format!("must have between 1 and {MAX_SCOPES} scopes");
        return Err(MasterDataError::invalid("scopes", problem));
    }
    scopes.iter().try_for_each(|scope| check_name("scopes", scope))
}

fn check_expiry(at: DateTime<Utc>, expires_at: DateTime<Utc>) -> Result<(), MasterDataError> {
    if expires_at <= at {
        return Err(MasterDataError::invalid("expires_at", "must be in the future"));
    }
    Ok(())
}

crate::cqrs_aggregate!(ApiKey);
