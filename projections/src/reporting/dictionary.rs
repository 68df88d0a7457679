//! The data dictionary: what each view and each of its columns means, from the comments that the
//! database keeps beside them.

use serde::Serialize;
use sqlx::{PgConnection, prelude::FromRow};

use super::ReportError;

/// A view and its columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ViewEntry {
    /// Its name within the schema `reporting`.
    pub view: String,
    /// What a row of it is.
    pub meaning: Option<String>,
    /// Its columns, in order.
    pub columns: Vec<Column>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, as PostgreSQL spells it.
    #[serde(rename = "type")]
    pub sql_type: String,
    /// What it means, and its unit.
    pub comment: Option<String>,
}

#[derive(FromRow)]
struct Row {
    view: String,
    meaning: Option<String>,
    name: String,
    #[sqlx(rename = "type")]
    sql_type: String,
    comment: Option<String>,
}

/// All views, by name.
pub async fn dictionary(connection: &mut PgConnection) -> Result<Vec<ViewEntry>, ReportError> {
    let rows: Vec<Row> =
        sqlx::query_as(include_str!("dictionary.sql")).fetch_all(connection).await?;
    let mut entries: Vec<ViewEntry> = Vec::new();
    for Row { view, meaning, name, sql_type, comment } in rows {
        let column = Column { name, sql_type, comment };
        match entries.last_mut().filter(|entry| entry.view == view) {
            Some(entry) => entry.columns.push(column),
            None => entries.push(ViewEntry { view, meaning, columns: vec![column] }),
        }
    }
    if entries.is_empty() { Err(ReportError::NoSchema) } else { Ok(entries) }
}
