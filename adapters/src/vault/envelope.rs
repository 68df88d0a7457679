//! The keys of a tenant on their way to another installation, readable by that one only.
//!
//! Every installation has a recipient key, an X25519 public key that follows from its master key. The
//! keys of one file are sealed with a key of their own, and that one for the recipient (a NaCl sealed
//! box).

use std::{fmt, str::FromStr};

use crypto_box::{PublicKey, SecretKey, aead::OsRng};
use daybook_domain::ids::{CustomerId, TenantId};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Key, MasterKey, Vault, VaultError, master_key::owner};
use crate::postgres::Scope;

/// The purpose of an installation's recipient key.
const RECIPIENT_PURPOSE: &[u8] = b"daybook import recipient 1";
/// Keys per page.
const PAGE: i64 = 1000;

/// For whom keys are sealed: 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient(PublicKey);

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0.as_bytes()))
    }
}

impl FromStr for Recipient {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)
            .map_err(|_not_hex| "a recipient key has 64 hexadecimal digits")?;
        Ok(Self(PublicKey::from(bytes)))
    }
}

impl MasterKey {
    /// The recipient key of the installation that has this master key.
    pub fn recipient(&self) -> Result<Recipient, VaultError> {
        Ok(Recipient(self.recipient_secret()?.public_key()))
    }

    fn recipient_secret(&self) -> Result<SecretKey, VaultError> {
        let mac = <Hmac<Sha256>>::new_from_slice(self.key().bytes());
        let mut mac = mac.map_err(|_never| VaultError::Sealed { what: "the master key" })?;
        mac.update(RECIPIENT_PURPOSE);
        let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(mac.finalize().into_bytes().into());
        Ok(SecretKey::from(*bytes))
    }
}

/// A key of a tenant, outside of any vault.
#[derive(Clone)]
pub struct PortableKey {
    /// Whose key it is; `None`: the tenant's own.
    pub subject: Option<CustomerId>,
    /// `None`: it was destroyed.
    key: Option<Key>,
}

impl PortableKey {
    /// Whether it was destroyed, with the customer's erasure.
    pub const fn is_destroyed(&self) -> bool {
        self.key.is_none()
    }
}

/// Hides the key.
impl fmt::Debug for PortableKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PortableKey").field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// What the keys of one tenant are sealed with in one file.
#[derive(Clone)]
pub struct Envelope {
    tenant: TenantId,
    key: Key,
}

/// Hides the key.
impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

impl Envelope {
    /// A new envelope, and its key sealed for the recipient.
    pub fn to(recipient: &Recipient, tenant: TenantId) -> Result<(Self, Vec<u8>), VaultError> {
        let key = Key::random()?;
        let sealed = recipient.0.seal(&mut OsRng, key.bytes());
        let sealed = sealed.map_err(|_never| VaultError::Sealed { what: "an envelope" })?;
        Ok((Self { tenant, key }, sealed))
    }

    /// Seals a key; `None` for one that was destroyed.
    pub fn seal(&self, portable: &PortableKey) -> Result<Option<Vec<u8>>, VaultError> {
        let bound_to = owner(self.tenant, portable.subject);
        portable.key.as_ref().map(|key| self.key.seal(key.bytes(), &bound_to)).transpose()
    }

    /// Opens what [`Envelope::seal`] sealed for the same subject.
    pub fn open(
        &self,
        subject: Option<CustomerId>,
        sealed: Option<&[u8]>,
    ) -> Result<PortableKey, VaultError> {
        let what = "a key of the file";
        let opened = sealed.map(|sealed| {
            let bytes = self.key.open(sealed, &owner(self.tenant, subject), what)?;
            let bytes = <[u8; 32]>::try_from(bytes.as_slice());
            bytes.map(Key::new).map_err(|_length| VaultError::Sealed { what })
        });
        Ok(PortableKey { subject, key: opened.transpose()? })
    }
}

impl Vault {
    /// Opens an envelope that was sealed for this installation.
    pub fn open_envelope(&self, tenant: TenantId, sealed: &[u8]) -> Result<Envelope, VaultError> {
        let masters = self.masters();
        for master in std::iter::once(&masters.current).chain(&masters.previous) {
            let Ok(bytes) = master.recipient_secret()?.unseal(sealed) else { continue };
            let bytes = Zeroizing::new(bytes);
            if let Ok(bytes) = <[u8; 32]>::try_from(bytes.as_slice()) {
                return Ok(Envelope { tenant, key: Key::new(bytes) });
            }
        }
        Err(VaultError::NotTheRecipient)
    }

