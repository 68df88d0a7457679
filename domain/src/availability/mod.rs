//! The availability engine: one set of rules for search, booking and explanation (AVL-21).
//!
//! - A start is free if every phase finds a staff member who is fit for it, works then and has
//!   nothing else then, buffers included, and its resource if it needs one; and if notice, window, grid and daily
//!   limits allow the start.
//! - [`evaluate()`] judges one start from facts and names every reason; [`TenantGrid`] finds all starts of
//!   a window, or the next few, on bitstrings of five-minute steps. They agree: a start is found if
//!   and only if it is judged free.
//! - Facts come in as plain values ([`Facts`]); the engine reads no clock, log or store.
//! - Hours are civil times of the branch's zone. Zone arithmetic happens where bitstrings are compiled,
//!   once for a zone and a range of dates, never in a search.
//!
//! A basket is done by one staff member, that of its first phase; phases whose template says so may go to
//! others. The services of a basket follow each other without a pause; notice is the longest of them,
//! the booking window the shortest, the grid that of the first.

mod bits;
mod evaluate;
mod explain;
mod facts;
mod grid;
mod limits;
mod masks;
mod open;
mod place;
mod plan;
mod reasons;
mod request;
mod search;
mod taken;
#[cfg(test)]
mod tests;
mod zone_day;

pub use self::{
    evaluate::{calendars, evaluate, explain_day},
    facts::{
        BranchFacts, Busy, BusyKind, Exceptions, Facts, ResourceFacts, ServiceFacts, StaffFacts,
        Unreadable, assignments, exceptions,
    },
    grid::{TenantGrid, next_free},
    reasons::{Reason, Why},
    request::{
        Explained, Ignoring, Item, PlacedPhase, PlacedResource, Placement, Request, StaffWish,
        Verdict,
    },
};
