//! The names of tables and of aggregates; what is read from a real stock system is tested where it
//! is imported.

use daybook_domain::registry::AGGREGATES;

use super::{TableName, TableNameError, aggregates};

#[test]
fn every_aggregate_of_daybook_can_be_read() {
    let known: Vec<_> = AGGREGATES.iter().map(|kind| kind.aggregate_type).collect();
    assert_eq!(aggregates::TYPES, known);
}

#[test]
fn a_name_of_a_table_is_letters_digits_and_underscores_after_a_schema_or_without() {
    for good in ["events", "booking.events", "_e1", "Events"] {
        assert_eq!(good.parse::<TableName>().map(|name| name.to_string()), Ok(good.to_owned()));
    }
    let long = "e".repeat(64);
    for bad in ["", "a.b.c", "events;", "\"events\"", "1e", "a..b", ".e", "a b", "é", &long] {
        assert_eq!(bad.parse::<TableName>(), Err(TableNameError), "{bad}");
    }
}
