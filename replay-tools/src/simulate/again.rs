//! A decision of the past made again: the command that it was, put to the simulated world.

use daybook_domain::{
    aggregate::{Evolve, decode},
    appointment::{Appointment, AppointmentEvent, Booking},
    availability::{Item, StaffWish},
    booking::{
        Wish,
        commands::{
            Book, BookHeld, Cancel, CancelSeries, ChangeStatus, ExtendHold, Guest, MoveOccurrence,
            Particulars, PlaceHold, ReleaseHold, Reschedule, SkipOccurrence, StartSeries,
        },
    },
    event_log::Metadata,
    hold::{Held, Hold, HoldEvent},
    ids::{AppointmentId, HoldId, SeriesId},
    ports::EventLog as _,
    series::Started,
};

use super::{
    decision::{Asked, Decision},
    outcome::{Outcome, Refused, differences, plans},
    world::World,
};

/// Events of one command that are read at once: more than any command makes.
const MOST: usize = 1_000_000;

/// What was decided again.
pub(super) struct Again {
    pub(super) outcome: Outcome,
    /// What happened to appointments, under the ids of the past.
    pub(super) appointments: Vec<(AppointmentId, AppointmentEvent)>,
}

impl World {
    /// Makes a decision of the past again.
    pub(super) async fn decide_again(
        &mut self,
        metadata: &Metadata,
        decision: &Decision,
    ) -> anyhow::Result<Again> {
        self.seen = self.head().await?;
        let refused = match &decision.asked {
            Asked::Book(_, booking) => self.book(metadata, booking).await?,
            Asked::PlaceHold(id, held) => self.place_hold(metadata, *id, held).await?,
            Asked::StartSeries(id, started) => self.start(metadata, *id, started, decision).await?,
            Asked::ExtendHold(id, until) => {
                let Some(hold_id) = self.hold(*id) else { return Ok(Again::moot()) };
                let ttl = Some(*until - metadata.at);
                self.try_to(metadata, &ExtendHold { hold_id, ttl }, false).await?.err()
            }
            Asked::ReleaseHold(id) => {
                let Some(hold_id) = self.hold(*id) else { return Ok(Again::moot()) };
                self.try_to(metadata, &ReleaseHold { hold_id }, false).await?.err()
            }
            Asked::Reschedule(id, ..) | Asked::Cancel(id) | Asked::Step(id, _) => {
                let Some(id) = self.appointments.get(id) else { return Ok(Again::moot()) };
                self.change(metadata, *id, decision).await?
            }
            Asked::SkipOccurrence(id, _)
            | Asked::MoveOccurrence(id, ..)
            | Asked::CancelSeries(id) => {
                let Some(id) = self.series.get(id) else { return Ok(Again::moot()) };
                self.change_series(metadata, *id, decision).await?
            }
        };
        match refused {
            Some(refused) => {
                Ok(Again { outcome: Outcome::Refused(refused), appointments: Vec::new() })
            }
            None => self.compare(decision).await,
        }
    }

    /// A booking without a hold, or of the hold that it was made with. A hold that was refused
    /// refuses its booking.
    async fn book(
        &self,
        metadata: &Metadata,
        booking: &Booking,
    ) -> anyhow::Result<Option<Refused>> {
        let particulars = particulars(booking);
        if let Some(held) = booking.hold_id {
            if let Some(refused) = self.refused_holds.get(&held) {
                return Ok(Some(refused.clone()));
            }
            let hold_id = self.hold(held).unwrap_or(held);
            let command = BookHeld { hold_id, particulars };
            return Ok(self.try_to(metadata, &command, false).await?.err());
        }
        let wish = Wish {
            branch_id: booking.branch_id,
            items: Item::booked(&booking.service_ids, &booking.durations),
            staff: StaffWish::Pinned(booking.plan.staff_id),
            starts_at: booking.plan.starts_at,
        };
        let mut command = Book { wish, particulars };
        let mut tried = self.try_to(metadata, &command, false).await?;
        if let (Err(_), Some(staff)) = (&tried, self.wish(metadata)) {
            command.wish.staff = staff;
            tried = self.try_to(metadata, &command, false).await?;
        }
        Ok(tried.err())
    }

    /// Whom the customer asked for, if a receipt tells. It is asked when whoever it was cannot: the
    /// choice among several is that of the past where it can be.
    fn wish(&self, metadata: &Metadata) -> Option<StaffWish> {
        let request = (metadata.correlation_id.clone(), metadata.at.timestamp_micros());
        self.wishes.get(&request).copied()
    }

    async fn place_hold(
        &mut self,
        metadata: &Metadata,
        id: HoldId,
        held: &Held,
    ) -> anyhow::Result<Option<Refused>> {
        let wish = Wish {
            branch_id: held.branch_id,
            items: Item::booked(&held.service_ids, &held.durations),
            staff: StaffWish::Pinned(held.plan.staff_id),
            starts_at: held.plan.starts_at,
        };
        let mut command = PlaceHold { wish, ttl: Some(held.expires_at - held.placed_at) };
        let mut tried = self.try_to(metadata, &command, false).await?;
        if let (Err(_), Some(staff)) = (&tried, self.wish(metadata)) {
            command.wish.staff = staff;
            tried = self.try_to(metadata, &command, false).await?;
        }
        match tried {
            Ok(answer) => {
                self.holds.insert(id, answer.hold_id);
                self.past.insert(answer.hold_id.uuid(), id.uuid());
                Ok(None)
            }
            Err(refused) => {
                self.refused_holds.insert(id, refused.clone());
                Ok(Some(refused))
            }
        }
    }

