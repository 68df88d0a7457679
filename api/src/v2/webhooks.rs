//! `/api/v2/webhook-endpoints`: who is told of what, and what became of the messages.
//!
//! Messages are signed as Standard Webhooks say. An endpoint's secret is shown when it is made and when
//! it is changed, never again.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use daybook_adapters::webhooks::{
    DeliveryFilter, MOST_ENDPOINTS, Wanted, WebhookError, WithSecret, address, signature::Scheme,
};
use daybook_domain::{dispatch::Done, event_log::Position, ports::EventLog as _};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use super::{
    page,
    shapes::{Page, webhooks as shapes},
};
use crate::{
    http::{
        caller::Caller,
        describe::{Route, delete, get, post, put},
        extract::{Body, Id, Nothing, Params},
        fields::Text,
        problem::Problem,
        respond,
    },
    state::App,
};

const AT: &str = "/webhook-endpoints";
const MOST_TYPES: usize = 50;

pub(super) fn routes() -> OpenApiRouter<App> {
    let about = |route: Route, id: &str, says: &str| route.about("Webhooks", id, says);
    let read = |route, id, says| about(route, id, says).scope("webhooks:read");
    let write = |route, id, says| about(route, id, says).scope("webhooks:write");
    let at = |rest: &str| format!("{AT}{rest}");
    let create =
        write(post(AT, create), "create_webhook", "Makes an endpoint; needs events:read too.");
    let create = create.body::<shapes::CreateWebhook>();
    let list = read(get(AT, list), "list_webhooks", "Lists endpoints.").query::<ListWebhooks>();
    let one = read(get(at("/{id}"), one), "webhook", "Shows an endpoint.");
    let change = write(
        put(at("/{id}"), change),
        "change_webhook",
        "Changes an endpoint; needs events:read too.",
    );
    let change = change.body::<shapes::WebhookFields>();
    let remove = write(delete(at("/{id}"), remove), "delete_webhook", "Deletes an endpoint.");
    let enable = write(post(at("/{id}/enable"), enable), "enable_webhook", "Goes on sending.");
    let disable = write(post(at("/{id}/disable"), disable), "disable_webhook", "Stops sending.");
    let rotate = post(at("/{id}/rotate-secret"), rotate);
    let rotate = write(rotate, "rotate_webhook_secret", "Gives it another secret.");
    let replay = write(post(at("/{id}/replay"), replay), "replay_webhook", "Resumes anywhere.");
    let replay = replay.body::<shapes::ReplayWebhook>();
    let sent = read(get(at("/{id}/deliveries"), deliveries), "list_deliveries", "Lists messages.");
    let tries = get(at("/{id}/deliveries/{message}/attempts"), attempts);
    let tries = read(tries, "list_attempts", "Lists the last attempts at a message.");
    let again = post(at("/{id}/deliveries/{message}/redeliver"), redeliver);
    let again = write(again, "redeliver", "Sends a message once more.");
    let [enable, disable, remove] = [enable, disable, remove]
        .map(|route| route.body::<super::shapes::Nothing>().answers::<shapes::Webhook>(200, "It."));
    let rotate = rotate.body::<super::shapes::Nothing>();
    let again = again.body::<super::shapes::Nothing>();
    OpenApiRouter::new()
        .routes(create.answers::<shapes::WebhookWithSecret>(201, "Made.").done())
        .routes(list.answers::<Page<shapes::Webhook>>(200, "A page.").done())
        .routes(one.answers::<shapes::Webhook>(200, "As it is now.").done())
        .routes(change.answers::<shapes::Webhook>(200, "Changed.").done())
        .routes(remove.done())
        .routes(enable.done())
        .routes(disable.done())
        .routes(rotate.answers::<shapes::WebhookWithSecret>(200, "Changed.").done())
        .routes(replay.answers::<shapes::Webhook>(200, "As it is now.").done())
        .routes(
            sent.query::<ListDeliveries>()
                .answers::<Page<shapes::WebhookDelivery>>(200, "A page, newest first.")
                .done(),
        )
        .routes(tries.answers::<Page<shapes::WebhookAttempt>>(200, "Oldest first.").done())
        .routes(again.answers::<shapes::WebhookDelivery>(200, "Due now.").done())
}

