//! From what was recorded back to what was asked: the events of one append become the command that
//! they answered, and the facts that no booking command decided.

use std::collections::{HashMap, HashSet};

use anyhow::Context as _;
use daybook_domain::{
    aggregate::decode,
    appointment::{Appointment, AppointmentEvent, Booking, ChangeCause, ChangedBy},
    booking::commands::StatusChange,
    calendar_day::{CalendarDay, CalendarDayEvent, Purpose},
    event_log::{Metadata, Position, RecordedEvent},
    hold::{Held, Hold, HoldEvent},
    ids::{AppointmentId, ClaimId, HoldId, SeriesId, StaffId},
    series::{Series, SeriesEvent, Started},
};

/// What was asked. Whatever a command says beyond its events (a reason, a note) decides nothing.
#[derive(Debug)]
pub(super) enum Asked {
    /// A place was booked, or what a hold keeps.
    Book(AppointmentId, Box<Booking>),
    /// An appointment was moved; to whom, if to somebody else.
    Reschedule(AppointmentId, chrono::DateTime<chrono::Utc>, Option<StaffId>),
    /// An appointment was cancelled.
    Cancel(AppointmentId),
    /// A step of the status flow.
    Step(AppointmentId, StatusChange),
    /// A place was kept.
    PlaceHold(HoldId, Box<Held>),
    /// It was kept until then.
    ExtendHold(HoldId, chrono::DateTime<chrono::Utc>),
    /// It was given back.
    ReleaseHold(HoldId),
    /// A series was started.
    StartSeries(SeriesId, Box<Started>),
    /// An occurrence was skipped.
    SkipOccurrence(SeriesId, u16),
    /// An occurrence was moved.
    MoveOccurrence(SeriesId, u16, chrono::DateTime<chrono::Utc>),
    /// What was still to come of a series was called off.
    CancelSeries(SeriesId),
}

impl Asked {
    /// What people call it.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Book(..) => "book",
            Self::Reschedule(..) => "reschedule",
            Self::Cancel(..) => "cancel",
            Self::Step(_, StatusChange::Confirm) => "confirm",
            Self::Step(_, StatusChange::Reject) => "reject",
            Self::Step(_, StatusChange::Start) => "start",
            Self::Step(_, StatusChange::Complete) => "complete",
            Self::Step(_, StatusChange::NoShow) => "no_show",
            Self::PlaceHold(..) => "hold",
            Self::ExtendHold(..) => "extend_hold",
            Self::ReleaseHold(..) => "release_hold",
            Self::StartSeries(..) => "start_series",
            Self::SkipOccurrence(..) => "skip_occurrence",
            Self::MoveOccurrence(..) => "move_occurrence",
            Self::CancelSeries(..) => "cancel_series",
        }
    }
}

/// One command of the past and what it came to.
#[derive(Debug)]
pub(super) struct Decision {
    /// Where its first event stands.
    pub(super) position: Position,
    pub(super) asked: Asked,
    /// What happened to appointments, without the violations that follow from it.
    pub(super) appointments: Vec<(AppointmentId, AppointmentEvent)>,
    /// The place that was kept, if one was.
    pub(super) held: Option<Box<Held>>,
}

impl Decision {
    /// Who wanted it, and whether the customer was to be notified. Why decides nothing.
    pub(super) fn cause(&self) -> ChangeCause {
        let (by, notify_customer) = match self.appointments.first().map(|(_, event)| event) {
            Some(AppointmentEvent::Cancelled { cancelled_by, notify_customer, .. }) => {
                (*cancelled_by, *notify_customer)
            }
            Some(AppointmentEvent::Rescheduled { rescheduled_by, notify_customer, .. }) => {
                (*rescheduled_by, *notify_customer)
            }
            _other => (ChangedBy::default(), false),
        };
        ChangeCause { by, notify_customer, ..ChangeCause::default() }
    }
}

