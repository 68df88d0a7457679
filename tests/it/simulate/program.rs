//! `daybook-replay simulate` from its command line.

use std::{ffi::OsString, path::Path, process::ExitCode};

use daybook_domain::{event_log::Position, ports::EventLog as _};
use daybook_replay_tools::{Source, simulate::EXAMPLE_CHANGES};
use daybook_testkit::{child::Program, client::Caller};
use futures::future::join_all;
use serde_json::{Value, json};
use sqlx::ConnectOptions as _;
use tempfile::TempDir;

use crate::http::{TestApp, minutes};

async fn run(words: &[&str]) -> bool {
    let words = std::iter::once("daybook-replay").chain(words.iter().copied());
    let code = daybook_replay_tools::run(words.map(OsString::from).collect::<Vec<_>>()).await;
    format!("{code:?}") == format!("{:?}", ExitCode::SUCCESS)
}

fn written(folder: &Path, text: &str) -> String {
    let path = folder.join("changes.json");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[tokio::test]
async fn the_example_is_printed_without_a_database() {
    assert!(run(&["simulate", "--example-changes"]).await);
}

#[tokio::test]
async fn simulating_reads_a_real_history_and_writes_nothing() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    salon.booked(&app, "2026-12-04T16:30:00+01:00").await;
    app.post("/api/v2/bookings", salon.booking("2026-12-04T16:30:00+01:00")).await.expect(409);
    app.app.receipts.flush().await;
    let heads = || async { app.app.dispatcher.log().heads(None, 10).await.unwrap() };
    let before = heads().await;
    let (url, tenant) = (app.database.options.to_url_lossy(), before[0].tenant.to_string());
    let simulate = ["--database-url", url.as_str(), "--tenant", &tenant, "simulate"];
    let with = |words: &[&str]| {
        let all: Vec<String> =
            simulate.iter().chain(words).map(|word| (*word).to_owned()).collect();
        async move { run(&all.iter().map(String::as_str).collect::<Vec<_>>()).await }
    };
    assert!(with(&[]).await, "the control comes out as it did");
    let folder = TempDir::new().unwrap();
    let earlier = json!({ "changes": [{ "branch": salon.branch,
        "hours": { "5": { "open": [{ "from": "09:00", "to": "16:00" }] } } }] });
    let file = written(folder.path(), &earlier.to_string());
    assert!(with(&["--changes", &file, "--control", "--take-refused"]).await);
    assert!(with(&["--changes", &file, "--json", "--from", "2026-12-01"]).await);
    let file = written(folder.path(), EXAMPLE_CHANGES);
    assert!(!with(&["--changes", &file]).await, "the example names nothing of this tenant");
    let file = written(folder.path(), "{}");
    assert!(!with(&["--changes", &file]).await);
    assert!(!with(&["--changes", "/nowhere"]).await);
    assert_eq!(heads().await, before);
}

#[tokio::test]
async fn what_was_refused_among_many_at_once_is_refused_again_where_it_stood() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let starts = (0..36).map(|no| format!("2026-12-04T{:02}:00:00+01:00", 9 + no % 9));
    let bookings: Vec<_> = starts.map(|start| salon.booking(&start)).collect();
    let answers = join_all(bookings.into_iter().map(|it| app.post("/api/v2/bookings", it))).await;
    let refused: Vec<_> = answers.iter().filter(|it| it.status.as_u16() == 409).collect();
    assert_eq!(refused.len(), 27);
    assert!(refused.iter().all(|it| it.headers.contains_key("daybook-position")));
    app.app.receipts.flush().await;
    let heads = app.app.dispatcher.log().heads(None, 10).await.unwrap();
    let (url, tenant) = (app.database.options.to_url_lossy(), heads[0].tenant.to_string());
    assert!(run(&["--database-url", url.as_str(), "--tenant", &tenant, "simulate"]).await);
}

/// Books what is free next in the branches of the demo, each place a second time by somebody known,
/// and calls every fifth booking off. Answers how many were accepted.
async fn fill(caller: &Caller, customer: &str, position: Position) -> usize {
    let page = |kind: &str| {
        let path = format!("/api/v2/{kind}?limit=100&min_position={position}");
        async move { caller.get(&path).await.body["items"].as_array().unwrap().clone() }
    };
    let (services, branches) = (page("services").await, page("branches").await);
    let mut booked = 0;
    for (number, service) in services.iter().enumerate() {
        let of = |it: &&Value| it["company_id"] == service["company_id"];
        let Some(branch) = branches.iter().filter(of).nth(number % 2) else { continue };
        let wish = json!({ "service_id": service["id"], "branch_id": branch["id"], "count": 3 });
        let next = caller.post("/api/v2/availability/next", &wish).await.body;
        for free in next["slots"].as_array().into_iter().flatten() {
            let phone = format!("+49151{number:08}");
            let booking = json!({ "service_id": service["id"], "branch_id": branch["id"],
                "starts_at": free["starts_at"],
                "customer": { "name": "Max", "phone": phone } });
            let known = json!({ "service_id": service["id"], "branch_id": branch["id"],
                "starts_at": free["starts_at"], "customer_id": customer });
            for body in [&booking, &known] {
                let answer = caller.post("/api/v2/bookings", body).await;
                booked += usize::from(answer.status == 201);
                let Some(id) = answer.body["appointment_id"].as_str() else { continue };
                if booked % 5 == 0 {
                    let path = format!("/api/v2/bookings/{id}/cancel");
                    assert_eq!(caller.post(&path, &json!({})).await.status, 200);
                }
            }
        }
    }
    booked
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_world_comes_out_as_it_did() {
    let data_dir = TempDir::new().unwrap();
    let program = Program::demo(data_dir.path());
    let demo = std::fs::read_to_string(data_dir.path().join("demo.json")).unwrap();
    let demo: Value = serde_json::from_str(&demo).unwrap();
    let (tenant, customer) = (demo["tenant"].as_str().unwrap(), demo["customer"].as_str().unwrap());
    let source = Source { database_url: None, data_dir: Some(data_dir.path().to_owned()) };
    let history = source.open(tenant.parse().unwrap()).await.unwrap();
    let position = history.head().await.unwrap().position;
    history.close().await;
    let booked = fill(&Caller::new(&program.base, &program.key), customer, position).await;
    assert!(30 < booked, "{booked} bookings");
    let dir = data_dir.path().display().to_string();
    assert!(run(&["--data-dir", &dir, "--tenant", tenant, "simulate"]).await);
    drop(program);
}
