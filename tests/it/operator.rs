//! Commands of an operator beside a server that runs on the private PostgreSQL of a data directory.

#![expect(clippy::unwrap_used, reason = "what a test cannot have fails it")]

use std::{ffi::OsString, fs, path::Path, process::ExitCode};

use daybook_adapters::{
    embedded_postgres::EmbeddedPostgres,
    log::PostgresLog,
    postgres::{PoolRole, connect_pool},
};
use daybook_domain::{event_log::Head, ports::EventLog as _};
use daybook_testkit::child::Program;

/// Runs `daybook` in this process; whether it ended well.
fn daybook(data_dir: &Path, args: &[&str]) -> bool {
    let before = ["daybook", "--data-dir", data_dir.to_str().unwrap()];
    let args: Vec<OsString> = before.iter().chain(args).map(OsString::from).collect();
    format!("{:?}", daybook_api::program::run(args)) == format!("{:?}", ExitCode::SUCCESS)
}

/// Where every history of the running server stands.
fn heads(data_dir: &Path) -> Vec<Head> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let options = EmbeddedPostgres::running(data_dir).unwrap();
        let pool = connect_pool(options, PoolRole::Append, 1).await.unwrap();
        PostgresLog::new(pool).heads(None, 100).await.unwrap()
    })
}

#[test]
fn tenants_keys_and_files_are_seen_to_beside_a_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path();
    let running = Program::demo(data_dir);
    let demo = heads(data_dir)[0].tenant.to_string();

    let create = ["tenant", "create", "--name", "Second", "--key", "second"];
    assert!(daybook(data_dir, &create));
    assert!(daybook(data_dir, &create), "repeating it is fine");
    assert_eq!(heads(data_dir).len(), 2, "the same key makes one tenant");
    let other = ["tenant", "create", "--name", "Third", "--key", "second"];
    assert!(!daybook(data_dir, &other), "the same key with another name is refused");
    let key = ["key", "create", "--tenant", &demo, "--name", "till", "--scope", "bookings:read"];
    assert!(daybook(data_dir, &key));

    // A file is applied whole or not at all.
    let file = data_dir.join("tenant.yaml");
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../api/demo/salon.yaml"));
    let text = text.unwrap();
    let before = heads(data_dir);
    let args = ["apply", "--tenant", &demo, "--file", file.to_str().unwrap()];
    fs::write(&file, text.replace("staff: [bela, david]", "staff: [bela, dawid]")).unwrap();
    assert!(!daybook(data_dir, &args), "a ref that nothing has");
    let renamed = text.replace("name: Mitte", "name: Centre");
    fs::write(&file, renamed.replace("name: Beard trim", "name: Cut men")).unwrap();
    assert!(!daybook(data_dir, &args), "a name that is taken");
    assert_eq!(heads(data_dir), before, "a refused file changes nothing");
    fs::write(&file, &renamed).unwrap();
    assert!(daybook(data_dir, &[&args[..], &["--dry-run"]].concat()));
    assert_eq!(heads(data_dir), before, "a dry run changes nothing");
    assert!(daybook(data_dir, &args));
    let after = heads(data_dir);
    assert_ne!(after, before);
    assert!(daybook(data_dir, &args));
    assert_eq!(heads(data_dir), after, "repeating it changes nothing");
    // Without a service, and with --prune, it is offered no more.
    let (kept, _) = renamed.split_once("      - ref: \"beard\"").unwrap();
    fs::write(&file, kept).unwrap();
    assert!(daybook(data_dir, &args));
    assert_eq!(heads(data_dir), after, "without --prune what is not in the file stays");
    assert!(daybook(data_dir, &[&args[..], &["--prune"]].concat()));
    assert_ne!(heads(data_dir), after);

    // The master key is replaced under the running server, which goes on.
    let old = fs::read_to_string(data_dir.join("master.key")).unwrap();
    assert!(daybook(data_dir, &["key", "rotate-master"]));
    assert_ne!(fs::read_to_string(data_dir.join("master.key")).unwrap(), old);
    assert!(daybook(
        data_dir,
        &["key", "create", "--tenant", &demo, "--name", "b", "--scope", "admin"]
    ));
    assert!(daybook(data_dir, &["key", "rotate-master", "--complete"]));
    assert!(!daybook(data_dir, &["--master-key", old.trim(), "key", "list", "--tenant", &demo]));
    drop(running);
}
