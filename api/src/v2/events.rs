//! `/api/v2/events`: everything that happened, in order, for whoever follows along.
//!
//! Positions of a tenant have no gaps and nothing appears behind one that was read, so a client that
//! keeps the position that it has come to misses nothing, and can begin again anywhere. Without a
//! filter each item follows the one before it: a hole shows at once. A filtered page says in `next` how
//! far it has looked.

use std::{convert::Infallible, time::Duration};

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, header},
    response::{
        IntoResponse as _, Response,
        sse::{Event as Sent, KeepAlive, Sse},
    },
};
use daybook_adapters::log::Hint;
use daybook_domain::{
    event_log::{Position, RecordedEvent},
    history::sentence,
    ports::EventLog as _,
};
use futures::{Stream, stream};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{Instant, timeout_at},
};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;

use super::shapes::events as shapes;
use crate::{
    http::{
        caller::{self, Caller},
        describe::get,
        extract::Params,
        fields::Text,
        problem::Problem,
        respond,
    },
    state::App,
};

const DEFAULT: u32 = 100;
const MOST: u32 = 1000;
/// The longest that a request without news is kept waiting.
const LONGEST_WAIT_S: u32 = 20;
/// How often the log is looked at although no hint came: hints may get lost.
const LOOK: Duration = Duration::from_secs(1);
/// Events that are looked at for one page: a filter that finds nothing ends, too.
const LOOKED_AT: usize = 5000;

pub(super) fn routes() -> OpenApiRouter<App> {
    let feed = get("/events", feed).about("Events", "events", "What happened, in order.");
    let feed = feed.scope("events:read").query::<Wanted>().answers::<shapes::Feed>(200, "A page.");
    OpenApiRouter::new().routes(feed.done())
}

/// What is to be told.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// The position that the client has come to; 0 begins at the beginning.
    after: Option<u64>,
    /// Names such as `appointment.booked`, or `appointment.*`, with commas in between.
    #[param(inline)]
    types: Option<Text<1000>>,
    /// One aggregate type, such as `appointment`.
    #[param(inline)]
    aggregate_type: Option<Text<64>>,
    /// One aggregate.
    #[param(inline)]
    aggregate_id: Option<Text<200>>,
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Seconds to wait for news when there are none.
    #[param(minimum = 0, maximum = 20)]
    wait: Option<u32>,
    /// With personal data; needs the scope `customers:read` too.
    include_personal: Option<bool>,
}

/// What a client follows.
struct Follower {
    app: App,
    caller: Caller,
    types: Vec<String>,
    aggregate_type: Option<String>,
    aggregate_id: Option<String>,
    limit: usize,
    personal: bool,
    after: Position,
}

/// Items of a page, and how far it has looked.
struct Told {
    items: Vec<(Position, Value)>,
    reached: Position,
}

async fn feed(
    State(app): State<App>,
    caller: Caller,
    Params(wanted): Params<Wanted>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let is_stream = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/event-stream"));
    let wait = wanted.wait.unwrap_or(0);
    let mut follower = Follower::new(app, caller, wanted)?;
    if is_stream {
        if let Some(last) = headers.get("last-event-id") {
            let last = last.to_str().ok().and_then(|last| last.parse().ok());
            let message = "the id of an event is its position";
            let last = last.ok_or_else(|| Problem::header("Last-Event-ID", message))?;
            follower.after = Position(last);
        }
        return follower.streamed(headers).await;
    }
    if LONGEST_WAIT_S < wait {
        return Err(Problem::parameter("wait", "at most 20 seconds are waited"));
    }
    let deadline = Instant::now() + Duration::from_secs(wait.into());
    let mut hints = follower.app.hints();
    let told = loop {
        let told = follower.page().await?;
        // While there was something to look through there may be more of it.
        let looks_on = follower.after < told.reached && Instant::now() < deadline;
        follower.after = told.reached;
        if !told.items.is_empty()
            || !(looks_on || follower.news(&mut hints, told.reached, deadline).await)
        {
            break told;
        }
    };
    let items: Vec<Value> = told.items.into_iter().map(|(_, item)| item).collect();
    let body = Json(json!({ "items": items, "next": told.reached }));
    Ok(respond::resting_on(told.reached, body.into_response()))
}

impl Follower {
    fn new(app: App, caller: Caller, wanted: Wanted) -> Result<Self, Problem> {
        let limit @ 1..=MOST = wanted.limit.unwrap_or(DEFAULT) else {
            return Err(Problem::parameter("limit", "a page has 1 to 1000 events"));
        };
        let personal = wanted.include_personal.unwrap_or(false);
        if personal {
            caller.require("customers:read")?;
        }
        let after = wanted.after.unwrap_or(0);
        if i64::MAX.cast_unsigned() < after {
            return Err(Problem::parameter("after", "no history is that long"));
        }
        let types = wanted.types.map(Text::into_string).unwrap_or_default();
        let types: Vec<String> = types.split(',').map(str::trim).map(str::to_owned).collect();
        Ok(Self {
            app,
            caller,
            types: types.into_iter().filter(|name| !name.is_empty()).collect(),
            aggregate_type: wanted.aggregate_type.map(Text::into_string),
            aggregate_id: wanted.aggregate_id.map(Text::into_string),
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            personal,
            after: Position(after),
        })
    }

    fn wants(&self, event: &RecordedEvent) -> bool {
        let is = |wish: &Option<String>, it: &str| wish.as_deref().is_none_or(|wish| wish == it);
        event.is_one_of(&self.types)
            && is(&self.aggregate_type, &event.stream.aggregate_type)
            && is(&self.aggregate_id, &event.stream.aggregate_id)
    }

