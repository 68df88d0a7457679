//! Reads the streams of a person and puts them together.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use daybook_domain::{
    aggregate::{DecodeError, Evolve as _, decode},
    appointment::{Appointment, AppointmentEvent},
    customer::{Contact, Customer, CustomerEvent, journey::Thresholds},
    event_log::{Position, RecordedEvent, Revision, StreamTail},
    ids::{AppointmentId, CustomerId, TenantId},
    outside_ref::OutsideRef,
    personal::Personal,
    ports::{EventLog, LogError},
};

use super::decided_at;
use super::{Person, PersonAppointment, PersonConsent, PersonContact, PersonJourney, PersonNote};
use crate::customer_journey::JourneyRow;

/// Streams that are read at once.
const AT_ONCE: usize = 200;

/// Why it cannot be told what is kept of somebody.
#[derive(Debug, thiserror::Error)]
pub enum PersonError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// An event cannot be read.
    #[error(transparent)]
    Undecodable(#[from] DecodeError),
}

/// Everything that is kept of a customer of a tenant; `None` when there is no such customer.
pub async fn person<L: EventLog>(
    log: &L,
    tenant: TenantId,
    id: CustomerId,
    now: DateTime<Utc>,
) -> Result<Option<Person>, PersonError> {
    let own = (Customer::stream(id), Revision(0));
    let own = log.read_streams(tenant, &[own]).await?;
    let own: Vec<RecordedEvent> = own.into_iter().flat_map(|tail| tail.events).collect();
    let facts: Vec<(CustomerEvent, &RecordedEvent)> = own
        .iter()
        .map(|event| Ok((decode::<Customer>(event)?, event)))
        .collect::<Result<_, DecodeError>>()?;
    let Some(mut row) = registered(id, &facts) else { return Ok(None) };
    let company_id = row.company_id;
    let ids: Vec<AppointmentId> = facts.iter().filter_map(|(fact, _)| booked(fact)).collect();
    let mut tails = BTreeMap::new();
    for ids in ids.chunks(AT_ONCE) {
        let streams: Vec<_> = ids.iter().map(|id| (Appointment::stream(id), Revision(0))).collect();
        let read = log.read_streams(tenant, &streams).await?;
        tails.extend(ids.iter().copied().zip(read));
    }
    let mut appointments = Vec::with_capacity(ids.len());
    for id in &ids {
        let Some(tail) = tails.get(id) else { continue };
        appointments.extend(PersonAppointment::fold(*id, &tail.events)?);
    }
    let mut customer = Customer::default();
    for (fact, _) in &facts {
        customer.evolve(fact);
    }
    Ok(Some(Person {
        customer_id: id,
        company_id,
        exported_at: now,
        position: last_of(&own, tails.values()),
        erased: customer.is_erased(),
        erasure: customer.wished_erasure().copied(),
        contacts: facts.iter().filter_map(contact).collect(),
        consents: facts.iter().filter_map(consent).collect(),
        notes: facts.iter().filter_map(note).collect(),
        journey: {
            follow(&mut row, &facts, &tails)?;
            journey(&row, now)
        },
        appointments,
    }))
}

/// Where the way of a customer begins.
fn registered(id: CustomerId, facts: &[(CustomerEvent, &RecordedEvent)]) -> Option<JourneyRow> {
    facts.iter().find_map(|(fact, recorded)| match fact {
        CustomerEvent::Registered { company_id, .. } => {
            Some(JourneyRow::registered(id, *company_id, recorded, decided_at(recorded)))
        }
        _ => None,
    })
}

fn booked(fact: &CustomerEvent) -> Option<AppointmentId> {
    match fact {
        CustomerEvent::VisitBooked { appointment_id, .. } => Some(*appointment_id),
        _ => None,
    }
}

fn last_of<'t>(own: &[RecordedEvent], tails: impl Iterator<Item = &'t StreamTail>) -> Position {
    let others = tails.flat_map(|tail| &tail.events);
    own.iter().chain(others).map(|event| event.position).max().unwrap_or(Position(0))
}

fn contact((fact, recorded): &(CustomerEvent, &RecordedEvent)) -> Option<PersonContact> {
    let (CustomerEvent::Registered { contact, .. } | CustomerEvent::ContactChanged { contact }) =
        fact
    else {
        return None;
    };
    let Contact { name, phone, email, external_ref, .. } = contact;
    let phone = phone.as_ref().and_then(Personal::value);
    Some(PersonContact {
        since: decided_at(recorded),
        name: name.as_ref().and_then(Personal::value).cloned(),
        phone: phone.map(|it| it.e164().to_owned()),
        phone_extension: phone.and_then(|it| it.extension()).map(str::to_owned),
        phone_is_valid: contact.phone_is_valid,
        email: email.as_ref().and_then(Personal::value).map(|it| it.as_str().to_owned()),
        language: contact.language.clone(),
        preferred_branch_id: contact.preferred_branch_id,
        external_ref: external_ref.as_ref().and_then(OutsideRef::value).map(str::to_owned),
    })
}

fn consent((fact, _): &(CustomerEvent, &RecordedEvent)) -> Option<PersonConsent> {
    match fact {
        CustomerEvent::ConsentGiven { consent, at } => {
            Some(PersonConsent { consent: *consent, is_given: true, at: *at })
        }
        CustomerEvent::ConsentWithdrawn { consent, at } => {
            Some(PersonConsent { consent: *consent, is_given: false, at: *at })
        }
        _ => None,
    }
}

fn note((fact, recorded): &(CustomerEvent, &RecordedEvent)) -> Option<PersonNote> {
    match fact {
        CustomerEvent::NoteAdded { note_id, kind, visibility, is_pinned, text } => {
            Some(PersonNote {
                note_id: *note_id,
                at: decided_at(recorded),
                kind: *kind,
                visibility: *visibility,
                is_pinned: *is_pinned,
                text: text.value().cloned(),
            })
        }
        _ => None,
    }
}

/// Folds what the read model folds, in the order of the history.
fn follow(
    row: &mut JourneyRow,
    facts: &[(CustomerEvent, &RecordedEvent)],
    tails: &BTreeMap<AppointmentId, StreamTail>,
) -> Result<(), DecodeError> {
    let mut bookings = Vec::with_capacity(tails.len());
    for (id, tail) in tails {
        if let Some(first) = tail.events.first()
            && let AppointmentEvent::Booked(booking) = decode::<Appointment>(first)?
        {
            bookings.push((first, *id, booking));
        }
    }
    bookings.sort_by_key(|(recorded, ..)| recorded.position);
    let mut bookings = bookings.into_iter().peekable();
    for (fact, recorded) in facts {
        while let Some((_, id, booking)) =
            bookings.next_if(|(booked, ..)| booked.position < recorded.position)
        {
            row.agreed(id, &booking);
        }
        row.apply(fact, recorded, decided_at(recorded));
    }
    Ok(())
}

fn journey(row: &JourneyRow, now: DateTime<Utc>) -> PersonJourney {
    let (thresholds, activity) = (Thresholds::default(), row.activity());
    PersonJourney {
        stage: activity.stage(&thresholds, now),
        engagement: activity.engagement(&thresholds, now),
        booked: row.booked,
        completed: row.completed,
        cancelled: row.cancelled,
        missed: row.missed,
        spent_minor: row.spent_minor,
        history: row.history_at(&thresholds, now),
    }
}
