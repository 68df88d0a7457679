//! Puts the fields of a change over what a thing has: those that are named, nothing else.
//!
//! `null` leaves a field empty. Objects are merged, and so are lists whose entries have a name of
//! their own (the `key` of a phase, the `staff_id` of an assignment); any other list is replaced.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// What names an entry of a list.
const NAMES: [&str; 2] = ["key", "staff_id"];

/// `held` with the fields of `patch`; otherwise the path of the wrong field and what is wrong.
pub(super) fn merged<T: Serialize + DeserializeOwned>(
    held: &T,
    patch: &Map<String, Value>,
    path: &str,
) -> anyhow::Result<T> {
    let mut value = serde_json::to_value(held)?;
    merge(&mut value, &Value::Object(patch.clone()), path)?;
    serde_path_to_error::deserialize(value).map_err(|error| {
        let (inner, problem) = (error.path().to_string(), error.inner());
        // At the top, serde names the field itself.
        let inner = if inner == "." { String::new() } else { format!(".{inner}") };
        anyhow::anyhow!("{path}{inner}: {problem}")
    })
}

fn merge(held: &mut Value, patch: &Value, path: &str) -> anyhow::Result<()> {
    match (held, patch) {
        (Value::Object(held), Value::Object(patch)) => {
            for (name, wanted) in patch {
                let path = format!("{path}.{name}");
                merge(held.entry(name.clone()).or_insert(Value::Null), wanted, &path)?;
            }
        }
        (Value::Array(held), Value::Array(patch)) if name_of(held, patch).is_some() => {
            for (index, wanted) in patch.iter().enumerate() {
                let path = format!("{path}[{index}]");
                let name = name_of(held, patch).and_then(|name| Some((name, wanted.get(name)?)));
                let (name, wished) = name.ok_or_else(|| anyhow::anyhow!("{path}: no name"))?;
                let same = held.iter_mut().find(|entry| entry.get(name) == Some(wished));
                let same = same.ok_or_else(|| {
                    anyhow::anyhow!("{path}.{name}: there is nothing that is called {wished}")
                })?;
                merge(same, wanted, &path)?;
            }
        }
        (held, patch) => *held = patch.clone(),
    }
    Ok(())
}

/// What the entries of both lists are named by, if they all are.
fn name_of(held: &[Value], patch: &[Value]) -> Option<&'static str> {
    let named = |name: &&str| {
        let has = |entry: &Value| entry.get(*name).is_some();
        !held.is_empty() && held.iter().all(has) && patch.iter().all(has)
    };
    NAMES.into_iter().find(named)
}

#[cfg(test)]
mod tests {
    use daybook_domain::{policy::CancellationPolicy, service::PhaseTemplate};
    use serde_json::{Value, json};

    use super::merged;

    fn patch(value: Value) -> serde_json::Map<String, Value> {
        value.as_object().expect("an object").clone()
    }

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Phases {
        phases: Vec<PhaseTemplate>,
    }

    #[test]
    fn a_phase_is_found_by_its_key_and_keeps_what_is_not_named() {
        let held = Phases {
            phases: vec![
                PhaseTemplate { processing_min: 20, ..PhaseTemplate::active("A", 30) },
                PhaseTemplate::active("B", 15),
            ],
        };
        let longer = patch(json!({ "phases": [{ "key": "A", "active_min": 45 }] }));
        let merged = merged(&held, &longer, "profile").expect("it is valid");
        assert_eq!(
            merged.phases,
            [
                PhaseTemplate { processing_min: 20, ..PhaseTemplate::active("A", 45) },
                PhaseTemplate::active("B", 15)
            ]
        );
    }

    #[test]
    fn a_wrong_field_is_named_by_its_path() {
        let held = Phases { phases: vec![PhaseTemplate::active("A", 30)] };
        for (wrong, named) in [
            (json!({ "phases": [{ "key": "A", "active_min": "long" }] }), "phases[0].active_min"),
            (json!({ "phases": [{ "key": "A", "minutes": 5 }] }), "phases[0].minutes"),
            (json!({ "phases": [{ "key": "X", "active_min": 5 }] }), "phases[0].key"),
            (json!({ "phases": 7 }), "phases"),
        ] {
            let error = merged(&held, &patch(wrong), "changes[1].profile").err();
            let error = error.expect("the field is wrong").to_string();
            assert!(error.starts_with(&format!("changes[1].profile.{named}")), "{error}");
        }
    }

    #[test]
    fn null_leaves_a_field_empty() {
        let held = CancellationPolicy { max_free_per_month: Some(0), ..Default::default() };
        let merged = merged(&held, &patch(json!({ "max_free_per_month": null })), "policies");
        assert_eq!(merged.expect("it is valid").max_free_per_month, None);
    }
}
