//! Random but possible histories: the aggregates themselves decide what happens.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, TimeZone as _, Utc};
use daybook_domain::{
    aggregate::{Decide as _, EventKind, Evolve},
    appointment::{
        Appointment, AppointmentCommand, Booking, BookingType, Cancellation, PlacedClaim, Plan,
        Rescheduling,
    },
    calendar::CalendarId,
    calendar_day::{
        CalendarDay, CalendarDayCommand, CalendarDayId, Claim, Purpose, ReleaseReason, local_dates,
    },
    event_log::{Append, EventData, ExpectedRevision, StreamId, StreamWrite},
    ids::{AppointmentId, TenantId},
    money::{Currency, Money},
    phase::PhasePlan,
    policy::{CancellationPolicy, ReschedulePolicy, Terms},
    ports::EventLog,
    slot::Slot,
};
use uuid::Uuid;

pub(super) const METADATA: &str =
    r#"{"actor":"key:1","at":"2026-11-01T00:00:00Z","correlation_id":"r1","source":"api"}"#;

/// A world of two staff members and a room for two, over two days.
pub(super) struct History {
    pub(super) tenant: TenantId,
    pub(super) days: BTreeMap<CalendarDayId, CalendarDay>,
    pub(super) appointments: BTreeMap<AppointmentId, Appointment>,
    pub(super) now: DateTime<Utc>,
    random: u64,
    ids: u128,
    writes: Vec<StreamWrite>,
}

impl History {
    pub(super) fn new(tenant: TenantId, seed: u64) -> Self {
        Self {
            tenant,
            days: BTreeMap::new(),
            appointments: BTreeMap::new(),
            now: Utc.with_ymd_and_hms(2026, 11, 1, 8, 0, 0).unwrap(),
            random: seed,
            ids: u128::from(seed) << 64,
            writes: Vec::new(),
        }
    }

    /// A number below `limit` (splitmix64).
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn id(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(self.ids)
    }

    /// Something happens, or is refused; answers whether something was appended.
    pub(super) async fn step(&mut self, log: &impl EventLog) -> bool {
        let minutes = i64::try_from(self.below(4)).unwrap();
        self.now += Duration::minutes(minutes);
        match self.below(10) {
            0..=3 => self.book(),
            4 | 5 => self.hold(),
            6 => self.cancel(),
            7 | 8 => self.reschedule(),
            _ => self.progress(),
        }
        self.commit(log).await
    }

    async fn commit(&mut self, log: &impl EventLog) -> bool {
        let writes = std::mem::take(&mut self.writes);
        if writes.is_empty() {
            return false;
        }
        let append = Append { tenant: self.tenant, command: None, writes, unchanged: Vec::new() };
        log.append(append).await.unwrap();
        true
    }

    fn place(&mut self) -> (CalendarId, u16, Slot) {
        let (calendar, capacity) = match self.below(3) {
            0 => (CalendarId::Staff(Uuid::from_u128(11).into()), 1),
            1 => (CalendarId::Staff(Uuid::from_u128(12).into()), 1),
            _ => (CalendarId::Resource(Uuid::from_u128(13).into()), 2),
        };
        // Every tenth lies around midnight.
        let minute = if self.below(10) == 0 { 1425 } else { 5 * self.below(570) };
        let from = Utc.with_ymd_and_hms(2026, 12, 1, 0, 0, 0).unwrap()
            + Duration::minutes(i64::try_from(minute).unwrap());
        let minutes = 5 * u32::try_from(1 + self.below(12)).unwrap();
        (calendar, capacity, Slot::of_minutes(from, minutes).unwrap())
    }

    /// Claims every day that the slot touches, or none.
    fn claim(&mut self, calendar: CalendarId, capacity: u16, claim: &Claim) -> bool {
        let at = self.now;
        let mut decided = Vec::new();
        for date in local_dates(claim.slot, chrono_tz::UTC) {
            let day = CalendarDayId { calendar, date };
            let claim = claim.clone();
            let command = CalendarDayCommand::Claim { day, capacity, claim, at };
            match self.days.entry(day).or_default().decide(command) {
                Ok(events) => decided.push((day, events)),
                Err(_taken) => return false,
            }
        }
        for (day, events) in decided {
            self.on_day(day, events);
        }
        true
    }

    fn release(&mut self, claims: &[PlacedClaim], reason: ReleaseReason) {
        for claim in claims {
            for day in claim.days() {
                let command = CalendarDayCommand::Release { claim_id: claim.claim_id, reason };
                let events = self.days.entry(day).or_default().decide(command).unwrap();
                self.on_day(day, events);
            }
        }
    }

    fn on_day(&mut self, day: CalendarDayId, events: Vec<<CalendarDay as Evolve>::Event>) {
        let state = self.days.entry(day).or_default();
        for event in &events {
            state.evolve(event);
        }
        self.write(CalendarDay::stream(day), &events);
    }

    fn on_appointment(&mut self, id: AppointmentId, command: AppointmentCommand) -> bool {
        let state = self.appointments.entry(id).or_default();
        let Ok(events) = state.decide(command) else { return false };
        for event in &events {
            state.evolve(event);
        }
        self.write(Appointment::stream(id), &events);
        !events.is_empty()
    }

