//! Which appointments are there? The lists of the API: by time, staff, branch, customer, status.
//!
//! From `appointment` events. Holds no personal data: the customer is an id.

mod projector;
mod queries;
mod row;

pub use self::{
    projector::Appointments,
    queries::{AppointmentFilter, Cursor, list, list_folded, one},
    row::AppointmentRow,
};
