//! The rows of a view, page by page: all of one moment, a cursor's worth of them in memory at a time.

use chrono::NaiveDate;
use sqlx::{Connection as _, Executor as _, PgConnection, Postgres, Transaction, postgres::PgRow};
use uuid::Uuid;

use super::{Cell, Kind, ReportError, View, ViewEntry, dictionary, view::Moment};

/// Which rows of which view.
#[derive(Clone, Copy, Debug)]
pub struct Selection {
    /// The view.
    pub view: View,
    /// From this date on.
    pub from: Option<NaiveDate>,
    /// Until this date, included.
    pub to: Option<NaiveDate>,
}

impl Selection {
    /// Refuses a range of dates that the view cannot be narrowed to.
    pub fn check(&self) -> Result<(), ReportError> {
        let is_narrowed = self.from.is_some() || self.to.is_some();
        if is_narrowed && self.view.moment().is_none() {
            return Err(ReportError::Timeless(self.view));
        }
        match self.from.zip(self.to) {
            Some((from, to)) if to < from => Err(ReportError::Backwards),
            Some(_) | None => Ok(()),
        }
    }
}

/// Rows that are being read. Dropped half way, nothing is left open.
#[derive(Debug)]
pub struct Pages<'c> {
    transaction: Transaction<'c, Postgres>,
    kinds: Vec<Kind>,
    /// The view and its columns.
    pub entry: ViewEntry,
    /// Everything up to this position of the tenant's history is in the rows.
    pub position: i64,
}

impl<'c> Pages<'c> {
    /// Opens the rows of a tenant, in a snapshot of their own.
    pub async fn open(
        connection: &'c mut PgConnection,
        selection: &Selection,
        tenant: Uuid,
    ) -> Result<Self, ReportError> {
        selection.check()?;
        let mut transaction =
            connection.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        let position = position(&mut transaction, tenant).await?;
        let entries = dictionary(&mut transaction).await?;
        let entry = entries.into_iter().find(|entry| entry.view == selection.view.name());
        let entry = entry.ok_or(ReportError::NoView(selection.view))?;
        let kinds = entry.columns.iter().map(Kind::of).collect::<Result<Vec<_>, _>>()?;
        declare(&mut transaction, selection, tenant).await?;
        Ok(Self { transaction, kinds, entry, position })
    }

    /// The kinds of the columns, in order.
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// The next rows; none at the end.
    pub async fn next(&mut self) -> Result<Vec<Vec<Cell>>, ReportError> {
        let page: Vec<PgRow> =
            sqlx::query("FETCH 2000 FROM rows").fetch_all(&mut *self.transaction).await?;
        let cells = |row: &PgRow| {
            let columns = self.kinds.iter().enumerate();
            columns.map(|(column, kind)| kind.read(row, column)).collect::<Result<Vec<_>, _>>()
        };
        Ok(page.iter().map(cells).collect::<Result<_, _>>()?)
    }

    /// Ends the snapshot.
    pub async fn close(self) -> Result<(), ReportError> {
        Ok(self.transaction.rollback().await?)
    }
}

/// Up to where every read model of the tenant is.
async fn position(connection: &mut PgConnection, tenant: Uuid) -> Result<i64, ReportError> {
    let position: Option<i64> =
        sqlx::query_scalar(include_str!("position.sql")).bind(tenant).fetch_one(connection).await?;
    position.ok_or(ReportError::NothingOf(tenant))
}

/// Opens the cursor. The view and its columns are names of a fixed list; the rest is bound.
async fn declare(
    connection: &mut PgConnection,
    selection: &Selection,
    tenant: Uuid,
) -> Result<(), sqlx::Error> {
    let within = match selection.view.moment() {
        None => "$2::date IS NULL AND $3::date IS NULL".to_owned(),
        Some(Moment::Date(column)) => format!(
            "($2::date IS NULL OR {column} >= $2::date) AND ($3::date IS NULL OR {column} <= $3::date)"
        ),
        Some(Moment::Instant(column)) => format!(
            "($2::date IS NULL OR {column} >= $2::date::timestamp AT TIME ZONE 'UTC') AND \
             ($3::date IS NULL OR {column} < ($3::date + 1)::timestamp AT TIME ZONE 'UTC')"
        ),
    };
    let (view, order) = (selection.view.name(), selection.view.order());
    let statement = format!(
        "DECLARE rows NO SCROLL CURSOR FOR SELECT * FROM reporting.{view} \
         WHERE tenant_id = $1 AND {within} ORDER BY {order}"
    );
    let query = sqlx::query(&statement).bind(tenant).bind(selection.from).bind(selection.to);
    connection.execute(query).await?;
    Ok(())
}
