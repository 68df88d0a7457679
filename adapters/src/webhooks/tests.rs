//! What the tables let the roles do, and what stands in them.

use chrono::{DateTime, Utc};
use daybook_domain::{
    event_log::Position,
    ids::{IdSource as _, TenantId},
};
use secrecy::ExposeSecret as _;
use sqlx::PgPool;

use super::{Endpoint, Endpoints, MOST_ENDPOINTS, Wanted, signature::Scheme};
use crate::{
    clock::RandomIds,
    postgres::PoolRole,
    testing::TestDatabase,
    vault::{MasterKey, Vault},
};

const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

async fn endpoints() -> (Endpoints, TestDatabase) {
    let database = TestDatabase::new().await;
    let master = MasterKey::parse(&"7".repeat(64)).expect("a key");
    let vault = Vault::open(database.pool(PoolRole::Vault).await, master);
    let vault = vault.await.expect("the vault opens");
    (Endpoints::new(database.pool(PoolRole::App).await, vault), database)
}

fn wanted() -> Wanted {
    let url = "https://example.org/hook".to_owned();
    Wanted { url, description: None, event_types: Vec::new(), include_personal: false }
}

async fn made(endpoints: &Endpoints, tenant: TenantId) -> Option<(Endpoint, String)> {
    endpoints.vault().make_tenant_key(tenant).await.expect("the tenant has a key");
    let (id, from) = (RandomIds.next_id(), (Position(0), NOW));
    let made = endpoints.create(tenant, id, (&wanted(), Scheme::V1), from, None).await;
    let made = made.expect("endpoints answer")?;
    Some((made.endpoint, made.secret?.expose_secret().to_owned()))
}

async fn is_denied(pool: &PgPool, statement: &str) -> bool {
    let refused = sqlx::query(statement).execute(pool).await.err();
    let code = refused.and_then(|it| Some(it.as_database_error()?.code()?.into_owned()));
    code.as_deref() == Some("42501")
}

#[tokio::test]
async fn the_sender_may_not_make_an_endpoint_nor_turn_it_elsewhere() {
    let (endpoints, database) = endpoints().await;
    made(&endpoints, TenantId::new(RandomIds.next_id())).await;
    let sender = database.pool(PoolRole::Webhooks).await;
    let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM ops.webhook_endpoints")
        .fetch_one(&sender)
        .await
        .expect("it sees endpoints");
    assert_eq!(seen, 1);
    for statement in [
        "UPDATE ops.webhook_endpoints SET url = 'https://elsewhere.example/'",
        "UPDATE ops.webhook_endpoints SET include_personal = true",
        "UPDATE ops.webhook_endpoints SET secret = previous_secret",
        "DELETE FROM ops.webhook_endpoints",
        "SELECT payload FROM log.events",
        "SELECT * FROM ops.api_keys",
        "SELECT * FROM vault.tenant_keys",
        "UPDATE ops.webhook_attempts SET status = 200",
    ] {
        assert!(is_denied(&sender, statement).await, "{statement}");
    }
}

#[tokio::test]
async fn the_api_sees_one_tenant_and_writes_no_delivery() {
    let (endpoints, database) = endpoints().await;
    let tenant = TenantId::new(RandomIds.next_id());
    let (endpoint, _) = made(&endpoints, tenant).await.expect("there is room");
    let app = database.pool(PoolRole::App).await;
    let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM ops.webhook_endpoints")
        .fetch_one(&app)
        .await
        .expect("it may look");
    assert_eq!(seen, 0, "a connection without a tenant sees nothing");
    for statement in [
        "INSERT INTO ops.webhook_deliveries SELECT",
        "DELETE FROM ops.webhook_deliveries",
        "UPDATE ops.webhook_deliveries SET attempts = 0",
        "DELETE FROM ops.webhook_attempts",
    ] {
        assert!(is_denied(&app, statement).await, "{statement}");
    }
    let stranger = TenantId::new(RandomIds.next_id());
    let found = endpoints.find(stranger, endpoint.id).await.expect("endpoints answer");
    assert_eq!(found, None);
    assert!(endpoints.delete(stranger, endpoint.id).await.expect("endpoints answer").is_none());
    assert!(endpoints.find(tenant, endpoint.id).await.expect("endpoints answer").is_some());
}

#[tokio::test]
async fn a_secret_is_sealed_and_bound_to_its_endpoint() {
    let (endpoints, database) = endpoints().await;
    let tenant = TenantId::new(RandomIds.next_id());
    let (endpoint, secret) = made(&endpoints, tenant).await.expect("there is room");
    let sender = database.pool(PoolRole::Webhooks).await;
    let sealed: Vec<u8> = sqlx::query_scalar("SELECT secret FROM ops.webhook_endpoints")
        .fetch_one(&sender)
        .await
        .expect("it sees what is sealed");
    let clear = super::signature::Secret::parse(&secret).expect("it was shown");
    assert!(!sealed.windows(8).any(|eight| clear.bytes().windows(8).any(|it| it == eight)));
    let opened = |tenant, bound_to: String, sealed: Vec<u8>| {
        let vault = endpoints.vault().clone();
        async move { vault.open_secret(tenant, &bound_to, &sealed).await }
    };
    let bound_to = super::endpoints::bound_to(endpoint.id);
    let good = opened(tenant, bound_to.clone(), sealed.clone()).await.expect("it opens");
    assert_eq!(&**good, clear.bytes());
    let other = super::endpoints::bound_to(RandomIds.next_id());
    assert!(opened(tenant, other, sealed.clone()).await.is_err());
    let stranger = TenantId::new(RandomIds.next_id());
    assert!(opened(stranger, bound_to, sealed).await.is_err());
}

#[tokio::test]
async fn a_tenant_has_so_many_endpoints_and_no_more() {
    let (endpoints, _database) = endpoints().await;
    let tenant = TenantId::new(RandomIds.next_id());
    for _ in 0..MOST_ENDPOINTS {
        assert!(made(&endpoints, tenant).await.is_some());
    }
    assert!(made(&endpoints, tenant).await.is_none());
    assert!(made(&endpoints, TenantId::new(RandomIds.next_id())).await.is_some());
}
