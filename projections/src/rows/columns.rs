//! Rows column by column: one array for each.

use sqlx::{Arguments as _, Encode, Postgres, Type, error::BoxDynError, postgres::PgArguments};

/// What a statement takes column by column, in the order of its parameters, after the tenant.
pub(crate) trait Stored: Sized + Sync {
    /// The names of the columns, as in `unnest($2::…, $3::…) AS r (these)`.
    const COLUMNS: &'static [&'static str];

    /// Adds them.
    fn columns(columns: &mut Columns<'_, Self>);
}

/// Rows that are being handed over.
pub(crate) struct Columns<'r, R> {
    rows: &'r [R],
    arguments: Result<PgArguments, BoxDynError>,
}

impl<'r, R: Stored> Columns<'r, R> {
    /// All columns of some rows, behind what the statement takes before them.
    pub(super) fn of(rows: &'r [R], before: PgArguments) -> Result<PgArguments, sqlx::Error> {
        let mut columns = Self { rows, arguments: Ok(before) };
        R::columns(&mut columns);
        columns.arguments.map_err(sqlx::Error::Encode)
    }

    /// The next column.
    pub(crate) fn add<C: 'r>(&mut self, cell: impl Fn(&'r R) -> C)
    where
        Vec<C>: Encode<'r, Postgres> + Type<Postgres>,
    {
        let column: Vec<C> = self.rows.iter().map(cell).collect();
        if let Ok(arguments) = &mut self.arguments
            && let Err(error) = arguments.add(column)
        {
            self.arguments = Err(error);
        }
    }
}

/// Says which fields of a row are its columns, in the order in which its statement takes them.
macro_rules! stored {
    ($row:ty { $($field:ident),+ $(,)? }) => {
        impl $crate::rows::Stored for $row {
            const COLUMNS: &'static [&'static str] = &[$(stringify!($field)),+];

            fn columns(columns: &mut $crate::rows::Columns<'_, Self>) {
                use $crate::rows::Cell as _;
                $(columns.add(|row| row.$field.cell());)+
            }
        }
    };
}
pub(crate) use stored;