    /// The next items, and how far was looked for them.
    async fn page(&self) -> Result<Told, Problem> {
        let mut told = Told { items: Vec::new(), reached: self.after };
        let mut looked_at = 0;
        let mut is_beyond = Position(0) < self.after;
        while told.items.len() < self.limit && looked_at < LOOKED_AT {
            let batch = self.limit.clamp(100, 1000);
            let log = self.app.dispatcher.log();
            let events = log.read_tenant(self.caller.tenant, told.reached, batch).await?;
            let is_end = events.len() < batch;
            is_beyond &= events.is_empty();
            looked_at += events.len();
            for event in events {
                if told.items.len() == self.limit {
                    break;
                }
                told.reached = event.position;
                if self.wants(&event) {
                    told.items.push((event.position, shown(&event, self.personal)?));
                }
            }
            if is_end {
                break;
            }
        }
        // Nothing comes after it: it is the head, or the history does not reach so far.
        if is_beyond {
            let head = self.app.dispatcher.log().head(self.caller.tenant).await?;
            let head = head.map_or(Position(0), |head| head.position);
            if head < self.after {
                return Err(Problem::beyond_head("after", self.after.0, head));
            }
        }
        Ok(told)
    }

    /// Whether there may be something new before the deadline.
    async fn news(&self, hints: &mut Receiver<Hint>, reached: Position, deadline: Instant) -> bool {
        if deadline <= Instant::now() || self.app.is_closing() {
            return false;
        }
        let look = deadline.min(Instant::now() + LOOK);
        let heard = timeout_at(look, async {
            loop {
                match hints.recv().await {
                    Ok(hint) if hint.tenant == self.caller.tenant && reached < hint.position => {
                        return;
                    }
                    // Those of others, and of what was told already.
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => return,
                    Err(RecvError::Closed) => std::future::pending().await,
                }
            }
        });
        tokio::select! {
            _heard_or_time_to_look = heard => true,
            () = self.app.closing() => false,
        }
    }

    /// Server-sent events, for as long as the client listens, its key is good and the program runs.
    async fn streamed(self, headers: HeaderMap) -> Result<Response, Problem> {
        // What cannot be read at all is a problem document, not a stream that breaks off.
        let first = self.page().await?;
        let keep_alive = KeepAlive::new().interval(Duration::from_secs(15));
        Ok(Sse::new(self.told(first, headers)).keep_alive(keep_alive).into_response())
    }

    fn told(
        self,
        first: Told,
        headers: HeaderMap,
    ) -> impl Stream<Item = Result<Sent, Infallible>> + Send {
        let hints = self.app.hints();
        let waiting = (self, headers, hints, first.items.into_iter(), first.reached);
        stream::unfold(
            waiting,
            async |(mut follower, headers, mut hints, mut items, mut reached)| {
                loop {
                    if let Some((position, item)) = items.next() {
                        let sent = Sent::default().id(position.0.to_string());
                        let sent = sent.event(item["type"].as_str().unwrap_or_default());
                        let sent = sent.data(item.to_string());
                        return Some((Ok(sent), (follower, headers, hints, items, reached)));
                    }
                    let is_new = follower.after < reached;
                    follower.after = reached;
                    if !is_new {
                        let far = Instant::now() + Duration::from_hours(24);
                        if !follower.news(&mut hints, reached, far).await {
                            return None;
                        }
                    }
                    // A key may be revoked or run out meanwhile: nothing more is told to who shows it.
                    caller::holder(&follower.app, &headers).await.ok()?;
                    // A stream that breaks off is taken up again behind the last event.
                    let told = follower.page().await.ok()?;
                    (items, reached) = (told.items.into_iter(), told.reached);
                }
            },
        )
    }
}

/// An event as clients see it.
pub(super) fn shown(event: &RecordedEvent, personal: bool) -> Result<Value, Problem> {
    item(event, personal).map_err(|error| Problem::internal(&error))
}

/// An event as it stands in the feed and in webhooks.
pub(crate) fn item(event: &RecordedEvent, personal: bool) -> Result<Value, serde_json::Error> {
    let metadata = event.metadata()?;
    let data = without_personal(serde_json::from_str(&event.payload)?, personal);
    let sentence = sentence(&event.event_type, &data, Some(&metadata), None);
    Ok(json!({
        "position": event.position,
        "event_id": event.event_id,
        "type": event.event_type,
        "event_version": event.event_version,
        "aggregate_type": event.stream.aggregate_type,
        "aggregate_id": event.stream.aggregate_id,
        "version": event.revision,
        "actor": metadata.actor,
        "actor_name": metadata.actor_name,
        "on_behalf_of": metadata.on_behalf_of,
        "source": metadata.source,
        "request_id": metadata.correlation_id,
        "causation_id": metadata.causation_id,
        "at": metadata.at,
        "recorded_at": event.recorded_at,
        "sentence": sentence,
        "data": data,
    }))
}

/// Personal values as themselves for whoever may see them, else as whose they are.
pub(super) fn without_personal(data: Value, may_see: bool) -> Value {
    match data {
        Value::Object(mut fields) => {
            if fields.contains_key("$personal") {
                return match fields.remove("value") {
                    Some(value) if may_see => value,
                    _ => json!({ "withheld_of": fields.remove("$personal") }),
                };
            }
            if let Some(subject) = fields.remove("$erased") {
                return json!({ "erased_of": subject });
            }
            if let Some(subject) = fields.remove("$sealed") {
                return json!({ "withheld_of": subject });
            }
            let shown = fields.into_iter().map(|(name, it)| (name, without_personal(it, may_see)));
            Value::Object(shown.collect::<Map<_, _>>())
        }
        Value::Array(items) => {
            items.into_iter().map(|item| without_personal(item, may_see)).collect()
        }
        plain => plain,
    }
}
