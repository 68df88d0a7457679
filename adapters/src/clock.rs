//! The wall clock, the source of new ids and chance: the only places where they are read.

use chrono::{DateTime, Utc};
use daybook_domain::ids::IdSource;
use uuid::Uuid;

/// Tells the time. Programs use [`SystemClock`]; tests bring their own.
pub trait Clock: Send + Sync {
    /// This instant.
    fn now(&self) -> DateTime<Utc>;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everyone else is given")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// Fresh UUIDv7: random, and in the order of their making (CTR-52).
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomIds;

impl IdSource for RandomIds {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the id source that everyone else is given"
    )]
    fn next_id(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// A random number, for what only spreads load: 0 if the machine gives none.
pub fn chance() -> u16 {
    let mut bytes = [0; 2];
    match getrandom::fill(&mut bytes) {
        Ok(()) => u16::from_be_bytes(bytes),
        Err(_no_source) => 0,
    }
}
