//! The files hold what the views do, in types that other programs know.

use std::{ffi::OsString, fs, path::Path, process::ExitCode};

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta};
use daybook_replay_tools::{Exported, Format, View, Wish, export_view, run};
use parquet::{
    file::reader::{FileReader as _, SerializedFileReader},
    record::Field,
};
use serde_json::Value;
use tempfile::TempDir;
use uuid::Uuid;

use super::Filled;
use crate::replay::source;

const EVERYTHING: Wish =
    Wish { view: View::Appointments, format: Format::Parquet, from: None, to: None };

async fn export(filled: &Filled, wish: Wish, out: &Path) -> Result<Exported, String> {
    let mut session = source(&filled.app.database).analyst(Some(filled.tenant)).await.unwrap();
    let outcome = export_view(&mut session, &wish, out).await;
    session.close().await;
    outcome.map_err(|error| format!("{error:#}"))
}

/// The rows of a view in the order of the file.
async fn rows(filled: &mut Filled, view: View, order: &str) -> Vec<Value> {
    let set = "SELECT set_config('app.tenant_id', $1, false)";
    sqlx::query(set).bind(filled.tenant.to_string()).execute(&mut filled.owner).await.unwrap();
    let query = format!("SELECT to_jsonb(v) FROM reporting.{view} AS v ORDER BY {order}");
    sqlx::query_scalar(&query).fetch_all(&mut filled.owner).await.unwrap()
}

/// Whether a field of a Parquet file is what SQL says.
fn is_same(field: &Field, sql: &Value) -> bool {
    match (field, sql) {
        (Field::Null, Value::Null) => true,
        (Field::Bool(it), Value::Bool(sql)) => it == sql,
        (Field::Long(it), Value::Number(sql)) => Some(*it) == sql.as_i64(),
        (Field::TimestampMicros(it), Value::String(sql)) => {
            let local = || sql.parse::<NaiveDateTime>().unwrap().and_utc();
            let instant =
                DateTime::parse_from_rfc3339(sql).map_or_else(|_no_zone| local(), Into::into);
            instant.timestamp_micros() == *it
        }
        (Field::Date(it), Value::String(sql)) => {
            let date = NaiveDate::default() + TimeDelta::days(i64::from(*it));
            date.to_string() == *sql
        }
        (Field::Bytes(it), Value::String(sql)) => {
            Uuid::from_slice(it.data()).unwrap().to_string() == *sql
        }
        (Field::Str(it), Value::String(sql)) => it == sql,
        (Field::Str(it), sql) => serde_json::from_str::<Value>(it).unwrap() == *sql,
        (Field::Bytes(it), sql) => serde_json::from_slice::<Value>(it.data()).unwrap() == *sql,
        _ => false,
    }
}

#[tokio::test]
async fn a_parquet_file_holds_what_the_view_does() {
    let mut filled = Filled::new().await;
    let directory = TempDir::new().unwrap();
    for (view, order) in [
        (View::Activity, "position"),
        (View::Appointments, "appointment_id"),
        (View::Branches, "branch_id"),
        (View::Customers, "customer_id"),
        (View::Modifications, "appointment_id"),
        (View::Phases, "appointment_id, phase_number"),
        (View::PolicyViolations, "appointment_id, modification"),
        (View::Services, "service_id"),
        (View::Staff, "staff_id"),
        (View::UtilisationDaily, "local_date, branch_id, staff_id, service_id"),
    ] {
        let out = directory.path().join(format!("{view}.parquet"));
        let exported = export(&filled, Wish { view, ..EVERYTHING }, &out).await.unwrap();
        let wanted = rows(&mut filled, view, order).await;
        assert!(!wanted.is_empty(), "{view} is empty");
        let reader = SerializedFileReader::new(fs::File::open(&out).unwrap()).unwrap();
        let metadata = reader.metadata().file_metadata();
        assert_eq!(usize::try_from(metadata.num_rows()).unwrap(), wanted.len());
        let notes = metadata.key_value_metadata().unwrap();
        let note = |key: &str| {
            notes.iter().find(|note| note.key == key).and_then(|note| note.value.clone()).unwrap()
        };
        assert_eq!(note("daybook.tenant"), filled.tenant.to_string());
        assert_eq!(note("daybook.position"), exported.position.to_string());
        assert!(note("daybook.meaning").starts_with("One row per"));
        for (row, wanted) in reader.get_row_iter(None).unwrap().zip(&wanted) {
            let row = row.unwrap();
            let columns: Vec<_> = row.get_column_iter().collect();
            assert_eq!(columns.len(), wanted.as_object().unwrap().len(), "{view}");
            for (name, field) in columns {
                assert!(is_same(field, &wanted[name]), "{view}.{name}: {field} {}", wanted[name]);
            }
        }
    }
    // For programs other than this one.
    if let Some(kept) = std::env::var_os("DAYBOOK_KEEP_FILES") {
        for file in fs::read_dir(directory.path()).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), Path::new(&kept).join(file.file_name())).unwrap();
        }
    }
}

