//! An event on its way to the projectors: read once, decoded once, handed to all of them.

use std::sync::OnceLock;

use chrono::{DateTime, Utc};
use daybook_domain::{
    aggregate::{DecodeError, Evolve, decode},
    appointment::{Appointment, AppointmentEvent},
    branch::{Branch, BranchEvent},
    calendar_day::{CalendarDay, CalendarDayEvent},
    company::{Company, CompanyEvent},
    customer::{Customer, CustomerEvent},
    event_log::RecordedEvent,
    resource::{Resource, ResourceEvent},
    service::{Service, ServiceEvent},
    staff::{Staff, StaffEvent},
};

macro_rules! facts {
    ($($(#[$doc:meta])* $aggregate:ident($event:ty)),+ $(,)?) => {
        /// What an event says, by the aggregate that it happened to.
        #[derive(Clone, Debug)]
        pub enum Fact {
            $($(#[$doc])* $aggregate($event),)+
        }

        impl Fact {
            /// Reads a recorded event. An aggregate or a version that nobody knows is an error,
            /// never passed over.
            pub fn read(recorded: &RecordedEvent) -> Result<Self, Unreadable> {
                let aggregate_type = recorded.stream.aggregate_type.as_ref();
                $(if aggregate_type == <$aggregate as Evolve>::TYPE {
                    return Ok(Self::$aggregate(decode::<$aggregate>(recorded)?));
                })+
                Err(Unreadable::UnknownAggregate(aggregate_type.to_owned()))
            }
        }
    };
}

facts! {
    /// An appointment was booked or changed.
    Appointment(AppointmentEvent),
    /// A place on a calendar was taken, kept or given back.
    CalendarDay(CalendarDayEvent),
    /// A company was registered or changed.
    Company(CompanyEvent),
    /// A branch was registered or changed.
    Branch(BranchEvent),
    /// A staff member was registered or changed.
    Staff(StaffEvent),
    /// A service was defined or changed.
    Service(ServiceEvent),
    /// A resource was registered or changed.
    Resource(ResourceEvent),
    /// A customer was registered, changed or forgotten.
    Customer(CustomerEvent),
}

/// Why an event could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// No aggregate has this name.
    #[error("the aggregate type {0} is unknown")]
    UnknownAggregate(String),
    /// The aggregate does not know the event, its version or its shape.
    #[error(transparent)]
    Undecodable(#[from] DecodeError),
}

/// A recorded event and, once somebody asked, what it says.
#[derive(Debug)]
pub struct Event {
    /// As the log keeps it.
    pub recorded: RecordedEvent,
    fact: OnceLock<Result<Fact, Unreadable>>,
}

impl Event {
    /// An event that was not decoded yet.
    pub const fn new(recorded: RecordedEvent) -> Self {
        Self { recorded, fact: OnceLock::new() }
    }

    /// What it says; decoded at the first call.
    pub fn fact(&self) -> Result<&Fact, &Unreadable> {
        self.fact.get_or_init(|| Fact::read(&self.recorded)).as_ref()
    }
}

/// When an event was decided: the time of the business, not that of the database.
pub(crate) fn decided_at(recorded: &RecordedEvent) -> DateTime<Utc> {
    recorded.metadata().map_or(recorded.recorded_at, |metadata| metadata.at)
}
