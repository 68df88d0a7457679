//! Who did what, when, to what (SEC-21)? Every event of a tenant by its metadata.
//!
//! From all events, without looking into them: no personal data can get in.

mod projector;
mod queries;

pub use self::{
    projector::ActivityLog,
    queries::{Activity, ActivityFilter, list},
};