#[tokio::test]
async fn lines_hold_what_the_view_does() {
    let mut filled = Filled::new().await;
    let directory = TempDir::new().unwrap();
    let wanted = rows(&mut filled, View::Appointments, "appointment_id").await;
    let ndjson = directory.path().join("a.ndjson");
    export(&filled, Wish { format: Format::Ndjson, ..EVERYTHING }, &ndjson).await.unwrap();
    let text = fs::read_to_string(&ndjson).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let csv = directory.path().join("a.csv");
    export(&filled, Wish { format: Format::Csv, ..EVERYTHING }, &csv).await.unwrap();
    assert!(fs::read_to_string(&csv).unwrap().starts_with("tenant_id,appointment_id,"));
    let mut reader = csv::Reader::from_path(&csv).unwrap();
    let header = reader.headers().unwrap().clone();
    let records: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!((lines.len(), records.len()), (wanted.len(), wanted.len()));
    for ((line, record), wanted) in lines.iter().zip(&records).zip(&wanted) {
        for (name, field) in header.iter().zip(record) {
            let (found, wanted) = (&line[name], &wanted[name]);
            match wanted {
                Value::String(text) if name.ends_with("_at") => {
                    let micros =
                        |text: &str| DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros();
                    assert_eq!(micros(found.as_str().unwrap()), micros(text), "{name}");
                    assert_eq!(micros(field), micros(text), "{name}");
                }
                Value::String(text) if name.ends_with("_local") => {
                    let local = |text: &str| text.parse::<NaiveDateTime>().unwrap();
                    assert_eq!(local(found.as_str().unwrap()), local(text), "{name}");
                    assert_eq!(local(field), local(text), "{name}");
                }
                Value::String(text) => {
                    assert_eq!((found, field), (wanted, text.as_str()), "{name}");
                }
                Value::Null => assert_eq!((found, field), (wanted, ""), "{name}"),
                _ => assert_eq!((found, field), (wanted, wanted.to_string().as_str()), "{name}"),
            }
        }
    }
}

#[tokio::test]
async fn a_range_of_dates_takes_both_ends_and_a_file_is_never_overwritten() {
    let filled = Filled::new().await;
    let directory = TempDir::new().unwrap();
    let date = |day: u32| NaiveDate::from_ymd_opt(2026, 12, day);
    for (view, from, to, count) in [
        (View::Appointments, date(2), date(7), 4),
        (View::Appointments, date(3), date(7), 1),
        (View::Appointments, None, date(6), 3),
        (View::Appointments, date(9), None, 0),
        (View::UtilisationDaily, date(7), None, 2),
        (View::PolicyViolations, None, None, 1),
        (View::Activity, date(3), None, 0),
    ] {
        for format in [Format::Csv, Format::Parquet, Format::Ndjson] {
            let out = directory.path().join("rows");
            let wish = Wish { view, format, from, to };
            let exported = export(&filled, wish, &out).await.unwrap();
            assert_eq!(exported.rows, count, "{wish:?}");
            let refused = export(&filled, wish, &out).await.unwrap_err();
            assert!(refused.contains("is there already"), "{refused}");
            fs::remove_file(out).unwrap();
        }
    }
    let out = directory.path().join("rows");
    let mut counts = Vec::new();
    for (from, to) in [(None, date(1)), (date(2), date(2)), (None, None)] {
        let wish = Wish { view: View::Activity, format: Format::Csv, from, to };
        counts.push(export(&filled, wish, &out).await.unwrap().rows);
        fs::remove_file(&out).unwrap();
    }
    assert!(!counts.contains(&0) && counts[0] + counts[1] == counts[2], "{counts:?}");
    for (view, from, to) in [(View::Staff, date(2), None), (View::Appointments, date(3), date(2))] {
        let wish = Wish { view, format: Format::Csv, from, to };
        assert!(export(&filled, wish, &out).await.is_err(), "{wish:?}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "nothing is left behind");
}

#[tokio::test]
async fn the_program_writes_a_view_or_the_log() {
    let filled = Filled::new().await;
    let directory = TempDir::new().unwrap();
    let url = source(&filled.app.database).database_url.unwrap();
    let tenant = filled.tenant.to_string();
    let out = |name: &str| directory.path().join(name).display().to_string();
    let program = async |words: &[&str]| {
        let first = ["daybook-replay", "--database-url", &url, "--tenant", &tenant];
        run(first.into_iter().chain(words.to_vec()).map(OsString::from)).await
    };
    let (view, log) = (out("phases.parquet"), out("log.ndjson"));
    let wish = ["export", "--view", "phases", "--format", "parquet", "--out", &view];
    assert_eq!(program(&wish).await, ExitCode::SUCCESS);
    assert_eq!(program(&wish).await, ExitCode::FAILURE, "it is there already");
    assert_eq!(program(&["export", "--out", &log]).await, ExitCode::SUCCESS);
    assert!(fs::read_to_string(&log).unwrap().starts_with("{\"daybook_log\":1"));
    for words in [["dictionary", "--json"].as_slice(), &["dictionary"], &["analyst", "list"]] {
        assert_eq!(program(words).await, ExitCode::SUCCESS);
    }
    let unknown = "no_such_view".parse::<View>().unwrap_err();
    assert!(unknown.contains("appointments, branches"), "{unknown}");
}
