//! What a caller may ask of an appointment.

use chrono::{DateTime, Utc};

use super::{Booking, Cause, Plan};

/// What a caller may ask of an appointment.
#[derive(Clone, Debug)]
pub enum AppointmentCommand {
    /// Book it.
    Book(Box<Booking>),
    /// The business says yes (APT-18).
    Confirm {
        /// Whether the customer is to be notified.
        notify_customer: bool,
    },
    /// The business says no.
    Reject {
        /// Why. Who wants it is the business, whatever it says.
        cause: Cause,
    },
    /// The customer is there.
    Start {
        /// When.
        at: DateTime<Utc>,
        /// Whether the customer is to be notified.
        notify_customer: bool,
    },
    /// It is done (APT-19).
    Complete {
        /// When.
        at: DateTime<Utc>,
        /// Whether the customer is to be notified.
        notify_customer: bool,
    },
    /// The customer did not come.
    MarkNoShow {
        /// When that was said.
        at: DateTime<Utc>,
        /// Whether the customer is to be notified.
        notify_customer: bool,
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
    /// Who cancels and why (APT-32).
    pub cause: Cause,
    /// The customer's cancellations in this calendar month before this one.
    pub cancelled_this_month: u32,
}

/// A reschedule and where it goes.
#[derive(Clone, Debug)]
pub struct Rescheduling {
    /// When it is asked for.
    pub at: DateTime<Utc>,
    /// Where it goes.
    pub plan: Box<Plan>,
    /// Who moves it and why (APT-33).
    pub cause: Cause,
}
