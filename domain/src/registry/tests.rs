//! What holds for every aggregate: it is listed, its events have golden files, `evolve` is total.
//!
//! A golden file is `golden/<event type>.v<version>.json`, or `….<example>.json` for a further
//! example of the same kind. A released one never changes and is never removed.

use std::{collections::BTreeMap, fs, path::Path};

use proptest::prelude::*;
use serde_json::Value;
use uuid::Uuid;

use super::*;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The golden events by file name.
fn goldens() -> BTreeMap<String, EventText> {
    let folder = Path::new(ROOT).join("golden");
    let files = fs::read_dir(&folder).expect("domain/golden is there");
    let golden = |file: fs::DirEntry| {
        let name = file.file_name().into_string().expect("golden file names are UTF-8");
        let stem = name.strip_suffix(".json").expect("golden files are JSON");
        let is_version = |(at, _): &(usize, &str)| stem[at + 2..].starts_with(char::is_numeric);
        let (at, _) = stem.match_indices(".v").find(is_version).expect("<event type>.v<version>");
        let (event_type, version) = (&stem[..at], &stem[at + 2..]);
        let event_version = version.split('.').take(3).collect::<Vec<_>>().join(".");
        let payload = fs::read_to_string(file.path()).expect("golden files are texts");
        let event = EventText { event_type: event_type.to_owned(), event_version, payload };
        (name, event)
    };
    files.map(|file| golden(file.expect("domain/golden can be listed"))).collect()
}

/// The goldens of one aggregate, in the order of their names.
fn goldens_of(kind: &AggregateKind, goldens: &BTreeMap<String, EventText>) -> Vec<EventText> {
    let belongs = |event: &&EventText| {
        event.event_type.split_once('.').is_some_and(|(owner, _)| owner == kind.aggregate_type)
    };
    goldens.values().filter(belongs).cloned().collect()
}

/// JSON text without the white space around its tokens; the order of keys stays.
fn compact(text: &str) -> String {
    let (mut compact, mut in_string, mut is_escaped) = (String::new(), false, false);
    for each in text.chars() {
        if in_string || !each.is_ascii_whitespace() {
            compact.push(each);
        }
        if each == '"' && !is_escaped {
            in_string = !in_string;
        }
        is_escaped = in_string && each == '\\' && !is_escaped;
    }
    compact
}

#[test]
fn types_are_in_order_and_events_carry_the_name_of_their_aggregate() {
    assert!(AGGREGATES.is_sorted_by(|a, b| a.aggregate_type < b.aggregate_type));
    for kind in AGGREGATES {
        let mut names: Vec<_> = kind.kinds.iter().map(|(name, _)| *name).collect();
        for name in &names {
            let (owner, what) = name.split_once('.').expect("an event is <aggregate>.<what>");
            assert_eq!(owner, kind.aggregate_type, "{name}");
            assert!(!what.is_empty() && !what.contains('.'), "{name}");
        }
        names.sort_unstable();
        assert!(names.is_sorted_by(|a, b| a < b), "an event of {names:?} is there twice");
        assert_eq!(find(kind.aggregate_type).map(|found| found.kinds), Some(kind.kinds));
    }
    assert!(find("gift_card").is_none());
}

/// An aggregate that is missing here would be missing from every check below without a word.
#[test]
fn every_event_that_the_sources_name_is_registered() {
    let mut named = Vec::new();
    named_events(&Path::new(ROOT).join("src"), &mut named);
    assert!(70 <= named.len(), "the sources were not read: {} events", named.len());
    for (event_type, event_version) in named {
        let registered = AGGREGATES.iter().flat_map(|kind| kind.kinds);
        assert!(
            registered.into_iter().any(|kind| *kind == (&*event_type, &*event_version)),
            "event {event_type:?} {event_version} belongs to no registered aggregate: add its \
             aggregate to src/registry/mod.rs"
        );
    }
}

