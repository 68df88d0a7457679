//! Values of rows as PostgreSQL takes them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use daybook_domain::{
    appointment::{AppointmentStatus, BookingType, ModificationKind},
    calendar::CalendarId,
    customer::Consent,
    ids::{
        AppointmentId, BranchId, ClaimId, CompanyId, CustomerId, HoldId, PhaseId, SeriesId,
        ServiceId, StaffId,
    },
    money::Currency,
    phase::PhasePlan,
    policy::PolicyOutcome,
};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// A value of a row, and what a column of it is an array of.
pub(crate) trait Cell {
    /// Whole numbers are `bigint`; arrays are spelled as text, for PostgreSQL has no arrays of arrays
    /// of different lengths.
    type Sql<'c>
    where
        Self: 'c;

    /// The value as it is sent.
    fn cell(&self) -> Self::Sql<'_>;
}

impl<C: Cell> Cell for Option<C> {
    type Sql<'c>
        = Option<C::Sql<'c>>
    where
        C: 'c;

    fn cell(&self) -> Self::Sql<'_> {
        self.as_ref().map(Cell::cell)
    }
}

impl Cell for String {
    type Sql<'c> = &'c str;

    fn cell(&self) -> &str {
        self
    }
}

impl<'t> Cell for &'t str {
    type Sql<'c>
        = &'t str
    where
        't: 'c;

    fn cell(&self) -> &'t str {
        self
    }
}

macro_rules! cells {
    ($($kind:ty => $sql:ty: |$it:ident| $cell:expr),+ $(,)?) => {$(
        impl Cell for $kind {
            type Sql<'c> = $sql;

            fn cell(&self) -> $sql {
                let $it = self;
                $cell
            }
        }
    )+};
}

cells! {
    bool => bool: |it| *it,
    i64 => i64: |it| *it,
    u16 => i64: |it| i64::from(*it),
    u32 => i64: |it| i64::from(*it),
    // Positions and revisions; the log keeps them as `bigint`.
    u64 => i64: |it| it.cast_signed(),
    Uuid => Uuid: |it| *it,
    DateTime<Utc> => DateTime<Utc>: |it| *it,
    NaiveDate => NaiveDate: |it| *it,
    NaiveDateTime => NaiveDateTime: |it| *it,
    Vec<NaiveDateTime> => String: |it| array(it.iter().map(|at| at.format("%FT%T").to_string())),
    chrono_tz::Tz => &'static str: |it| it.name(),
    CalendarId => String: |it| it.to_string(),
    Currency => String: |it| it.to_string(),
    BTreeSet<Consent> => String: |it| array(it.iter().filter_map(spelled)),
}

macro_rules! ids {
    ($($id:ty),+ $(,)?) => {$(
        impl Cell for $id {
            type Sql<'c> = Uuid;

            fn cell(&self) -> Uuid {
                self.uuid()
            }
        }

        impl Cell for Vec<$id> {
            type Sql<'c> = String;

            fn cell(&self) -> String {
                array(self.iter().map(ToString::to_string))
            }
        }
    )+};
}

ids!(
    AppointmentId,
    BranchId,
    ClaimId,
    CompanyId,
    CustomerId,
    HoldId,
    PhaseId,
    SeriesId,
    ServiceId,
    StaffId
);

/// Values of a list are sent as their JSON spells them, and read back from there.
macro_rules! spelled_as_in_json {
    ($($kind:ty),+ $(,)?) => {$(
        impl $crate::rows::Cell for $kind {
            type Sql<'c> = Option<String>;

            fn cell(&self) -> Option<String> {
                $crate::rows::spelled(self)
            }
        }
    )+};
}
pub(crate) use spelled_as_in_json;

spelled_as_in_json!(AppointmentStatus, BookingType, ModificationKind);

/// Values that a column holds as JSON.
macro_rules! kept_as_json {
    ($($kind:ty),+ $(,)?) => {$(
        impl $crate::rows::Cell for $kind {
            type Sql<'c> = sqlx::types::Json<&'c Self>;

            fn cell(&self) -> sqlx::types::Json<&Self> {
                sqlx::types::Json(self)
            }
        }
    )+};
}
pub(crate) use kept_as_json;

kept_as_json!(Vec<PhasePlan>, PolicyOutcome, Value, BTreeMap<AppointmentId, i64>);

/// A value of a list in words; a column that is not null refuses what has none.
pub(crate) fn spelled(it: &impl Serialize) -> Option<String> {
    match serde_json::to_value(it) {
        Ok(Value::String(word)) => Some(word),
        Ok(_) | Err(_) => None,
    }
}

/// `{a,b}`, of words that need no quotes.
fn array(words: impl Iterator<Item = String>) -> String {
    let mut text = String::from("{");
    for (no, word) in words.enumerate() {
        if 0 < no {
            text.push(',');
        }
        text.push_str(&word);
    }
    text.push('}');
    text
}
