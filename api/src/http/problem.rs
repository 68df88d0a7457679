//! RFC 9457 problem documents, and the only place that knows HTTP statuses.
//!
//! `instance` is the path that was asked for, `request_id` is what to quote. A field of the body has
//! a JSON Pointer, a parameter of the query `parameter`, a header `header`.
//!
//! Every problem also carries `success: false` and `error { code, message, details, errors }`
//! (API-06, API-07), for clients of the older surface.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use daybook_domain::{
    dispatch::{CommandError, UnitError},
    ports::LogError,
    refusal::{Refusal, RefusalKind},
};
use serde_json::{Map, Value, json};

/// Where a fault is.
#[derive(Clone, Copy, Debug)]
enum Place {
    Body,
    Query,
    Header,
}

/// A request that was not carried out, and why.
///
/// Boxed, because it stands in the result of every handler.
#[derive(Clone, Debug)]
pub struct Problem(Box<Said>);

#[derive(Clone, Debug)]
struct Said {
    status: StatusCode,
    code: String,
    message: String,
    fault: Option<(Place, String)>,
    details: Option<Value>,
    retry_after_s: Option<u64>,
}

impl Problem {
    /// A problem with a status, a stable code and a sentence.
    pub fn new(status: StatusCode, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self(Box::new(Said {
            status,
            code: code.into(),
            message: message.into(),
            fault: None,
            details: None,
            retry_after_s: None,
        }))
    }

    /// Every part of a field's name stands behind a dot: `services.0.service_id`.
    fn with_fault(mut self, place: Place, field: &str) -> Self {
        let field = field.replace(['[', '/'], ".").replace(']', "");
        self.0.fault = Some((place, field));
        self
    }

    fn with_retry(mut self, seconds: u64) -> Self {
        self.0.retry_after_s = Some(seconds);
        self
    }

    /// A field of the request is wrong.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::bad(Place::Body, &field.into(), message)
    }

    /// A parameter of the query is wrong.
    pub fn parameter(name: &str, message: impl Into<String>) -> Self {
        Self::bad(Place::Query, name, message)
    }

    /// A header is wrong.
    pub fn header(name: &str, message: impl Into<String>) -> Self {
        Self::bad(Place::Header, name, message)
    }

    fn bad(place: Place, name: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "VALIDATION_ERROR", message).with_fault(place, name)
    }

    /// The history, or a read model, does not hold the position that the caller names.
    pub fn not_reached(position: u64, reached: u64) -> Self {
        let message = format!("position {position} is not reached yet, only {reached} is");
        Self::new(StatusCode::CONFLICT, "POSITION_NOT_REACHED", message)
            .with_details(Some(json!({ "position": position, "reached": reached })))
            .with_retry(1)
    }

    /// What an answer without a body means.
    pub fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::not_found(),
            StatusCode::GATEWAY_TIMEOUT => {
                Self::new(status, "TIMEOUT", "this took too long").with_retry(1)
            }
            StatusCode::PAYLOAD_TOO_LARGE => {
                Self::new(status, "BODY_TOO_LARGE", "the body is larger than 1 MiB")
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                let message = "this address does not answer to this method";
                Self::new(status, "METHOD_NOT_ALLOWED", message)
            }
            _ => {
                let reason = status.canonical_reason().unwrap_or("error");
                Self::new(status, reason.to_uppercase().replace([' ', '-'], "_"), reason)
            }
        }
    }

    /// There is no such thing, or it is another tenant's.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", "there is nothing here")
    }

    /// The idempotency key stands for another request.
    pub fn key_reused() -> Self {
        let message = "the idempotency key was used for another request";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED", message)
    }

    /// The caller did not say who it is, or not rightly.
    pub fn unauthenticated() -> Self {
        let message = "a valid API key is needed: Authorization: Bearer dbk_…";
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", message)
    }

    /// The key may not do this.
    pub fn forbidden(scope: &str) -> Self {
        let message = format!("the key needs the scope {scope}");
        Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", message)
    }

    /// Too many requests.
    pub fn too_many(retry_after_s: u64) -> Self {
        let message = "Too many requests";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", message)
            .with_details(Some(json!({ "retry_after": retry_after_s })))
            .with_retry(retry_after_s)
    }

    /// Something of ours broke. What it was stands in the log, under the request's id.
    pub fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = %chain(error), "a request failed");
        let message = "something went wrong; quote the request id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", message)
    }

    /// Something of ours is not there at the moment.
    pub fn unavailable(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::warn!(error = %chain(error), "a request could not be served");
        let message = "the service is not available at the moment";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", message).with_retry(1)
    }

    fn with_details(mut self, details: Option<Value>) -> Self {
        self.0.details = details;
        self
    }

    /// A rule's no.
    pub fn refused(refusal: &dyn Refusal) -> Self {
        let status = match (refusal.kind(), refusal.code()) {
            (_, "VERSION_MISMATCH") => StatusCode::PRECONDITION_FAILED,
            (RefusalKind::Invalid, _) => StatusCode::BAD_REQUEST,
            (RefusalKind::NotFound, _) => StatusCode::NOT_FOUND,
            (RefusalKind::Conflict, _) => StatusCode::CONFLICT,
            (RefusalKind::Policy | RefusalKind::Limit, _) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        let problem =
            Self::new(status, refusal.code(), refusal.to_string()).with_details(refusal.details());
        match refusal.field() {
            Some(field) => problem.with_fault(Place::Body, &field),
            None => problem,
        }
    }
}

