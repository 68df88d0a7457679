//! A customer of a company: contact, consents, notes, and the visits that rules count (CTR-51).
//!
//! Invariants:
//! - a customer has a phone number or an e-mail address;
//! - names, numbers, addresses and notes are sealed with the customer's own key;
//! - who asked to be forgotten counts as deleted, until that is taken back (GDPR-07);
//! - an erased customer stays erased: ids and counts remain, the person does not (CTR-09).

mod command;
mod contact;
mod decide;
mod erasure;
mod event;
pub mod journey;
mod state;
#[cfg(test)]
mod tests;
mod visits;

pub use self::{
    command::CustomerCommand,
    contact::{Consent, Contact, Email, NoteKind, NoteVisibility, Phone},
    erasure::{ErasureReason, GRACE, WishedErasure},
    event::CustomerEvent,
    state::Customer,
    visits::Visit,
};

crate::cqrs_aggregate!(Customer);
