//! The one list of aggregates. Whatever works on all of them goes through it: golden files, the
//! property that `evolve` is total, replay tools, labels of a timeline.

#[cfg(test)]
mod tests;

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    aggregate::{DecodeError, EventKind, Evolve, decode_parts},
    api_key::ApiKey,
    appointment::Appointment,
    branch::Branch,
    calendar_day::CalendarDay,
    company::Company,
    customer::Customer,
    hold::Hold,
    phase::Phase,
    resource::Resource,
    series::Series,
    service::Service,
    staff::Staff,
    tenant::Tenant,
    unique_key::UniqueKey,
};

macro_rules! aggregates {
    ($($aggregate:ty),+ $(,)?) => {
        /// Every aggregate, in the order of their types.
        pub const AGGREGATES: &[AggregateKind] = &[$(AggregateKind::of::<$aggregate>()),+];
    };
}

aggregates! {
    ApiKey,
    Appointment,
    Branch,
    CalendarDay,
    Company,
    Customer,
    Hold,
    Phase,
    Resource,
    Series,
    Service,
    Staff,
    Tenant,
    UniqueKey,
}

/// The aggregate of a type, if there is one.
pub fn find(aggregate_type: &str) -> Option<&'static AggregateKind> {
    AGGREGATES.iter().find(|kind| kind.aggregate_type == aggregate_type)
}

/// An event as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventText {
    /// Such as `appointment.booked`.
    pub event_type: String,
    /// Such as `1.0.0`.
    pub event_version: String,
    /// The event as JSON text.
    pub payload: String,
}

/// Why events or states could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// An event could not be read.
    #[error(transparent)]
    Undecodable(#[from] DecodeError),
    /// A state or an event is not the JSON of its type.
    #[error("a state or an event could not be read or written as JSON")]
    Json(#[from] serde_json::Error),
}

/// What can be done with an aggregate without knowing its Rust type.
#[derive(Clone, Copy, Debug)]
pub struct AggregateKind {
    /// The first half of its stream ids and of its event names.
    pub aggregate_type: &'static str,
    /// Every event type with its current version.
    pub kinds: &'static [(&'static str, &'static str)],
    check: fn((&str, &str), &str) -> Result<(), DecodeError>,
    reencode: fn(&EventText) -> Result<String, RegistryError>,
    fold: fn(Option<&str>, &[EventText]) -> Result<String, RegistryError>,
}

impl AggregateKind {
    const fn of<E: Evolve + Serialize + DeserializeOwned>() -> Self {
        Self {
            aggregate_type: E::TYPE,
            kinds: E::Event::KINDS,
            check: check::<E>,
            reencode: reencode::<E>,
            fold: fold::<E>,
        }
    }

    /// Whether an event of this type and version can be read, through its upcasters if it is old.
    pub fn check(&self, kind: (&str, &str), payload: &str) -> Result<(), DecodeError> {
        (self.check)(kind, payload)
    }

    /// Reads an event, through its upcasters if it is an old one, and writes it as it would be
    /// written today.
    pub fn reencode(&self, event: &EventText) -> Result<String, RegistryError> {
        (self.reencode)(event)
    }

    /// Folds events into a state, which is JSON on its way in and out; from the default state when
    /// there is no snapshot.
    pub fn fold(
        &self,
        snapshot: Option<&str>,
        events: &[EventText],
    ) -> Result<String, RegistryError> {
        (self.fold)(snapshot, events)
    }
}

fn decode<E: Evolve>(event: &EventText) -> Result<E::Event, DecodeError> {
    decode_parts::<E>(&event.event_type, &event.event_version, &event.payload)
}

fn check<E: Evolve>((name, version): (&str, &str), payload: &str) -> Result<(), DecodeError> {
    decode_parts::<E>(name, version, payload).map(drop)
}

fn reencode<E: Evolve>(event: &EventText) -> Result<String, RegistryError> {
    Ok(serde_json::to_string(&decode::<E>(event)?)?)
}

fn fold<E: Evolve + Serialize + DeserializeOwned>(
    snapshot: Option<&str>,
    events: &[EventText],
) -> Result<String, RegistryError> {
    let mut state: E = match snapshot {
        Some(snapshot) => serde_json::from_str(snapshot)?,
        None => E::default(),
    };
    for event in events {
        state.evolve(&decode::<E>(event)?);
    }
    Ok(serde_json::to_string(&state)?)
}
