//! A dump of everything, restored in a fresh cluster.

use std::path::{Path, PathBuf};

use daybook_testkit::programs::{address, run};
use sqlx::{ConnectOptions as _, postgres::PgConnectOptions};

/// Roles, which belong to the cluster, and the database.
pub(super) struct Dump {
    roles: PathBuf,
    database: PathBuf,
}

impl Dump {
    /// Dumps a database that is in use.
    pub(super) async fn of(database: &PgConnectOptions, folder: &Path) -> Self {
        let dump = Self { roles: folder.join("roles.sql"), database: folder.join("all.dump") };
        let url = address(database);
        let file = |path: &Path| format!("--file={}", path.display());
        let roles = format!("--dbname={url}");
        run("pg_dumpall", vec!["--roles-only".to_owned(), file(&dump.roles), roles]).await;
        run("pg_dump", vec!["--format=custom".to_owned(), file(&dump.database), url]).await;
        dump
    }

    /// Restores it in an empty database.
    pub(super) async fn restore(&self, database: &PgConnectOptions) {
        let url = address(database);
        // The role that owns the cluster is there already, which is said and passed over.
        let roles = self.roles.display().to_string();
        run("psql", vec![url.clone(), "--quiet".to_owned(), "--file".to_owned(), roles]).await;
        let (to, dump) = (format!("--dbname={url}"), self.database.display().to_string());
        run("pg_restore", vec!["--exit-on-error".to_owned(), to, dump]).await;
    }
}

/// How many events all read models have still before them.
pub(super) async fn behind(database: &PgConnectOptions) -> i64 {
    let mut owner = database.connect().await.unwrap();
    sqlx::query_scalar(
        "SELECT coalesce(sum(h.position - c.position), 0)::bigint \
         FROM log.tenant_head h JOIN ops.checkpoints c USING (tenant_id)",
    )
    .fetch_one(&mut owner)
    .await
    .unwrap()
}
