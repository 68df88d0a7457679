//! The part of a customer's history that decisions need.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    aggregate::Evolve,
    ids::{AppointmentId, CompanyId, ServiceId},
};

use super::{Consent, Contact, CustomerEvent, Visit, WishedErasure, visits::Visits};

/// The part of a customer's history that decisions need.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    company_id: Option<CompanyId>,
    contact: Option<Contact>,
    consents: BTreeMap<Consent, DateTime<Utc>>,
    notes: BTreeSet<Uuid>,
    visits: Visits,
    wished_erasure: Option<WishedErasure>,
    is_erased: bool,
}

impl Customer {
    /// Whose customer; `None` until registered.
    pub const fn company_id(&self) -> Option<CompanyId> {
        self.company_id
    }

    /// How the customer is reached; `None` when unknown or erased.
    pub const fn contact(&self) -> Option<&Contact> {
        self.contact.as_ref()
    }

    /// Since when the customer agrees to something.
    pub fn consent(&self, consent: Consent) -> Option<DateTime<Utc>> {
        self.consents.get(&consent).copied()
    }

    /// What the customer agrees to, and since when.
    pub fn consents(&self) -> impl Iterator<Item = (Consent, DateTime<Utc>)> {
        self.consents.iter().map(|(consent, at)| (*consent, *at))
    }

    /// Whether a note was written down already.
    pub fn has_note(&self, note_id: Uuid) -> bool {
        self.notes.contains(&note_id)
    }

    /// Whether the customer was forgotten.
    pub const fn is_erased(&self) -> bool {
        self.is_erased
    }

    /// The customer's wish to be forgotten, granted or still to be.
    pub const fn wished_erasure(&self) -> Option<&WishedErasure> {
        self.wished_erasure.as_ref()
    }

    /// Whether the customer asked to be forgotten and still could take it back.
    pub const fn is_leaving(&self) -> bool {
        self.wished_erasure.is_some() && !self.is_erased
    }

    /// An appointment that the customer has and that is not over.
    pub fn visit(&self, appointment_id: AppointmentId) -> Option<&Visit> {
        self.visits.open().get(&appointment_id)
    }

    /// The appointments that start after an instant.
    pub fn upcoming_visits(&self, now: DateTime<Utc>) -> impl Iterator<Item = AppointmentId> {
        let is_upcoming = move |visit: &Visit| now < visit.starts_at;
        let open = self.visits.open().iter();
        open.filter(move |(_, visit)| is_upcoming(visit)).map(|(id, _)| *id)
    }

    /// Whether the customer may have several appointments at the same time.
    pub fn may_overlap(&self) -> bool {
        self.contact.as_ref().is_some_and(|contact| contact.may_overlap)
    }

    /// The appointments that are not over.
    pub fn open_visits(&self) -> impl Iterator<Item = (AppointmentId, &Visit)> {
        self.visits.open().iter().map(|(id, visit)| (*id, visit))
    }

    /// The dates on which there are appointments, those that were kept lately included; each once.
    pub fn dates(&self) -> BTreeSet<NaiveDate> {
        self.visits.counted().map(|(_, visit)| visit.local_date).collect()
    }

    /// The customer's appointments at some time that overlaps with another, in no order.
    pub fn visits_between(
        &self,
        starts_at: DateTime<Utc>,
        ends_at: DateTime<Utc>,
    ) -> impl Iterator<Item = (AppointmentId, &Visit)> {
        self.open_visits()
            .filter(move |(_, visit)| visit.starts_at < ends_at && starts_at < visit.ends_at)
    }

    /// How many appointments start after an instant.
    pub fn upcoming(&self, now: DateTime<Utc>) -> usize {
        self.upcoming_visits(now).count()
    }

    /// As [`Customer::upcoming`], without the appointment that is about to move.
    pub fn upcoming_besides(&self, now: DateTime<Utc>, moving: Option<AppointmentId>) -> usize {
        self.upcoming_visits(now).filter(|id| Some(*id) != moving).count()
    }

    /// How many appointments of a service there are on a local date, those that are over included.
    pub fn booked_on(&self, date: NaiveDate, service_id: ServiceId) -> usize {
        self.booked_on_besides(date, service_id, None)
    }

    /// As [`Customer::booked_on`], without the appointment that is about to move.
    pub fn booked_on_besides(
        &self,
        date: NaiveDate,
        service_id: ServiceId,
        moving: Option<AppointmentId>,
    ) -> usize {
        let counts = |(id, visit): &(AppointmentId, &Visit)| {
            visit.local_date == date
                && Some(*id) != moving
                && visit.service_ids.contains(&service_id)
        };
        self.visits.counted().filter(counts).count()
    }

    /// How many appointments the customer cancelled in a local month such as `2026-11`.
    pub fn cancellations_in(&self, month: &str) -> u32 {
        self.visits.cancelled_in(month)
    }

    /// How many appointments the customer came to.
    pub const fn completed_count(&self) -> u32 {
        self.visits.completed_count()
    }

    /// How many appointments the customer missed.
    pub const fn missed_count(&self) -> u32 {
        self.visits.missed_count()
    }
}

impl Evolve for Customer {
    const TYPE: &'static str = "customer";
    type Event = CustomerEvent;

    fn evolve(&mut self, event: &CustomerEvent) {
        match event {
            CustomerEvent::Registered { company_id, contact } => {
                self.company_id = Some(*company_id);
                self.contact = Some(contact.clone());
            }
            CustomerEvent::ContactChanged { contact } => self.contact = Some(contact.clone()),
            CustomerEvent::ConsentGiven { consent, at } => {
                self.consents.insert(*consent, *at);
            }
            CustomerEvent::ConsentWithdrawn { consent, .. } => {
                self.consents.remove(consent);
            }
            CustomerEvent::NoteAdded { note_id, .. } => {
                self.notes.insert(*note_id);
            }
            CustomerEvent::VisitBooked {
                appointment_id,
                service_ids,
                starts_at,
                ends_at,
                local_date,
            } => {
                let visit = Visit {
                    service_ids: service_ids.clone(),
                    starts_at: *starts_at,
                    ends_at: *ends_at,
                    local_date: *local_date,
                };
                self.visits.booked(*appointment_id, visit);
            }
            CustomerEvent::VisitMoved { appointment_id, starts_at, ends_at, local_date } => {
                self.visits.moved(*appointment_id, (*starts_at, *ends_at), *local_date);
            }
            CustomerEvent::VisitCancelled { appointment_id, counted_in } => {
                self.visits.cancelled(*appointment_id, counted_in.as_deref());
            }
            CustomerEvent::VisitCompleted { appointment_id } => {
                self.visits.completed(*appointment_id);
            }
            CustomerEvent::VisitMissed { appointment_id } => self.visits.missed(*appointment_id),
            CustomerEvent::ErasureRequested { at, due_at } => {
                self.wished_erasure = Some(WishedErasure::new(*at, *due_at));
            }
            CustomerEvent::ErasureWithdrawn { .. } => self.wished_erasure = None,
            CustomerEvent::Erased { .. } => {
                self.contact = None;
                self.is_erased = true;
            }
        }
    }
}
