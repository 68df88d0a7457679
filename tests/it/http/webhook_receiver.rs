//! A receiver of webhooks on this machine that keeps what it was sent and answers as it is told.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use chrono::DateTime;
use daybook_adapters::webhooks::signature::{Secret, verify, verify_with_public_key};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};

use super::TestApp;

/// What the receiver does with a message instead of taking it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    Status(u16),
    Busy {
        status: u16,
        retry_after: &'static str,
    },
    Redirect,
    /// It never answers.
    Silence,
}

/// A message as it came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) id: String,
    pub(crate) timestamp: String,
    pub(crate) signatures: String,
    pub(crate) path: String,
    raw: Bytes,
}

impl Received {
    pub(crate) fn body(&self) -> Value {
        serde_json::from_slice(&self.raw).unwrap()
    }

    /// Whether a receiver with this secret or public key believes it at the time of the clock.
    pub(crate) fn is_signed_with(&self, key: &str, app: &TestApp) -> bool {
        let headers = (self.id.as_str(), self.timestamp.as_str(), self.signatures.as_str());
        let at = DateTime::from_timestamp(self.timestamp.parse().unwrap(), 0).unwrap();
        assert!(at <= app.app.clock.now(), "nothing is signed ahead of the clock");
        if key.starts_with("whpk_") {
            return verify_with_public_key(key, headers, &self.raw, app.app.clock.now()).is_ok();
        }
        verify(&Secret::parse(key).unwrap(), headers, &self.raw, app.app.clock.now()).is_ok()
    }
}

#[derive(Default)]
struct Shared {
    journal: Mutex<Vec<Received>>,
    faults: Mutex<VecDeque<Fault>>,
    came: Notify,
}

/// The receiver; it ends when it is dropped.
pub(crate) struct Receiver {
    pub(crate) url: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Receiver {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let shared = Arc::new(Shared::default());
        let routes = Router::new().fallback(take).with_state(shared.clone());
        let task = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { url, shared, task }
    }

    /// What to do with the next messages, before it takes them again.
    pub(crate) fn fails(&self, faults: impl IntoIterator<Item = Fault>) {
        self.shared.faults.lock().unwrap().extend(faults);
    }

    /// What came since it was asked last.
    pub(crate) fn journal(&self) -> Vec<Received> {
        std::mem::take(&mut *self.shared.journal.lock().unwrap())
    }

    /// Ends when the next message has come.
    pub(crate) async fn came(&self) {
        self.shared.came.notified().await;
    }

    /// An endpoint of the tenant of `app` that leads here, with fields of one's own: path and secret.
    pub(crate) async fn endpoint(&self, app: &TestApp, fields: Value) -> (String, String) {
        let mut body = json!({ "url": self.url });
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let made = app.post("/api/v2/webhook-endpoints", body).await.expect(201);
        let id = made["id"].as_str().unwrap();
        let path = format!("/api/v2/webhook-endpoints/{id}");
        (path, made["secret"].as_str().unwrap().to_owned())
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn take(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    uri: axum::http::Uri,
    raw: Bytes,
) -> Response {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let received = Received {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        signatures: header("webhook-signature"),
        path: uri.path().to_owned(),
        raw,
    };
    shared.journal.lock().unwrap().push(received);
    shared.came.notify_one();
    let fault = shared.faults.lock().unwrap().pop_front();
    let status = |status| StatusCode::from_u16(status).unwrap();
    match fault {
        None => StatusCode::NO_CONTENT.into_response(),
        Some(Fault::Status(it)) => status(it).into_response(),
        Some(Fault::Busy { status: it, retry_after }) => {
            (status(it), [(header::RETRY_AFTER, retry_after)]).into_response()
        }
        Some(Fault::Redirect) => {
            (StatusCode::FOUND, [(header::LOCATION, "/other")]).into_response()
        }
        Some(Fault::Silence) => std::future::pending().await,
    }
}
