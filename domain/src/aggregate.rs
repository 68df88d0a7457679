//! What every aggregate is: pure `decide` and total `evolve`, with the cqrs-es glue made once.

use cqrs_es::{Aggregate, DomainEvent};

use crate::{
    event_log::{RecordedEvent, StreamId},
    refusal::Refusal,
};

/// The fold of an aggregate's history.
///
/// `evolve` is total: history cannot be refused.
pub trait Evolve: Default + Clone + Send + Sync + 'static {
    /// The aggregate's type: the first half of its stream ids and of its event names.
    const TYPE: &'static str;
    /// What can happen to it.
    type Event: EventKind;

    /// Folds one recorded event in.
    fn evolve(&mut self, event: &Self::Event);

    /// The stream of one aggregate of this type.
    fn stream(id: impl std::fmt::Display) -> StreamId {
        StreamId::new(Self::TYPE, id.to_string())
    }
}

/// An aggregate that accepts commands by itself.
pub trait Decide: Evolve {
    /// What a caller may ask.
    type Command: Send + Sync;
    /// Why it refuses.
    type Error: Refusal + std::error::Error + Send + Sync + 'static;

    /// Accepts or refuses a command against this state. No events means that there was nothing
    /// left to do, which is what a repeated command gets.
    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Error>;
}

/// An aggregate's event: a name, a version, and how an older version is read.
pub trait EventKind: DomainEvent {
    /// Every `(event type, current version)` of the aggregate, in the order of its variants.
    const KINDS: &'static [(&'static str, &'static str)];

    /// This event's type, such as `staff.hours_set`.
    fn kind(&self) -> &'static str;

    /// Reads an event of the current version from its text.
    fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Reads an event of a version that is no longer written. `None` means an unknown version,
    /// which is never passed over silently.
    fn upcast(_event_type: &str, _event_version: &str, _payload: &str) -> Option<Self> {
        None
    }
}

/// Why a recorded event could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The name is not one of the aggregate's events.
    #[error("event type {event_type} is unknown to {aggregate_type}")]
    UnknownType {
        /// The aggregate that was asked.
        aggregate_type: &'static str,
        /// The name that it does not know.
        event_type: String,
    },
    /// The version is neither the current one nor one that an upcaster reads.
    #[error("event {event_type} has the unknown version {event_version}")]
    UnknownVersion {
        /// The event's name.
        event_type: String,
        /// The version that nobody reads.
        event_version: String,
    },
    /// The payload does not have the shape of its version.
    #[error("event {event_type} does not have the shape of its version")]
    Shape {
        /// The event's name.
        event_type: String,
        /// What serde says.
        #[source]
        source: serde_json::Error,
    },
}

/// Reads a recorded event of an aggregate, through its upcasters if it is an old one.
pub fn decode<E: Evolve>(recorded: &RecordedEvent) -> Result<E::Event, DecodeError> {
    decode_parts::<E>(&recorded.event_type, &recorded.event_version, &recorded.payload)
}

/// As [`decode`], from the three parts that matter.
pub fn decode_parts<E: Evolve>(
    event_type: &str,
    event_version: &str,
    payload: &str,
) -> Result<E::Event, DecodeError> {
    let Some((_, current)) = E::Event::KINDS.iter().find(|(kind, _)| *kind == event_type) else {
        return Err(DecodeError::UnknownType {
            aggregate_type: E::TYPE,
            event_type: event_type.to_owned(),
        });
    };
    if *current == event_version {
        return E::Event::read(payload)
            .map_err(|source| DecodeError::Shape { event_type: event_type.to_owned(), source });
    }
    E::Event::upcast(event_type, event_version, payload).ok_or_else(|| {
        DecodeError::UnknownVersion {
            event_type: event_type.to_owned(),
            event_version: event_version.to_owned(),
        }
    })
}

/// The state of an aggregate after some events.
pub fn fold<'a, E: Evolve>(events: impl IntoIterator<Item = &'a E::Event>) -> E {
    let mut state = E::default();
    for event in events {
        state.evolve(event);
    }
    state
}

