//! The master keys of a vault: one, and two while a rotation is under way.
//!
//! `vault.master_keys` holds a check value for each, never a key in clear. During a rotation each of the
//! two rows also carries the other key, sealed with its own, so that a process that was given either
//! one holds both.

use sqlx::{PgConnection, PgPool};

use super::{
    Key, VaultError,
    master_key::{Fingerprint, MasterKey},
};
use daybook_domain::ids::{CustomerId, TenantId};

/// The purpose that the other key of a rotation is sealed for.
const HANDOVER: &[u8] = b"daybook master key handover 1";

/// The keys that are held.
#[derive(Clone)]
pub(super) struct Masters {
    /// Wraps whatever is new.
    pub(super) current: MasterKey,
    /// Opens what the rotation has not reached.
    pub(super) previous: Option<MasterKey>,
}

/// A row of `vault.master_keys`.
type Row = (Vec<u8>, bool, Option<Vec<u8>>);

impl Masters {
    pub(super) const fn one(current: MasterKey) -> Self {
        Self { current, previous: None }
    }

    /// Reads which master key the vault has, and refuses any other. The first one that ever opens
    /// a vault becomes its master key.
    pub(super) async fn open(pool: &PgPool, given: &MasterKey) -> Result<Self, VaultError> {
        let mut connection = pool.acquire().await?;
        let mut rows = read(&mut connection).await?;
        if rows.is_empty() {
            // Another process may be first: the unique index lets one in.
            sqlx::query(include_str!("insert_master_key.sql"))
                .bind(given.check_value().as_slice())
                .execute(&mut *connection)
                .await?;
            rows = read(&mut connection).await?;
        }
        Self::of(given, &rows)
    }

    fn of(given: &MasterKey, rows: &[Row]) -> Result<Self, VaultError> {
        let own = rows.iter().find(|(check, ..)| check.as_slice() == given.check_value());
        let Some((_, is_current, handover)) = own else {
            let current = rows.iter().find(|(_, is_current, _)| *is_current);
            let check = current.and_then(|(check, ..)| <[u8; 32]>::try_from(check.as_slice()).ok());
            let expected =
                check.ok_or(VaultError::Sealed { what: "the master key's check value" })?;
            let expected = Fingerprint::of(&expected);
            return Err(VaultError::WrongMasterKey { given: given.fingerprint(), expected });
        };
        let other = handover.as_deref().map(|sealed| opened(given, sealed)).transpose()?;
        Ok(match (is_current, other) {
            (true, previous) => Self { current: given.clone(), previous },
            (false, Some(current)) => Self { current, previous: Some(given.clone()) },
            (false, None) => return Err(VaultError::Sealed { what: "the handover of a rotation" }),
        })
    }

    pub(super) fn wrap(
        &self,
        key: &Key,
        tenant: TenantId,
        subject: Option<CustomerId>,
    ) -> Result<Vec<u8>, VaultError> {
        self.current.wrap(key, tenant, subject)
    }

    /// The wrapped key; `None` if it was wrapped by a master key that is not held.
    pub(super) fn unwrap(
        &self,
        wrapped: &[u8],
        tenant: TenantId,
        subject: Option<CustomerId>,
    ) -> Option<Result<Key, VaultError>> {
        let mut held = std::iter::once(&self.current).chain(&self.previous);
        let master = held.find(|master| master.has_wrapped(wrapped))?;
        Some(master.unwrap(wrapped, tenant, subject))
    }
}

pub(super) async fn read(connection: &mut PgConnection) -> Result<Vec<Row>, VaultError> {
    let rows = sqlx::query_as(include_str!("master_keys.sql"));
    Ok(rows.fetch_all(connection).await?)
}

/// The other key of a rotation, sealed with this one.
pub(super) fn handover(with: &MasterKey, other: &MasterKey) -> Result<Vec<u8>, VaultError> {
    with.key().seal(other.key().bytes(), HANDOVER)
}

fn opened(with: &MasterKey, sealed: &[u8]) -> Result<MasterKey, VaultError> {
    let what = "the handover of a rotation";
    let bytes = with.key().open(sealed, HANDOVER, what)?;
    let bytes = <[u8; 32]>::try_from(bytes.as_slice());
    let key = bytes.map(Key::new).map_err(|_length| VaultError::Sealed { what })?;
    MasterKey::new(key).ok_or(VaultError::Sealed { what })
}
