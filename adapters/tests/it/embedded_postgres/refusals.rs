//! What is refused, and that the message says what to do.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    time::{Duration, Instant},
};

use super::{
    config, data_dir, data_dir_with_cluster, fake_programs, refusal, skipped_unless_root, start,
};

#[test]
fn a_second_server_on_the_same_directory_is_refused_by_name() {
    let dir = data_dir_with_cluster();
    let first = start(dir.path());
    let message = refusal(&config(dir.path()));
    assert!(message.contains("in use by another Daybook"), "{message}");
    assert!(message.contains(&format!("(process {})", std::process::id())), "{message}");
    assert!(message.contains("--data-dir"), "{message}");
    assert!(first.pid().is_some(), "the first one must not be disturbed");
}

#[test]
fn a_directory_that_is_just_being_left_is_waited_for() {
    let dir = data_dir_with_cluster();
    let leaving = start(dir.path());
    let mut patient = config(dir.path());
    patient.lock_wait = Duration::from_secs(20);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| leaving.stop());
        let next = daybook_adapters::embedded_postgres::EmbeddedPostgres::start(&patient).unwrap();
        assert!(next.pid().is_some());
    });
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_cluster_of_another_version_is_left_alone() {
    let dir = data_dir();
    fs::create_dir(dir.path().join("pg")).unwrap();
    fs::write(dir.path().join("pg/PG_VERSION"), "12\n").unwrap();
    let message = refusal(&config(dir.path()));
    assert!(message.contains("made by PostgreSQL 12"), "{message}");
    assert!(message.contains("daybook db upgrade"), "{message}");
    assert_eq!(fs::read_to_string(dir.path().join("pg/PG_VERSION")).unwrap(), "12\n");
}

#[test]
fn a_directory_that_the_server_cannot_reach_is_named() {
    if skipped_unless_root() {
        return;
    }
    let closed = data_dir();
    fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let message = refusal(&config(&closed.path().join("inside")));
    assert!(message.contains("may not pass through"), "{message}");
    assert!(message.contains(closed.path().to_str().unwrap()), "{message}");
    assert!(message.contains("/var/lib/daybook"), "{message}");
}

#[test]
fn a_user_without_a_passwd_line_is_explained() {
    if skipped_unless_root() {
        return;
    }
    let dir = data_dir();
    let mut nobody_known = config(dir.path());
    nobody_known.run_as = Some("54321:54321".to_owned());
    let message = refusal(&nobody_known);
    assert!(message.contains("user id 54321 has no entry in the passwd database"), "{message}");
    assert!(message.contains("DATABASE_URL"), "{message}");
}

#[test]
fn the_complaint_about_a_missing_passwd_line_is_recognised_for_every_user() {
    let dir = data_dir();
    let programs = fake_programs(
        "echo 'initdb: error: could not look up effective user ID 77: user does not exist' >&2; exit 1",
    );
    let mut faked = config(dir.path());
    faked.pg_bin = Some(programs.path().to_path_buf());
    assert!(refusal(&faked).contains("no entry in the passwd database"));
}

#[test]
fn a_failed_initdb_leaves_no_cluster_behind() {
    let dir = data_dir();
    let programs = fake_programs("echo 'initdb: error: out of ink' >&2; exit 1");
    let mut faked = config(dir.path());
    faked.pg_bin = Some(programs.path().to_path_buf());
    let message = refusal(&faked);
    assert!(message.contains("out of ink"), "{message}");
    assert!(!dir.path().join("pg").exists());
    start(dir.path());
}

#[test]
fn a_server_that_does_not_start_points_to_its_log() {
    let dir = data_dir_with_cluster();
    fs::remove_file(dir.path().join("pg/global/pg_control")).unwrap();
    let message = refusal(&config(dir.path()));
    assert!(message.contains("pg_control"), "{message}");
    assert!(message.contains("postgres.log"), "{message}");
}
