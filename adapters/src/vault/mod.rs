//! The vault: personal data are sealed with a key of their own per customer, and are gone when
//! that key is destroyed (ARCHITECTURE 3, CTR-09).
//!
//! A customer's key is wrapped by the master key and stands in `vault.subject_keys`. What is sealed
//! is bound to its tenant, its subject and its event, so that no ciphertext can be moved elsewhere.

mod cipher;
mod found_by;
mod keys;
mod master_key;
mod masters;
mod rotation;
mod sealed_log;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

use daybook_domain::{
    commands::CustomerIndexes,
    customer::Contact,
    ids::{CustomerId, TenantId},
    outside_ref::OutsideRef,
    personal::Personal,
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use sqlx::PgPool;
use zeroize::Zeroizing;

use self::{cipher::Key, keys::KeyStore, masters::Masters};
pub use self::{
    found_by::run_on_what_was_read,
    master_key::{Fingerprint, MasterKey, MasterKeyError},
    rotation::{Rotated, RotationError, complete_rotation, rotate_master},
    sealed_log::SealedLog,
};
use crate::postgres::{STATEMENT, Stalled, silent, unless_stalled};

/// How long a key is kept in memory: another process may have destroyed it.
const KEPT: Duration = Duration::from_mins(1);

/// How many keys are kept in memory.
const MOST_KEPT: usize = 20_000;

/// Why the vault could not answer.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The key store cannot be reached.
    #[error("the vault is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A key or a ciphertext does not open: another master key, or somebody touched it.
    #[error("{what} does not open: another master key, or damage")]
    Sealed {
        /// What does not open.
        what: &'static str,
    },
    /// The vault was made with another master key.
    #[error(
        "the master key {given} is not the master key of this database, which is {expected}: \
         check DAYBOOK_MASTER_KEY"
    )]
    WrongMasterKey {
        /// The key that was given.
        given: Fingerprint,
        /// The key that the vault was made with, or rotated to.
        expected: Fingerprint,
    },
    /// The tenant's key is not in the vault: its rows were lost, or not imported with its log.
    #[error("tenant {0} has no key in the vault: restore or import the vault rows of the tenant")]
    NoTenantKey(TenantId),
    /// The master key was replaced at this moment.
    #[error("the master key is being replaced: try again")]
    Rotated,
    /// The machine gives no random bytes.
    #[error("the machine gives no random bytes")]
    Randomness,
}

impl From<sqlx::Error> for VaultError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable(Box::new(error))
    }
}

/// What the key store answers, in time.
async fn answered<T>(
    work: impl Future<Output = Result<T, VaultError>> + Send,
) -> Result<T, VaultError> {
    let answered = unless_stalled(STATEMENT, work).await;
    answered.unwrap_or_else(|Stalled| Err(silent().into()))
}

/// A key in memory; `None` when it was destroyed, which is for ever.
type Cached = (Instant, Option<Key>);

/// Seals and opens personal data. Cheap to clone; clones share the keys in memory.
#[derive(Clone)]
pub struct Vault {
    inner: Arc<Inner>,
}

struct Inner {
    store: KeyStore,
    masters: RwLock<Arc<Masters>>,
    subjects: Mutex<BTreeMap<(TenantId, CustomerId), Cached>>,
    tenants: Mutex<BTreeMap<TenantId, Key>>,
}

/// Nothing of a vault is for the eye.
impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault(…)")
    }
}

/// Hashes the requests of a tenant, so that nobody can tell from a hash what was asked for, not even by
/// guessing right.
#[derive(Clone)]
pub struct RequestKey(Hmac<Sha256>);

/// Nothing of a key is for the eye.
impl std::fmt::Debug for RequestKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RequestKey(…)")
    }
}

