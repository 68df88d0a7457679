//! What analysts see: the views of schema `reporting`, what their columns mean, their rows page by
//! page, and which login sees whose.
//!
//! Everything takes a connection of the caller's: that of an analyst, or of the operator who says who
//! is one.

mod analysts;
mod cell;
mod dictionary;
mod pages;
mod session;
mod view;

use sqlx::postgres::PgDatabaseError;
use uuid::Uuid;

pub use self::{
    analysts::{Analyst, grant, list, revoke},
    cell::{Cell, Kind},
    dictionary::{Column, ViewEntry, dictionary},
    pages::{Pages, Selection},
    session::enter,
    view::View,
};

/// Why a report could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The views are not there.
    #[error("there is no schema reporting: migrate the database")]
    NoSchema,
    /// This one is not there.
    #[error("the database has no view {0}")]
    NoView(View),
    /// A range of dates was given for what has none.
    #[error("{0} has no time of its own: --from and --to do not fit")]
    Timeless(View),
    /// A range of dates ends before it begins.
    #[error("--from is after --to")]
    Backwards,
    /// No read model has rows of this tenant.
    #[error("nothing of a tenant {0} is in the read models")]
    NothingOf(Uuid),
    /// There is no such tenant.
    #[error("there is no tenant {0}")]
    NoTenant(Uuid),
    /// A column has a type that no file has.
    #[error("column {name} is of type {sql_type}: no file has it")]
    Unwritable {
        /// The column.
        name: String,
        /// Its type, as PostgreSQL spells it.
        sql_type: String,
    },
    /// PostgreSQL would cut a longer name, and so mean another one.
    #[error("a login has at most 63 bytes")]
    LongLogin,
    /// Nothing to take back.
    #[error("the login {0} is bound to no tenant")]
    NotBound(String),
    /// The session may not take the role of an analyst.
    #[error("the login is no member of daybook_analyst or daybook_app")]
    NoMember(#[source] sqlx::Error),
    /// The login sees another tenant than the one that was asked for.
    #[error("the login does not see that tenant: it is bound to another, or to none")]
    OtherTenant,
    /// The database refused, with its advice.
    #[error("{0}")]
    Refused(String),
    /// The database cannot answer.
    #[error("the database cannot answer")]
    Unavailable(#[from] sqlx::Error),
}

impl ReportError {
    /// What the database says about a grant, with its advice. It quotes logins, nothing else.
    fn told(error: sqlx::Error) -> Self {
        let known =
            error.as_database_error().and_then(|it| it.try_downcast_ref::<PgDatabaseError>());
        let Some(refusal) = known else { return Self::Unavailable(error) };
        Self::Refused(match refusal.hint() {
            Some(hint) => format!("{}. {hint}", refusal.message()),
            None => refusal.message().to_owned(),
        })
    }
}
