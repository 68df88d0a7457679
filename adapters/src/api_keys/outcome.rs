//! Requests about API keys and their results.

use chrono::{DateTime, TimeDelta, Utc};
use daybook_domain::{
    aggregate::DecodeError,
    commands::Saved,
    dispatch::{CommandError, Done},
    ids::TenantId,
    master_data::MasterDataError,
    ports::LogError,
};
use secrecy::SecretString;
use sqlx::FromRow;
use uuid::Uuid;

/// A key that is to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// Its name: what it is used for.
    pub name: String,
    /// What it may do. Whether there are such scopes is for the caller to check.
    pub scopes: Vec<String>,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
}

/// How a key is rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// How long the previous secret stays valid beside the new one; at most 30 days.
    pub overlap: TimeDelta,
    /// When the new secret expires.
    pub expires_at: DateTime<Utc>,
    /// The version that the caller has read, if the caller insists on it.
    pub expected: Option<u64>,
}

/// A key with a new secret.
#[derive(Debug)]
pub struct Issued {
    /// The key as a client shows it. `None` for a dry run, and when an earlier command with the same
    /// idempotency key is answered again: its secret is not kept.
    pub key: Option<SecretString>,
    /// The key's id and version, and the position of the event.
    pub done: Done<Saved>,
}

/// The holder of a valid key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHolder {
    /// Whose data.
    pub tenant: TenantId,
    /// The key's own id.
    pub key_id: Uuid,
    /// What the key is for.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
}

/// A key as it is listed: never the secret.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct KeyRow {
    /// The key's own id.
    pub key_id: Uuid,
    /// Its version, for `If-Match`.
    pub version: i64,
    /// Its name: what it is used for.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was last rotated.
    pub rotated_at: Option<DateTime<Utc>>,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// Why a key could not be changed or looked up.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A rule refuses the change, or the log is away.
    #[error("the API key was not changed")]
    Command(#[from] CommandError<MasterDataError>),
    /// The log cannot be read.
    #[error("the log of API keys cannot be read")]
    Log(#[from] LogError),
    /// An event of the key cannot be read.
    #[error("an event of the API key cannot be read")]
    Undecodable(#[from] DecodeError),
    /// The database cannot be reached.
    #[error("the table of API keys cannot be reached")]
    Unavailable(#[from] sqlx::Error),
    /// The machine gives no random bytes.
    #[error("the machine gives no random bytes")]
    Randomness,
}
