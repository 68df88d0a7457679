//! Tables as lines of text: CSV (RFC 4180) and one JSON object per line.

use anyhow::Context as _;
use daybook_projections::reporting::{Cell, Column};
use serde::{Serialize, Serializer};

use super::export::TableFile;
use crate::document::NewFile;

/// A header, then a record per row. NULL is an empty field.
pub(super) struct CsvFile(csv::Writer<NewFile>);

impl CsvFile {
    pub(super) fn new(file: NewFile, columns: &[Column]) -> anyhow::Result<Self> {
        let mut writer =
            csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(file);
        writer.write_record(columns.iter().map(|column| &column.name))?;
        Ok(Self(writer))
    }
}

impl TableFile for CsvFile {
    fn row(&mut self, cells: Vec<Cell>) -> anyhow::Result<()> {
        Ok(self.0.write_record(cells.iter().map(Cell::text))?)
    }

    fn finish(self: Box<Self>) -> anyhow::Result<()> {
        let file = self.0.into_inner().map_err(csv::IntoInnerError::into_error);
        file.context("the last records cannot be written")?.finish()
    }
}

/// An object per row, its members in the order of the columns.
pub(super) struct NdjsonFile {
    file: NewFile,
    names: Vec<String>,
}

impl NdjsonFile {
    pub(super) fn new(file: NewFile, columns: &[Column]) -> Self {
        Self { file, names: columns.iter().map(|column| column.name.clone()).collect() }
    }
}

struct Object<'r>(&'r [String], &'r [Cell]);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().zip(self.1))
    }
}

impl TableFile for NdjsonFile {
    fn row(&mut self, cells: Vec<Cell>) -> anyhow::Result<()> {
        self.file.line(&Object(&self.names, &cells))
    }

    fn finish(self: Box<Self>) -> anyhow::Result<()> {
        self.file.finish()
    }
}
