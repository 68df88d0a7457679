//! What analysts get: the views of schema `reporting`, their dictionary, files of them, and who may
//! see them.

mod analysts;
mod cell;
mod dictionary;
mod export;
mod lines;
mod parquet_file;
mod view;

pub(crate) use self::{
    analysts::run as run_analysts, dictionary::run as run_dictionary, export::run as run_export,
};
pub use self::{
    analysts::{Analyst, grant, list, revoke},
    dictionary::{Column, ViewEntry, dictionary},
    export::{Exported, Format, Wish, export_view},
    view::View,
};
