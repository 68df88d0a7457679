//! Booking, holding, moving and cancelling: the commands that span appointment, phases, calendar
//! days and customer, each one append.
//!
//! Every command lines up for the calendar days that it may write, loads what its decision rests
//! on, asks the one evaluator, and records. Nothing here is remembered between two attempts.

mod answer;
pub mod commands;
mod customer_rules;
mod error;
mod place;
mod scene;
#[cfg(test)]
mod tests;

pub use self::{
    answer::{
        BookingAnswer, ChangeAnswer, HoldAnswer, OccurrenceAnswer, OccurrenceStage, PhaseAnswer,
        SeriesAnswer, SeriesCancelAnswer, occurrences,
    },
    customer_rules::CustomerRules,
    error::BookingError,
    scene::Wish,
};

/// Hands a refusal of one of the aggregates on as the command's own.
macro_rules! accept {
    ($decision:expr) => {
        match $decision {
            Ok(accepted) => accepted,
            Err(refusal) => return Ok(Err(refusal.into())),
        }
    };
}
pub(crate) use accept;
