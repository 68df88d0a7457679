//! The backup: the log without read models, and the vault by itself, restored in another database.

use std::process::Command;

use daybook_adapters::{
    embedded_postgres::find_binaries,
    log::PostgresLog,
    postgres::{PoolRole, connect_pool},
    testing::{TestDatabase, postgres::server},
    vault::{MasterKey, SealedLog, Vault},
};
use daybook_domain::{event_log::Position, ids::TenantId, ports::EventLog as _};
use sqlx::{ConnectOptions as _, postgres::PgConnectOptions};
use tempfile::TempDir;

use super::search;

/// A dump of yesterday: everything but read models and keys.
pub(super) struct Backup {
    folder: TempDir,
    url: String,
}

/// The database as PostgreSQL's own programs take it.
fn address(database: &PgConnectOptions) -> String {
    let url = database.to_url_lossy().to_string();
    let (base, rest) = url.split_once('?').unwrap_or((&url, ""));
    let known = rest.split('&').filter(|it| !it.starts_with("statement-cache"));
    format!("{base}?{}", known.collect::<Vec<_>>().join("&"))
}

async fn program(name: &'static str, args: Vec<String>) {
    let done = tokio::task::spawn_blocking(move || {
        let folder = std::env::temp_dir();
        let binaries = find_binaries(None, &folder, None).unwrap();
        Command::new(binaries.dir.join(name)).args(args).output().unwrap()
    });
    let done = done.await.unwrap();
    assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
}

pub(super) async fn dump(database: &TestDatabase) -> Backup {
    let folder = tempfile::tempdir().unwrap();
    let url = address(&database.options);
    let backup = Backup { folder, url };
    let schemas = ["read", "read_next", "read_before", "reporting", "vault"];
    backup.write("yesterday", &schemas.map(|it| format!("--exclude-schema={it}"))).await;
    backup
}

impl Backup {
    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    async fn write(&self, name: &str, which: &[String]) {
        let mut args = vec![format!("--file={}", self.file(name)), self.url.clone()];
        args.extend_from_slice(which);
        program("pg_dump", args).await;
    }

    /// Restored with the keys of today, the log opens, and says nothing of the person.
    pub(super) async fn is_unreadable(&self, tenant: TenantId) {
        search::assert_absent(
            &std::fs::read_to_string(self.file("yesterday")).unwrap(),
            "the dump",
        );
        self.write("keys", &["--schema=vault".to_owned()]).await;
        let restored = server().empty_database().await;
        for name in ["yesterday", "keys"] {
            // Views and rights of read models are missed: migrations and rebuilds make those again.
            let (url, file) = (address(&restored.options), self.file(name));
            program("psql", vec![url, "--quiet".to_owned(), "--file".to_owned(), file]).await;
        }
        let append = connect_pool(restored.options.clone(), PoolRole::Append, 2).await.unwrap();
        let keys = connect_pool(restored.options.clone(), PoolRole::Vault, 2).await.unwrap();
        let vault = Vault::postgres(keys, MasterKey::parse(&"7".repeat(64)).unwrap());
        let log = SealedLog::new(PostgresLog::new(append), vault);
        let events = log.read_tenant(tenant, Position(0), 10_000).await.unwrap();
        assert!(50 < events.len(), "{} events were restored", events.len());
        let text: String = events.iter().map(|event| event.payload.as_str()).collect();
        search::assert_absent(&text, "the restored log");
        assert!(text.contains("\"$erased\""));
    }
}
