//! Commands over master data that span streams: the thing itself, its parents, its unique keys.
//!
//! Booking commands have a room of their own: `booking`.

mod assign;
mod batch;
mod customer;
mod erase;
mod kinds;
mod offer;
mod one;
mod register;
#[cfg(test)]
mod tests;

pub(crate) use self::customer::phone_key;
pub use self::{
    assign::{Assign, Assigned, AssignmentOf},
    batch::{Batch, BatchDone, BatchRefusal, Put, Step},
    customer::{ChangeCustomer, CustomerIndexes, RegisterCustomer},
    erase::EraseCustomer,
    offer::OfferAt,
    one::{One, Saved},
    register::{Change, MasterData, Parent, Register},
};
