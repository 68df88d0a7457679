//! A receipt for every answer about time: what was asked, what was answered, on which position.
//!
//! It is taken where every request passes, so that no answer can do without one.

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use daybook_adapters::receipts::Receipt;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{caller::Caller, extract::no_body, problem::Problem, respond::POSITION};
use crate::{MAX_BODY, state::App};

/// The header with the receipt's id.
pub const RECEIPT: &str = "daybook-receipt";
/// A longer answer is kept as its hash alone.
const LONG: usize = 16 * 1024;
/// The largest answer; a page of anything is far smaller.
const LARGEST_ANSWER: usize = 16 * 1024 * 1024;
/// What a customer says of themselves, and how they are called.
const PERSONAL: [&str; 4] = ["customer", "notes", "call_id", "external_ref"];

/// Whether the answers of a route have receipts.
pub(super) fn has_them(method: &str, route: &str) -> bool {
    method == "POST"
        && (route.starts_with("/api/v2/availability/")
            || route == "/api/v2/bookings"
            || route == "/api/v2/holds"
            || route == "/api/event-management/check-availability")
}

/// Lets a request be answered and keeps a receipt of it.
pub(super) async fn taken(
    app: &App,
    caller: &Caller,
    route: &str,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let asked = match Limited::new(body, MAX_BODY).collect().await {
        Ok(asked) => asked.to_bytes(),
        Err(error) => return no_body(error.is::<LengthLimitError>()).into_response(),
    };
    let question = question(&asked);
    let answered = next.run(Request::from_parts(parts, Body::from(asked))).await;
    // What nobody could mean is no decision; neither is a look back.
    let Some(question) = question.filter(|_| is_decision(&answered)) else { return answered };
    let (mut parts, body) = answered.into_parts();
    let Ok(said) = to_bytes(body, LARGEST_ANSWER).await else {
        return Problem::of_status(StatusCode::INTERNAL_SERVER_ERROR).into_response();
    };
    let position = parts.headers.get(POSITION).and_then(|it| it.to_str().ok()?.parse().ok());
    // A long answer is a yes: only its hash is needed.
    let is_short = said.len() <= LONG;
    let answer: Option<Value> = is_short.then(|| serde_json::from_slice(&said).ok()).flatten();
    let code = answer.as_ref().and_then(|it| Some(it.get("code")?.as_str()?.to_owned()));
    let receipt_id = app.ids.next_id();
    let receipt = Receipt {
        receipt_id,
        at: caller.asked_at,
        key_id: caller.key_id(),
        request_id: caller.request_id().to_owned(),
        route: format!("POST {route}"),
        question,
        status: parts.status.as_u16(),
        code,
        position,
        answer_hash: hash(&said),
        answer,
    };
    app.receipts.keep(caller.tenant, receipt).await;
    if let Ok(id) = HeaderValue::from_str(&receipt_id.to_string()) {
        parts.headers.insert(RECEIPT, id);
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(said))
}

/// Yes, or no: not that the question was wrong.
fn is_decision(answer: &Response) -> bool {
    matches!(answer.status().as_u16(), 200 | 201 | 409)
}

/// What was asked, without personal data; nothing if it is about another moment.
fn question(asked: &Bytes) -> Option<Value> {
    let mut question: Value = serde_json::from_slice(asked).ok()?;
    let fields = question.as_object_mut()?;
    if fields.get("as_of").is_some_and(|moment| !moment.is_null()) {
        return None;
    }
    for name in PERSONAL {
        fields.remove(name);
    }
    Some(question)
}

/// SHA-256 as hexadecimal digits.
pub fn hash(said: &[u8]) -> String {
    hex::encode(Sha256::digest(said))
}
