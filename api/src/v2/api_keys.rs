//! `/api/v2/api-keys`: keys are created, rotated and revoked with a key that has the scope `keys:write`.
//!
//! No key gives away more than it may do itself: it creates and rotates keys of its own scopes only.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, TimeDelta, Utc};
use daybook_adapters::api_keys::{DEFAULT_LIFETIME, Issued, KeyError, KeyRow, NewKey, Rotation};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use super::{
    page,
    shapes::{Page, Saved, Step, api_keys as shapes},
};
use crate::{
    http::{
        caller::{Caller, SCOPES},
        describe::{Route, delete, get, post},
        extract::{Dry, Id, Nothing, Params},
        fields::{Instant, Text},
        problem::Problem,
        respond,
    },
    state::App,
};

const AT: &str = "/api-keys";
const SCOPE: &str = "keys:write";
/// The longest life of a secret.
const MAX_LIFETIME: TimeDelta = TimeDelta::days(3650);
/// How long the secret before a rotation stays valid unless it is said otherwise.
const OVERLAP: TimeDelta = TimeDelta::days(1);

pub(super) fn routes() -> OpenApiRouter<App> {
    let about = |route: Route, id: &str, says: &str| route.about("API keys", id, says).scope(SCOPE);
    let create = about(post(AT, create), "create_api_key", "Create an API key");
    let list = about(get(AT, list), "list_api_keys", "List API keys").query::<ListApiKeys>();
    let one = about(get(format!("{AT}/{{id}}"), one), "get_api_key", "Get an API key");
    let rotate = post(format!("{AT}/{{id}}/rotate"), rotate);
    let rotate = about(rotate, "rotate_api_key", "Rotate the secret of an API key");
    let revoke = delete(format!("{AT}/{{id}}"), revoke);
    let revoke = about(revoke, "revoke_api_key", "Revoke an API key").body::<Step>();
    let create = create.body::<shapes::CreateApiKey>();
    let rotate = rotate.body::<shapes::RotateApiKey>();
    OpenApiRouter::new()
        .routes(
            create
                .answers::<shapes::IssuedApiKey>(
                    201,
                    "The key with its secret, which is shown only once.",
                )
                .done(),
        )
        .routes(list.answers::<Page<shapes::ApiKey>>(200, "A page, without secrets.").done())
        .routes(one.answers::<shapes::ApiKey>(200, "The key, without its secret.").done())
        .routes(
            rotate
                .answers::<shapes::IssuedApiKey>(
                    200,
                    "The key with its secret, which is shown only once.",
                )
                .done(),
        )
        .routes(revoke.answers::<Saved>(200, "Revoked within a second everywhere.").done())
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Command(error) => error.into(),
            KeyError::Log(error) => error.into(),
            KeyError::Unavailable(_) | KeyError::Randomness => Self::unavailable(&error),
            KeyError::Undecodable(_) => Self::internal(&error),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    name: Text<200>,
    scopes: Vec<String>,
    expires_at: Option<Instant>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotate {
    overlap_seconds: Option<i64>,
    expires_at: Option<Instant>,
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct ListApiKeys {
    /// How many at most, 1 to 100; 25 without it.
    limit: Option<u32>,
    /// The cursor of the page before.
    after: Option<String>,
}

fn shown(row: &KeyRow) -> Value {
    json!({
        "id": row.key_id, "version": row.version, "name": row.name, "scopes": row.scopes,
        "created_at": row.created_at, "rotated_at": row.rotated_at, "expires_at": row.expires_at,
        "revoked_at": row.revoked_at, "last_used_at": row.last_used_at,
    })
}

fn issued(status: StatusCode, issued: Issued, expires_at: DateTime<Utc>) -> Response {
    let Issued { key, done } = issued;
    respond::done(status, done, |saved| {
        let key = key.map(|key| key.expose_secret().to_owned());
        json!({ "id": saved.id, "version": saved.version, "key": key, "expires_at": expires_at })
    })
}

/// When a secret expires that is issued now.
fn expiry(caller: &Caller, wanted: Option<Instant>) -> Result<DateTime<Utc>, Problem> {
    let Some(Instant(at)) = wanted else { return Ok(caller.asked_at + DEFAULT_LIFETIME) };
    if caller.asked_at + MAX_LIFETIME < at {
        return Err(Problem::invalid("expires_at", "`expires_at` must be within 3650 days."));
    }
    Ok(at)
}

/// Refuses scopes that do not exist, and those that the caller does not have itself.
fn check_scopes(caller: &Caller, scopes: &[String]) -> Result<(), Problem> {
    for (index, scope) in scopes.iter().enumerate() {
        if !SCOPES.contains(&scope.as_str()) {
            let message =
                format!("`{scope}` is not a scope. The scopes are {}.", SCOPES.join(", "));
            return Err(Problem::invalid(format!("scopes.{index}"), message));
        }
        caller.require(scope)?;
    }
    Ok(())
}

async fn create(
    State(app): State<App>,
    caller: Caller,
    body: Dry<Create>,
) -> Result<Response, Problem> {
    let Create { name, scopes, expires_at } = body.value;
    check_scopes(&caller, &scopes)?;
    let expires_at = expiry(&caller, expires_at)?;
    let new = NewKey { name: name.into_string(), scopes, expires_at };
    let context = caller.command(&app, &body.asked.canonical, body.asked.dry_run);
    let made = app.keys.create(&context, app.ids.next_id(), new).await?;
    Ok(issued(StatusCode::CREATED, made, expires_at))
}

async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<ListApiKeys>,
) -> Result<Response, Problem> {
    let limit = page::limit(query.limit)?;
    let after: Option<Uuid> = page::cursor(query.after.as_deref())?;
    let mut rows = app.keys.list(caller.tenant).await?;
    // Ids are made in the order of time.
    rows.sort_by_key(|row| row.key_id);
    rows.retain(|row| after.is_none_or(|after| after < row.key_id));
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let items: Vec<Value> = rows.iter().map(shown).collect();
    Ok(page::page(&items, limit, |row| row["id"].clone()))
}

/// The key of the caller's tenant that the path names.
async fn find(app: &App, caller: &Caller, id: Uuid) -> Result<KeyRow, Problem> {
    let found = app.keys.find(caller.tenant, id).await?;
    found.ok_or_else(Problem::not_found)
}

async fn one(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
) -> Result<Response, Problem> {
    let row = find(&app, &caller, id).await?;
    Ok(Json(shown(&row)).into_response())
}

async fn rotate(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
    body: Dry<Rotate>,
) -> Result<Response, Problem> {
    // Who gets a secret, may do with it whatever the key may.
    check_scopes(&caller, &find(&app, &caller, id).await?.scopes)?;
    let expires_at = expiry(&caller, body.value.expires_at)?;
    let overlap = match body.value.overlap_seconds {
        None => OVERLAP,
        Some(seconds) => TimeDelta::try_seconds(seconds).ok_or_else(|| {
            Problem::invalid("overlap_seconds", "`overlap_seconds` must be 0 to 2592000.")
        })?,
    };
    let rotation = Rotation { overlap, expires_at, expected: caller.expected() };
    let context = caller.command(&app, &body.asked.canonical, body.asked.dry_run);
    let made = app.keys.rotate(&context, id, rotation).await?;
    app.key_cache.forget(id);
    Ok(issued(StatusCode::OK, made, expires_at))
}

async fn revoke(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
    body: Dry<Nothing>,
) -> Result<Response, Problem> {
    find(&app, &caller, id).await?;
    let context = caller.command(&app, &body.asked.canonical, body.asked.dry_run);
    let done = app.keys.revoke(&context, id, caller.expected()).await?;
    app.key_cache.forget(id);
    Ok(respond::done(StatusCode::OK, done, |saved| saved))
}
