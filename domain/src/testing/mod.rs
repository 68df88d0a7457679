//! What tests of commands need: a log in memory, a context on fixed time with counted ids, and a
//! salon whose guests take random steps.

mod log;
pub mod world;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    dispatch::CommandContext,
    ids::{IdSource, TenantId},
};

pub use self::log::TestLog;

/// Ids in the order of their making.
#[derive(Debug, Default)]
pub struct CountedIds(AtomicU64);

impl IdSource for CountedIds {
    fn next_id(&self) -> Uuid {
        // Away from the small numbers that tests use for ids of their own.
        Uuid::from_u128((1 << 96) | u128::from(self.0.fetch_add(1, Ordering::Relaxed)))
    }
}

/// The tenant of tests.
pub const TENANT: TenantId = TenantId::new(Uuid::from_u128(0xda7));

/// A command of the test tenant at an instant.
pub fn context(at: DateTime<Utc>) -> CommandContext {
    CommandContext {
        tenant: TENANT,
        actor: "system:test".to_owned(),
        actor_name: None,
        on_behalf_of: None,
        at,
        correlation_id: "test".to_owned(),
        causation_id: None,
        source: None,
        key: None,
        dry_run: false,
        ids: Arc::new(CountedIds::default()),
    }
}
