//! The data dictionary: what each view and each of its columns means, from the comments that the
//! database keeps beside them.

use std::fmt::Write as _;

use serde::Serialize;
use sqlx::{PgConnection, prelude::FromRow};

use crate::{say, source::Source};

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
pub async fn dictionary(connection: &mut PgConnection) -> anyhow::Result<Vec<ViewEntry>> {
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
    anyhow::ensure!(!entries.is_empty(), "there is no schema reporting: migrate the database");
    Ok(entries)
}

/// The dictionary for people.
fn markdown(entries: &[ViewEntry]) -> Result<String, std::fmt::Error> {
    let mut text = "# Data dictionary of schema `reporting`\n".to_owned();
    for entry in entries {
        write!(text, "\n## reporting.{}\n\n", entry.view)?;
        if let Some(meaning) = &entry.meaning {
            write!(text, "{meaning}\n\n")?;
        }
        text.push_str("| Column | Type | Meaning |\n|---|---|---|\n");
        for column in &entry.columns {
            let comment = column.comment.as_deref().unwrap_or_default().replace('|', "\\|");
            writeln!(text, "| `{}` | {} | {comment} |", column.name, column.sql_type)?;
        }
    }
    Ok(text)
}

pub(crate) async fn run(source: &Source, as_json: bool) -> anyhow::Result<()> {
    let mut session = source.analyst(None).await?;
    let entries = dictionary(&mut session.connection).await;
    session.close().await;
    let entries = entries?;
    if as_json {
        return entries.iter().try_for_each(|entry| say(&serde_json::to_string(entry)?));
    }
    say(markdown(&entries)?.trim_end())
}
