//! A row of `read.customers` and how events change it.

use std::{collections::BTreeSet, fmt};

use chrono::{DateTime, Utc};
use daybook_domain::{
    customer::{Consent, Contact, CustomerEvent, WishedErasure},
    event_log::RecordedEvent,
    ids::{BranchId, CompanyId, CustomerId},
    outside_ref::OutsideRef,
    personal::Personal,
};
use serde::{Deserialize, Serialize};

use super::words::SearchWords;
use crate::rows::{Keyed, stored};

/// A customer as it stands. The fields are the columns.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerRow {
    /// The customer.
    pub customer_id: CustomerId,
    /// The position of the event that the row rests on.
    pub position: u64,
    /// The revision of the stream at that event: the version for `If-Match`.
    pub version: u64,
    /// Whose customer.
    pub company_id: CompanyId,
    /// The name.
    pub name: Option<String>,
    /// The phone number, E.164.
    pub phone: Option<String>,
    /// Its extension.
    pub phone_extension: Option<String>,
    /// Whether a numbering plan uses the number.
    pub phone_is_valid: Option<bool>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The language that the customer is written to in.
    pub language: Option<String>,
    /// The branch that the customer prefers.
    pub preferred_branch_id: Option<BranchId>,
    /// The client's own id for the customer.
    pub external_ref: Option<String>,
    /// What the customer agrees to now.
    pub consents: BTreeSet<Consent>,
    /// When the customer asked to be forgotten.
    pub erasure_requested_at: Option<DateTime<Utc>>,
    /// When that is carried out.
    pub erasure_due_at: Option<DateTime<Utc>>,
    /// Whether the customer was forgotten.
    pub is_erased: bool,
    /// What the customer is searched by; the numbers are those of `phone`.
    #[serde(default, skip_serializing)]
    pub words: SearchWords,
    /// When the log took the customer.
    pub registered_at: DateTime<Utc>,
    /// When the log took the latest event.
    pub updated_at: DateTime<Utc>,
}

/// Personal data stays out of every debug text.
impl fmt::Debug for CustomerRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomerRow")
            .field("customer_id", &self.customer_id)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

stored!(CustomerRow {
    customer_id,
    position,
    version,
    company_id,
    name,
    phone,
    phone_extension,
    phone_is_valid,
    email,
    language,
    preferred_branch_id,
    external_ref,
    consents,
    erasure_requested_at,
    erasure_due_at,
    is_erased,
    words,
    registered_at,
    updated_at,
});

impl Keyed for CustomerRow {
    type Key = CustomerId;

    fn key(&self) -> CustomerId {
        self.customer_id
    }
}

impl CustomerRow {
    /// The row of a customer who was just registered.
    pub fn registered(
        id: CustomerId,
        company_id: CompanyId,
        contact: &Contact,
        recorded: &RecordedEvent,
    ) -> Self {
        let mut row = Self {
            customer_id: id,
            position: recorded.position.0,
            version: recorded.revision.0,
            company_id,
            name: None,
            phone: None,
            phone_extension: None,
            phone_is_valid: None,
            email: None,
            language: None,
            preferred_branch_id: None,
            external_ref: None,
            consents: BTreeSet::new(),
            erasure_requested_at: None,
            erasure_due_at: None,
            is_erased: false,
            words: SearchWords::default(),
            registered_at: recorded.recorded_at,
            updated_at: recorded.recorded_at,
        };
        row.reach(contact);
        row
    }

    /// Folds a later event in. One that the row has seen changes nothing.
    pub fn apply(&mut self, event: &CustomerEvent, recorded: &RecordedEvent) {
        if recorded.position.0 <= self.position {
            return;
        }
        self.position = recorded.position.0;
        self.version = recorded.revision.0;
        self.updated_at = recorded.recorded_at;
        match event {
            CustomerEvent::ContactChanged { contact } if !self.is_erased => self.reach(contact),
            CustomerEvent::ConsentGiven { consent, .. } => {
                self.consents.insert(*consent);
            }
            CustomerEvent::ConsentWithdrawn { consent, .. } => {
                self.consents.remove(consent);
            }
            CustomerEvent::ErasureRequested { at, due_at } => {
                let wish = WishedErasure::new(*at, *due_at);
                self.erasure_requested_at = Some(wish.requested_at);
                self.erasure_due_at = Some(wish.due_at);
            }
            CustomerEvent::ErasureWithdrawn { .. } => {
                (self.erasure_requested_at, self.erasure_due_at) = (None, None);
            }
            CustomerEvent::Erased { .. } => {
                self.is_erased = true;
                (self.name, self.phone, self.email) = (None, None, None);
                (self.phone_extension, self.phone_is_valid) = (None, None);
                self.words = SearchWords::default();
                (self.external_ref, self.language) = (None, None);
                self.preferred_branch_id = None;
                self.consents.clear();
            }
            // Notes and visits are not in this list; a stream is registered once.
            CustomerEvent::Registered { .. }
            | CustomerEvent::ContactChanged { .. }
            | CustomerEvent::NoteAdded { .. }
            | CustomerEvent::VisitBooked { .. }
            | CustomerEvent::VisitMoved { .. }
            | CustomerEvent::VisitCancelled { .. }
            | CustomerEvent::VisitCompleted { .. }
            | CustomerEvent::VisitMissed { .. } => {}
        }
    }

    fn reach(&mut self, contact: &Contact) {
        self.name = contact.name.as_ref().and_then(Personal::value).cloned();
        let phone = contact.phone.as_ref().and_then(Personal::value);
        self.phone = phone.map(|phone| phone.e164().to_owned());
        self.phone_extension = phone.and_then(|phone| phone.extension()).map(str::to_owned);
        self.phone_is_valid = contact.phone_is_valid.filter(|_| phone.is_some());
        let email = contact.email.as_ref().and_then(Personal::value);
        self.email = email.map(|email| email.as_str().to_owned());
        self.words = SearchWords::of(self.name.as_deref(), self.email.as_deref());
        self.language.clone_from(&contact.language);
        self.preferred_branch_id = contact.preferred_branch_id;
        let reference = contact.external_ref.as_ref().and_then(OutsideRef::value);
        self.external_ref = reference.map(str::to_owned);
    }
}
