//! Pages of a list: `limit`, an opaque `after`, and `{items, next}`.

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

use crate::http::problem::Problem;

const DEFAULT: u32 = 25;
const MOST: u32 = 100;

/// How many items a page has.
pub(super) fn limit(asked: Option<u32>) -> Result<u32, Problem> {
    match asked.unwrap_or(DEFAULT) {
        limit @ 1..=MOST => Ok(limit),
        _ => Err(Problem::parameter("limit", "a page has 1 to 100 items")),
    }
}

/// The cursor that a caller brings back.
pub(super) fn cursor<C: DeserializeOwned>(after: Option<&str>) -> Result<Option<C>, Problem> {
    let Some(after) = after else { return Ok(None) };
    let cursor = URL_SAFE_NO_PAD.decode(after).ok();
    let cursor = cursor.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    cursor.map(Some).ok_or_else(|| Problem::parameter("after", "this is no cursor of a page"))
}

/// A page, and the cursor of the next one if this one is full.
pub(super) fn page<T: Serialize, C: Serialize>(
    items: &[T],
    limit: u32,
    cursor: impl Fn(&T) -> C,
) -> Response {
    let is_full = usize::try_from(limit).is_ok_and(|limit| limit <= items.len());
    let next = items.last().filter(|_| is_full).and_then(|last| {
        serde_json::to_vec(&cursor(last)).ok().map(|bytes| URL_SAFE_NO_PAD.encode(bytes))
    });
    Json(json!({ "items": items, "next": next })).into_response()
}
