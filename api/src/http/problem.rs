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
#[derive(Debug)]
pub struct Problem {
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
        Self {
            status,
            code: code.into(),
            message: message.into(),
            field: None,
            details: None,
            retry_after_s: None,
        }
    }

    /// A field of the request is wrong.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        let problem = Self::new(StatusCode::BAD_REQUEST, "VALIDATION_ERROR", message);
        Self { field: Some(field.into()), ..problem }
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
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", message);
        let details = Some(json!({ "retry_after": retry_after_s }));
        Self { retry_after_s: Some(retry_after_s), details, ..problem }
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
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", message);
        Self { retry_after_s: Some(1), ..problem }
    }

    /// The same with details.
    pub fn with_details(self, details: Value) -> Self {
        Self { details: Some(details), ..self }
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
        Self {
            field: refusal.field(),
            details: refusal.details(),
            ..Self::new(status, refusal.code(), refusal.to_string())
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
                let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "CONTENDED", message);
                Self { retry_after_s: Some(1), ..problem }
            }
            CommandError::Failed(error) => error.into(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut error = Map::new();
        error.insert("code".to_owned(), json!(self.code));
        error.insert("message".to_owned(), json!(self.message));
        let mut body = json!({
            "type": format!("https://daybook.dev/problems/{}", self.code.to_lowercase()),
            "title": self.status.canonical_reason().unwrap_or("error"),
            "status": self.status.as_u16(),
            "detail": self.message,
            "code": self.code,
            "success": false,
        });
        if let Some(field) = &self.field {
            error.insert("errors".to_owned(), json!({ field.as_str(): [self.message] }));
            let pointer = format!("/{}", field.replace('.', "/"));
            body["errors"] =
                json!([{ "field": field, "pointer": pointer, "detail": self.message }]);
        }
        if let Some(details) = self.details {
            error.insert("details".to_owned(), details);
        }
        body["error"] = Value::Object(error);
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
