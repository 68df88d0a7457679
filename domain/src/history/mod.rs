//! What happened, in sentences: for the history of a booking, the feed and the tools of auditors.
//!
//! A sentence is made of an event's own JSON, as it is read: a personal value in the clear, sealed,
//! withheld or erased. It says what can be read and names what cannot.

mod catalog;
mod scheduling;
#[cfg(test)]
mod tests;
mod values;

use chrono_tz::Tz;
use serde_json::Value;

use crate::event_log::Metadata;

use self::values::Said;

/// What happened, who did it and for whom, in one or two sentences.
///
/// Instants are told in `zone`, or in UTC without one. `data` is the payload of the event.
pub fn sentence(
    event_type: &str,
    data: &Value,
    metadata: Option<&Metadata>,
    zone: Option<Tz>,
) -> String {
    let said = Said::new(data, zone);
    let what = what(event_type, &said).unwrap_or_else(|| unknown(event_type));
    let who = metadata.map(who).unwrap_or_default();
    let reason = reason(&said);
    let notified =
        if data["notify_customer"] == true { " The customer is to be notified." } else { "" };
    format!("{what}{who}.{reason}{notified}")
}

fn what(event_type: &str, said: &Said<'_>) -> Option<String> {
    let (aggregate, kind) = event_type.split_once('.')?;
    match aggregate {
        "appointment" => scheduling::appointment(kind, said),
        "calendar_day" => scheduling::calendar_day(kind, said),
        "hold" => scheduling::hold(kind, said),
        "phase" => scheduling::phase(kind, said),
        "series" => scheduling::series(kind, said),
        "customer" => catalog::customer(kind, said),
        "api_key" => catalog::api_key(kind, said),
        "tenant" => catalog::tenant(kind, said),
        "unique_key" => catalog::unique_key(kind, said),
        "service" => catalog::service(kind, said),
        "branch" | "company" | "resource" | "staff" => catalog::thing(aggregate, kind, said),
        _ => None,
    }
}

/// An event of a newer version of Daybook.
fn unknown(event_type: &str) -> String {
    format!("Event {event_type}")
}

/// By whom and for whom.
fn who(metadata: &Metadata) -> String {
    let named = metadata.actor_name.as_ref().map(|name| format!("\u{201c}{name}\u{201d} "));
    let named = named.unwrap_or_default();
    let by = match metadata.actor.split_once(':') {
        Some(("key", id)) if named.is_empty() => format!("API key {id}"),
        Some(("key", _)) => format!("API key {}", named.trim_end()),
        Some(("user", id)) => format!("user {named}{id}"),
        Some(("system", what)) => format!("the system ({what})"),
        _ => metadata.actor.clone(),
    };
    let on_behalf_of = metadata.on_behalf_of.as_ref().map(|whom| {
        let whom = whom.replacen(':', " ", 1);
        format!(" on behalf of {whom}")
    });
    format!(" by {by}{}", on_behalf_of.unwrap_or_default())
}

/// Why, by code and in words, where it is said.
fn reason(said: &Said<'_>) -> String {
    let code = said.text("reason_code").map(|code| code.replace('_', " "));
    let words = said.personal("reason");
    let parts: Vec<_> = code.into_iter().chain(words).collect();
    if parts.is_empty() { String::new() } else { format!(" Reason: {}.", parts.join(", ")) }
}
