//! What a late change costs: pure functions from the agreed terms and the facts to an outcome.
//!
//! The terms are those that were frozen in the booking. Where they came from is kept beside them,
//! so that inheritance by branch, service and staff changes no event.

mod outcome;
mod terms;
#[cfg(test)]
mod tests;

pub use self::{
    outcome::{
        CancellationFacts, PolicyCheck, PolicyOutcome, RescheduleFacts, Terms, TermsSource,
        Violation, Waiver, judge_cancellation, judge_reschedule,
    },
    terms::{CancellationPolicy, Fee, RecurringPolicy, ReschedulePolicy, ViolationAction},
};
