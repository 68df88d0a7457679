//! How much of their time are staff, branches and services booked, and what does it bring?
//!
//! A question to `read.appointments`: it keeps no rows of its own. What could have been booked is the
//! availability engine's to say.

mod open;
mod queries;

pub use self::{
    open::OpenMinutes,
    queries::{By, UtilisationRow, booked, branches},
};
