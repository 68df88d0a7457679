//! Closed months of a log as files, each with its segment of the chain. Nothing is taken out of the log
//! by it: that is append-only. A reader goes over the files first and over the database from there on,
//! if there is one, and sees one history.

mod folder;
mod log;
mod month;
mod past;
mod rows;
mod segment;
mod write;

use clap::ValueEnum;
use daybook_domain::event_log::Position;
use serde::{Deserialize, Serialize};

use crate::{document::hexed, merkle::Hash};

pub use self::{
    folder::Archive,
    month::Month,
    past::{Follow, Past, verify_archived},
    write::{Archived, archive},
};
pub(crate) use self::{past::run_verify, write::run};

/// The format of an archived month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ArchiveFormat {
    /// Lines of JSON, as `export` writes them.
    Ndjson,
    /// Apache Parquet, with the same columns and the header in its metadata.
    Parquet,
}

impl ArchiveFormat {
    /// What the names of such files end with.
    pub(crate) const fn extension(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
        }
    }
}

/// What the header of an archived month says, besides what that of an export says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchivedMonth {
    /// The month in which all of its events were recorded.
    pub month: Month,
    /// The position of the last event.
    pub to_position: Position,
    /// Its hash.
    #[serde(with = "hexed")]
    pub head_hash: Hash,
    /// The root of the RFC 6962 tree whose leaves are the hashes of the events, in order.
    #[serde(with = "hexed")]
    pub merkle_root: Hash,
}
