//! One command a file; each is one append.

mod book;
mod change;
mod guest;
mod hold;
mod occurrences;
mod series;
mod status;

pub(crate) use self::change::call_off_upcoming;
pub use self::{
    book::{Book, BookHeld, Particulars},
    change::{Cancel, MoveTo, Reschedule},
    guest::Guest,
    hold::{ExtendHold, PlaceHold, ReleaseHold},
    occurrences::{CancelSeries, MoveOccurrence, SkipOccurrence},
    series::StartSeries,
    status::{ChangeStatus, StatusChange},
};
