//! Where an API key stands.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{aggregate::Evolve, master_data::MasterDataError};

use super::{ApiKeyEvent, SecretHash};

/// Where an API key stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    name: Option<String>,
    scopes: Vec<String>,
    created_at: Option<DateTime<Utc>>,
    secret: Option<Secret>,
    /// The secret before, and until when it is good.
    before: Option<Secret>,
    rotated_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Secret {
    hash: SecretHash,
    expires_at: DateTime<Utc>,
}

impl ApiKey {
    /// What it is for; `None` before it was created.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What it may do.
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// When it was created.
    pub const fn created_at(&self) -> Option<DateTime<Utc>> {
        self.created_at
    }

    /// Until when its newest secret is good.
    pub fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.secret.as_ref().map(|secret| secret.expires_at)
    }

    /// When it was last rotated.
    pub const fn rotated_at(&self) -> Option<DateTime<Utc>> {
        self.rotated_at
    }

    /// When it was revoked.
    pub const fn revoked_at(&self) -> Option<DateTime<Utc>> {
        self.revoked_at
    }

    /// The hashes of the secrets that let somebody in at an instant: at most two.
    pub fn good_secrets(&self, at: DateTime<Utc>) -> impl Iterator<Item = &SecretHash> {
        let is_revoked = self.revoked_at.is_some();
        let secrets = self.secret.iter().chain(&self.before);
        secrets.filter(move |it| !is_revoked && at < it.expires_at).map(|it| &it.hash)
    }

    pub(super) const fn is_created(&self) -> bool {
        self.name.is_some()
    }

    pub(super) const fn require_created(&self) -> Result<(), MasterDataError> {
        if self.is_created() {
            return Ok(());
        }
        Err(MasterDataError::NotFound { what: "API key", field: "id" })
    }

    pub(super) fn require_active(&self) -> Result<(), MasterDataError> {
        self.require_created()?;
        match self.revoked_at {
            Some(_) => Err(MasterDataError::Inactive { what: "API key", field: "id" }),
            None => Ok(()),
        }
    }
}

impl Evolve for ApiKey {
    const TYPE: &'static str = "api_key";
    type Event = ApiKeyEvent;

    fn evolve(&mut self, event: &ApiKeyEvent) {
        match event {
            ApiKeyEvent::Created { name, scopes, secret_hash, at, expires_at } => {
                self.name = Some(name.clone());
                self.scopes.clone_from(scopes);
                self.created_at = Some(*at);
                self.secret = Some(Secret { hash: *secret_hash, expires_at: *expires_at });
            }
            ApiKeyEvent::Rotated { secret_hash, at, overlap_until, expires_at } => {
                self.before = self.secret.take().map(|before| Secret {
                    expires_at: before.expires_at.min(*overlap_until),
                    ..before
                });
                self.secret = Some(Secret { hash: *secret_hash, expires_at: *expires_at });
                self.rotated_at = Some(*at);
            }
            ApiKeyEvent::Revoked { at } => self.revoked_at = Some(*at),
        }
    }
}
