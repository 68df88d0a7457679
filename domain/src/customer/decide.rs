//! What a customer accepts and refuses.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{aggregate::Decide, ids::CompanyId, master_data::MasterDataError};

use super::{Contact, Customer, CustomerCommand, CustomerEvent, GRACE};

const WHAT: &str = "customer";

impl Decide for Customer {
    type Command = CustomerCommand;
    type Error = MasterDataError;

    fn decide(&self, command: CustomerCommand) -> Result<Vec<CustomerEvent>, MasterDataError> {
        match command {
            CustomerCommand::Register { company_id, contact } => self.register(company_id, contact),
            CustomerCommand::ChangeContact { contact } => {
                self.present()?;
                contact.check()?;
                Ok(if self.contact() == Some(&contact) {
                    Vec::new()
                } else {
                    vec![CustomerEvent::ContactChanged { contact }]
                })
            }
            CustomerCommand::SetConsent { consent, is_given, at } => {
                self.present()?;
                Ok(match (self.consent(consent).is_some(), is_given) {
                    (false, true) => vec![CustomerEvent::ConsentGiven { consent, at }],
                    (true, false) => vec![CustomerEvent::ConsentWithdrawn { consent, at }],
                    (true, true) | (false, false) => Vec::new(),
                })
            }
            CustomerCommand::AddNote { note_id, kind, visibility, is_pinned, text } => {
                self.staying()?;
                if self.has_note(note_id) {
                    return Ok(Vec::new());
                }
                let length = text.value().map_or(0, |text| text.chars().count());
                if length == 0 || 10_000 < length {
                    let problem = "a note has 1 to 10000 characters";
                    return Err(MasterDataError::invalid("text", problem));
                }
                let note = CustomerEvent::NoteAdded { note_id, kind, visibility, is_pinned, text };
                Ok(vec![note])
            }
            CustomerCommand::RequestErasure { at, due_at } => self.request_erasure(at, due_at),
            CustomerCommand::WithdrawErasure { at } => {
                self.present()?;
                let is_wished = self.is_leaving();
                Ok(is_wished
                    .then_some(CustomerEvent::ErasureWithdrawn { at })
                    .into_iter()
                    .collect())
            }
            CustomerCommand::Erase { reason } => {
                self.known()?;
                let erased = CustomerEvent::Erased { reason: Some(reason) };
                Ok(if self.is_erased() { Vec::new() } else { vec![erased] })
            }
        }
    }
}

impl Customer {
    fn known(&self) -> Result<(), MasterDataError> {
        let missing = MasterDataError::NotFound { what: WHAT, field: "customer_id" };
        self.company_id().map(|_| ()).ok_or(missing)
    }

    /// Known, and not forgotten.
    fn present(&self) -> Result<(), MasterDataError> {
        self.known()?;
        if self.is_erased() {
            return Err(MasterDataError::Inactive { what: WHAT, field: "customer_id" });
        }
        Ok(())
    }

    /// Present, and not about to be forgotten: nothing new is written down of those.
    pub(crate) fn staying(&self) -> Result<(), MasterDataError> {
        self.present()?;
        if self.is_leaving() {
            return Err(MasterDataError::ErasurePending { field: "customer_id" });
        }
        Ok(())
    }

    fn request_erasure(
        &self,
        at: DateTime<Utc>,
        due_at: DateTime<Utc>,
    ) -> Result<Vec<CustomerEvent>, MasterDataError> {
        self.known()?;
        let grace = due_at - at;
        if grace < TimeDelta::zero() || GRACE < grace {
            return Err(MasterDataError::invalid("grace_days", "the grace has 0 to 30 days"));
        }
        let requested = CustomerEvent::ErasureRequested { at, due_at: Some(due_at) };
        let is_wished = self.is_erased() || self.is_leaving();
        Ok(if is_wished { Vec::new() } else { vec![requested] })
    }

    fn register(
        &self,
        company_id: CompanyId,
        contact: Contact,
    ) -> Result<Vec<CustomerEvent>, MasterDataError> {
        match self.company_id() {
            Some(held) if held == company_id && self.contact() == Some(&contact) => Ok(Vec::new()),
            Some(_) => Err(MasterDataError::AlreadyRegistered { what: WHAT }),
            None => {
                contact.check()?;
                Ok(vec![CustomerEvent::Registered { company_id, contact }])
            }
        }
    }
}
