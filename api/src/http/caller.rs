//! Who calls: a tenant and a key, from `Authorization: Bearer dbk_…`.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use chrono::{DateTime, Utc};
use daybook_adapters::{api_keys::KeyHolder, log::TenantStatus, vault::RequestKey};
use daybook_domain::{
    dispatch::{CommandContext, CommandKey, OnBehalfOf},
    ids::TenantId,
};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{on_behalf_of, problem::Problem};
use crate::state::App;

/// How long a key is believed without being looked up again: so soon a revoked one is refused.
const BELIEVED: Duration = Duration::from_millis(800);

/// What a key may be allowed. `admin` is everything.
pub const SCOPES: [&str; 15] = [
    "admin",
    "availability:read",
    "bookings:read",
    "bookings:write",
    "catalog:read",
    "catalog:write",
    "customers:read",
    "customers:write",
    "events:read",
    "history:read",
    "keys:write",
    "receipts:read",
    "reports:read",
    "webhooks:read",
    "webhooks:write",
];

/// Keys that were good a moment ago, by the hash of what was shown.
#[derive(Debug, Default)]
pub struct KeyCache(Mutex<HashMap<[u8; 32], (Instant, KeyHolder)>>);

impl KeyCache {
    fn get(&self, shown: &[u8; 32]) -> Option<KeyHolder> {
        let cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, holder) = cache.get(shown)?;
        (since.elapsed() < BELIEVED).then(|| holder.clone())
    }

    fn put(&self, shown: [u8; 32], holder: KeyHolder) {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if 10_000 < cache.len() {
            cache.clear();
        }
        cache.insert(shown, (Instant::now(), holder));
    }

    /// Looks a key up again at its next use, because it was changed. Other processes do within
    /// [`BELIEVED`].
    pub(crate) fn forget(&self, key_id: Uuid) {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cache.retain(|_, (_, holder)| holder.key_id != key_id);
    }
}

/// A client's key, and what hashes the requests that it stands for.
#[derive(Clone, Debug)]
struct IdempotencyKey {
    shown: String,
    hashes: RequestKey,
}

/// An authenticated caller and the request's circumstances.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Whose data.
    pub tenant: TenantId,
    key_id: Uuid,
    key_name: String,
    on_behalf_of: Option<OnBehalfOf>,
    scopes: Vec<String>,
    request_id: String,
    idempotency_key: Option<IdempotencyKey>,
    method_and_path: String,
    if_match: Option<u64>,
    /// When the request was let in: the time of every decision that it asks for.
    pub asked_at: DateTime<Utc>,
}

/// Behind the gate there is a caller. Where there is none, nobody was let in.
impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(Problem::unauthenticated)
    }
}

/// The holder of the key that a request shows.
pub(crate) async fn holder(app: &App, headers: &HeaderMap) -> Result<KeyHolder, Problem> {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let shown = shown.and_then(|value| value.strip_prefix("Bearer "));
    let shown = shown.ok_or_else(Problem::unauthenticated)?.trim();
    let hash: [u8; 32] = Sha256::digest(shown.as_bytes()).into();
    if let Some(holder) = app.key_cache.get(&hash) {
        return Ok(holder);
    }
    let found = app.keys.holder(&shown.to_owned().into(), app.clock.now()).await;
    let found = found.map_err(|error| Problem::unavailable(&error))?;
    let holder = found.ok_or_else(Problem::unauthenticated)?;
    let status = app.dispatcher.log().inner().tenant_status(holder.tenant).await?;
    if let TenantStatus::Moved(address) = status {
        return Err(Problem::moved(&address));
    }
    app.key_cache.put(hash, holder.clone());
    note_use(app, holder.clone());
    Ok(holder)
}

/// Notes when a key was last used, behind the request's back.
fn note_use(app: &App, holder: KeyHolder) {
    let (keys, now) = (app.keys.clone(), app.clock.now());
    tokio::spawn(async move {
        if let Err(error) = keys.touch(&holder, now).await {
            tracing::debug!(%error, "the use of a key was not noted");
        }
    });
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(key) if (1..=255).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(Problem::header("Idempotency-Key", "a key has 1 to 255 visible characters")),
    }
}

