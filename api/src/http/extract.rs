//! Bodies, queries and paths: read strictly, and refused with the name of the field.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{StatusCode, header, request::Parts},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::problem::Problem;

/// A JSON body, and what makes it the same request as another.
#[derive(Debug)]
pub struct Body<T> {
    /// What was sent.
    pub value: T,
    /// The body with sorted keys and without spaces, for the hash of a request that brings an
    /// idempotency key; empty otherwise.
    pub canonical: Vec<u8>,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).cloned();
        let is_keyed = request.headers().contains_key("idempotency-key");
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|it| no_body(it.status() == StatusCode::PAYLOAD_TOO_LARGE))?;
        let is_json = kind.as_ref().and_then(|kind| kind.to_str().ok()).is_some_and(is_json);
        if !bytes.is_empty() && !is_json {
            let message = "the body must be application/json";
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Problem::new(status, "UNSUPPORTED_MEDIA_TYPE", message));
        }
        // A missing body is an empty object: whatever is required says so by its name.
        let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        let value = parse(text)?;
        let canonical = if is_keyed { canonical(text)? } else { Vec::new() };
        Ok(Self { value, canonical })
    }
}

/// Whether a content type is that of JSON: case is of no matter, and parameters are left aside (RFC
/// 9110, 8.3.1).
fn is_json(kind: &str) -> bool {
    let (essence, _) = kind.split_once(';').unwrap_or((kind, ""));
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// A body of the domain's own type, with `dry_run` beside its fields.
#[derive(Debug)]
pub struct Dry<T> {
    /// What was sent, without `dry_run`.
    pub value: T,
    /// The command's body, and whether it is only tried.
    pub asked: Asked,
}

/// A body that says nothing.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// What makes a request the same as another, and whether it is only tried.
#[derive(Debug)]
pub struct Asked {
    /// As [`Body::canonical`].
    pub canonical: Vec<u8>,
    /// Whether nothing is to be recorded.
    pub dry_run: bool,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Dry<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let Body { mut value, canonical } = Body::<Value>::from_request(request, state).await?;
        let dry_run = match value.as_object_mut().and_then(|fields| fields.remove("dry_run")) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(dry_run)) => dry_run,
            Some(_) => return Err(Problem::invalid("dry_run", "dry_run is true or false")),
        };
        let value = serde_path_to_error::deserialize(value).map_err(at_fault)?;
        Ok(Self { value, asked: Asked { canonical, dry_run } })
    }
}

fn at_fault(error: serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let path = error.path().to_string();
    let said = error.into_inner().to_string();
    let message = said.split(" at line").next().unwrap_or(&said).to_owned();
    Problem::invalid(field_of(&path, &message), message)
}

/// Too large, or broken off on the way.
pub(super) fn no_body(is_too_large: bool) -> Problem {
    if is_too_large {
        return Problem::of_status(StatusCode::PAYLOAD_TOO_LARGE);
    }
    Problem::new(StatusCode::BAD_REQUEST, "BODY_UNREADABLE", "the body could not be read")
}

/// JSON whose keys are sorted, so that a client that writes them in another order repeats itself.
fn canonical(text: &[u8]) -> Result<Vec<u8>, Problem> {
    let value = serde_json::from_slice::<Value>(text);
    let bytes = value.and_then(|mut value| {
        make_whole(&mut value);
        value.sort_all_objects();
        serde_json::to_vec(&value)
    });
    bytes.map_err(|error| Problem::invalid("body", error.to_string()))
}