    async fn start(
        &mut self,
        metadata: &Metadata,
        id: SeriesId,
        started: &Started,
        decision: &Decision,
    ) -> anyhow::Result<Option<Refused>> {
        let first = decision.appointments.iter().find_map(|(_, event)| match event {
            AppointmentEvent::Booked(booking) => Some(booking.as_ref()),
            _other => None,
        });
        let guest = Guest::Known(started.customer_id);
        let command = StartSeries {
            branch_id: started.branch_id,
            items: Item::booked(&started.service_ids, &started.durations),
            staff: started.staff_id.map_or(StaffWish::Anyone, StaffWish::Pinned),
            rule: started.rule.clone(),
            // One that left nothing out is taken to have insisted on all of it.
            skip_conflicts: started.occurrences.iter().any(|it| it.appointment_id.is_none()),
            particulars: first.map_or_else(
                || Particulars {
                    guest: guest.clone(),
                    source: metadata.source.clone().unwrap_or_default(),
                    notes: None,
                    external_ref: None,
                    call_id: None,
                },
                particulars,
            ),
        };
        Ok(match self.try_to(metadata, &command, false).await? {
            Ok(answer) => {
                self.series.insert(id, answer.series_id);
                self.past.insert(answer.series_id.uuid(), id.uuid());
                None
            }
            Err(refused) => Some(refused),
        })
    }

    async fn change(
        &self,
        metadata: &Metadata,
        appointment_id: AppointmentId,
        decision: &Decision,
    ) -> anyhow::Result<Option<Refused>> {
        let (cause, expected) = (decision.cause(), None);
        Ok(match &decision.asked {
            Asked::Reschedule(_, new_starts_at, staff_id) => {
                let (new_starts_at, staff_id) = (*new_starts_at, *staff_id);
                let command =
                    Reschedule { appointment_id, new_starts_at, staff_id, cause, expected };
                self.try_to(metadata, &command, false).await?.err()
            }
            Asked::Step(_, change) => {
                let change = *change;
                let command = ChangeStatus { appointment_id, change, cause, expected };
                self.try_to(metadata, &command, false).await?.err()
            }
            _cancelled => {
                let command = Cancel { appointment_id, cause, expected };
                self.try_to(metadata, &command, false).await?.err()
            }
        })
    }

    async fn change_series(
        &self,
        metadata: &Metadata,
        series_id: SeriesId,
        decision: &Decision,
    ) -> anyhow::Result<Option<Refused>> {
        let cause = decision.cause();
        Ok(match &decision.asked {
            Asked::SkipOccurrence(_, number) => {
                let command = SkipOccurrence { series_id, number: *number, cause };
                self.try_to(metadata, &command, false).await?.err()
            }
            Asked::MoveOccurrence(_, number, new_starts_at) => {
                let (number, new_starts_at) = (*number, *new_starts_at);
                let command = MoveOccurrence { series_id, number, new_starts_at, cause };
                self.try_to(metadata, &command, false).await?.err()
            }
            _rest => self.try_to(metadata, &CancelSeries { series_id, cause }, false).await?.err(),
        })
    }

    /// Holds what happened now against what happened then.
    async fn compare(&mut self, decision: &Decision) -> anyhow::Result<Again> {
        let (mut appointments, mut differ) = (Vec::new(), Vec::new());
        let made = self.dispatcher.log().read_tenant(self.tenant, self.seen, MOST).await?;
        for event in &made {
            match &*event.stream.aggregate_type {
                Appointment::TYPE => {
                    let happened = decode::<Appointment>(event)?;
                    let own: AppointmentId = event.stream.aggregate_id.parse()?;
                    if let AppointmentEvent::Booked(booking) = &happened {
                        self.recognise(decision, own, booking);
                    }
                    let id = self.past.get(&own.uuid()).map_or(own, |id| AppointmentId::new(*id));
                    if !matches!(happened, AppointmentEvent::PolicyViolated { .. }) {
                        appointments.push((id, happened));
                    }
                }
                Hold::TYPE => {
                    if let HoldEvent::Placed(now) = decode::<Hold>(event)?
                        && let Some(then) = &decision.held
                    {
                        plans(None, &then.plan, &now.plan, &mut differ);
                    }
                }
                _consequence => (),
            }
        }
        differ.extend(differences(&decision.appointments, &appointments));
        let outcome = if differ.is_empty() {
            Outcome::Same
        } else {
            Outcome::Changed { differences: differ }
        };
        Ok(Again { outcome, appointments })
    }

    /// Notes which appointment of the past a new one stands for.
    fn recognise(&mut self, decision: &Decision, own: AppointmentId, booking: &Booking) {
        let number = booking.series.map(|place| place.number);
        let past = decision.appointments.iter().find(|(_, event)| match event {
            AppointmentEvent::Booked(then) => then.series.map(|place| place.number) == number,
            _other => false,
        });
        if let Some((id, _)) = past {
            self.appointments.insert(*id, own);
            self.past.insert(own.uuid(), id.uuid());
        }
    }
}

impl Again {
    const fn moot() -> Self {
        Self { outcome: Outcome::Moot, appointments: Vec::new() }
    }
}

/// What a booking said besides its place. The customer is there: whoever was registered along with a
/// booking was taken over as a fact.
fn particulars(booking: &Booking) -> Particulars {
    Particulars {
        guest: Guest::Known(booking.customer_id),
        source: booking.source.clone(),
        notes: None,
        // Sealed, and no reason for anything that is decided.
        external_ref: None,
        call_id: None,
    }
}
