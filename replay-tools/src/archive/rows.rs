//! An archived month as Parquet: the columns of `log.events`, one row per event, and the header as
//! JSON under `daybook.header` in the metadata of the file.

use std::{fs::File, path::Path};

use anyhow::Context as _;
use daybook_domain::event_log::RecordedEvent;
use daybook_projections::reporting::{Cell, Column, Kind};
use parquet::{
    file::reader::{FileReader as _, SerializedFileReader},
    record::{Row, RowAccessor as _, reader::RowIter},
};
use uuid::Uuid;

use crate::{
    document::NewFile,
    export::Header,
    log_file::Checks,
    record::EventRecord,
    reporting::{ParquetFile, TableFile as _},
};

/// The key of the header in the metadata of the file.
const HEADER: &str = "daybook.header";

/// The columns, in the order of the fields of [`EventRecord`].
const COLUMNS: [(&str, Kind); 12] = [
    ("tenant_id", Kind::Uuid),
    ("position", Kind::Int),
    ("aggregate_type", Kind::Text),
    ("aggregate_id", Kind::Text),
    ("sequence", Kind::Int),
    ("event_id", Kind::Uuid),
    ("event_type", Kind::Text),
    ("event_version", Kind::Text),
    // The very text: as JSON, a reader might spell it anew.
    ("payload", Kind::Text),
    ("metadata", Kind::Text),
    ("recorded_at_micros", Kind::Int),
    ("hash", Kind::Text),
];

/// A month on its way to a file.
pub(super) struct RowsFile(Box<ParquetFile>);

impl RowsFile {
    pub(super) fn new(file: NewFile, header: &Header) -> anyhow::Result<Self> {
        let column = |(name, _): (&str, Kind)| Column {
            name: name.to_owned(),
            sql_type: String::new(),
            comment: None,
        };
        let notes = [(HEADER, serde_json::to_string(header)?)];
        let file = ParquetFile::new(file, (&COLUMNS.map(column), &COLUMNS.map(|it| it.1)), &notes)?;
        Ok(Self(Box::new(file)))
    }

    pub(super) fn event(&mut self, event: EventRecord) -> anyhow::Result<()> {
        self.0.row(vec![
            Cell::Uuid(event.tenant_id),
            Cell::Int(event.position.try_into()?),
            Cell::Text(event.aggregate_type),
            Cell::Text(event.aggregate_id),
            Cell::Int(event.sequence.try_into()?),
            Cell::Uuid(event.event_id),
            Cell::Text(event.event_type),
            Cell::Text(event.event_version),
            Cell::Text(event.payload),
            Cell::Text(event.metadata),
            Cell::Int(event.recorded_at_micros),
            Cell::Text(hex::encode(event.hash)),
        ])
    }

    pub(super) fn finish(self) -> anyhow::Result<()> {
        self.0.finish()
    }
}

/// A file that is being read. Parquet has its own end: a file that was cut cannot be opened.
pub(super) struct Rows {
    pub(super) header: Header,
    iter: RowIter<'static>,
    checks: Checks,
}

impl Rows {
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).context("the file cannot be read")?;
        let reader = SerializedFileReader::new(file).context("it is no whole Parquet file")?;
        let notes = reader.metadata().file_metadata().key_value_metadata();
        let mut notes = notes.into_iter().flatten();
        let note = notes.find(|note| note.key == HEADER).and_then(|note| note.value.as_ref());
        let note = note.with_context(|| format!("its metadata have no {HEADER}"))?;
        let header: Header = serde_json::from_str(note).context("the header")?;
        let checks = Checks::after(&header)?;
        let columns = reader.metadata().file_metadata().schema_descr().columns();
        anyhow::ensure!(
            columns.iter().map(|column| column.name()).eq(COLUMNS.map(|it| it.0)),
            "its columns are not those of an archive"
        );
        Ok(Self { header, iter: RowIter::from_file_into(Box::new(reader)), checks })
    }

    pub(super) fn take(&mut self) -> anyhow::Result<Option<RecordedEvent>> {
        let Some(row) = self.iter.next() else { return Ok(None) };
        let record = record(&row.context("a row cannot be read")?)?;
        self.checks.event(record).map(Some)
    }
}

fn record(row: &Row) -> anyhow::Result<EventRecord> {
    let uuid =
        |column: usize| Ok::<_, anyhow::Error>(Uuid::from_slice(row.get_bytes(column)?.data())?);
    let text = |column: usize| row.get_string(column).cloned();
    let mut hash = [0; 32];
    hex::decode_to_slice(row.get_string(11)?, &mut hash).context("a hash is no hash")?;
    Ok(EventRecord {
        tenant_id: uuid(0)?,
        position: row.get_long(1)?.try_into()?,
        aggregate_type: text(2)?,
        aggregate_id: text(3)?,
        sequence: row.get_long(4)?.try_into()?,
        event_id: uuid(5)?,
        event_type: text(6)?,
        event_version: text(7)?,
        payload: text(8)?,
        metadata: text(9)?,
        recorded_at_micros: row.get_long(10)?,
        hash,
    })
}
