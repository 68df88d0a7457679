//! Facts and rules of Daybook. No I/O, no clock, no randomness: time, ids and looked-up facts
//! arrive in the command.

#![allow(
    clippy::same_name_method,
    reason = "serde's remote = \"Self\" makes inherent methods that the codec of events wraps"
)]

pub mod aggregate;
pub mod api_key;
pub mod appointment;
pub mod availability;
pub mod booking;
pub mod branch;
pub mod calendar;
pub mod calendar_day;
pub mod commands;
pub mod company;
pub mod customer;
pub mod dispatch;
pub mod event_log;
pub mod history;
pub mod hold;
pub mod hours;
pub mod ids;
pub mod instant;
pub mod master_data;
pub mod money;
pub mod outside_ref;
pub mod personal;
pub mod phase;
pub mod policy;
pub mod ports;
pub mod refusal;
pub mod registry;
pub mod resource;
pub mod series;
pub mod service;
pub mod slot;
pub mod staff;
pub mod standards;
pub mod tagged;
pub mod tenant;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod unique_key;