/// The type of an aggregate as cqrs-es knows it.
pub const fn cqrs_type<A: Aggregate>() -> &'static str {
    A::TYPE
}

/// Implements `cqrs_es::DomainEvent` and [`EventKind`] for an event enum. Exhaustive: a variant
/// without a name does not compile.
///
/// ```ignore
/// event_kinds!(StaffEvent { Registered => "staff.registered" @ "1.0.0", … });
/// ```
#[macro_export]
macro_rules! event_kinds {
    ($event:ty { $($variant:ident => $name:literal @ $version:literal),+ $(,)? }
     $(upcast $upcast:path)?) => {
        $crate::event_codec!($event);

        impl cqrs_es::DomainEvent for $event {
            fn event_type(&self) -> String {
                $crate::aggregate::EventKind::kind(self).to_owned()
            }

            fn event_version(&self) -> String {
                match self {
                    $(Self::$variant { .. } => $version,)+
                }
                .to_owned()
            }
        }

        impl $crate::aggregate::EventKind for $event {
            const KINDS: &'static [(&'static str, &'static str)] = &[$(($name, $version)),+];

            fn kind(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $name,)+
                }
            }

            fn read(text: &str) -> Result<Self, serde_json::Error> {
                Self::from_text(text)
            }

            $(fn upcast(event_type: &str, event_version: &str, payload: &str) -> Option<Self> {
                $upcast(event_type, event_version, payload)
            })?
        }
    };
}

/// Writes and reads an event enum as an object that says its type first: see [`crate::tagged`]. The
/// enum derives serde's traits with `remote = "Self"`.
#[macro_export]
macro_rules! event_codec {
    ($event:ty) => {
        impl $event {
            /// Reads an event from its text.
            fn from_text(text: &str) -> Result<Self, serde_json::Error> {
                match $crate::tagged::Text::new(text) {
                    Some(event) => Self::deserialize(event),
                    // Somebody else's hand: the type comes later, or there are blanks.
                    None => serde_json::from_str(text),
                }
            }
        }

        impl serde::Serialize for $event {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                // Inherent, made by the derive: it comes before the trait's.
                Self::serialize(self, $crate::tagged::TagFirst(serializer))
            }
        }

        impl<'de> serde::Deserialize<'de> for $event {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                use serde::de::Error as _;

                let text = $crate::tagged::text_of(deserializer)?;
                match $crate::tagged::Text::new(&text) {
                    Some(event) => Self::deserialize(event).map_err(D::Error::custom),
                    None => Err(D::Error::custom("the type of an event has no escapes")),
                }
            }
        }
    };
}

/// Implements `cqrs_es::Aggregate` for a type that is [`Evolve`] and [`Decide`], so that the stock
/// test framework and stores of cqrs-es work with it. `Services` is `()` everywhere: an aggregate
/// that needs a service is missing a field on its command.
#[macro_export]
macro_rules! cqrs_aggregate {
    ($aggregate:ty) => {
        impl cqrs_es::Aggregate for $aggregate {
            const TYPE: &'static str = <$aggregate as $crate::aggregate::Evolve>::TYPE;
            type Command = <$aggregate as $crate::aggregate::Decide>::Command;
            type Event = <$aggregate as $crate::aggregate::Evolve>::Event;
            type Error = <$aggregate as $crate::aggregate::Decide>::Error;
            type Services = ();

            async fn handle(
                &mut self,
                command: Self::Command,
                _services: &Self::Services,
                sink: &cqrs_es::event_sink::EventSink<Self>,
            ) -> Result<(), Self::Error> {
                for event in $crate::aggregate::Decide::decide(self, command)? {
                    sink.write(event, self).await;
                }
                Ok(())
            }

            fn apply(&mut self, event: Self::Event) {
                $crate::aggregate::Evolve::evolve(self, &event);
            }
        }
    };
}
