//! Who sees what: a login is bound to one tenant, whatever its session says.

use std::{ffi::OsString, process::ExitCode};

use daybook_replay_tools::{Format, Source, View, Wish, export_view, list_analysts, run};
use sqlx::{Connection as _, Executor as _, PgConnection, error::DatabaseError};
use tempfile::TempDir;
use uuid::Uuid;

use super::Filled;
use crate::replay::source;

/// A login of this test: logins belong to the whole server.
struct Login {
    name: String,
    filled: Filled,
}

impl Login {
    async fn new(attributes: &str) -> Self {
        let mut filled = Filled::new().await;
        let database = filled.app.database.options.get_database().unwrap();
        let name = format!("analyst_of_{database}");
        let make = format!("DROP ROLE IF EXISTS {name}; CREATE ROLE {name} LOGIN {attributes}");
        sqlx::raw_sql(&make).execute(&mut filled.owner).await.unwrap();
        Self { name, filled }
    }

    async fn connect(&self) -> PgConnection {
        let options = self.filled.app.database.options.clone().username(&self.name);
        PgConnection::connect_with(&options).await.unwrap()
    }

    fn source(&self) -> Source {
        let mut source = source(&self.filled.app.database);
        let url = source.database_url.take().unwrap();
        let (start, end) = url.split_once('@').unwrap();
        let (scheme, _user) = start.split_once("://").unwrap();
        source.database_url = Some(format!("{scheme}://{}@{end}", self.name));
        source
    }

    /// Runs the program as the operator.
    async fn operator(&self, words: &[&str]) -> ExitCode {
        let url = source(&self.filled.app.database).database_url.unwrap();
        let words = ["daybook-replay", "--database-url", &url].into_iter().chain(words.to_vec());
        run(words.map(OsString::from)).await
    }

    async fn drop(mut self) {
        let drop = format!("DROP ROLE {}", self.name);
        self.filled.owner.execute(drop.as_str()).await.unwrap();
    }
}

async fn tenants(connection: &mut PgConnection) -> Vec<Uuid> {
    let query = "SELECT DISTINCT tenant_id FROM reporting.activity ORDER BY 1";
    sqlx::query_scalar(query).fetch_all(connection).await.unwrap()
}

async fn refusal(connection: &mut PgConnection, statement: &str) -> Option<String> {
    let refused = sqlx::raw_sql(statement).execute(connection).await.err()?;
    Some(refused.as_database_error().and_then(DatabaseError::code)?.into_owned())
}

#[tokio::test]
async fn a_bound_login_sees_its_tenant_and_nothing_else() {
    let login = Login::new("").await;
    let own = login.filled.tenant;
    // Another tenant, with rows in the read models.
    login.filled.app.tenant(&["admin"]).await;
    login.filled.app.app.runner.settle().await.unwrap();
    let mut connection = login.connect().await;
    let look = "SELECT FROM reporting.activity";
    assert_eq!(refusal(&mut connection, look).await.as_deref(), Some("42501"), "not yet granted");
    let tenant = own.to_string();
    let grant = ["analyst", "grant", "--login", &login.name, "--tenant", &tenant];
    assert_eq!(login.operator(&grant).await, ExitCode::SUCCESS);
    assert_eq!(login.operator(&grant).await, ExitCode::SUCCESS, "repeated, it is the same");
    assert_eq!(tenants(&mut connection).await, [own]);
    // What a session can say changes nothing.
    let other = "SELECT tenant_id FROM log.tenant_head WHERE tenant_id <> $1";
    let mut owner = PgConnection::connect_with(&login.filled.app.database.options).await.unwrap();
    let other: Uuid = sqlx::query_scalar(other).bind(own).fetch_one(&mut owner).await.unwrap();
    let set = format!("SET app.tenant_id = '{other}'");
    assert_eq!(refusal(&mut connection, &set).await, None);
    assert_eq!(tenants(&mut connection).await, [own]);
    assert_eq!(refusal(&mut connection, "SET ROLE daybook_analyst").await, None);
    assert_eq!(tenants(&mut connection).await, [own]);
    for refused in [
        "SET ROLE daybook_app",
        "SET ROLE daybook_reporting",
        "SET ROLE NONE; SELECT FROM read.customers",
        "SELECT FROM read.appointments",
        "SELECT FROM log.events",
        "SELECT FROM vault.subject_keys",
        "SELECT FROM ops.checkpoints",
        "SELECT FROM reporting.analysts",
        "INSERT INTO reporting.analysts (login, tenant_id) VALUES ('x', gen_random_uuid())",
        "SELECT reporting.grant_analyst('x', gen_random_uuid())",
        "SELECT reporting.revoke_analyst('x')",
        "DELETE FROM reporting.appointments",
        "UPDATE reporting.staff SET name = 'x'",
        "CREATE VIEW reporting.mine AS SELECT 1",
        "SET SESSION AUTHORIZATION daybook_app",
    ] {
        let code = refusal(&mut connection, refused).await;
        assert!(matches!(code.as_deref(), Some("42501" | "55000")), "{refused}: {code:?}");
    }
    // Nor does a function that the planner might ask first.
    let leak = "CREATE FUNCTION pg_temp.leak(uuid) RETURNS boolean LANGUAGE plpgsql COST 0.0000001
                AS $$ BEGIN RAISE NOTICE '%', $1; RETURN $1 = session_user::text::uuid; EXCEPTION
                WHEN invalid_text_representation THEN RETURN true; END $$";
    assert_eq!(refusal(&mut connection, leak).await, None);
    let through =
        "SELECT count(*) FROM reporting.activity WHERE pg_temp.leak(tenant_id) AND tenant_id <> $1";
    let seen: i64 = sqlx::query_scalar(through).bind(own).fetch_one(&mut connection).await.unwrap();
    assert_eq!(seen, 0);
    let revoke = ["analyst", "revoke", "--login", &login.name];
    assert_eq!(login.operator(&revoke).await, ExitCode::SUCCESS);
    assert_eq!(login.operator(&revoke).await, ExitCode::FAILURE, "nothing is left to revoke");
    assert_eq!(refusal(&mut connection, "RESET ROLE").await, None);
    assert_eq!(refusal(&mut connection, look).await.as_deref(), Some("42501"));
    connection.close().await.unwrap();
    login.drop().await;
}

