//! `/api/v2/bookings/{id}/history`: who did what to a booking, when and why.

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use daybook_domain::{
    appointment::Appointment,
    event_log::{RecordedEvent, Revision, StreamId},
    history::sentence,
    ids::AppointmentId,
    ports::EventLog as _,
};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use super::{
    events::without_personal,
    shapes::{Page, bookings as shapes},
};
use crate::{
    http::{
        caller::Caller,
        describe::get,
        extract::{Id, Params},
        problem::Problem,
        respond,
    },
    state::App,
};

/// The columns of a history as CSV.
const COLUMNS: [&str; 9] = [
    "position",
    "recorded_at",
    "type",
    "actor",
    "actor_name",
    "on_behalf_of",
    "source",
    "request_id",
    "sentence",
];

pub(super) fn routes() -> OpenApiRouter<App> {
    let past = get("/bookings/{id}/history", history);
    let past = past.about("Bookings", "booking_history", "List the changes of a booking.");
    let past = past.scope("history:read").query::<Wanted>();
    let past = past.answers::<Page<shapes::HistoryItem>>(200, "All changes, oldest first.");
    OpenApiRouter::new().routes(respond::also_as_csv(past.done()))
}

/// How a history is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = HistoryFormat)]
enum Format {
    /// One document.
    #[default]
    Json,
    /// A table (RFC 4180) with one line per change.
    Csv,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// JSON without it.
    #[param(inline)]
    format: Option<Format>,
}

async fn history(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<AppointmentId>,
    Params(query): Params<Wanted>,
) -> Result<Response, Problem> {
    let stream = (StreamId::new("appointment", id.to_string()), Revision(0));
    let tails = app.dispatcher.log().read_streams(caller.tenant, &[stream]).await?;
    let events: Vec<_> = tails.into_iter().flat_map(|tail| tail.events).collect();
    let (state, _) = app.dispatcher.state::<Appointment>(&caller.context(&app), id).await?;
    let zone = state.booking().ok_or_else(Problem::not_found)?.zone;
    let may_see = caller.may("customers:read");
    let items = events.iter().map(|event| item(event, may_see, zone));
    let items = items.collect::<Result<Vec<_>, _>>().map_err(|error| Problem::internal(&error))?;
    match query.format.unwrap_or_default() {
        Format::Json => Ok(Json(json!({ "items": items, "next": null })).into_response()),
        Format::Csv => {
            let text = table(&items).map_err(|error| Problem::internal(&error))?;
            let kind = HeaderValue::from_static("text/csv; charset=utf-8");
            Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
        }
    }
}

fn item(
    event: &RecordedEvent,
    may_see: bool,
    zone: chrono_tz::Tz,
) -> Result<Value, serde_json::Error> {
    let metadata = event.metadata()?;
    let data = without_personal(serde_json::from_str(&event.payload)?, may_see);
    let sentence = sentence(&event.event_type, &data, Some(&metadata), Some(zone));
    Ok(json!({
        "position": event.position,
        "version": event.revision,
        "type": event.event_type,
        "sentence": sentence,
        "actor": metadata.actor,
        "actor_name": metadata.actor_name,
        "on_behalf_of": metadata.on_behalf_of,
        "source": metadata.source,
        "request_id": metadata.correlation_id,
        "recorded_at": event.recorded_at,
        "data": data,
    }))
}

fn table(items: &[Value]) -> Result<Vec<u8>, csv::Error> {
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    for item in items {
        writer.write_record(COLUMNS.map(|column| match &item[column] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }))?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}
