//! The table of a stock system: a name that can stand in a statement, and columns that its repository
//! can read without stumbling.

use std::{fmt, str::FromStr};

use sqlx::PgPool;

use super::StockError;

/// The columns that the repository reads, and the types that it can read.
const COLUMNS: [(&str, &[&str]); 7] = [
    ("aggregate_type", &["text", "character varying"]),
    ("aggregate_id", &["text", "character varying"]),
    ("sequence", &["bigint"]),
    ("event_type", &["text", "character varying"]),
    ("event_version", &["text", "character varying"]),
    ("payload", &["json", "jsonb"]),
    ("metadata", &["json", "jsonb"]),
];

/// A table, with or without its schema: `events`, `booking.events`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableName(Vec<String>);

/// A text that is no name of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a table is named as `events` or `schema.events`: letters, digits and underscores, at most 63 each"
)]
pub struct TableNameError;

impl FromStr for TableName {
    type Err = TableNameError;

    fn from_str(text: &str) -> Result<Self, TableNameError> {
        let parts: Vec<String> = text.split('.').map(str::to_owned).collect();
        let is_name = |part: &String| {
            let mut bytes = part.bytes();
            bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
                && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                && part.len() < 64
        };
        if parts.len() <= 2 && parts.iter().all(is_name) {
            Ok(Self(parts))
        } else {
            Err(TableNameError)
        }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

impl TableName {
    /// As it stands in a statement; exactly as it was spelled.
    pub(super) fn quoted(&self) -> String {
        let quoted: Vec<String> = self.0.iter().map(|part| format!("\"{part}\"")).collect();
        quoted.join(".")
    }

    /// Refuses a table that is not there, or that the stock repository would panic over: a column
    /// that is missing or of another type, a row with a NULL, a negative sequence.
    pub(super) async fn check(&self, pool: &PgPool) -> Result<(), StockError> {
        let wrong = |what: String| StockError::NoEventTable { table: self.clone(), what };
        let found: Vec<(String, String)> = sqlx::query_as(
            "SELECT attname::text, format_type(atttypid, NULL) FROM pg_catalog.pg_attribute \
             WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped",
        )
        .bind(self.quoted())
        .fetch_all(pool)
        .await?;
        if found.is_empty() {
            return Err(wrong("it is not there".to_owned()));
        }
        for (column, types) in COLUMNS {
            let Some((_, kind)) = found.iter().find(|(name, _)| name == column) else {
                return Err(wrong(format!("the column {column} is missing")));
            };
            if !types.contains(&kind.as_str()) {
                return Err(wrong(format!("the column {column} is of type {kind}")));
            }
        }
        let statement = format!(
            "SELECT count(*) FROM {} WHERE num_nulls(aggregate_type, aggregate_id, sequence, \
             event_type, event_version, payload, metadata) > 0 OR sequence < 0",
            self.quoted()
        );
        let broken: i64 = sqlx::query_scalar(&statement).fetch_one(pool).await?;
        if broken == 0 {
            return Ok(());
        }
        Err(wrong(format!("{broken} rows have a NULL or a negative sequence")))
    }
}
