//! Who are the customers? The list, and the search by name, phone and e-mail.
//!
//! From `customer` events. The columns with personal data are clear, and `customer.erased` clears
//! them; a rebuild after it finds nothing to write there, because the key is gone.

mod erasures;
mod projector;
mod queries;
mod row;
mod search;
mod words;

pub use self::{
    erasures::{Erasures, due, erasures, forget_copies, forgotten},
    projector::Customers,
    queries::{CustomerFilter, Erasure, list},
    row::CustomerRow,
    search::{CustomerSearch, MIN_DIGITS, TooFewDigits},
    words::SearchWords,
};
