//! A question of a receipt, asked once more.

use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Composite, Explain, Next, Search, Simple, composite, explain, next, search, simple};
use crate::{
    http::{caller::Caller, extract::Body, fields::Moment, problem::Problem},
    state::App,
};

/// Answers a question of a receipt once more, as of a position and an instant; `None` if its route asks
/// nothing about availability.
pub(in crate::v2) async fn again(
    app: &App,
    caller: &Caller,
    route: &str,
    mut question: Value,
    (position, at): (u64, DateTime<Utc>),
) -> Result<Option<Response>, Problem> {
    if let Some(fields) = question.as_object_mut() {
        fields.remove("min_position");
    }
    let (app, caller, moment) = (State(app.clone()), caller.back_at(at), Moment::Receipt(position));
    macro_rules! asked {
        ($kind:ident, $handler:ident) => {{
            let read = serde_json::from_value::<$kind>(question);
            let query = read.map_err(|error| Problem::internal(&error))?;
            let value = $kind { as_of: Some(moment), ..query };
            $handler(app, caller, Body { value, canonical: Vec::new() }).await?
        }};
    }
    Ok(Some(match route.rsplit('/').next() {
        Some("simple") => asked!(Simple, simple),
        Some("composite") => asked!(Composite, composite),
        Some("search") => asked!(Search, search),
        Some("next") => asked!(Next, next),
        Some("explain") => asked!(Explain, explain),
        _ => return Ok(None),
    }))
}