    fn pool(&self) -> Result<&PgPool, VaultError> {
        self.inner.store.pool().ok_or(VaultError::Sealed { what: "a vault without a database" })
    }

    /// The next keys of a tenant, at most a thousand, after those of a subject; the tenant's own comes
    /// first. None at the end.
    pub async fn portable_keys(
        &self,
        tenant: TenantId,
        after: Option<&PortableKey>,
    ) -> Result<Vec<PortableKey>, VaultError> {
        let Some(after) = after else {
            let key = Some(self.tenant_key(tenant).await?);
            return Ok(vec![PortableKey { subject: None, key }]);
        };
        let mut scope = Scope::acquire(self.pool()?, tenant).await?;
        let rows: Vec<(Uuid, Option<Vec<u8>>)> =
            sqlx::query_as(include_str!("subject_keys_after.sql"))
                .bind(tenant.uuid())
                .bind(after.subject.map_or(Uuid::nil(), CustomerId::uuid))
                .bind(PAGE)
                .fetch_all(&mut *scope)
                .await?;
        drop(scope);
        let mut keys = Vec::with_capacity(rows.len());
        for (subject, wrapped) in rows {
            let subject = Some(CustomerId::new(subject));
            let key = match wrapped {
                Some(wrapped) => Some(self.unwrap(&wrapped, tenant, subject).await?),
                None => None,
            };
            keys.push(PortableKey { subject, key });
        }
        Ok(keys)
    }

    /// Takes keys of a tenant into a transaction of the vault's role that shows the tenant. A key
    /// that is there must be the same one; one that was destroyed on either side is destroyed.
    pub(crate) async fn write_keys(
        &self,
        connection: &mut PgConnection,
        tenant: TenantId,
        keys: &[PortableKey],
    ) -> Result<(), VaultError> {
        let stored: Vec<(Uuid, Option<Vec<u8>>)> = sqlx::query_as(include_str!("subject_keys.sql"))
            .bind(tenant.uuid())
            .bind(keys.iter().filter_map(|it| Some(it.subject?.uuid())).collect::<Vec<_>>())
            .fetch_all(&mut *connection)
            .await?;
        let (mut new, mut wrapped, mut destroyed) = (Vec::new(), Vec::new(), Vec::new());
        for portable in keys {
            let Some(subject) = portable.subject else {
                self.write_tenant_key(connection, tenant, portable).await?;
                continue;
            };
            let held = stored.iter().find(|(id, _)| *id == subject.uuid());
            match (held.map(|(_, held)| held), &portable.key) {
                (Some(None), _) => (),
                (_, None) => destroyed.push(subject.uuid()),
                (None, Some(key)) => {
                    new.push(subject.uuid());
                    wrapped.push(self.masters().wrap(key, tenant, Some(subject))?);
                }
                (Some(Some(held)), Some(key)) => {
                    let held = self.unwrap(held, tenant, Some(subject)).await?;
                    if held.bytes() != key.bytes() {
                        return Err(VaultError::OtherKeys(tenant));
                    }
                }
            }
        }
        let expected = new.len() as u64;
        let done = sqlx::query(include_str!("insert_subject_keys.sql"))
            .bind(tenant.uuid())
            .bind(new)
            .bind(wrapped)
            .execute(&mut *connection)
            .await?;
        if done.rows_affected() != expected {
            return Err(VaultError::Rotated);
        }
        sqlx::query(include_str!("destroy_subject_keys.sql"))
            .bind(tenant.uuid())
            .bind(destroyed)
            .execute(connection)
            .await?;
        Ok(())
    }

    async fn write_tenant_key(
        &self,
        connection: &mut PgConnection,
        tenant: TenantId,
        portable: &PortableKey,
    ) -> Result<(), VaultError> {
        let Some(key) = &portable.key else {
            return Err(VaultError::Sealed { what: "the tenant's key of the file" });
        };
        let held: Option<Vec<u8>> = sqlx::query_scalar(include_str!("tenant_key.sql"))
            .bind(tenant.uuid())
            .fetch_optional(&mut *connection)
            .await?;
        if let Some(held) = held {
            let held = self.unwrap(&held, tenant, None).await?;
            let is_same = held.bytes() == key.bytes();
            return if is_same { Ok(()) } else { Err(VaultError::OtherKeys(tenant)) };
        }
        let done = sqlx::query(include_str!("insert_tenant_key.sql"))
            .bind(tenant.uuid())
            .bind(self.masters().wrap(key, tenant, None)?)
            .execute(connection)
            .await?;
        if done.rows_affected() == 1 { Ok(()) } else { Err(VaultError::Rotated) }
    }
}
