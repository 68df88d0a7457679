//! Read models made from the log alone, beside the live ones: as of a moment, to compare, or to take
//! the place of what is live.
//!
//! The statements of a projector name its tables without a schema. What the search path of a session
//! puts first is what they fold into: temporary tables for a question, `read_next` for a rebuild.

mod compare;
mod digest;
mod fold;
mod live;
mod pace;
mod rebuild;
mod recall;
mod renew;
mod rows;
mod skips;
mod swap;

use daybook_domain::{event_log::Position, ports::LogError};

use crate::projector::ProjectionError;

pub use self::{
    compare::{Compared, Difference, compare, compare_positions},
    digest::Digest,
    fold::{Folded, Until, fold_into_temporary},
    live::{ComparedWithLive, compare_between, compare_with_live},
    pace::Pace,
    rebuild::{Progress, Rebuild, Rebuilt},
    recall::appointments_as_of,
    renew::{Renewal, RenewalHandle, Renewed},
    rows::{ReadRow, rows_as_of},
};
pub(crate) use self::{fold::types_of, skips::Skips};

/// Why a read model could not be made aside.
#[derive(Debug, thiserror::Error)]
pub enum AsideError {
    /// The log could not answer.
    #[error(transparent)]
    Log(#[from] LogError),
    /// An event could not be followed: mend the projector, or skip the event with a reason.
    #[error("{projector} cannot follow the event at position {position}: {error}")]
    NotFollowed {
        /// The projector.
        projector: &'static str,
        /// Where the event stands.
        position: Position,
        /// What is wrong.
        #[source]
        error: ProjectionError,
    },
    /// A projector is broken: its own statements fail.
    #[error("{projector} is broken: {error}")]
    Broken {
        /// The projector.
        projector: &'static str,
        /// What is wrong.
        #[source]
        error: ProjectionError,
    },
    /// The live rows are those of another version: they cannot be compared.
    #[error("version {live} of {projector} is live, and this program knows version {version}")]
    OtherVersion {
        /// The projector.
        projector: &'static str,
        /// The version that is live.
        live: i32,
        /// The version that is known here.
        version: i32,
    },
    /// Somebody else rebuilds the same.
    #[error("another rebuild of this read model is under way")]
    Busy,
    /// There is no earlier state to go back to.
    #[error("there is no rebuild that could be taken back")]
    NothingBefore,
    /// The database could not answer.
    #[error("the database cannot answer: {0}")]
    Unavailable(#[from] sqlx::Error),
}
