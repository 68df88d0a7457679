//! What happened to an API key.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The SHA-256 of a key's secret, in JSON 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecretHash(pub [u8; 32]);

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

impl Serialize for SecretHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use fmt::Write as _;

        let hex = self.0.iter().fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a string cannot fail.
            let _written = write!(text, "{byte:02x}");
            text
        });
        serializer.serialize_str(&hex)
    }
}

impl<'de> Deserialize<'de> for SecretHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut hash = [0; 32];
        let is_hex = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_hex {
            return Err(D::Error::custom("a hash has 64 hex digits"));
        }
        for (byte, pair) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(D::Error::custom)?;
            *byte = u8::from_str_radix(pair, 16).map_err(D::Error::custom)?;
        }
        Ok(Self(hash))
    }
}

/// What happened to an API key. Released variants never change; a new meaning is a new version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum ApiKeyEvent {
    /// It was created.
    Created {
        /// Its name: what it is used for.
        name: String,
        /// What it may do, in alphabetical order.
        scopes: Vec<String>,
        /// The hash of its secret.
        secret_hash: SecretHash,
        /// When.
        #[serde(with = "crate::instant")]
        at: DateTime<Utc>,
        /// When it expires.
        #[serde(with = "crate::instant")]
        expires_at: DateTime<Utc>,
    },
    /// It got another secret.
    Rotated {
        /// The hash of the new secret.
        secret_hash: SecretHash,
        /// When.
        #[serde(with = "crate::instant")]
        at: DateTime<Utc>,
        /// Until when the secret before is good, too.
        #[serde(with = "crate::instant")]
        overlap_until: DateTime<Utc>,
        /// When the new secret expires.
        #[serde(with = "crate::instant")]
        expires_at: DateTime<Utc>,
    },
    /// It is good no more.
    Revoked {
        /// Since when.
        #[serde(with = "crate::instant")]
        at: DateTime<Utc>,
    },
}

crate::event_kinds!(ApiKeyEvent {
    Created => "api_key.created" @ "1.0.0",
    Rotated => "api_key.rotated" @ "1.0.0",
    Revoked => "api_key.revoked" @ "1.0.0",
});
