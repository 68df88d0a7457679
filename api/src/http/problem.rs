//! RFC 9457 problem documents, and the only place that knows HTTP statuses.
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

/// A request that was not carried out, and why.
///
/// Boxed, because it stands in the result of every handler.
#[derive(Debug)]
pub struct Problem(Box<Said>);

#[derive(Debug)]
struct Said {
    status: StatusCode,
    code: String,
    message: String,
    field: Option<String>,
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
            field: None,
            details: None,
            retry_after_s: None,
        }))
    }

    fn with_field(mut self, field: Option<String>) -> Self {
        self.0.field = field;
        self
    }

    fn with_retry(mut self, seconds: u64) -> Self {
        self.0.retry_after_s = Some(seconds);
        self
    }

    /// A field of the request is wrong.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "VALIDATION_ERROR", message)
            .with_field(Some(field.into()))
    }

    /// There is no such thing, or it is another tenant's.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", "there is nothing here")
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
        Self::new(status, refusal.code(), refusal.to_string())
            .with_field(refusal.field())
            .with_details(refusal.details())
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
            UnitError::Undecodable { .. } | UnitError::Unwritable { .. } => Self::internal(&error),
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
            CommandError::KeyReused => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "IDEMPOTENCY_KEY_REUSED",
                "the idempotency key was used for another request",
            ),
            CommandError::Contended => {
                let message = "too many others want the same; try again";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "CONTENDED", message).with_retry(1)
            }
            CommandError::Failed(error) => error.into(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let said = *self.0;
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
        if let Some(field) = &said.field {
            error.insert("errors".to_owned(), json!({ field.as_str(): [said.message] }));
            let pointer = format!("/{}", field.replace('.', "/"));
            body["errors"] =
                json!([{ "field": field, "pointer": pointer, "detail": said.message }]);
        }
        if let Some(details) = said.details {
            error.insert("details".to_owned(), details);
        }
        body["error"] = Value::Object(error);
        let mut response = (said.status, Json(body)).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        if let Some(seconds) = said.retry_after_s {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if said.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
