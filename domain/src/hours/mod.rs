//! Opening hours as people say them: civil time of a place, any number of intervals a day, breaks
//! and exceptions (MD-05, MD-06, CTR-53). Zones come in only where instants are needed
//! (`availability`).
//!
//! Everything lies on the 5-minute grid that availability works on.

mod civil;
mod day;

pub use self::{
    civil::{CivilInterval, CivilTime, GRID_MIN, HoursError},
    day::{DateException, DayHours, WeeklyHours},
};