/// The path of the first text with a NUL, which PostgreSQL does not keep and nobody means.
fn nul(value: &Value) -> Option<String> {
    let under = |name: String, value: &Value| {
        let below = nul(value)?;
        Some(if below.is_empty() { name } else { format!("{name}.{below}") })
    };
    match value {
        Value::String(text) => text.contains('\0').then(String::new),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(index, item)| under(index.to_string(), item))
        }
        Value::Object(fields) => fields.iter().find_map(|(name, item)| {
            if name.contains('\0') { Some("body".to_owned()) } else { under(name.clone(), item) }
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// `30.0` is an integer to JSON Schema, and to clients whose only number is a float.
fn make_whole(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let whole = number.as_f64().filter(|it| number.is_f64() && it.fract() == 0.0);
            // Beyond 2^53 a float does not say which integer it means.
            if let Some(whole) = whole.filter(|it| it.abs() < 9_007_199_254_740_992.0)
                && let Ok(integer) = format!("{whole:.0}").parse::<i64>()
            {
                *number = integer.into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(make_whole),
        Value::Object(fields) => fields.values_mut().for_each(make_whole),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T, Problem> {
    if text.windows(6).any(|six| six == br"\u0000")
        && let Ok(value) = serde_json::from_slice::<Value>(text)
        && let Some(field) = nul(&value)
    {
        return Err(Problem::invalid(field, "a text holds no NUL character"));
    }
    if text.windows(2).any(|two| two == b".0")
        && let Ok(mut value) = serde_json::from_slice::<Value>(text)
    {
        make_whole(&mut value);
        return serde_path_to_error::deserialize(value).map_err(at_fault);
    }
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(at_fault)?;
    reader.end().map_err(|error| Problem::invalid("body", error.to_string()))?;
    Ok(value)
}

/// The field at fault: the path, and the name that serde quotes when a field is missing or unknown.
fn field_of(path: &str, message: &str) -> String {
    let quoted = ["missing field `", "unknown field `", "duplicate field `"]
        .iter()
        .find_map(|start| message.strip_prefix(start)?.split('`').next());
    match (path.trim_matches('.'), quoted) {
        ("" | "?", None) => "body".to_owned(),
        ("" | "?", Some(name)) => name.to_owned(),
        (path, Some(name)) if path != name && !path.ends_with(&format!(".{name}")) => {
            format!("{path}.{name}")
        }
        (path, _) => path.to_owned(),
    }
}

/// The parameters behind the question mark.
#[derive(Debug)]
pub struct Params<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        if let Ok(Query(pairs)) = pairs
            && let Some((name, _)) =
                pairs.iter().find(|(name, value)| name.contains('\0') || value.contains('\0'))
        {
            let name = name.replace('\0', "");
            return Err(Problem::parameter(&name, "a text holds no NUL character"));
        }
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(rejection) => {
                let said = rejection.body_text();
                let message =
                    said.rsplit_once("query string: ").map_or(said.as_str(), |(_, rest)| rest);
                let (path, message) = match message.split_once(": ") {
                    Some((path, rest)) if !path.contains(' ') => (path, rest),
                    _ => ("", message),
                };
                Err(Problem::parameter(&field_of(path, message), message))
            }
        }
    }
}

/// An id in the path. One that is no id names nothing.
#[derive(Debug)]
pub struct Id<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(id)| Self(id)).map_err(|_no_id| Problem::not_found())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_content_type_is_json_whatever_its_case_and_parameters() {
        for kind in ["application/json", "Application/JSON", "application/json ; charset=utf-8"] {
            assert!(is_json(kind), "{kind}");
        }
        for kind in ["application/jsonp", "application/json-seq", "text/json", ""] {
            assert!(!is_json(kind), "{kind}");
        }
    }

    #[test]
    fn whole_numbers_may_be_written_as_floats_and_others_may_not() {
        #[derive(Debug, PartialEq, serde::Deserialize)]
        struct Asked {
            minutes: u16,
            back: Vec<i64>,
        }
        let asked: Asked = parse(br#"{"minutes":30.0,"back":[-4.0, 2, 1.0e3]}"#).unwrap();
        assert_eq!(asked, Asked { minutes: 30, back: vec![-4, 2, 1000] });
        assert!(parse::<Asked>(br#"{"minutes":30.05,"back":[]}"#).is_err());
        assert!(parse::<Asked>(br#"{"minutes":-1.0,"back":[]}"#).is_err());
        assert_eq!(parse::<Value>(br#"{"a":".0"}"#).unwrap(), json!({ "a": ".0" }));
        assert_eq!(canonical(br#"{"b":1,"a":2.0}"#).unwrap(), br#"{"a":2,"b":1}"#);
    }
}