    fn write<E: EventKind>(&mut self, stream: StreamId, events: &[E]) {
        if events.is_empty() {
            return;
        }
        let ids: Vec<Uuid> = events.iter().map(|_| self.id()).collect();
        let recorded = events.iter().zip(ids).map(|(event, event_id)| EventData {
            event_id,
            event_type: event.kind().into(),
            event_version: event.event_version().into(),
            payload: serde_json::to_string(event).unwrap(),
            metadata: METADATA.into(),
        });
        let known = self.writes.iter_mut().find(|write| write.stream == stream);
        if let Some(write) = known {
            write.events.extend(recorded);
        } else {
            let (events, expected) = (recorded.collect(), ExpectedRevision::Any);
            self.writes.push(StreamWrite { stream, expected, events });
        }
    }

    fn hold(&mut self) {
        let (calendar, capacity, slot) = self.place();
        let expires_at = self.now + Duration::minutes(5);
        let purpose = Purpose::Hold { hold_id: self.id().into(), expires_at };
        let claim_id = self.id().into();
        self.claim(
            calendar,
            capacity,
            &Claim { claim_id, purpose, slot, units: 1, service_id: None },
        );
    }

    fn plan(&mut self) -> (u16, Plan) {
        let (calendar, capacity, slot) = self.place();
        let (claim_id, phase_id) = (self.id().into(), self.id().into());
        let (staff_id, service_id) = (Uuid::from_u128(11).into(), Uuid::from_u128(21).into());
        let phase = PhasePlan {
            phase_id,
            key: "A".to_owned(),
            service_id,
            staff_id,
            active: slot,
            staff_busy: slot,
            client_busy: slot,
            resource: None,
        };
        let claim = PlacedClaim {
            claim_id,
            calendar,
            dates: local_dates(slot, chrono_tz::UTC),
            slot,
            units: 1,
            phase_id: Some(phase_id),
            service_id,
        };
        let (starts_at, ends_at) = (slot.from, slot.to);
        (
            capacity,
            Plan {
                starts_at,
                ends_at,
                staff_id,
                phases: vec![phase],
                claims: vec![claim],
                choice: None,
            },
        )
    }

    fn book(&mut self) {
        let id: AppointmentId = self.id().into();
        let (capacity, plan) = self.plan();
        let is_pending = self.below(2) == 0;
        let placed = plan.claims[0].clone();
        if self.claim(placed.calendar, capacity, &placed.of_appointment(id, is_pending)) {
            let booking = booking(plan, is_pending);
            assert!(self.on_appointment(id, AppointmentCommand::Book(Box::new(booking))));
        }
    }

    fn any_appointment(&mut self) -> Option<AppointmentId> {
        let index = self.below(self.appointments.len().max(1) as u64);
        self.appointments.keys().copied().nth(usize::try_from(index).unwrap())
    }

    fn cancel(&mut self) {
        let Some(id) = self.any_appointment() else { return };
        let claims = self.appointments[&id].booking().unwrap().plan.claims.clone();
        let cancellation = Cancellation {
            at: self.now,
            reason: None,
            notify_customer: false,
            cancelled_this_month: 0,
            is_waived: false,
        };
        if self.on_appointment(id, AppointmentCommand::Cancel(cancellation)) {
            self.release(&claims, ReleaseReason::Cancelled);
        }
    }

    fn reschedule(&mut self) {
        let Some(id) = self.any_appointment() else { return };
        let before = self.appointments[&id].clone();
        let is_pending =
            before.status() == Some(daybook_domain::appointment::AppointmentStatus::Pending);
        let days = self.days.clone();
        let (capacity, plan) = self.plan();
        let placed = plan.claims[0].clone();
        let at = self.now;
        let moved = Rescheduling { at, plan: Box::new(plan), reason: None };
        let moves = self.on_appointment(id, AppointmentCommand::Reschedule(moved));
        if !moves {
            return;
        }
        self.release(&before.booking().unwrap().plan.claims.clone(), ReleaseReason::Moved);
        if !self.claim(placed.calendar, capacity, &placed.of_appointment(id, is_pending)) {
            // The place is taken: nothing of it happened.
            self.days = days;
            self.appointments.insert(id, before);
            self.writes.clear();
        }
    }

    fn progress(&mut self) {
        let Some(id) = self.any_appointment() else { return };
        let at = self.now;
        for command in [
            AppointmentCommand::Confirm,
            AppointmentCommand::Start { at },
            AppointmentCommand::Complete { at },
        ] {
            if self.on_appointment(id, command) {
                return;
            }
        }
    }
}

fn booking(plan: Plan, is_pending: bool) -> Booking {
    Booking {
        company_id: Uuid::from_u128(1).into(),
        branch_id: Uuid::from_u128(2).into(),
        zone: chrono_tz::UTC,
        customer_id: Uuid::from_u128(3).into(),
        service_ids: vec![Uuid::from_u128(21).into()],
        durations: Vec::new(),
        booking_type: BookingType::Simple,
        is_composite: false,
        is_pending,
        plan,
        price: Money::new(4_500, Currency::EUR),
        terms: Terms::of_company(CancellationPolicy::default(), ReschedulePolicy::default()),
        source: "api".to_owned(),
        notes: None,
        external_ref: None,
        call_id: None,
        series: None,
        hold_id: None,
    }
}
