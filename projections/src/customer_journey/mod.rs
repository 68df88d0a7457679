//! How far has each customer come, and how engaged are they? (CRM-01 to CRM-10, CRM-20)
//!
//! From `customer` events and the prices of `appointment.booked`. The row holds what happened; the
//! stage of a moment is a function of it and the time, so nothing has to run at midnight.

mod projector;
mod queries;
mod row;

pub use self::{
    projector::CustomerJourney,
    queries::one,
    row::{JourneyRow, Transition},
};