/// The events of one append, told apart.
#[derive(Debug)]
pub(super) struct Append {
    /// Where its first event stands.
    pub(super) first: Position,
    pub(super) metadata: Metadata,
    /// What goes on as it was.
    pub(super) facts: Vec<RecordedEvent>,
    /// What is decided again, in order.
    pub(super) decisions: Vec<Decision>,
}

/// Gathers the events of an append and tells them apart.
///
/// One append writes each stream once, in the order of their names, under one metadata: what breaks
/// either rule belongs to the next. Two appends of one request may pass for one; each event that a
/// command decides is a decision of its own all the same, unless it belongs to a series.
#[derive(Debug, Default)]
pub(super) struct Reader {
    gathered: Vec<RecordedEvent>,
    series_of: HashMap<AppointmentId, SeriesId>,
    /// Claims that no booking command made: blocks, and what is busy outside.
    outside: HashSet<ClaimId>,
}

type At<I, E> = Vec<(Position, I, E)>;

impl Reader {
    /// Takes the next event; answers the append before it once it is whole.
    pub(super) fn push(&mut self, event: RecordedEvent) -> anyhow::Result<Option<Append>> {
        let goes_on = self
            .gathered
            .last()
            .is_none_or(|last| last.metadata == event.metadata && last.stream <= event.stream);
        let whole = if goes_on { None } else { self.finish()? };
        self.gathered.push(event);
        Ok(whole)
    }

    /// The last append.
    pub(super) fn finish(&mut self) -> anyhow::Result<Option<Append>> {
        let events = std::mem::take(&mut self.gathered);
        let Some(first) = events.first() else { return Ok(None) };
        let position = first.position;
        let append = first.metadata().map_err(anyhow::Error::from);
        let append = append.and_then(|metadata| self.read(metadata, events));
        append.map(Some).with_context(|| format!("the events from position {position} on"))
    }

    fn read(&mut self, metadata: Metadata, events: Vec<RecordedEvent>) -> anyhow::Result<Append> {
        let (mut facts, mut decisions) = (Vec::new(), Vec::new());
        let first = events.first().map_or(Position(0), |event| event.position);
        let (mut appointments, mut holds): (At<_, _>, At<_, _>) = Default::default();
        let mut series: At<SeriesId, SeriesEvent> = Vec::new();
        for event in events {
            let id = &event.stream.aggregate_id;
            match &*event.stream.aggregate_type {
                "appointment" => {
                    let happened = decode::<Appointment>(&event)?;
                    appointments.push((event.position, id.parse::<AppointmentId>()?, happened));
                }
                "hold" => {
                    holds.push((event.position, id.parse::<HoldId>()?, decode::<Hold>(&event)?));
                }
                "series" => series.push((event.position, id.parse()?, decode::<Series>(&event)?)),
                "calendar_day" if !self.is_outside(&event)? => (),
                "phase" => (),
                "customer" if event.event_type.starts_with("customer.visit_") => (),
                "unique_key" if id.starts_with("appointment-ref:") => (),
                _fact => facts.push(event),
            }
        }
        for (_, id, event) in &appointments {
            if let AppointmentEvent::Booked(booking) = event
                && let Some(place) = booking.series
            {
                self.series_of.insert(*id, place.series_id);
            }
        }
        for (position, id, event) in series {
            decisions.push(self.of_series((position, id, event), &mut appointments));
        }
        decisions.extend(appointments.into_iter().filter_map(of_appointment));
        decisions.extend(holds.into_iter().filter_map(of_hold));
        decisions.sort_by_key(|decision| decision.position);
        Ok(Append { first, metadata, facts, decisions })
    }