impl From<WebhookError> for Problem {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::KeyReused => Self::key_reused(),
            error => Self::unavailable(&error),
        }
    }
}

/// The URL is a plain text here: what is wrong with it is said by its check.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    url: Text<2000>,
    description: Option<Text<200>>,
    #[serde(default)]
    event_types: Option<Vec<Text<100>>>,
    include_personal: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    url: Text<2000>,
    description: Option<Text<200>>,
    #[serde(default)]
    event_types: Option<Vec<Text<100>>>,
    include_personal: Option<bool>,
    #[serde(default)]
    signature: Option<Scheme>,
    after: Option<u64>,
}

fn is_type(name: &str) -> bool {
    let name = name.strip_suffix('*').unwrap_or(name);
    name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_' || it == b'.')
}

impl Fields {
    fn checked(self, app: &App, caller: &Caller) -> Result<Wanted, Problem> {
        let url = address::checked(&self.url.into_string(), app.allow_private_webhooks);
        let url = url.map_err(|error| Problem::invalid("url", error.to_string()))?;
        // Who registers an endpoint receives the events, so the key must be allowed to read them.
        caller.require("events:read")?;
        let include_personal = self.include_personal.unwrap_or(false);
        if include_personal {
            caller.require("customers:read")?;
        }
        let types = self.event_types.unwrap_or_default().into_iter().map(Text::into_string);
        let mut event_types: Vec<String> = types.collect();
        if MOST_TYPES < event_types.len() {
            return Err(Problem::invalid("event_types", "at most 50 types are named"));
        }
        if let Some(index) = event_types.iter().position(|it| it.is_empty() || !is_type(it)) {
            let message = "a type is a name such as appointment.booked or appointment.*";
            return Err(Problem::invalid(format!("event_types.{index}"), message));
        }
        event_types.sort_unstable();
        event_types.dedup();
        let description = self.description.map(Text::into_string);
        Ok(Wanted { url: url.into(), description, event_types, include_personal })
    }
}

/// The head of the tenant's history, or a position before it.
async fn position(app: &App, caller: &Caller, after: Option<u64>) -> Result<Position, Problem> {
    let head = app.dispatcher.log().head(caller.tenant).await?;
    let head = head.map_or(Position(0), |head| head.position);
    match after {
        Some(after) if head.0 < after => Err(Problem::beyond_head("after", after, head)),
        Some(after) => Ok(Position(after)),
        None => Ok(head),
    }
}

fn found<T: Serialize>(it: Option<T>) -> Result<Response, Problem> {
    it.map(|it| Json(it).into_response()).ok_or_else(Problem::not_found)
}

fn with_secret(status: StatusCode, made: WithSecret) -> Response {
    let WithSecret { endpoint, secret, repeated } = made;
    let done = Done { answer: endpoint, position: None, repeated };
    respond::done(status, done, |endpoint| {
        let mut body = json!(endpoint);
        body["secret"] = secret.map_or(Value::Null, |secret| Value::from(secret.expose_secret()));
        body
    })
}

/// The event of a message.
fn event_of(message: &str) -> Result<Uuid, Problem> {
    let id = message.strip_prefix("msg_").filter(|id| id.len() == 32);
    id.and_then(|id| Uuid::parse_str(id).ok()).ok_or_else(Problem::not_found)
}

async fn create(
    State(app): State<App>,
    caller: Caller,
    body: Body<Create>,
) -> Result<Response, Problem> {
    let Create { url, description, event_types, include_personal, signature, after } = body.value;
    let fields = Fields { url, description, event_types, include_personal };
    let wanted = fields.checked(&app, &caller)?;
    let after = position(&app, &caller, after).await?;
    let (id, now) = (app.ids.next_id(), app.clock.now());
    let key = caller.command_key(&body.canonical);
    let (wanted, since) = ((&wanted, signature.unwrap_or_default()), (after, now));
    let made = app.endpoints.create(caller.tenant, id, wanted, since, key.as_ref()).await?;
    let made = made.ok_or_else(|| {
        let message = format!("a tenant has at most {MOST_ENDPOINTS} endpoints");
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "TOO_MANY_WEBHOOKS", message)
    })?;
    Ok(with_secret(StatusCode::CREATED, made))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct ListWebhooks {
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    #[param(min_length = 1, pattern = "^[A-Za-z0-9_-]+$")]
    after: Option<String>,
}

