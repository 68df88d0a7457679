//! One command a file; each is one append.

mod book;
mod change;
mod hold;
mod series;
mod status;

pub use self::{
    book::{Book, BookHeld, Particulars},
    change::{Cancel, Reschedule},
    hold::{ExtendHold, PlaceHold, ReleaseHold},
    series::{CancelSeries, MoveOccurrence, SkipOccurrence, StartSeries},
    status::{ChangeStatus, StatusChange},
};
