//! A tenant that is moved to another installation: frozen, then marked as moved.

use daybook_adapters::clock::Clock as _;
use daybook_domain::ids::TenantId;
use serde_json::json;

use super::TestApp;

fn customer() -> serde_json::Value {
    json!({ "company_id": "00000000-0000-7000-8000-000000000001" })
}

async fn tenant(server: &TestApp) -> TenantId {
    let holder = server.app.keys.holder(&server.key.clone().into(), server.clock.now()).await;
    holder.unwrap().unwrap().tenant
}

#[tokio::test]
async fn a_frozen_tenant_is_read_and_takes_no_change() {
    let server = TestApp::new().await;
    let log = server.app.dispatcher.log().inner();
    let tenant = tenant(&server).await;
    let company = json!({ "name": "Salon", "zone": "Europe/Berlin",
        "currency": "EUR", "phone_region": "DE" });
    let made = server.post("/api/v2/companies", company.clone()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let head = log.freeze(tenant).await.unwrap();
    let refused = server.post("/api/v2/companies", company.clone()).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (503, &json!("TENANT_FROZEN")));
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(server.get("/api/v2/companies").await.status, 200);
    assert_eq!(log.freeze(tenant).await.unwrap(), head, "nothing came behind the frozen head");
    log.unfreeze(tenant).await.unwrap();
    assert_eq!(server.post("/api/v2/companies", company).await.status, 201);
}

#[tokio::test]
async fn a_moved_tenant_answers_421_with_its_new_address() {
    let server = TestApp::new().await;
    let tenant = tenant(&server).await;
    let address = "https://other.example";
    server.app.dispatcher.log().inner().mark_moved(tenant, address).await.unwrap();
    let other = server.other_process().await;
    let refused = server.post_to(&other, "/api/v2/customers", customer()).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (421, &json!("TENANT_MOVED")));
    assert_eq!(refused.body["error"]["details"]["address"], address);
    let read = server.get("/api/v2/companies").await;
    assert_eq!((read.status.as_u16(), &read.body["code"]), (421, &json!("TENANT_MOVED")));
}
