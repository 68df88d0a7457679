//! A service that a company offers: its phase template, price, rules, and who does it.

mod template;

pub use self::template::{Assignment, BookingLimits, BookingRules, PhaseTemplate, ResourceNeed};
