//! `/api/v2/receipts`: what was asked about time and answered, and whether it would be answered again.

use axum::{
    Json,
    body::to_bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use daybook_adapters::receipts::{Receipt, ReceiptFilter};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use super::{
    availability, page,
    shapes::{Nothing, Page, receipts as shapes},
};
use crate::{
    http::{
        caller::Caller,
        describe::{Route, get, post},
        extract::{Id, Params},
        fields::{Instant, Text},
        problem::Problem,
        receipts::hash,
    },
    state::App,
};

/// The longest answer that is compared.
const MOST: usize = 16 * 1024 * 1024;

pub(super) fn routes() -> OpenApiRouter<App> {
    let about = |route: Route, id: &str, says: &str| {
        route.about("Receipts", id, says).scope("receipts:read")
    };
    let list = about(get("/receipts", list), "receipts", "What was asked and answered.");
    let list = list.query::<Listed>().answers::<Page<shapes::Receipt>>(200, "A page.");
    let one = about(get("/receipts/{id}", one), "receipt", "One of them.");
    let again = post("/receipts/{id}/replay", again);
    let again = about(again, "replay_receipt", "Asks the same again, as of then.");
    OpenApiRouter::new()
        .routes(list.done())
        .routes(one.answers::<shapes::Receipt>(200, "As it was answered.").done())
        .routes(again.body::<Nothing>().answers::<shapes::Replayed>(200, "Compared.").done())
}

/// Which receipts are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Listed {
    /// 409 lists the refusals.
    #[param(minimum = 200, maximum = 599)]
    status: Option<u16>,
    code: Option<Text<64>>,
    /// Receipts of this instant or later.
    #[param(inline)]
    from: Option<Instant>,
    /// Receipts of before this instant.
    #[param(inline)]
    to: Option<Instant>,
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    #[param(min_length = 1, pattern = "^[A-Za-z0-9_-]+$")]
    after: Option<String>,
}

async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<Listed>,
) -> Result<Response, Problem> {
    let limit = page::limit(query.limit)?;
    let before = page::cursor(query.after.as_deref())?;
    if query.status.is_some_and(|status| !(200..=599).contains(&status)) {
        return Err(Problem::parameter("status", "answers have a status from 200 to 599"));
    }
    let filter = ReceiptFilter {
        status: query.status,
        code: query.code.map(Text::into_string),
        from: query.from.map(|at| at.0),
        to: query.to.map(|at| at.0),
    };
    app.receipts.flush().await;
    let rows = app.receipts.list(caller.tenant, &filter, before, limit).await?;
    Ok(page::page(&rows, limit, |row| row.receipt_id))
}

async fn found(app: &App, caller: &Caller, id: Uuid) -> Result<Receipt, Problem> {
    app.receipts.flush().await;
    app.receipts.one(caller.tenant, id).await?.ok_or_else(Problem::not_found)
}

async fn one(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
) -> Result<Response, Problem> {
    Ok(Json(found(&app, &caller, id).await?).into_response())
}

/// Asks the engine of today what was asked then, on the history up to then.
async fn again(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
) -> Result<Response, Problem> {
    let receipt = found(&app, &caller, id).await?;
    let not_asked = || {
        let message = "a booking is decided once: ask availability/explain as of its position";
        Problem::new(StatusCode::CONFLICT, "NOT_REPLAYABLE", message)
    };
    let position = receipt.position.ok_or_else(not_asked)?;
    let (question, at) = (receipt.question, receipt.at);
    let answer =
        availability::again(&app, &caller, &receipt.route, question, (position, at)).await?;
    let answered = answer.ok_or_else(not_asked)?;
    let said = to_bytes(answered.into_body(), MOST).await;
    let said = said.map_err(|error| Problem::internal(&error))?;
    let answer_hash = hash(&said);
    let answer: serde_json::Value =
        serde_json::from_slice(&said).map_err(|error| Problem::internal(&error))?;
    let body = json!({
        "receipt_id": id,
        "is_same": answer_hash == receipt.answer_hash,
        "answer_hash": answer_hash,
        "answer": answer,
    });
    Ok(Json(body).into_response())
}
