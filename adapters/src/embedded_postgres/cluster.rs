//! Making a cluster. It grows under another name and is renamed when it is whole: half an initdb never looks like one.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    process::{Output, Stdio},
};

use rustix::process::Signal;

use super::{
    DATABASE, USER, account,
    config::Layout,
    error::{Doing, EmbeddedError},
    processes,
    program::Programs,
};

/// The major version that made the cluster, if there is one.
pub(super) fn recorded_major(layout: &Layout) -> Option<u32> {
    fs::read_to_string(layout.cluster.join("PG_VERSION")).ok()?.trim().parse().ok()
}

/// Makes the cluster, unless it is there.
pub(super) fn ensure(layout: &Layout, programs: &Programs) -> Result<(), EmbeddedError> {
    if layout.cluster.join("PG_VERSION").exists() {
        return Ok(());
    }
    let unfinished = &layout.unfinished_cluster;
    if unfinished.exists() {
        // An initdb whose launcher was killed may be at work in it for another moment.
        processes::end_all(unfinished)?;
        fs::remove_dir_all(unfinished).doing("remove", unfinished)?;
    }
    account::private_dir(unfinished, programs.account.as_ref())?;
    initdb(unfinished, programs)?;
    create_database(unfinished, programs)?;
    fs::rename(unfinished, &layout.cluster).doing("rename", unfinished)?;
    File::open(&layout.root).and_then(|dir| dir.sync_all()).doing("sync", &layout.root)
}

fn initdb(dir: &Path, programs: &Programs) -> Result<(), EmbeddedError> {
    let output = programs
        .command("initdb", Signal::KILL)
        .args(["-U", USER, "-A", "trust", "--no-locale", "-E", "UTF8", "--data-checksums", "-D"])
        .arg(dir)
        .stdin(Stdio::null())
        .output()
        .doing("run", &programs.dir.join("initdb"))?;
    if output.status.success() {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    if complaint.contains("could not look up effective user ID") {
        let uid = programs.account.as_ref().map_or_else(account::own_uid, |a| a.uid);
        return Err(EmbeddedError::NoPasswdEntry { uid });
    }
    Err(EmbeddedError::Initdb { detail: detail(&output) })
}

/// Adds our database with a server that takes no connections.
fn create_database(dir: &Path, programs: &Programs) -> Result<(), EmbeddedError> {
    let program = programs.dir.join("postgres");
    let mut child = programs
        .command("postgres", Signal::KILL)
        .arg("--single")
        .arg("-D")
        .arg(dir)
        .arg("postgres")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .doing("run", &program)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin
            .write_all(format!("CREATE DATABASE {DATABASE}\n").as_bytes())
            .doing("feed", &program)?;
    }
    let output = child.wait_with_output().doing("run", &program)?;
    // The single-user server ends well even when a statement has failed.
    let failed = [&output.stdout, &output.stderr]
        .iter()
        .any(|text| String::from_utf8_lossy(text).contains("ERROR"));
    if output.status.success() && !failed {
        Ok(())
    } else {
        Err(EmbeddedError::Initdb { detail: detail(&output) })
    }
}

fn detail(output: &Output) -> String {
    let complaint = String::from_utf8_lossy(&output.stderr);
    format!("{} ({})", last_lines(&complaint), output.status)
}

/// The end of a program's output on one line.
pub(super) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(6)..].join(" | ")
}