/// The error and what caused it, once each.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = cause.source();
    }
    text
}

impl From<LogError> for Problem {
    fn from(error: LogError) -> Self {
        match &error {
            LogError::UnknownTenant(_) => Self::not_found(),
            LogError::Unavailable(_) => Self::unavailable(&error),
            LogError::Damaged(_) | LogError::Malformed(_) => Self::internal(&error),
        }
    }
}

impl From<UnitError> for Problem {
    fn from(error: UnitError) -> Self {
        match error {
            UnitError::Log(error) => error.into(),
            UnitError::Undecodable { ref stream, .. } => {
                tracing::error!(error = %chain(&error), "an event cannot be read");
                let code = match stream.aggregate_type.as_ref() {
                    "calendar_day" => "CALENDAR_UNREADABLE",
                    _ => "RECORD_UNREADABLE",
                };
                let message = format!("An event of `{stream}` cannot be read.");
                Self::new(StatusCode::CONFLICT, code, message)
            }
            UnitError::Unwritable { .. } => Self::internal(&error),
        }
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        Self::unavailable(&error)
    }
}

impl<R: Refusal> From<CommandError<R>> for Problem {
    fn from(error: CommandError<R>) -> Self {
        match error {
            CommandError::Refused(refusal) => Self::refused(&refusal),
            CommandError::KeyReused => Self::key_reused(),
            CommandError::Contended => {
                let message = "too many others want the same; try again";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "CONTENDED", message).with_retry(1)
            }
            CommandError::Failed(error) => error.into(),
        }
    }
}

impl Problem {
    /// The document. What it is about and whom to quote is known only outside of the routes.
    pub(super) fn document(&self, instance: Option<(&str, &str)>) -> Value {
        let said = &*self.0;
        let mut error = Map::new();
        error.insert("code".to_owned(), json!(said.code));
        error.insert("message".to_owned(), json!(said.message));
        let mut body = json!({
            "type": format!("https://daybook.dev/problems/{}", said.code.to_lowercase()),
            "title": said.status.canonical_reason().unwrap_or("error"),
            "status": said.status.as_u16(),
            "detail": said.message,
            "code": said.code,
            "success": false,
        });
        if let Some((path, request_id)) = instance {
            body["instance"] = json!(path);
            body["request_id"] = json!(request_id);
        }
        if let Some((place, field)) = &said.fault {
            error.insert("errors".to_owned(), json!({ field.as_str(): [said.message] }));
            let (key, at) = match place {
                Place::Body => ("pointer", pointer(field)),
                Place::Query => ("parameter", field.clone()),
                Place::Header => ("header", field.clone()),
            };
            body["errors"] = json!([{ "field": field, key: at, "detail": said.message }]);
        }
        if let Some(details) = &said.details {
            error.insert("details".to_owned(), details.clone());
        }
        body["error"] = Value::Object(error);
        body
    }
}

/// RFC 6901; the empty pointer is the whole body.
fn pointer(field: &str) -> String {
    if field == "body" {
        return String::new();
    }
    format!("/{}", field.replace('~', "~0").replace('.', "/"))
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.0.status, Json(self.document(None))).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        if let Some(seconds) = self.0.retry_after_s {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.0.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // For the envelope, which completes the document.
        response.extensions_mut().insert(self);
        response
    }
}