impl RequestKey {
    /// The hash of a request: HMAC-SHA256 over its parts, one after another.
    pub fn hash(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

fn keyed(key: &Key) -> Result<Hmac<Sha256>, VaultError> {
    Hmac::new_from_slice(key.bytes()).map_err(|_never| VaultError::Sealed { what: "a tenant key" })
}

impl Vault {
    /// Opens the vault of a database; the pool needs the vault's role. Any master key but that of
    /// the vault is refused; a vault that has none yet takes this one.
    pub async fn open(pool: PgPool, master: MasterKey) -> Result<Self, VaultError> {
        let masters = Masters::open(&pool, &master).await?;
        Ok(Self::new(KeyStore::Postgres(pool), masters))
    }

    /// A vault that forgets everything with the process.
    pub fn memory(master: MasterKey) -> Self {
        Self::new(KeyStore::memory(), Masters::one(master))
    }

    fn new(store: KeyStore, masters: Masters) -> Self {
        let (subjects, tenants) = (Mutex::default(), Mutex::default());
        let masters = RwLock::new(Arc::new(masters));
        Self { inner: Arc::new(Inner { store, masters, subjects, tenants }) }
    }

    /// A vault with the same keys that holds back what it makes until [`Vault::keep_made`]: for
    /// what may yet come to nothing.
    #[must_use]
    pub fn staging(&self) -> Self {
        let masters = self.masters().as_ref().clone();
        Self::new(KeyStore::staged(self.clone()), masters)
    }

    fn masters(&self) -> Arc<Masters> {
        Arc::clone(&self.inner.masters.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads again which master keys there are: a rotation has begun since.
    async fn learn_masters(&self) -> Result<Arc<Masters>, VaultError> {
        let held = self.masters();
        let Some(pool) = self.inner.store.pool() else { return Err(VaultError::Rotated) };
        let learnt = Arc::new(Masters::open(pool, &held.current).await?);
        tracing::info!(fingerprint = %learnt.current.fingerprint(), "the master key was replaced");
        let mut masters = self.inner.masters.write().unwrap_or_else(PoisonError::into_inner);
        *masters = Arc::clone(&learnt);
        Ok(learnt)
    }

    async fn unwrap(
        &self,
        wrapped: &[u8],
        tenant: TenantId,
        subject: Option<CustomerId>,
    ) -> Result<Key, VaultError> {
        if let Some(key) = self.masters().unwrap(wrapped, tenant, subject) {
            return key;
        }
        let masters = self.learn_masters().await?;
        let key = masters.unwrap(wrapped, tenant, subject);
        key.unwrap_or(Err(VaultError::Sealed { what: "a wrapped key" }))
    }

    /// Keeps the keys of a tenant and its customers that were held back, all of them or none. A vault that
    /// holds nothing back has nothing to do.
    pub async fn keep_made(&self, tenant: TenantId) -> Result<(), VaultError> {
        answered(self.inner.store.keep_made(tenant)).await
    }

    /// The keys of some subjects. A missing one is made if `make` says so; without that, and when
    /// it was destroyed, it is `None`.
    async fn subject_keys(
        &self,
        tenant: TenantId,
        subjects: &[CustomerId],
        make: bool,
    ) -> Result<BTreeMap<CustomerId, Option<Key>>, VaultError> {
        let mut known = BTreeMap::new();
        let mut asked = Vec::new();
        for subject in subjects {
            match self.cached(tenant, *subject) {
                Some((_since, key)) => drop(known.insert(*subject, key)),
                None => asked.push(*subject),
            }
        }
        // A name and a number of one person ask for one key.
        asked.sort_unstable();
        asked.dedup();
        if asked.is_empty() {
            return Ok(known);
        }
        let mut stored = answered(self.inner.store.subjects(tenant, &asked)).await?;
        for subject in &asked {
            if make && !stored.contains_key(subject) {
                let kept = self.make_subject_key(tenant, *subject).await?;
                stored.insert(*subject, kept);
            }
        }
        for subject in asked {
            let key = match stored.remove(&subject) {
                None => {
                    known.insert(subject, None);
                    continue;
                }
                Some(None) => None,
                Some(Some(wrapped)) => Some(self.unwrap(&wrapped, tenant, Some(subject)).await?),
            };
            self.keep(tenant, subject, key.clone());
            known.insert(subject, key);
        }
        Ok(known)
    }

    /// Makes the key of a subject and answers what counts: another process may have been faster.
    /// Where the tenant has no key, whose rows were lost, nothing new is sealed beside the old.
    async fn make_subject_key(
        &self,
        tenant: TenantId,
        subject: CustomerId,
    ) -> Result<Option<Vec<u8>>, VaultError> {
        self.tenant_key(tenant).await?;
        let key = Key::random()?;
        let wrapped = self.masters().wrap(&key, tenant, Some(subject))?;
        let kept = answered(self.inner.store.insert_subject(tenant, subject, wrapped)).await?;
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let wrapped = self.learn_masters().await?.wrap(&key, tenant, Some(subject))?;
        let kept = answered(self.inner.store.insert_subject(tenant, subject, wrapped)).await?;
        kept.ok_or(VaultError::Rotated)
    }

    /// Makes the key of a new tenant; one that has a key keeps it. Nothing else ever makes one: a
    /// second key of a tenant would split its data.
    pub async fn make_tenant_key(&self, tenant: TenantId) -> Result<(), VaultError> {
        let key = Key::random()?;
        let wrapped = self.masters().wrap(&key, tenant, None)?;
        if self.inner.store.insert_tenant(tenant, wrapped).await? {
            return Ok(());
        }
        let wrapped = self.learn_masters().await?.wrap(&key, tenant, None)?;
        let kept = self.inner.store.insert_tenant(tenant, wrapped).await?;
        if kept { Ok(()) } else { Err(VaultError::Rotated) }
    }

    /// What is in memory of a subject; a destroyed key needs no second look.
    fn cached(&self, tenant: TenantId, subject: CustomerId) -> Option<Cached> {
        let subjects = self.inner.subjects.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, key) = subjects.get(&(tenant, subject))?;
        (key.is_none() || since.elapsed() < KEPT).then(|| (*since, key.clone()))
    }

    fn keep(&self, tenant: TenantId, subject: CustomerId, key: Option<Key>) {
        let mut subjects = self.inner.subjects.lock().unwrap_or_else(PoisonError::into_inner);
        if MOST_KEPT <= subjects.len() {
            subjects.clear();
        }
        subjects.insert((tenant, subject), (Instant::now(), key));
    }

    /// Destroys a subject's key: nothing that was sealed with it can ever be read again. Repeating
    /// it changes nothing.
    pub async fn destroy(&self, tenant: TenantId, subject: CustomerId) -> Result<(), VaultError> {
        answered(self.inner.store.destroy(tenant, subject)).await?;
        self.keep(tenant, subject, None);
        Ok(())
    }

    /// A keyed hash of a personal value, by which it can be found but not guessed: HMAC-SHA256 with
    /// the tenant's key, in hex. The purpose keeps a phone number apart from an e-mail address.
    pub async fn blind_index(
        &self,
        tenant: TenantId,
        purpose: &str,
        value: &str,
    ) -> Result<String, VaultError> {
        let mut mac = self.mac(tenant).await?;
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(value.as_bytes());
        Ok(hex::encode(mac.finalize().into_bytes()))
    }

    /// What hashes a tenant's requests.
    pub async fn request_key(&self, tenant: TenantId) -> Result<RequestKey, VaultError> {
        let key = self.derived_key(tenant, b"\0requests").await?;
        Ok(RequestKey(keyed(&key)?))
    }

    /// What a customer is found by: the keyed hashes of the phone number and of the outside reference,
    /// as far as they can be read.
    pub async fn indexes(
        &self,
        tenant: TenantId,
        contact: &Contact,
    ) -> Result<CustomerIndexes, VaultError> {
        let mut indexes = CustomerIndexes::default();
        if let Some(phone) = contact.phone.as_ref().and_then(Personal::value) {
            indexes.phone = Some(self.blind_index(tenant, "phone", phone.as_str()).await?);
        }
        if let Some(reference) = contact.external_ref.as_ref().and_then(OutsideRef::value) {
            indexes.external_ref = Some(self.blind_index(tenant, "customer-ref", reference).await?);
        }
        Ok(indexes)
    }

    /// Seals a secret of the tenant's own, such as what signs its webhooks. It opens only with the
    /// same `bound_to`.
    pub async fn seal_secret(
        &self,
        tenant: TenantId,
        bound_to: &str,
        secret: &[u8],
    ) -> Result<Vec<u8>, VaultError> {
        self.secret_key(tenant).await?.seal(secret, bound_to.as_bytes())
    }

    /// Opens what [`Vault::seal_secret`] sealed.
    pub async fn open_secret(
        &self,
        tenant: TenantId,
        bound_to: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.secret_key(tenant).await?.open(sealed, bound_to.as_bytes(), "a tenant's secret")
    }

    async fn secret_key(&self, tenant: TenantId) -> Result<Key, VaultError> {
        self.derived_key(tenant, b"\0secrets").await
    }

    /// A key for a purpose, made from the tenant's. No blind index begins as these purposes do, so none
    /// can give it away.
    async fn derived_key(&self, tenant: TenantId, purpose: &[u8]) -> Result<Key, VaultError> {
        let mut mac = self.mac(tenant).await?;
        mac.update(purpose);
        Ok(Key::new(mac.finalize().into_bytes().into()))
    }

    async fn mac(&self, tenant: TenantId) -> Result<Hmac<Sha256>, VaultError> {
        keyed(&self.tenant_key(tenant).await?)
    }

    async fn tenant_key(&self, tenant: TenantId) -> Result<Key, VaultError> {
        let held = {
            let tenants = self.inner.tenants.lock().unwrap_or_else(PoisonError::into_inner);
            tenants.get(&tenant).cloned()
        };
        if let Some(key) = held {
            return Ok(key);
        }
        let wrapped = answered(self.inner.store.tenant(tenant)).await?;
        let wrapped = wrapped.ok_or(VaultError::NoTenantKey(tenant))?;
        let key = self.unwrap(&wrapped, tenant, None).await?;
        let mut tenants = self.inner.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        tenants.insert(tenant, key.clone());
        Ok(key)
    }
}
