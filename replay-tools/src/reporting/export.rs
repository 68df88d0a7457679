//! Writes a view to a file: all rows of one moment, one page of them in memory at a time.

use std::path::Path;

use anyhow::Context as _;
use chrono::NaiveDate;
use clap::ValueEnum;
use daybook_projections::reporting::{Cell, Kind, Pages, Selection, View, ViewEntry};
use serde_json::json;
use uuid::Uuid;

use super::{
    lines::{CsvFile, NdjsonFile},
    parquet_file::ParquetFile,
};
use crate::{
    document::NewFile,
    progress::Progress,
    say,
    source::{Reporting, Source},
};

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Apache Parquet, with types.
    Parquet,
    /// Comma-separated values (RFC 4180) with a header.
    Csv,
    /// One JSON object per line.
    Ndjson,
}

/// What is exported.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// The view.
    pub view: View,
    /// The format of the file.
    pub format: Format,
    /// From this date on.
    pub from: Option<NaiveDate>,
    /// Until this date, included.
    pub to: Option<NaiveDate>,
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Whose rows.
    pub tenant: Uuid,
    /// How many.
    pub rows: u64,
    /// Everything up to this position of the tenant's history is in them.
    pub position: i64,
}

/// A file of rows.
pub(crate) trait TableFile {
    fn row(&mut self, cells: Vec<Cell>) -> anyhow::Result<()>;
    /// Makes the file whole and gives it its name.
    fn finish(self: Box<Self>) -> anyhow::Result<()>;
}

/// Writes a view to a file, which is there once it is whole. One that is there already stays.
pub async fn export_view(
    session: &mut Reporting,
    wish: &Wish,
    out: &Path,
) -> anyhow::Result<Exported> {
    let tenant = session.tenant.context("--tenant is missing: whose rows?")?;
    let selection = Selection { view: wish.view, from: wish.from, to: wish.to };
    selection.check()?;
    let file = NewFile::create(out)?;
    let mut pages = Pages::open(&mut session.connection, &selection, tenant).await?;
    let position = pages.position;
    let columns = (&pages.entry, pages.kinds());
    let mut table = table(file, wish.format, columns, (tenant, position))?;
    let progress = Progress::new("rows");
    let mut rows = 0;
    loop {
        let page = pages.next().await?;
        if page.is_empty() {
            break;
        }
        rows += page.len() as u64;
        progress.add(page.len() as u64);
        page.into_iter().try_for_each(|cells| table.row(cells))?;
    }
    pages.close().await?;
    table.finish()?;
    Ok(Exported { tenant, rows, position })
}

fn table(
    file: NewFile,
    format: Format,
    (entry, kinds): (&ViewEntry, &[Kind]),
    (tenant, position): (Uuid, i64),
) -> anyhow::Result<Box<dyn TableFile>> {
    let columns = &entry.columns;
    Ok(match format {
        Format::Csv => Box::new(CsvFile::new(file, columns)?),
        Format::Ndjson => Box::new(NdjsonFile::new(file, columns)),
        Format::Parquet => {
            let notes = [
                ("daybook.view", entry.view.clone()),
                ("daybook.meaning", entry.meaning.clone().unwrap_or_default()),
                ("daybook.tenant", tenant.to_string()),
                ("daybook.position", position.to_string()),
            ];
            Box::new(ParquetFile::new(file, (columns, kinds), &notes)?)
        }
    })
}

pub(crate) async fn run(
    source: &Source,
    tenant: Option<Uuid>,
    (wish, out): (&Wish, &Path),
    as_json: bool,
) -> anyhow::Result<()> {
    let mut session = source.analyst(tenant).await?;
    let outcome = export_view(&mut session, wish, out).await;
    session.close().await;
    let Exported { tenant, rows, position } = outcome?;
    if as_json {
        let view = wish.view.name();
        return say(&json!({
            "view": view, "tenant": tenant, "rows": rows, "position": position,
        })
        .to_string());
    }
    say(&format!("{rows} rows of {} as of position {position} of tenant {tenant}", wish.view))
}
