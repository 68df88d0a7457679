//! Forgetting people: the event, the key, and what copies there are of what it opened (GDPR-04, GDPR-07,
//! JOB-11).
//!
//! The event comes first. Should anything break off behind it, the next look at the tenant finishes it:
//! everybody who was forgotten is looked at again when a process starts, and from then on whenever
//! something is recorded of them. Repeating it changes nothing, so any number of processes may do it.

mod worker;

use std::sync::Arc;

use daybook_domain::{
    booking::BookingError,
    commands::{EraseCustomer, Saved},
    customer::{Customer, ErasureReason},
    dispatch::{CommandContext, CommandError, Dispatcher, Done, UnitError},
    ids::{CustomerId, IdSource, TenantId},
    ports::EventLog,
};
use daybook_projections::customers;
use sqlx::PgPool;

pub use self::worker::{Turn, Worker};
use crate::{
    clock::Clock,
    vault::{SealedLog, VaultError, run_on_what_was_read},
};

/// What an eraser works with.
pub struct EraserParts<L> {
    /// Runs the command. Its states of the tenant are forgotten too.
    pub dispatcher: Dispatcher<SealedLog<L>>,
    /// The read models, one tenant at a time: the application's role.
    pub read: PgPool,
    /// What rebuilds keep: the projector's role.
    pub project: PgPool,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Fresh ids.
    pub ids: Arc<dyn IdSource>,
}

impl<L> std::fmt::Debug for EraserParts<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EraserParts(…)")
    }
}

/// Forgets people.
pub struct Eraser<L> {
    parts: EraserParts<L>,
}

impl<L> std::fmt::Debug for Eraser<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Eraser(…)")
    }
}

/// Who is to be forgotten, and why.
#[derive(Clone, Copy, Debug)]
pub struct Erasing {
    /// Who.
    pub customer_id: CustomerId,
    /// On which ground.
    pub reason: ErasureReason,
    /// Only if the customer asked for it and the grace is over.
    pub only_if_due: bool,
    /// The version that the caller has read, if the caller insists on it.
    pub expected: Option<u64>,
}

/// Why somebody was not forgotten, or not yet in full. Repeating it goes on where it stopped.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// A rule said no, or the log is away.
    #[error("the erasure was not recorded")]
    Command(#[from] CommandError<BookingError>),
    /// The vault is away: the key stands.
    #[error("the key was not destroyed")]
    Vault(#[from] VaultError),
    /// The database is away: copies may stand.
    #[error("the copies were not cleared")]
    Copies(#[from] sqlx::Error),
}

impl From<UnitError> for EraseError {
    fn from(error: UnitError) -> Self {
        Self::Command(error.into())
    }
}

impl<L: EventLog> Eraser<L> {
    /// An eraser.
    pub fn new(parts: EraserParts<L>) -> Self {
        Self { parts }
    }

    /// Forgets somebody: the event first, then the key. Repeating it finishes what was begun.
    pub async fn erase(
        &self,
        context: &CommandContext,
        wish: Erasing,
    ) -> Result<Done<Saved>, EraseError> {
        let (tenant, id) = (context.tenant, wish.customer_id);
        let dispatcher = &self.parts.dispatcher;
        // Number and reference are free again.
        let whom = (id, wish.expected);
        let done = run_on_what_was_read(dispatcher, context, whom, |indexes, expected| {
            let Erasing { reason, only_if_due, .. } = wish;
            EraseCustomer { id: id.uuid(), indexes, reason, only_if_due, expected }
        });
        let done = done.await??;
        let (customer, _) = dispatcher.state::<Customer>(context, id).await?;
        if customer.is_erased() {
            self.finish(tenant, &[id]).await?;
        }
        Ok(done)
    }

    /// What follows when it is recorded that somebody is forgotten.
    async fn finish(&self, tenant: TenantId, customers: &[CustomerId]) -> Result<(), EraseError> {
        let vault = self.parts.dispatcher.log().vault();
        for customer in customers {
            vault.destroy(tenant, *customer).await?;
        }
        self.parts.dispatcher.forget(tenant);
        let mut connection = self.parts.project.acquire().await?;
        customers::forget_copies(&mut connection, tenant, customers).await?;
        Ok(())
    }
}
