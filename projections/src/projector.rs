//! What a projector is, and what its failures mean.

use std::fmt;

use daybook_domain::ids::TenantId;
use futures::future::BoxFuture;
use sqlx::PgConnection;

use crate::event::{Event, Unreadable};

/// Folds events into the rows of a read model.
///
/// To implement it:
/// - every statement names the tenant, and every row it writes carries the position that it rests
///   on, so that an event that comes twice changes nothing;
/// - it writes its own tables only, reads its own tables only, and calls nobody;
/// - what it writes depends on the events alone: a rebuild ends with the same rows;
/// - more events at once mean the same as one after the other.
pub trait Projector: Send + Sync + 'static {
    /// Keys the checkpoint. It never changes.
    fn name(&self) -> &'static str;

    /// Another version is another read model: it begins at the first event.
    fn version(&self) -> i32;

    /// What it wants to see: aggregate types such as `appointment`, or single event types such as
    /// `customer.erased`. Empty means all.
    fn reads(&self) -> &'static [&'static str];

    /// The tables that it writes, as `schema.table`; each has a column `tenant_id`.
    fn tables(&self) -> &'static [&'static str];

    /// The columns of its tables with personal data, which only whoever has the keys can fill.
    fn personal(&self) -> &'static [&'static str] {
        &[]
    }

    /// Folds events of one tenant in, in the order of their positions. The runner moves the
    /// checkpoint in the same transaction.
    fn project<'a>(
        &'a self,
        tx: &'a mut PgConnection,
        tenant: TenantId,
        events: &'a [&'a Event],
    ) -> BoxFuture<'a, Result<(), ProjectionError>>;

    /// Whether it wants to see this event.
    fn wants(&self, event: &Event) -> bool {
        let reads = self.reads();
        reads.is_empty() || event.recorded.is_of(reads)
    }
}

impl fmt::Debug for dyn Projector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} v{}", self.name(), self.version())
    }
}

/// Why a projector could not go on. Its text never holds a value of an event or of a row.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    /// The event cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// The event says what cannot be, given the rows.
    #[error("{0}")]
    Contradiction(&'static str),
    /// The database refused the rows: a constraint, a value out of range.
    #[error("the rows were refused: {0}")]
    RowsRefused(String),
    /// The projector's own statement is wrong, or its table is not there.
    #[error("the projector is broken: {0}")]
    Broken(String),
    /// The database cannot be reached, is overloaded or asks for another try.
    #[error("the database is unavailable")]
    Unavailable(#[source] sqlx::Error),
}

/// What follows from a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// The event is at fault: its stream is parked.
    Park,
    /// The projector is at fault: it waits in a lane of its own until someone mends it.
    Halt,
    /// Nobody is at fault: all of it is tried again.
    Retry,
}

impl ProjectionError {
    /// What follows from it.
    pub const fn reaction(&self) -> Reaction {
        match self {
            Self::Unreadable(_) | Self::Contradiction(_) | Self::RowsRefused(_) => Reaction::Park,
            Self::Broken(_) => Reaction::Halt,
            Self::Unavailable(_) => Reaction::Retry,
        }
    }
}

impl From<&Unreadable> for ProjectionError {
    /// Without serde's own text, which may quote a value.
    fn from(error: &Unreadable) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl From<sqlx::Error> for ProjectionError {
    fn from(error: sqlx::Error) -> Self {
        let sqlx::Error::Database(database) = &error else {
            return match error {
                sqlx::Error::ColumnNotFound(_)
                | sqlx::Error::ColumnDecode { .. }
                | sqlx::Error::Decode(_)
                | sqlx::Error::Encode(_)
                | sqlx::Error::RowNotFound
                | sqlx::Error::TypeNotFound { .. } => {
                    Self::Broken("a row has another shape".into())
                }
                _ => Self::Unavailable(error),
            };
        };
        let code = database.code().unwrap_or_default().into_owned();
        let said = match database.constraint() {
            Some(constraint) => format!("SQLSTATE {code}, constraint {constraint}"),
            None => format!("SQLSTATE {code}"),
        };
        match code.get(..2) {
            // Data exception, integrity constraint.
            Some("22" | "23") => Self::RowsRefused(said),
            // Wrong statement, missing table, missing right.
            Some("0A" | "42" | "P0") => Self::Broken(said),
            _ => Self::Unavailable(error),
        }
    }
}
