//! Writes a view to a file: all rows of one moment, a cursor's worth of them in memory at a time.

use std::path::Path;

use anyhow::Context as _;
use chrono::NaiveDate;
use clap::ValueEnum;
use serde_json::json;
use sqlx::{Connection as _, Executor as _, PgConnection, postgres::PgRow};
use uuid::Uuid;

use super::{
    cell::{Cell, Kind},
    dictionary::{self, ViewEntry},
    lines::{CsvFile, NdjsonFile},
    parquet_file::ParquetFile,
    view::{Moment, View},
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
pub(super) trait TableFile {
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
    anyhow::ensure!(
        wish.view.moment().is_some() || (wish.from.is_none() && wish.to.is_none()),
        "{} has no time of its own: --from and --to do not fit",
        wish.view
    );
    if let (Some(from), Some(to)) = (wish.from, wish.to) {
        anyhow::ensure!(from <= to, "--from is after --to");
    }
    let file = NewFile::create(out)?;
    // Dropped half way, it is rolled back.
    let mut transaction =
        session.connection.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let position = position(&mut transaction, tenant).await?;
    let entries = dictionary::dictionary(&mut transaction).await?;
    let entry = entries.into_iter().find(|entry| entry.view == wish.view.name());
    let entry = entry.with_context(|| format!("the database has no view {}", wish.view))?;
    let kinds = entry.columns.iter().map(Kind::of).collect::<Result<Vec<_>, _>>()?;
    let mut table = table(file, wish.format, (&entry, &kinds), (tenant, position))?;
    declare(&mut transaction, wish, tenant).await?;
    let mut progress = Progress::new("rows");
    let mut rows = 0;
    loop {
        let page: Vec<PgRow> =
            sqlx::query("FETCH 2000 FROM rows").fetch_all(&mut *transaction).await?;
        if page.is_empty() {
            break;
        }
        for row in &page {
            let cells = kinds.iter().enumerate().map(|(column, kind)| kind.read(row, column));
            table.row(cells.collect::<Result<_, _>>()?)?;
            rows += 1;
        }
        progress.add(page.len() as u64);
    }
    transaction.rollback().await?;
    table.finish()?;
    Ok(Exported { tenant, rows, position })
}

/// Up to where every read model of the tenant is.
async fn position(connection: &mut PgConnection, tenant: Uuid) -> anyhow::Result<i64> {
    let position: Option<i64> =
        sqlx::query_scalar(include_str!("position.sql")).bind(tenant).fetch_one(connection).await?;
    position.with_context(|| format!("nothing of a tenant {tenant} is in the read models"))
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

/// Opens the cursor. The view and its columns are names of a fixed list; the rest is bound.
async fn declare(connection: &mut PgConnection, wish: &Wish, tenant: Uuid) -> anyhow::Result<()> {
    let within = match wish.view.moment() {
        None => "$2::date IS NULL AND $3::date IS NULL".to_owned(),
        Some(Moment::Date(column)) => format!(
            "($2::date IS NULL OR {column} >= $2::date) AND ($3::date IS NULL OR {column} <= $3::date)"
        ),
        Some(Moment::Instant(column)) => format!(
            "($2::date IS NULL OR {column} >= $2::date::timestamp AT TIME ZONE 'UTC') AND \
             ($3::date IS NULL OR {column} < ($3::date + 1)::timestamp AT TIME ZONE 'UTC')"
        ),
    };
    let (view, order) = (wish.view.name(), wish.view.order());
    let statement = format!(
        "DECLARE rows NO SCROLL CURSOR FOR SELECT * FROM reporting.{view} \
         WHERE tenant_id = $1 AND {within} ORDER BY {order}"
    );
    let query = sqlx::query(&statement).bind(tenant).bind(wish.from).bind(wish.to);
    connection.execute(query).await?;
    Ok(())
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
