//! A tenant that is moved to another installation: frozen, carried over with its keys, marked as moved.

use std::{ffi::OsString, path::Path, process::ExitCode};

use daybook_adapters::{clock::Clock as _, testing::TestDatabase, vault::MasterKey};
use daybook_domain::ids::TenantId;
use serde_json::json;
use sqlx::ConnectOptions as _;

use super::{TestApp, minutes};

/// Runs `daybook-replay` on a database with a master key of this digit; whether it ended well.
async fn replay(database: &TestDatabase, digit: char, args: &[&str]) -> bool {
    let url = database.options.to_url_lossy().to_string();
    let key = digit.to_string().repeat(64);
    let before = ["daybook-replay", "--database-url", &url, "--master-key", &key];
    let args: Vec<OsString> = before.iter().chain(args).map(OsString::from).collect();
    let code = daybook_replay_tools::run(args).await;
    format!("{code:?}") == format!("{:?}", ExitCode::SUCCESS)
}

/// The recipient key of the installation whose master key has this digit.
fn recipient(digit: char) -> String {
    let key = MasterKey::parse(&digit.to_string().repeat(64)).unwrap();
    key.recipient().unwrap().to_string()
}

async fn export(app: &TestApp, file: &Path, from: u64, recipient: Option<&str>) -> bool {
    let (tenant, from) = (tenant(app).await.to_string(), from.to_string());
    let file = file.to_str().unwrap();
    let args = ["--tenant", &tenant, "export", "--out", file, "--from-position", &from];
    let recipient = recipient.map(|recipient| ["--recipient", recipient]);
    replay(&app.database, '7', &[&args[..], recipient.as_ref().map_or(&[], |it| it)].concat()).await
}

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
    let made = server.post("/api/v2/companies", company).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let head = log.freeze(tenant).await.unwrap();
    let other = json!({ "name": "Spa", "zone": "Europe/Berlin", "currency": "EUR",
        "phone_region": "DE" });
    let refused = server.post("/api/v2/companies", other.clone()).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (503, &json!("TENANT_FROZEN")));
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(server.get("/api/v2/companies").await.status, 200);
    assert_eq!(log.freeze(tenant).await.unwrap(), head, "nothing came behind the frozen head");
    log.unfreeze(tenant).await.unwrap();
    assert_eq!(server.post("/api/v2/companies", other).await.status, 201);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moved_tenant_recognises_phones_reads_names_and_forgets_people() {
    let from = TestApp::new().await;
    let salon = from.salon(minutes(60)).await;
    let erased = json!({ "company_id": salon.company, "name": "Eva", "phone": "0151 99999999" });
    let erased = from.made("customers", erased).await;
    let later = json!({ "company_id": salon.company, "name": "Ida", "phone": "0151 77777777" });
    let later = from.made("customers", later).await;
    let folder = tempfile::tempdir().unwrap();
    let [whole, rest] = ["log.ndjson", "rest.ndjson"].map(|name| folder.path().join(name));
    let for_target = recipient('8');
    assert!(export(&from, &whole, 1, Some(&for_target)).await);
    let target = TestDatabase::new().await;
    assert!(replay(&target, '8', &["import", "--from", whole.to_str().unwrap()]).await);

    // The tenant goes on at the old side until it is frozen: the rest follows.
    let tenant = tenant(&from).await;
    let who = ["erase", "now", "--reason", "objected", "--customer"];
    let tenant_text = tenant.to_string();
    let erase = [&["--tenant", tenant_text.as_str()][..], &who, &[erased.as_str()]].concat();
    assert!(replay(&from.database, '7', &erase).await);
    let log = from.app.dispatcher.log().inner();
    let lines = std::fs::read_to_string(&whole).unwrap();
    let trailer: serde_json::Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    let next = trailer["head_position"].as_u64().unwrap() + 1;
    let head = log.freeze(tenant).await.unwrap();
    assert!(export(&from, &rest, next, Some(&for_target)).await);
    assert!(replay(&target, '8', &["import", "--from", rest.to_str().unwrap()]).await);
    assert!(
        !replay(&target, '8', &["import", "--from", rest.to_str().unwrap()]).await,
        "what was imported does not follow itself"
    );
    log.mark_moved(tenant, "https://new.example").await.unwrap();
    // A process believes a key for less than a second.
    let marked = std::time::Instant::now();
    while from.get("/api/v2/companies").await.status != 421 {
        assert!(marked.elapsed().as_secs_f64() < 1.0, "the old side still answers");
        tokio::task::yield_now().await;
    }

    let to = from.installed(target, '8').await;
    assert_eq!(to.app.dispatcher.log().inner().freeze(tenant).await.unwrap(), head);
    to.app.dispatcher.log().inner().unfreeze(tenant).await.unwrap();
    to.app.runner.settle().await.unwrap();
    let again = json!({ "company_id": salon.company, "name": "Other", "phone": "0151 12345678" });
    let refused = to.post("/api/v2/customers", again).await;
    assert_eq!(refused.status, 409, "a registered phone is recognised: {}", refused.body);
    let of = |id: &str| format!("/api/v2/customers/{id}");
    assert_eq!(to.get(&of(&salon.customer)).await.expect(200)["name"], "Max");
    let shown = to.get(&of(&erased)).await.expect(200);
    assert_eq!((&shown["is_erased"], &shown["name"]), (&json!(true), &json!(null)));
    let erase = [&["--tenant", tenant_text.as_str()][..], &who, &[later.as_str()]].concat();
    assert!(replay(&to.database, '8', &erase).await);
    assert_eq!(to.get(&of(&later)).await.expect(200)["name"], json!(null));
    to.app.runner.settle().await.unwrap();
    let verify = ["--tenant", tenant_text.as_str(), "verify"];
    assert!(replay(&to.database, '8', &verify).await, "the chain and every read model verify");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_without_keys_or_for_another_recipient_is_refused() {
    let from = TestApp::new().await;
    let salon = from.salon(minutes(60)).await;
    let folder = tempfile::tempdir().unwrap();
    let [bare, foreign] = ["bare.ndjson", "foreign.ndjson"].map(|name| folder.path().join(name));
    assert!(export(&from, &bare, 1, None).await);
    assert!(export(&from, &foreign, 1, Some(&recipient('9'))).await);
    let target = TestDatabase::new().await;
    for file in [&bare, &foreign] {
        let file = file.to_str().unwrap();
        assert!(!replay(&target, '8', &["import", "--from", file]).await, "{file}");
    }
    let bare = bare.to_str().unwrap();
    assert!(replay(&target, '8', &["import", "--without-keys", "--from", bare]).await);
    let to = from.installed(target, '8').await;
    let customer = json!({ "company_id": salon.company, "name": "Max", "phone": "0151 12345678" });
    let refused = to.post("/api/v2/customers", customer).await;
    assert!(
        refused.status.is_server_error(),
        "nothing is sealed with another key: {}",
        refused.body
    );
}
