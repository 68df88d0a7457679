//! PgBouncer before PostgreSQL, with its default settings but for who may come in.
//!
//! They need `pgbouncer` (`apt-get install pgbouncer`):
//! `cargo test -p daybook-tests --test it -- --ignored poolers --nocapture`

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    process::{Child, Command, Stdio},
    time::Duration,
};

use daybook_testkit::{child::Program, client::Caller};
use sqlx::{ConnectOptions as _, postgres::PgConnectOptions};
use tempfile::TempDir;
use tokio::time::{Instant, interval};

use super::{load::Load, torture::KEY};
use crate::http::TestApp;

/// A pooler before the server of a test. It ends when it is dropped.
struct Pooler {
    process: Child,
    url: String,
    _folder: TempDir,
}

impl Pooler {
    async fn start(database: &PgConnectOptions, mode: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (user, name) = (database.get_username(), database.get_database().unwrap());
        let socket = database.get_socket().unwrap().display();
        let (ini, users) = (folder.path().join("pgbouncer.ini"), folder.path().join("users"));
        fs::write(&users, format!("\"{user}\" \"\"\n")).unwrap();
        let settings = format!(
            "[databases]\n{name} = host={socket} port={} dbname={name}\n[pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
             auth_file = {}\npool_mode = {mode}\n",
            database.get_port(),
            users.display()
        );
        // `any` logs everybody in as the user of the database's line.
        let settings =
            settings.replace(&format!("dbname={name}"), &format!("dbname={name} user={user}"));
        fs::write(&ini, settings).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let mut command = Command::new("pgbouncer");
        // It refuses to run as root; the server lets in whoever owns it.
        if is_root() {
            command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "pgbouncer"]);
        }
        let process =
            command.arg(&ini).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        let url = format!("postgres://{user}@127.0.0.1:{port}/{name}?sslmode=disable");
        let pooler = Self { process, url, _folder: folder };
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut pace = interval(Duration::from_millis(50));
        let options: PgConnectOptions = pooler.url.parse().unwrap();
        while let Err(error) = options.clone().extra_float_digits(None).connect().await {
            assert!(Instant::now() < deadline, "no pooler: {error}");
            pace.tick().await;
        }
        pooler
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it needs pgbouncer: see the module"]
async fn a_pooler_in_session_mode_serves_32_clients_with_its_default_settings() {
    let app = TestApp::new().await;
    let key = app.tenant(&["admin"]).await;
    let pooler = Pooler::start(&app.database.options, "session").await;
    let program = tokio::task::block_in_place(|| Program::serve(&pooler.url, KEY)).unwrap();
    let caller = Caller::new(&program.base, &key);
    let load = Load::prepare(&caller, 32).await;
    let running = load.start(&caller, 32, 5);
    load.wait_for_more(300).await;
    running.stop().await;
    assert_eq!(load.failures(), Vec::<String>::new());
    assert_eq!(caller.get("/api/health").await.body["status"], "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it needs pgbouncer: see the module"]
async fn a_pooler_in_transaction_mode_is_refused_by_the_name_of_its_setting() {
    let app = TestApp::new().await;
    let pooler = Pooler::start(&app.database.options, "transaction").await;
    let (ended, said) = tokio::task::block_in_place(|| Program::fails_to_serve(&pooler.url, KEY));
    assert!(!ended.success());
    assert!(said.contains("pool_mode = session"), "{said}");
}
