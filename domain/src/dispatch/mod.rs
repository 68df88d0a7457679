//! From a request to an append: load, fold, decide, append, and again if a stream moved on.
//!
//! A command is a function over a [`Unit`]: it loads the states that its decision needs and records
//! events for one or many streams. The [`Dispatcher`] appends them all at once:
//!
//! - a stream that was written must stand exactly where it was loaded;
//! - a stream that was only read must be unchanged, so no booking rests on yesterday's hours;
//! - states come from a cache and are proved by the append; a refusal is proved by reading the
//!   tails before it is believed;
//! - a conflict brings the newer events along, and the decision is made again, a bounded number of
//!   times;
//! - commands on the same hot stream line up before they load ([`Unit::queue_for`]). The next one
//!   goes as soon as the append of the one before has begun, and decides on its events: they share a
//!   commit. It names the very event that it rests on, so it stands only if that event does; it is
//!   answered only when its own append stands;
//! - a command that repeats one under way, with the same key, waits for it and gets its answer;
//! - everything that a unit holds is of one generation of the history: once the history moved back,
//!   nothing that was remembered is a base of anything.

mod cache;
mod context;
mod lanes;
mod on_behalf_of;
mod outcome;
mod proof;
mod run;
#[cfg(test)]
mod tests;
mod unit;

pub use self::{
    context::{CommandContext, CommandKey},
    on_behalf_of::{OnBehalfOf, OnBehalfOfError, OnBehalfOfId},
    run::{CommandError, Dispatcher, Done, UnitCommand},
    unit::{Unit, UnitError},
};