/// Every `"<event type>" @ "<version>"` in the sources.
fn named_events(folder: &Path, named: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("the sources can be listed") {
        let path = entry.expect("the sources can be listed").path();
        if path.is_dir() {
            named_events(&path, named);
            continue;
        }
        let source = fs::read_to_string(&path).expect("the sources are texts");
        for (before, after) in source
            .lines()
            .filter(|line| line.contains(" => "))
            .filter_map(|l| l.split_once("\" @ \""))
        {
            let event_type = before.rsplit('"').next().unwrap_or_default();
            let event_version = after.split('"').next().unwrap_or_default();
            named.push((event_type.to_owned(), event_version.to_owned()));
        }
    }
}

#[test]
fn every_event_has_a_golden_file() {
    let goldens = goldens();
    let missing: Vec<_> = AGGREGATES
        .iter()
        .flat_map(|kind| kind.kinds)
        .map(|(event_type, version)| format!("{event_type}.v{version}.json"))
        .filter(|name| !goldens.contains_key(name))
        .collect();
    assert!(
        missing.is_empty(),
        "these events have no golden file: write one event of each as JSON, with every field \
         present and personal values sealed, to domain/golden/: {missing:#?}"
    );
}

#[test]
fn every_golden_file_is_read_and_a_current_one_is_written_the_same() {
    for (name, event) in goldens() {
        let owner = event.event_type.split('.').next().unwrap_or_default();
        let kind = find(owner).unwrap_or_else(|| {
            panic!("{name}: no aggregate {owner:?} is registered; a released event never goes away")
        });
        let written = kind.reencode(&event).unwrap_or_else(|error| {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            panic!(
                "{name}: {error} ({}). A released event keeps its shape: a new shape is a new \
                 version with an upcaster and a golden file of its own",
                source.unwrap_or_default()
            )
        });
        let is_current =
            kind.kinds.contains(&(event.event_type.as_str(), event.event_version.as_str()));
        if is_current {
            assert_eq!(written, compact(&event.payload), "{name} is written otherwise");
        }
    }
}

/// Shifts every id in an event, so that events of one kind speak of different things.
fn shift_ids(value: &mut Value, by: u128) {
    match value {
        Value::String(text) => {
            if let Ok(id) = Uuid::parse_str(text) {
                *text = Uuid::from_u128(id.as_u128() ^ by).to_string();
            }
        }
        Value::Array(values) => {
            for value in values {
                shift_ids(value, by);
            }
        }
        Value::Object(fields) => {
            for value in fields.values_mut() {
                shift_ids(value, by);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => (),
    }
}

fn with_shifted_ids(event: &EventText, by: u128) -> EventText {
    let mut value = serde_json::from_str(&event.payload).expect("golden files are JSON");
    shift_ids(&mut value, by);
    EventText { payload: value.to_string(), ..event.clone() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the order of events, folding them neither fails nor depends on snapshots.
    #[test]
    fn evolve_is_total_and_a_snapshot_with_its_tail_is_the_whole(
        picks in prop::collection::vec((any::<prop::sample::Index>(), 0_u128..3), 0..40),
        cut in any::<prop::sample::Index>(),
    ) {
        let goldens = goldens();
        for kind in AGGREGATES {
            let own = goldens_of(kind, &goldens);
            prop_assert!(!own.is_empty(), "{} has no golden files", kind.aggregate_type);
            let events: Vec<_> =
                picks.iter().map(|(pick, by)| with_shifted_ids(pick.get(&own), *by)).collect();
            let (before, after) = events.split_at(cut.index(events.len() + 1));
            let whole = kind.fold(None, &events).map_err(fail)?;
            let snapshot = kind.fold(None, before).map_err(fail)?;
            prop_assert_eq!(kind.fold(Some(&snapshot), after).map_err(fail)?, whole);
        }
    }
}

fn fail(error: RegistryError) -> TestCaseError {
    TestCaseError::fail(format!("{error}: {:?}", std::error::Error::source(&error)))
}
