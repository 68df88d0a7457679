//! What a reviewer would say twice: the shape of the repository, checked.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Longest file that passes. 300 lines are wanted.
const MAX_LINES: usize = 500;

/// Who may depend on whom: `domain <- projections <- adapters <- api`; `tests` uses everything.
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("migrations", &[]),
    ("projections", &["domain"]),
    ("adapters", &["domain", "projections", "migrations"]),
    ("api", &["domain", "projections", "adapters", "migrations"]),
    ("replay-tools", &["domain", "projections", "adapters", "migrations"]),
    ("tests", &["domain", "projections", "adapters", "api", "migrations", "replay-tools"]),
];

#[test]
fn every_crate_depends_only_on_the_crates_below_it() {
    for (name, allowed) in MAY_USE {
        let manifest = read(&root().join(name).join("Cargo.toml"));
        let dependencies = manifest.split("[dev-dependencies]").next().unwrap();
        for (other, _) in MAY_USE {
            let uses = dependencies.contains(&format!("\ndaybook-{other}"));
            assert!(!uses || allowed.contains(other), "{name} must not use {other}");
        }
    }
}

#[test]
fn every_crate_inherits_the_lints_and_declares_no_version_of_its_own() {
    for (name, _) in MAY_USE {
        let manifest = read(&root().join(name).join("Cargo.toml"));
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{name} does not inherit the lints"
        );
        let dependencies = manifest
            .lines()
            .skip_while(|line| !line.contains("dependencies]"))
            .filter(|line| line.contains(" = ") || line.contains(".workspace"));
        let versions: Vec<_> = dependencies.filter(|line| line.contains("version")).collect();
        assert!(versions.is_empty(), "{name}: {versions:?} belong into the root Cargo.toml");
    }
}

#[test]
fn every_source_file_says_what_it_is_and_stays_short() {
    let mut faults = Vec::new();
    for path in files("rs") {
        let text = read(&path);
        let lines = text.lines().count();
        if !text.starts_with("//!") {
            faults.push(format!("{}: the first line must be `//! what it is`", shown(&path)));
        }
        if MAX_LINES < lines {
            faults.push(format!("{}: {lines} lines, {MAX_LINES} at most", shown(&path)));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn the_domain_reads_no_clock_and_names_no_runtime() {
    const FORBIDDEN: &[&str] =
        &["Utc::now", "Local::now", "SystemTime", "Instant::now", "new_v4", "now_v7", "sqlx"];
    for path in files("rs") {
        if !shown(&path).starts_with("domain/src") {
            continue;
        }
        let text = read(&path);
        for word in FORBIDDEN {
            assert!(!text.contains(word), "{} names {word}", shown(&path));
        }
    }
}

#[test]
fn ddl_stands_in_migrations_only() {
    const DDL: &[&str] = &["CREATE TABLE", "ALTER TABLE", "DROP TABLE", "CREATE INDEX"];
    for path in files("rs").into_iter().chain(files("sql")) {
        let name = shown(&path);
        // Tests try whether it is refused.
        let is_test = name.starts_with("tests/") || name.contains("/tests");
        if name.starts_with("migrations/") || is_test {
            continue;
        }
        let text = read(&path);
        let code = text.split("#[cfg(test)]").next().unwrap();
        for word in DDL {
            assert!(!code.contains(word), "{name} holds DDL: {word}");
        }
    }
}

#[test]
fn every_statement_names_the_tenant() {
    for path in files("sql") {
        let name = shown(&path);
        if name.starts_with("migrations/") {
            continue;
        }
        let text = read(&path);
        let says_why = text.starts_with("-- across tenants:");
        assert!(says_why || text.contains("tenant_id"), "{name} does not name the tenant");
    }
}

/// Those of the folder `queries` are examples, for people.
#[test]
fn statements_stand_in_the_crates_that_hold_connections() {
    const STATEMENTS: &[&str] =
        &["sqlx::query", "query_as(", "query_scalar(", "raw_sql(", ".sql\")", "QueryBuilder"];
    let holds_none = |name: &str| {
        ["api/src/", "domain/src/", "replay-tools/src/"].iter().any(|it| name.starts_with(it))
    };
    let mut faults = Vec::new();
    for path in files("sql") {
        let name = shown(&path);
        let is_elsewhere =
            ["api/", "domain/", "replay-tools/"].iter().any(|it| name.starts_with(it));
        if is_elsewhere && !name.contains("/queries/") {
            faults.push(name);
        }
    }
    for path in files("rs") {
        let (name, text) = (shown(&path), read(&path));
        let words = STATEMENTS.iter().filter(|word| holds_none(&name) && text.contains(**word));
        faults.extend(words.map(|word| format!("{name} holds a statement: {word}")));
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn migrations_are_named_by_time_and_purpose() {
    let mut seen = BTreeMap::new();
    for path in files("sql") {
        let name = shown(&path);
        let Some(file) = name.strip_prefix("migrations/") else { continue };
        let (stamp, purpose) = file.split_once('_').expect("a timestamp, an underscore, a purpose");
        assert_eq!(stamp.len(), 14, "{file}: a timestamp has 14 digits");
        assert!(stamp.bytes().all(|byte| byte.is_ascii_digit()), "{file}: digits first");
        assert!(purpose.contains('_'), "{file}: verb and object");
        assert_eq!(
            seen.insert(stamp.to_owned(), file.to_owned()),
            None,
            "{file}: stamp used twice"
        );
    }
    assert!(!seen.is_empty(), "no migration was found");
}

#[test]
fn the_readme_names_the_two_commands() {
    let readme = read(&root().join("README.md"));
    assert!(readme.contains("\n    cargo run --release -- demo"), "the run command");
    assert!(readme.contains("\n    cargo test --workspace"), "the test command");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace").into()
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("a file of the repository can be read")
}

fn files(extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for (name, _) in MAY_USE {
        collect(&root().join(name), extension, &mut found);
    }
    assert!(!found.is_empty(), "no .{extension} file was found");
    found.sort();
    found
}

fn collect(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder can be read").flatten() {
        let path = entry.path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "target") {
                collect(&path, extension, found);
            }
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}
