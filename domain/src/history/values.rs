//! The values of an event as a sentence says them.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::Value;

/// An event's payload, and the zone in which its instants are told.
pub(super) struct Said<'a> {
    data: &'a Value,
    zone: Option<Tz>,
}

impl<'a> Said<'a> {
    pub(super) fn new(data: &'a Value, zone: Option<Tz>) -> Self {
        // A booking says itself where it takes place.
        let own = data["zone"].as_str().and_then(|name| name.parse().ok());
        Self { data, zone: zone.or(own) }
    }

    /// A value by its path, such as `/to/starts_at`, or by its name.
    fn get(&self, name: &str) -> &'a Value {
        let found =
            if name.starts_with('/') { self.data.pointer(name) } else { self.data.get(name) };
        found.unwrap_or(&Value::Null)
    }

    /// A text, if it is one.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.get(name).as_str()
    }

    /// A text or a number as it stands; `?` when it is neither.
    pub(super) fn plain(&self, name: &str) -> String {
        match self.get(name) {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => "?".to_owned(),
        }
    }

    /// Whether a field is `true`.
    pub(super) fn is(&self, name: &str) -> bool {
        self.get(name) == true
    }

    /// Whether a field is there.
    pub(super) fn has(&self, name: &str) -> bool {
        !self.get(name).is_null()
    }

    /// A value of a person in quotes, or what became of it; `None` when there is none.
    pub(super) fn personal(&self, name: &str) -> Option<String> {
        let value = self.get(name);
        let clear = value.as_str().or_else(|| value.get("value")?.as_str());
        if let Some(text) = clear {
            return Some(format!("\u{201c}{text}\u{201d}"));
        }
        let fields = value.as_object()?;
        let is_erased = fields.contains_key("$erased") || fields.contains_key("erased_of");
        Some(if is_erased { "(erased)" } else { "(sealed)" }.to_owned())
    }

    /// An instant to the minute: local where a zone is known.
    pub(super) fn instant(&self, name: &str) -> String {
        let at = self.text(name).and_then(|text| text.parse::<DateTime<Utc>>().ok());
        match (at, self.zone) {
            (Some(at), Some(zone)) => at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string(),
            (Some(at), None) => at.format("%Y-%m-%d %H:%MZ").to_string(),
            (None, _) => "?".to_owned(),
        }
    }

    /// The name of the zone in brackets, where instants are told in one.
    pub(super) fn zone(&self) -> String {
        self.zone.map(|zone| format!(" ({})", zone.name())).unwrap_or_default()
    }

    /// An amount of money with its currency.
    pub(super) fn money(&self, name: &str) -> String {
        let money = self.get(name);
        let amount = money["amount_minor"].as_i64().unwrap_or_default();
        let currency = money["currency"].as_str().unwrap_or_default();
        format!("{}.{:02} {currency}", amount / 100, amount % 100)
    }

    /// The texts or numbers of a list, with commas.
    pub(super) fn list(&self, name: &str) -> String {
        let items = self.get(name).as_array().into_iter().flatten();
        let texts: Vec<_> = items.filter_map(Value::as_str).collect();
        texts.join(", ")
    }
}
