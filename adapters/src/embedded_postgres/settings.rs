//! The settings that the private server is started with. They stand on its command line, so that no edited file can
//! switch durability off or open a port.

use std::ffi::OsString;

use super::config::Layout;

/// The arguments of `postgres`.
pub(super) fn arguments(layout: &Layout, max_connections: u32) -> Vec<OsString> {
    let settings = [
        // Nothing but the socket in a private directory.
        ("listen_addresses", String::new()),
        ("port", "5432".to_owned()),
        ("unix_socket_permissions", "0700".to_owned()),
        // What was acknowledged survives a power failure.
        ("fsync", "on".to_owned()),
        ("full_page_writes", "on".to_owned()),
        ("synchronous_commit", "on".to_owned()),
        ("shared_buffers", "128MB".to_owned()),
        ("max_connections", max_connections.to_string()),
        // A forgotten transaction would hold the head row of a tenant.
        ("idle_in_transaction_session_timeout", "15s".to_owned()),
        ("log_lock_waits", "on".to_owned()),
        // One file, which the launcher opens.
        ("logging_collector", "off".to_owned()),
        ("log_destination", "stderr".to_owned()),
        ("log_line_prefix", "%m [%p] ".to_owned()),
        // Details and contexts of errors quote rows, and rows hold names and phone numbers.
        ("log_error_verbosity", "terse".to_owned()),
        ("log_timezone", "UTC".to_owned()),
        ("timezone", "UTC".to_owned()),
        ("cluster_name", "daybook".to_owned()),
    ];
    let mut arguments: Vec<OsString> = vec![
        "-D".into(),
        layout.cluster.clone().into(),
        "-k".into(),
        layout.socket_dir.clone().into(),
    ];
    for (name, value) in settings {
        arguments.push("-c".into());
        arguments.push(format!("{name}={value}").into());
    }
    arguments
}
