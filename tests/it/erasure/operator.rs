//! The same rights at the hands of an operator.

use serde_json::json;

use super::{customer, of, tools};
use crate::http::{TestApp, minutes};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_notes_withdraws_exports_and_forgets() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let tenant = tools::tenant(&app).await;
    let who = ["--customer", salon.customer.as_str()];
    tools::run(&app, tenant, &[&["erase", "request", "--grace-days", "7"][..], &who].concat())
        .await;
    assert!(customer(&app, &salon).await["erasure"]["due_at"].is_string());
    app.app.runner.settle().await.unwrap();
    tools::run(&app, tenant, &["erase", "list"]).await;
    tools::run(&app, tenant, &[&["--json", "erase", "withdraw"][..], &who].concat()).await;
    assert!(customer(&app, &salon).await["erasure"].is_null());
    let folder = tempfile::tempdir().unwrap();
    let [as_json, as_csv] = ["p.json", "p.csv"].map(|it| folder.path().join(it));
    for (format, file) in [("json", &as_json), ("csv", &as_csv)] {
        let how = ["person", "--format", format, "--out", file.to_str().unwrap()];
        tools::run(&app, tenant, &[&how[..], &who].concat()).await;
    }
    let mut written: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&as_json).unwrap()).unwrap();
    let mut answered = app.get(&format!("{}/export", of(&salon))).await.expect(200);
    // The clock of the program is the machine's: what depends on it is left aside.
    for it in [&mut written, &mut answered] {
        it["exported_at"] = json!(null);
        it["journey"] = json!(null);
    }
    assert_eq!(written, answered);
    let table = std::fs::read_to_string(&as_csv).unwrap();
    assert!(table.contains("contacts,1,name,Max\r\n"), "{table}");
    let reason = ["erase", "now", "--reason", "objected"];
    tools::run(&app, tenant, &[&reason[..], &who].concat()).await;
    let shown = customer(&app, &salon).await;
    assert_eq!((&shown["is_erased"], &shown["name"]), (&json!(true), &json!(null)));
    let feed = app.get("/api/v2/events?types=customer.erased").await.expect(200);
    assert_eq!(feed["items"][0]["data"]["reason"], "objected");
}
