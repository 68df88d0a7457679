//! What a caller may ask of an appointment.

use chrono::{DateTime, Utc};

use crate::ids::AppointmentId;

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
    /// Cancel it (APT-20).
    Cancel(Cancellation),
    /// Take it out as a skipped occurrence of its series: the series allows it, the cancellation
    /// terms have no part in it (POL-08).
    Skip {
        /// Who skips it and why.
        cause: Cause,
    },
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
    /// The customer's other appointments at that time, which the request allows.
    pub overlaps: Vec<AppointmentId>,
    /// Who moves it and why (APT-33).
    pub cause: Cause,
}
