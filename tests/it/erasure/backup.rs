//! The backup: the log without read models, and the vault by itself, restored in another database.

use std::sync::Arc;

use daybook_adapters::{
    clock::RandomIds,
    log::PostgresLog,
    postgres::{PoolRole, connect_pool},
    testing::{TestDatabase, postgres::server},
    vault::{MasterKey, SealedLog, Vault},
};
use daybook_domain::{
    event_log::Position,
    ids::{IdSource as _, TenantId},
    ports::EventLog as _,
};
use daybook_projections::{
    registry::projectors,
    runner::{Runner, RunnerConfig},
};
use daybook_testkit::programs::{address, run};
use sqlx::postgres::PgConnectOptions;
use tempfile::TempDir;

use super::search;

/// A dump of yesterday: everything but read models and keys.
pub(super) struct Backup {
    folder: TempDir,
    url: String,
}

pub(super) async fn dump(database: &TestDatabase) -> Backup {
    let folder = tempfile::tempdir().unwrap();
    let url = address(&database.options);
    let backup = Backup { folder, url };
    let left_out = ["read*.*", "vault.*", "ops.(checkpoints|digests|parked|rebuilds)"];
    let left_out = left_out.map(|it| format!("--exclude-table-data={it}"));
    backup.write("yesterday", &left_out).await;
    backup
}

impl Backup {
    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    async fn write(&self, name: &str, which: &[String]) {
        let mut args = vec![format!("--file={}", self.file(name)), self.url.clone()];
        args.extend_from_slice(which);
        run("pg_dump", args).await;
    }

    /// Restored with the keys of today, the log opens, and says nothing of the person.
    pub(super) async fn is_unreadable(&self, tenant: TenantId) {
        search::assert_absent(
            &std::fs::read_to_string(self.file("yesterday")).unwrap(),
            "the dump",
        );
        let keys = ["--data-only", "--table=vault.*"].map(str::to_owned);
        self.write("keys", &keys).await;
        let restored = server().empty_database().await;
        for name in ["yesterday", "keys"] {
            let (url, file) = (address(&restored.options), self.file(name));
            let args = ["--quiet", "--set=ON_ERROR_STOP=1", "--file"].map(str::to_owned);
            run("psql", [&[url], args.as_slice(), &[file]].concat()).await;
        }
        let append = connect_pool(restored.options.clone(), PoolRole::Append, 2).await.unwrap();
        let keys = connect_pool(restored.options.clone(), PoolRole::Vault, 2).await.unwrap();
        let vault = Vault::open(keys, MasterKey::parse(&"7".repeat(64)).unwrap()).await.unwrap();
        let log = SealedLog::new(PostgresLog::new(append), vault);
        let events = log.read_tenant(tenant, Position(0), 10_000).await.unwrap();
        assert!(50 < events.len(), "{} events were restored", events.len());
        let text: String = events.iter().map(|event| event.payload.as_str()).collect();
        search::assert_absent(&text, "the restored log");
        assert!(text.contains("\"$erased\""));
        Self::follows(&restored.options, tenant, log).await;
    }

    /// Read models are made again from the restored log, without the person.
    async fn follows(restored: &PgConnectOptions, tenant: TenantId, log: SealedLog<PostgresLog>) {
        let pool = connect_pool(restored.clone(), PoolRole::Projector, 2).await.unwrap();
        let (id, config) = (RandomIds.next_id(), RunnerConfig::default());
        let runner = Runner::new(id, Arc::new(log), pool.clone(), projectors(), config);
        runner.settle().await.unwrap();
        assert!(runner.parked(tenant).await.unwrap().is_empty());
        let booked: i64 =
            sqlx::query_scalar("SELECT count(*) FROM read.appointments WHERE tenant_id = $1")
                .bind(tenant.uuid())
                .fetch_one(&pool)
                .await
                .unwrap();
        assert!(0 < booked);
        let all = Self { folder: tempfile::tempdir().unwrap(), url: address(restored) };
        all.write("restored", &["--data-only".to_owned()]).await;
        let all = std::fs::read_to_string(all.file("restored")).unwrap();
        search::assert_absent(&all, "what was made of the restored log");
    }
}
