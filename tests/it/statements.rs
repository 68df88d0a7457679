//! Every `.sql` file that a module keeps beside itself is one statement that the migrated schema
//! can prepare.

#![expect(clippy::unwrap_used, reason = "what a test cannot have fails it")]

use std::path::{Path, PathBuf};

use daybook_adapters::testing::TestDatabase;
use sqlx::{Connection as _, Executor as _, PgConnection};

#[tokio::test]
async fn every_statement_fits_the_schema() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for crate_name in ["projections", "adapters"] {
        sql_files(&root.join(crate_name).join("src"), &mut files);
    }
    assert!(20 < files.len(), "only {} statements were found", files.len());
    let database = TestDatabase::new().await;
    let mut connection = PgConnection::connect_with(&database.options).await.unwrap();
    connection.execute("SET search_path = read").await.unwrap();
    let mut problems = Vec::new();
    for file in files {
        let statement = std::fs::read_to_string(&file).unwrap();
        if let Err(error) = connection.prepare(&statement).await {
            problems.push(format!("{}: {error}", file.display()));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

fn sql_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sql_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "sql") {
            found.push(path);
        }
    }
}

/// A server may have other zones than we do, and legacy names are a package of their own: what is local is
/// computed where zones are known.
#[test]
fn no_statement_asks_the_server_for_a_zone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for folder in ["projections/src", "adapters/src", "replay-tools", "migrations"] {
        sql_files(&root.join(folder), &mut files);
    }
    assert!(60 < files.len(), "only {} files were found", files.len());
    let mut faults = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap().to_uppercase().replace("''", "'");
        let zones = text.matches("AT TIME ZONE").count() + text.matches("TIMEZONE(").count();
        if zones != text.matches("AT TIME ZONE 'UTC'").count() {
            faults.push(file.display().to_string());
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
