//! From an empty directory to a server.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
};

use super::{ask, data_dir, data_dir_with_cluster, start};

#[test]
fn an_empty_directory_becomes_a_durable_private_server() {
    let dir = data_dir();
    // Half of an initdb that was killed.
    fs::create_dir(dir.path().join("pg.new")).unwrap();
    fs::write(dir.path().join("pg.new/PG_VERSION"), "15\n").unwrap();
    let server = start(dir.path());
    for (setting, value) in [
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("synchronous_commit", "on"),
        ("data_checksums", "on"),
        ("listen_addresses", ""),
        ("unix_socket_permissions", "0700"),
        ("shared_buffers", "128MB"),
        ("max_connections", "60"),
        ("idle_in_transaction_session_timeout", "15s"),
        ("log_lock_waits", "on"),
        ("server_encoding", "UTF8"),
    ] {
        assert_eq!(ask(&server, &format!("SHOW {setting}")), value, "{setting}");
    }
    assert_eq!(ask(&server, "SELECT current_database()::text"), "daybook");
    assert!(!dir.path().join("pg.new").exists());
    for private in ["pg", "run"] {
        let mode = fs::metadata(dir.path().join(private)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{private}");
    }
}

#[test]
fn the_server_is_never_root_and_has_a_process_group_of_its_own() {
    let dir = data_dir_with_cluster();
    let server = start(dir.path());
    let pid = server.pid().unwrap();
    assert_ne!(fs::metadata(format!("/proc/{pid}")).unwrap().uid(), 0);
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // Behind the name: state, parent, process group.
    let group = stat.rsplit(')').next().unwrap().split_whitespace().nth(2).unwrap();
    assert_eq!(group, pid.to_string());
}

#[test]
fn a_long_path_gets_a_short_socket_directory_that_goes_with_the_server() {
    let dir = data_dir_with_cluster();
    let long = dir.path().join("x".repeat(70)).join("y".repeat(70));
    fs::create_dir_all(&long).unwrap();
    if super::is_root() {
        // The directories above the data directory must let the server's account through.
        for parent in long.ancestors().take(3) {
            fs::set_permissions(parent, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    fs::rename(dir.path().join("pg"), long.join("pg")).unwrap();
    let server = start(&long);
    let socket_dir = server.socket_dir().to_path_buf();
    assert!(!socket_dir.starts_with(&long), "{}", socket_dir.display());
    assert_eq!(ask(&server, "SELECT 'reached'"), "reached");
    server.stop();
    assert!(!socket_dir.exists());
}

#[test]
fn what_was_stored_is_there_after_an_orderly_restart() {
    let dir = data_dir_with_cluster();
    let server = start(dir.path());
    let pid = server.pid().unwrap();
    assert_eq!(ask(&server, "SELECT set_config('x.y', 'z', false)"), "z");
    ask(&server, "WITH made AS (SELECT lo_from_bytea(4711, 'kept')) SELECT 'x' FROM made");
    server.stop();
    assert!(!fs::exists(format!("/proc/{pid}")).unwrap(), "stop() returned too early");
    assert!(!dir.path().join("pg/postmaster.pid").exists(), "the shutdown was not orderly");
    let again = start(dir.path());
    assert_eq!(ask(&again, "SELECT convert_from(lo_get(4711), 'UTF8')"), "kept");
}

#[test]
fn the_server_outlives_the_thread_that_asked_for_it() {
    let dir = data_dir_with_cluster();
    let path = dir.path().to_path_buf();
    let server = std::thread::spawn(move || start(&path)).join().unwrap();
    // The kernel's signal would have begun a shutdown by the time a second session is through.
    for _ in 0..2 {
        assert_eq!(ask(&server, "SELECT 'alive'"), "alive");
    }
    assert_eq!(server.restarts(), 0);
}

#[test]
fn async_callers_start_and_stop_it_too() {
    let dir = data_dir_with_cluster();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        use daybook_adapters::embedded_postgres::EmbeddedPostgres;
        let server = EmbeddedPostgres::start_async(super::config(dir.path())).await.unwrap();
        let pid = server.pid().unwrap();
        server.stop_async().await;
        assert!(!fs::exists(format!("/proc/{pid}")).unwrap());
    });
}
