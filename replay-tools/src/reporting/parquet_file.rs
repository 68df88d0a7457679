//! Tables as Parquet, written column by column with nothing of Arrow. One group of rows is held at a
//! time.

use std::{fmt::Write as _, sync::Arc};

use anyhow::Context as _;
use chrono::NaiveDate;
use daybook_projections::reporting::{Cell, Column, Kind};
use parquet::{
    basic::Compression,
    column::writer::ColumnWriter,
    data_type::{ByteArray, FixedLenByteArray},
    file::{
        metadata::KeyValue, properties::WriterProperties, writer::SerializedFileWriter,
        writer::SerializedRowGroupWriter,
    },
    schema::parser::parse_message_type,
};

use super::export::TableFile;
use crate::document::NewFile;

/// Rows of a group.
const GROUP: usize = 20_000;

pub(crate) struct ParquetFile {
    writer: SerializedFileWriter<NewFile>,
    columns: Vec<Values>,
    rows: usize,
}

/// What a group has of a column: which rows have a value, and the values.
struct Values {
    levels: Vec<i16>,
    data: Data,
}

enum Data {
    Bools(Vec<bool>),
    Days(Vec<i32>),
    Longs(Vec<i64>),
    Texts(Vec<ByteArray>),
    Uuids(Vec<FixedLenByteArray>),
}

/// How a kind of column is written in a Parquet schema.
const fn spelled(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Bool => ("BOOLEAN", ""),
        Kind::Int => ("INT64", ""),
        Kind::Text => ("BYTE_ARRAY", "(STRING)"),
        Kind::Uuid => ("FIXED_LEN_BYTE_ARRAY (16)", "(UUID)"),
        Kind::Instant => ("INT64", "(TIMESTAMP(MICROS,true))"),
        Kind::Local => ("INT64", "(TIMESTAMP(MICROS,false))"),
        Kind::Date => ("INT32", "(DATE)"),
        Kind::Json | Kind::Uuids | Kind::Texts => ("BYTE_ARRAY", "(JSON)"),
    }
}

impl ParquetFile {
    pub(crate) fn new(
        file: NewFile,
        (columns, kinds): (&[Column], &[Kind]),
        notes: &[(&str, String)],
    ) -> anyhow::Result<Self> {
        let mut schema = "message row {".to_owned();
        for (column, &kind) in columns.iter().zip(kinds) {
            let (physical, logical) = spelled(kind);
            write!(schema, " OPTIONAL {physical} {} {logical};", column.name)?;
        }
        schema.push_str(" }");
        let schema = Arc::new(parse_message_type(&schema)?);
        let notes = notes.iter().map(|(key, note)| KeyValue::new((*key).to_owned(), note.clone()));
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("daybook-replay ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_key_value_metadata(Some(notes.collect()))
            .build();
        let writer = SerializedFileWriter::new(file, schema, Arc::new(properties))?;
        let columns = kinds.iter().map(|&kind| Values::of(kind)).collect();
        Ok(Self { writer, columns, rows: 0 })
    }

    fn write_group(&mut self) -> anyhow::Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let mut group = self.writer.next_row_group()?;
        for column in &mut self.columns {
            column.write(&mut group)?;
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }
}

impl TableFile for ParquetFile {
    fn row(&mut self, cells: Vec<Cell>) -> anyhow::Result<()> {
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            column.push(cell)?;
        }
        self.rows += 1;
        if self.rows == GROUP { self.write_group() } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>) -> anyhow::Result<()> {
        self.write_group()?;
        self.writer.into_inner()?.finish()
    }
}

impl Values {
    const fn of(kind: Kind) -> Self {
        let data = match kind {
            Kind::Bool => Data::Bools(Vec::new()),
            Kind::Date => Data::Days(Vec::new()),
            Kind::Int | Kind::Instant | Kind::Local => Data::Longs(Vec::new()),
            Kind::Text | Kind::Json | Kind::Uuids | Kind::Texts => Data::Texts(Vec::new()),
            Kind::Uuid => Data::Uuids(Vec::new()),
        };
        Self { levels: Vec::new(), data }
    }

    fn push(&mut self, cell: Cell) -> anyhow::Result<()> {
        self.levels.push(i16::from(cell != Cell::Null));
        match (&mut self.data, cell) {
            (_, Cell::Null) => {}
            (Data::Bools(all), Cell::Bool(it)) => all.push(it),
            (Data::Longs(all), Cell::Int(it)) => all.push(it),
            (Data::Longs(all), Cell::Instant(it)) => all.push(it.timestamp_micros()),
            (Data::Longs(all), Cell::Local(it)) => all.push(it.and_utc().timestamp_micros()),
            (Data::Days(all), Cell::Date(it)) => {
                let days = it.signed_duration_since(NaiveDate::default()).num_days();
                all.push(i32::try_from(days)?);
            }
            (Data::Texts(all), Cell::Text(it)) => all.push(ByteArray::from(it.into_bytes())),
            (Data::Texts(all), Cell::Json(it)) => {
                all.push(ByteArray::from(it.to_string().into_bytes()));
            }
            (Data::Uuids(all), Cell::Uuid(it)) => {
                all.push(FixedLenByteArray::from(it.into_bytes().to_vec()));
            }
            (_, other) => anyhow::bail!("a column holds {other:?}, which is not of its type"),
        }
        Ok(())
    }

    /// Writes the values as the next column of a group, and is empty then.
    fn write(&mut self, group: &mut SerializedRowGroupWriter<'_, NewFile>) -> anyhow::Result<()> {
        let mut column = group.next_column()?.context("the schema has fewer columns")?;
        let levels = Some(self.levels.as_slice());
        match (&mut self.data, column.untyped()) {
            (Data::Bools(all), ColumnWriter::BoolColumnWriter(writer)) => {
                writer.write_batch(all, levels, None)?;
                all.clear();
            }
            (Data::Days(all), ColumnWriter::Int32ColumnWriter(writer)) => {
                writer.write_batch(all, levels, None)?;
                all.clear();
            }
            (Data::Longs(all), ColumnWriter::Int64ColumnWriter(writer)) => {
                writer.write_batch(all, levels, None)?;
                all.clear();
            }
            (Data::Texts(all), ColumnWriter::ByteArrayColumnWriter(writer)) => {
                writer.write_batch(all, levels, None)?;
                all.clear();
            }
            (Data::Uuids(all), ColumnWriter::FixedLenByteArrayColumnWriter(writer)) => {
                writer.write_batch(all, levels, None)?;
                all.clear();
            }
            _ => anyhow::bail!("a column is of another type than in the schema"),
        }
        self.levels.clear();
        Ok(column.close()?)
    }
}