async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<ListWebhooks>,
) -> Result<Response, Problem> {
    let limit = page::limit(query.limit)?;
    let after = page::cursor(query.after.as_deref())?;
    let rows = app.endpoints.list(caller.tenant, after, limit).await?;
    Ok(page::page(&rows, limit, |row| row.id))
}

async fn one(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
) -> Result<Response, Problem> {
    found(app.endpoints.find(caller.tenant, id).await?)
}

async fn change(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
    body: Body<Fields>,
) -> Result<Response, Problem> {
    let wanted = body.value.checked(&app, &caller)?;
    found(app.endpoints.change(caller.tenant, id, &wanted, app.clock.now()).await?)
}

async fn remove(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
    _body: Body<Nothing>,
) -> Result<Response, Problem> {
    found(app.endpoints.delete(caller.tenant, id).await?)
}

async fn enable(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
    _body: Body<Nothing>,
) -> Result<Response, Problem> {
    found(app.endpoints.switch(caller.tenant, id, true, app.clock.now()).await?)
}

async fn disable(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
    _body: Body<Nothing>,
) -> Result<Response, Problem> {
    found(app.endpoints.switch(caller.tenant, id, false, app.clock.now()).await?)
}

async fn rotate(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
    body: Body<Nothing>,
) -> Result<Response, Problem> {
    let key = caller.command_key(&body.canonical);
    let rotated = app.endpoints.rotate(caller.tenant, id, app.clock.now(), key.as_ref()).await?;
    let rotated = rotated.ok_or_else(Problem::not_found)?;
    Ok(with_secret(StatusCode::OK, rotated))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Replay {
    after: u64,
}

async fn replay(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
    body: Body<Replay>,
) -> Result<Response, Problem> {
    if app.endpoints.find(caller.tenant, id).await?.is_none() {
        return Err(Problem::not_found());
    }
    let after = position(&app, &caller, Some(body.value.after)).await?;
    found(app.endpoints.replay(caller.tenant, id, after, app.clock.now()).await?)
}

/// What became of a message.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Became {
    Pending,
    Delivered,
    Failed,
    Skipped,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct ListDeliveries {
    #[param(inline)]
    state: Option<Became>,
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    #[param(min_length = 1, pattern = "^[A-Za-z0-9_-]+$")]
    after: Option<String>,
}

async fn deliveries(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
    Params(query): Params<ListDeliveries>,
) -> Result<Response, Problem> {
    let limit = page::limit(query.limit)?;
    let before = page::cursor(query.after.as_deref())?;
    let state = query.state.map(|state| json!(state).as_str().map(str::to_owned));
    let filter = DeliveryFilter { state: state.flatten(), before, limit };
    if app.endpoints.find(caller.tenant, id).await?.is_none() {
        return Err(Problem::not_found());
    }
    let rows = app.endpoints.deliveries(caller.tenant, id, &filter).await?;
    Ok(page::page(&rows, limit, |row| row.position))
}

async fn attempts(
    State(app): State<App>,
    caller: Caller,
    Id((id, message)): Id<(Uuid, String)>,
) -> Result<Response, Problem> {
    let attempts = app.endpoints.attempts(caller.tenant, id, event_of(&message)?).await?;
    let items = attempts.ok_or_else(Problem::not_found)?;
    Ok(Json(json!({ "items": items, "next": null })).into_response())
}

async fn redeliver(
    State(app): State<App>,
    caller: Caller,
    Id((id, message)): Id<(Uuid, String)>,
    _body: Body<Nothing>,
) -> Result<Response, Problem> {
    let (event_id, now) = (event_of(&message)?, app.clock.now());
    found(app.endpoints.redeliver(caller.tenant, id, event_id, now).await?)
}
