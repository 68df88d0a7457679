//! Answers held against the OpenAPI document: what is not drawn there is not answered.

use serde_json::Value;

/// Method and path of the operation that answers a request, as the document has them.
pub(crate) fn template(document: &Value, method: &str, path: &str) -> String {
    let paths = document["paths"].as_object().unwrap();
    let wanted = operation(document, method, path).unwrap();
    let found = paths.iter().find(|(_, item)| {
        item.get(method.to_lowercase()).is_some_and(|it| std::ptr::eq(it, wanted))
    });
    format!("{method} {}", found.unwrap().0)
}

/// The operation that answers a request.
pub(crate) fn operation<'d>(document: &'d Value, method: &str, path: &str) -> Option<&'d Value> {
    let path = path.split('?').next()?;
    let fits = |template: &str| {
        let (template, path) = (template.split('/'), path.split('/'));
        template.clone().count() == path.clone().count()
            && template.zip(path).all(|(part, said)| part.starts_with('{') || part == said)
    };
    let paths = document["paths"].as_object()?;
    // An address without parameters comes before one with them.
    let mut found: Vec<_> = paths.iter().filter(|(template, _)| fits(template)).collect();
    found.sort_by_key(|(template, _)| template.matches('{').count());
    found.iter().find_map(|(_, item)| item.get(method.to_lowercase()))
}

/// What is wrong with an answer, if something is.
pub(crate) fn fault(
    document: &Value,
    operation: &Value,
    status: u16,
    body: &Value,
) -> Option<String> {
    let Some(response) = operation["responses"].get(status.to_string()) else {
        return Some(format!("status {status} is not documented"));
    };
    let response = resolved(document, response);
    let contents = response["content"].as_object()?;
    let schema = &contents.values().next()?["schema"];
    against(document, schema, body, "")
}

fn resolved<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    match value["$ref"].as_str() {
        Some(at) => document.pointer(at.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

fn against(document: &Value, schema: &Value, value: &Value, at: &str) -> Option<String> {
    let schema = resolved(document, schema);
    if let Some(either) = schema["oneOf"].as_array() {
        let faults: Vec<_> =
            either.iter().map_while(|one| against(document, one, value, at)).collect();
        return (faults.len() == either.len()).then(|| faults.join("; or "));
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !kinds.contains(&kind) {
        return Some(format!("{at} is {kind}, not {kinds:?}"));
    }
    if let Some(known) = schema["enum"].as_array()
        && !known.contains(value)
    {
        return Some(format!("{at} is {value}, not one of {known:?}"));
    }
    match value {
        Value::Array(items) => {
            items.iter().find_map(|item| against(document, &schema["items"], item, at))
        }
        Value::Object(fields) => object(document, schema, fields, at),
        _ => None,
    }
}

fn object(
    document: &Value,
    schema: &Value,
    fields: &serde_json::Map<String, Value>,
    at: &str,
) -> Option<String> {
    let mut required =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let missing = required.find(|name| !fields.contains_key(*name));
    if let Some(name) = missing {
        return Some(format!("{at}/{name} is missing"));
    }
    let (properties, others) = (schema["properties"].as_object(), &schema["additionalProperties"]);
    if properties.is_none() && others.is_null() {
        return None;
    }
    fields.iter().find_map(|(name, value)| {
        let at = format!("{at}/{name}");
        match properties.and_then(|properties| properties.get(name)) {
            Some(schema) => against(document, schema, value, &at),
            None if others.is_object() => against(document, others, value, &at),
            None => Some(format!("{at} is not documented")),
        }
    })
}