    /// Whether a booking command had no part in what happened on a calendar day.
    fn is_outside(&mut self, event: &RecordedEvent) -> anyhow::Result<bool> {
        Ok(match decode::<CalendarDay>(event)? {
            CalendarDayEvent::Claimed { claim, .. } | CalendarDayEvent::Changed { claim } => {
                let outside = matches!(claim.purpose, Purpose::Block | Purpose::External { .. });
                if outside {
                    self.outside.insert(claim.claim_id);
                }
                outside
            }
            CalendarDayEvent::Released { claim_id, .. } => self.outside.contains(&claim_id),
        })
    }

    /// A decision about a series takes what it did to appointments along.
    fn of_series(
        &self,
        (position, id, event): (Position, SeriesId, SeriesEvent),
        appointments: &mut At<AppointmentId, AppointmentEvent>,
    ) -> Decision {
        let belongs = |appointment: &AppointmentId, happened: &AppointmentEvent| {
            let of_kind = match (&event, happened) {
                (SeriesEvent::Started(_), AppointmentEvent::Booked(_))
                | (SeriesEvent::OccurrenceMoved { .. }, AppointmentEvent::Rescheduled { .. })
                | (
                    SeriesEvent::OccurrenceSkipped { .. } | SeriesEvent::Cancelled { .. },
                    AppointmentEvent::Cancelled { .. },
                ) => true,
                _other => false,
            };
            of_kind && self.series_of.get(appointment) == Some(&id)
        };
        let (own, others): (Vec<_>, Vec<_>) = std::mem::take(appointments)
            .into_iter()
            .partition(|(_, appointment, happened)| belongs(appointment, happened));
        *appointments = others;
        let position = own.iter().map(|(first, ..)| *first).fold(position, Position::min);
        let appointments = own.into_iter().map(|(_, id, event)| (id, event)).collect();
        let asked = match event {
            SeriesEvent::Started(started) => Asked::StartSeries(id, started),
            SeriesEvent::OccurrenceSkipped { number } => Asked::SkipOccurrence(id, number),
            SeriesEvent::OccurrenceMoved { number, to, .. } => {
                Asked::MoveOccurrence(id, number, to)
            }
            SeriesEvent::Cancelled { .. } => Asked::CancelSeries(id),
        };
        Decision { position, asked, appointments, held: None }
    }
}

fn of_appointment(
    (position, id, event): (Position, AppointmentId, AppointmentEvent),
) -> Option<Decision> {
    let asked = match &event {
        AppointmentEvent::Booked(booking) => Asked::Book(id, booking.clone()),
        AppointmentEvent::Confirmed { .. } => Asked::Step(id, StatusChange::Confirm),
        AppointmentEvent::Rejected { .. } => Asked::Step(id, StatusChange::Reject),
        AppointmentEvent::Started { .. } => Asked::Step(id, StatusChange::Start),
        AppointmentEvent::Completed { .. } => Asked::Step(id, StatusChange::Complete),
        AppointmentEvent::NoShowMarked { .. } => Asked::Step(id, StatusChange::NoShow),
        AppointmentEvent::Cancelled { .. } => Asked::Cancel(id),
        AppointmentEvent::Rescheduled { from, to, .. } => {
            let staff_id = Some(to.staff_id).filter(|staff_id| *staff_id != from.staff_id);
            Asked::Reschedule(id, to.starts_at, staff_id)
        }
        // It follows from the event before it.
        AppointmentEvent::PolicyViolated { .. } => return None,
    };
    Some(Decision { position, asked, appointments: vec![(id, event)], held: None })
}

fn of_hold((position, id, event): (Position, HoldId, HoldEvent)) -> Option<Decision> {
    let mut kept = None;
    let asked = match event {
        HoldEvent::Placed(held) => {
            kept = Some(held.clone());
            Asked::PlaceHold(id, held)
        }
        HoldEvent::Extended { expires_at } => Asked::ExtendHold(id, expires_at),
        HoldEvent::Released {} => Asked::ReleaseHold(id),
        // The booking says so itself.
        HoldEvent::Booked { .. } => return None,
    };
    Some(Decision { position, asked, appointments: Vec::new(), held: kept })
}
