//! What analysts get: the dictionary of the views of schema `reporting`, files of them, and who may
//! see them.

mod analysts;
mod dictionary;
mod export;
mod lines;
mod parquet_file;

pub(crate) use self::{
    analysts::run as run_analysts, dictionary::run as run_dictionary, export::run as run_export,
};
pub use self::{
    analysts::{grant, list, revoke},
    export::{Exported, Format, Wish, export_view},
};
pub(crate) use self::{export::TableFile, parquet_file::ParquetFile};
pub use daybook_projections::reporting::{Analyst, Column, View, ViewEntry, dictionary};
