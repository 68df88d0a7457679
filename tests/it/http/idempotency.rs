//! What is kept of a request that was sent with a key.

use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};

use super::{Answer, TestApp, minutes};

const PATH: &str = "/api/v2/customers";

/// Sends a request with the key `mia`.
async fn sent(app: &TestApp, body: &Value) -> Answer {
    app.keyed("POST", PATH, &[("idempotency-key", "mia")], body.clone()).await
}

#[tokio::test]
async fn what_is_kept_of_a_request_confirms_no_guess_at_it() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let body = json!({ "company_id": salon.company, "name": "Mia", "phone": "0151 7654321" });
    sent(&app, &body).await.expect(201);
    let guess = [format!("POST {PATH}").as_bytes(), &[0], body.to_string().as_bytes()].concat();
    let mut owner = PgConnection::connect_with(&app.database.options).await.unwrap();
    let query = "SELECT request_hash = sha256($1) FROM log.commands WHERE key = 'mia'";
    let is_right: bool = sqlx::query_scalar(query).bind(guess).fetch_one(&mut owner).await.unwrap();
    assert!(!is_right);
}

#[tokio::test]
async fn an_answer_of_which_the_request_is_not_kept_any_more_is_given_again() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let body = json!({ "company_id": salon.company, "name": "Mia", "phone": "0151 7654321" });
    let first = sent(&app, &body).await.expect(201);
    let mut owner = PgConnection::connect_with(&app.database.options).await.unwrap();
    let forget = "UPDATE log.commands SET request_hash = decode(repeat('00', 32), 'hex')";
    sqlx::query(forget).execute(&mut owner).await.unwrap();
    let again = sent(&app, &body).await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.expect(201), first);
}