fn if_match(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let version = value.to_str().ok().and_then(|text| text.trim_matches('"').parse().ok());
    version.map(Some).ok_or_else(|| Problem::header("If-Match", "a version is a whole number"))
}

/// Refuses unless a scope is among those of a key; `admin` has them all.
pub(super) fn require(held: &[String], scope: Option<&str>) -> Result<(), Problem> {
    match scope {
        Some(scope) if !held.iter().any(|held| held == scope || held == "admin") => {
            Err(Problem::forbidden(scope))
        }
        Some(_) | None => Ok(()),
    }
}

impl Caller {
    /// The caller of a request to a path as it was asked for.
    pub(super) async fn new(
        app: &App,
        holder: KeyHolder,
        request: &Parts,
    ) -> Result<Self, Problem> {
        let KeyHolder { tenant, key_id, name, scopes } = holder;
        let headers = &request.headers;
        let idempotency_key = match idempotency_key(headers)? {
            Some(shown) => {
                let hashes = app.vault.request_key(tenant).await;
                let hashes = hashes.map_err(|error| Problem::unavailable(&error))?;
                Some(IdempotencyKey { shown, hashes })
            }
            None => None,
        };
        let mut caller = Self {
            tenant,
            key_id,
            key_name: name,
            on_behalf_of: None,
            scopes,
            request_id: text(headers, "x-request-id").unwrap_or_default(),
            idempotency_key,
            method_and_path: format!("{} {}", request.method, request.uri.path()),
            if_match: if_match(headers)?,
            asked_at: app.clock.now(),
        };
        caller.on_behalf_of = on_behalf_of::read(app, &caller, headers).await?;
        Ok(caller)
    }

    /// Refuses unless the key has a scope that is needed besides that of the route, such as for
    /// personal data. The scope of the route itself is checked by the gate.
    pub fn require(&self, scope: &str) -> Result<(), Problem> {
        require(&self.scopes, Some(scope))
    }

    /// The caller as it was at another moment.
    #[must_use]
    pub fn back_at(&self, asked_at: DateTime<Utc>) -> Self {
        Self { asked_at, ..self.clone() }
    }

    /// By which key.
    pub const fn key_id(&self) -> Uuid {
        self.key_id
    }

    /// Under which request id.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Whether the key has a scope.
    pub fn may(&self, scope: &str) -> bool {
        self.require(scope).is_ok()
    }

    /// The version that the caller insists on.
    pub const fn expected(&self) -> Option<u64> {
        self.if_match
    }

    /// The circumstances of a query.
    pub fn context(&self, app: &App) -> CommandContext {
        CommandContext {
            tenant: self.tenant,
            actor: format!("key:{}", self.key_id),
            actor_name: Some(self.key_name.clone()),
            on_behalf_of: self.on_behalf_of.clone(),
            at: self.asked_at,
            correlation_id: self.request_id.clone(),
            causation_id: None,
            source: Some("api".to_owned()),
            key: None,
            dry_run: false,
            ids: app.ids.clone(),
        }
    }

    /// The circumstances of a command: with the idempotency key, and the hash of the request that
    /// it stands for.
    pub fn command(&self, app: &App, canonical: &[u8], dry_run: bool) -> CommandContext {
        CommandContext { key: self.command_key(canonical), dry_run, ..self.context(app) }
    }

    /// The idempotency key, if there is one, with the hash of the request that it stands for. The
    /// tenant's key is in it: a body may hold what must not be guessed from what is kept of it.
    pub fn command_key(&self, canonical: &[u8]) -> Option<CommandKey> {
        let IdempotencyKey { shown, hashes } = self.idempotency_key.as_ref()?;
        let request_hash = hashes.hash(&[self.method_and_path.as_bytes(), &[0], canonical]);
        Some(CommandKey { key: shown.clone(), request_hash })
    }
}