#[tokio::test]
async fn a_member_that_is_bound_to_nothing_sees_nothing() {
    let mut login = Login::new("IN ROLE daybook_analyst").await;
    let mut connection = login.connect().await;
    let tenant = login.filled.tenant;
    assert_eq!(tenants(&mut connection).await, [] as [Uuid; 0]);
    let set = format!("SET app.tenant_id = '{tenant}'");
    assert_eq!(refusal(&mut connection, &set).await, None);
    assert_eq!(tenants(&mut connection).await, [] as [Uuid; 0]);
    assert!(login.source().analyst(Some(tenant)).await.is_err());
    connection.close().await.unwrap();
    // The program's own logins choose.
    assert_eq!(tenants(&mut login.filled.owner).await, [] as [Uuid; 0]);
    login.filled.owner.execute(set.as_str()).await.unwrap();
    assert_eq!(tenants(&mut login.filled.owner).await, [tenant]);
    login.drop().await;
}

#[tokio::test]
async fn a_bound_login_exports_its_tenant_without_naming_it() {
    let login = Login::new("").await;
    let tenant = login.filled.tenant;
    let named = tenant.to_string();
    let grant = ["analyst", "grant", "--login", &login.name, "--tenant", &named];
    assert_eq!(login.operator(&grant).await, ExitCode::SUCCESS);
    let mut operator = source(&login.filled.app.database).operator().await.unwrap();
    let analysts = list_analysts(&mut operator).await.unwrap();
    operator.close().await;
    assert_eq!((analysts[0].login.as_str(), analysts[0].tenant_id), (login.name.as_str(), tenant));
    let mut session = login.source().analyst(None).await.unwrap();
    let directory = TempDir::new().unwrap();
    let wish = Wish { view: View::Appointments, format: Format::Csv, from: None, to: None };
    let out = directory.path().join("a.csv");
    let exported = export_view(&mut session, &wish, &out).await.unwrap();
    session.close().await;
    assert_eq!((exported.rows, exported.tenant), (5, tenant));
    let other = login.source().analyst(Some(Uuid::nil())).await;
    assert!(other.is_err(), "it cannot name another");
    assert_eq!(
        login.operator(&["analyst", "revoke", "--login", &login.name]).await,
        ExitCode::SUCCESS
    );
    login.drop().await;
}

#[tokio::test]
async fn who_can_pass_every_wall_is_not_bound() {
    let login = Login::new("BYPASSRLS").await;
    let tenant = login.filled.tenant.to_string();
    let unknown = Uuid::nil().to_string();
    let grant = ["analyst", "grant", "--login", &login.name, "--tenant", &tenant];
    assert_eq!(login.operator(&grant).await, ExitCode::FAILURE);
    let mut owner = PgConnection::connect_with(&login.filled.app.database.options).await.unwrap();
    let name = &login.name;
    let program = format!("ALTER ROLE {name} NOBYPASSRLS; GRANT daybook_app TO {name}");
    sqlx::raw_sql(&program).execute(&mut owner).await.unwrap();
    assert_eq!(login.operator(&grant).await, ExitCode::FAILURE, "a login of the program");
    let plain = format!("REVOKE daybook_app FROM {name}");
    owner.execute(plain.as_str()).await.unwrap();
    let nowhere = ["analyst", "grant", "--login", name, "--tenant", &unknown];
    assert_eq!(login.operator(&nowhere).await, ExitCode::FAILURE);
    let nobody = ["analyst", "grant", "--login", "no_such_login", "--tenant", &tenant];
    assert_eq!(login.operator(&nobody).await, ExitCode::FAILURE);
    assert_eq!(login.operator(&grant).await, ExitCode::SUCCESS);
    assert_eq!(login.operator(&["analyst", "revoke", "--login", name]).await, ExitCode::SUCCESS);
    login.drop().await;
}
