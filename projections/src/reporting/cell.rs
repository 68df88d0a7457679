//! The value of a column, in the few types that the views have.

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};
use serde_json::Value;
use sqlx::{Row as _, postgres::PgRow};
use uuid::Uuid;

use super::{Column, ReportError};

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Yes or no.
    Bool,
    /// A whole number.
    Int,
    /// Text.
    Text,
    /// An id.
    Uuid,
    /// An instant.
    Instant,
    /// A date and time of day without a zone.
    Local,
    /// A date.
    Date,
    /// A JSON document.
    Json,
    /// A list of ids.
    Uuids,
    /// A list of texts.
    Texts,
}

impl Kind {
    /// The kind of a column as the catalogue spells its type.
    pub(super) fn of(column: &Column) -> Result<Self, ReportError> {
        Ok(match column.sql_type.as_str() {
            "boolean" => Self::Bool,
            "bigint" => Self::Int,
            "text" => Self::Text,
            "uuid" => Self::Uuid,
            "timestamp with time zone" => Self::Instant,
            "timestamp without time zone" => Self::Local,
            "date" => Self::Date,
            "jsonb" => Self::Json,
            "uuid[]" => Self::Uuids,
            "text[]" => Self::Texts,
            other => {
                let (name, sql_type) = (column.name.clone(), other.to_owned());
                return Err(ReportError::Unwritable { name, sql_type });
            }
        })
    }

    /// Reads a column of a row.
    pub(super) fn read(self, row: &PgRow, column: usize) -> Result<Cell, sqlx::Error> {
        let cell = match self {
            Self::Bool => row.try_get::<Option<bool>, _>(column)?.map(Cell::Bool),
            Self::Int => row.try_get::<Option<i64>, _>(column)?.map(Cell::Int),
            Self::Text => row.try_get::<Option<String>, _>(column)?.map(Cell::Text),
            Self::Uuid => row.try_get::<Option<Uuid>, _>(column)?.map(Cell::Uuid),
            Self::Instant => row.try_get::<Option<DateTime<Utc>>, _>(column)?.map(Cell::Instant),
            Self::Local => row.try_get::<Option<NaiveDateTime>, _>(column)?.map(Cell::Local),
            Self::Date => row.try_get::<Option<NaiveDate>, _>(column)?.map(Cell::Date),
            Self::Json => row.try_get::<Option<Value>, _>(column)?.map(Cell::Json),
            Self::Uuids => row.try_get::<Option<Vec<Uuid>>, _>(column)?.map(|ids| {
                Cell::Json(ids.iter().map(|id| Value::String(id.to_string())).collect())
            }),
            Self::Texts => row
                .try_get::<Option<Vec<String>>, _>(column)?
                .map(|texts| Cell::Json(texts.into_iter().map(Value::String).collect())),
        };
        Ok(cell.unwrap_or(Cell::Null))
    }
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// NULL.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Text.
    Text(String),
    /// An id.
    Uuid(Uuid),
    /// An instant.
    Instant(DateTime<Utc>),
    /// A date and time of day without a zone.
    Local(NaiveDateTime),
    /// A date.
    Date(NaiveDate),
    /// A JSON document, or a list.
    Json(Value),
}

impl Cell {
    /// As a field of text; nothing for NULL.
    pub fn text(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Bool(it) => it.to_string(),
            Self::Int(it) => it.to_string(),
            Self::Text(it) => it.clone(),
            Self::Uuid(it) => it.to_string(),
            Self::Instant(it) => it.to_rfc3339_opts(SecondsFormat::Micros, true),
            Self::Local(it) => it.format("%Y-%m-%dT%H:%M:%S%.6f").to_string(),
            Self::Date(it) => it.to_string(),
            Self::Json(it) => it.to_string(),
        }
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Bool(it) => serializer.serialize_bool(*it),
            Self::Int(it) => serializer.serialize_i64(*it),
            Self::Json(it) => it.serialize(serializer),
            Self::Text(_) | Self::Uuid(_) | Self::Instant(_) | Self::Local(_) | Self::Date(_) => {
                serializer.serialize_str(&self.text())
            }
        }
    }
}
