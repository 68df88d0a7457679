//! What a caller may ask of an appointment.

use chrono::{DateTime, Utc};

use crate::personal::Personal;

use super::{Booking, Plan};

/// What a caller may ask of an appointment.
#[derive(Clone, Debug)]
pub enum AppointmentCommand {
    /// Book it.
    Book(Box<Booking>),
    /// The business says yes (APT-18).
    Confirm,
    /// The business says no.
    Reject {
        /// Why.
        reason: Option<Personal<String>>,
    },
    /// The customer is there.
    Start {
        /// When.
        at: DateTime<Utc>,
    },
    /// It is done (APT-19).
    Complete {
        /// When.
        at: DateTime<Utc>,
    },
    /// The customer did not come.
    MarkNoShow {
        /// When that was said.
        at: DateTime<Utc>,
    },
    /// Call it off (APT-20).
    Cancel(Cancellation),
    /// Move it (APT-21).
    Reschedule(Rescheduling),
}

/// A cancellation and what it is judged by.
#[derive(Clone, Debug)]
pub struct Cancellation {
    /// When.
    pub at: DateTime<Utc>,
    /// Why, in the words of whoever cancelled (APT-32).
    pub reason: Option<Personal<String>>,
    /// Whether the customer is told.
    pub notify_customer: bool,
    /// The customer's cancellations in this calendar month before this one.
    pub cancelled_this_month: u32,
    /// Whether the terms are left aside, because it is not the customer who cancels.
    pub is_waived: bool,
}

/// A reschedule and where it goes.
#[derive(Clone, Debug)]
pub struct Rescheduling {
    /// When it is asked for.
    pub at: DateTime<Utc>,
    /// Where it goes.
    pub plan: Box<Plan>,
    /// Why, in the words of whoever moved it (APT-33).
    pub reason: Option<Personal<String>>,
}
