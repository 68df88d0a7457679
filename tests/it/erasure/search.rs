//! The search for a person in everything that a database holds.

use sqlx::PgPool;

/// Stands in every text of the person, and nowhere else.
pub(super) const MARK: &str = "zyxqvw";
/// The person's number.
pub(super) const PHONE: &str = "4915198700013";
/// What is left of the numbers however they are written.
const DIGITS: [&str; 2] = ["98700013", "98700012"];

/// The texts that give the person away; bytes are shown as hexadecimal digits.
fn needles() -> Vec<String> {
    let plain = DIGITS.into_iter().chain([MARK]);
    plain.flat_map(|text| [text.to_owned(), hex::encode(text)]).collect()
}

pub(super) fn assert_absent(text: &str, what: &str) {
    let text = text.to_lowercase();
    for needle in needles() {
        let at = text.find(&needle).unwrap_or(text.len());
        let from = text.floor_char_boundary(at.saturating_sub(200));
        assert!(at == text.len(), "{what} hold {needle} behind {}", &text[from..at]);
    }
}

/// The tables and views, of any schema, with a row that gives the person away; and the row.
pub(super) async fn found(owner: &PgPool) -> Vec<String> {
    let tables: Vec<(String, String)> = sqlx::query_as(
        "SELECT table_schema, table_name
           FROM information_schema.tables
          WHERE table_schema NOT IN ('pg_catalog', 'information_schema')
          ORDER BY 1, 2",
    )
    .fetch_all(owner)
    .await
    .unwrap();
    assert!(20 < tables.len(), "only {} tables were found", tables.len());
    let mut found = Vec::new();
    for (schema, table) in tables {
        let statement = format!(
            "SELECT t::text FROM {schema}.{table} AS t
              WHERE EXISTS (SELECT FROM unnest($1::text[]) AS n (it)
                             WHERE position(n.it IN lower(t::text)) > 0)"
        );
        let rows: Vec<String> =
            sqlx::query_scalar(&statement).bind(needles()).fetch_all(owner).await.unwrap();
        found.extend(rows.into_iter().map(|row| format!("{schema}.{table}: {row}")));
    }
    found
}
