//! Every event has a sentence, and the sentence says what matters.

use std::{collections::BTreeMap, fs, path::Path};

use chrono::DateTime;
use serde_json::json;

use super::*;
use crate::registry::AGGREGATES;

fn golden(event_type: &str, version: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let text = fs::read_to_string(folder.join(format!("{event_type}.v{version}.json")));
    serde_json::from_str(&text.expect("every event has a golden file")).expect("it is JSON")
}

#[test]
fn every_registered_event_has_a_sentence_of_its_own() {
    let mut seen = BTreeMap::new();
    for kind in AGGREGATES {
        for (event_type, version) in kind.kinds {
            let data = golden(event_type, version);
            let told = sentence(event_type, &data, None, None);
            assert!(
                !told.starts_with("Event "),
                "{event_type} has no sentence: say in domain/src/history what happens with it"
            );
            assert!(!told.contains('?'), "{event_type} names a field that is not there: {told}");
            let other = seen.insert(told.clone(), event_type);
            assert_eq!(other, None, "{event_type}: {told}");
        }
    }
}

#[test]
fn an_event_of_a_newer_version_is_told_by_its_name() {
    assert_eq!(sentence("gift_card.sold", &json!({}), None, None), "Event gift_card.sold.");
}

#[test]
fn a_move_says_from_where_to_where_by_whom_and_why() {
    let mut data = golden("appointment.rescheduled", "1.0.0");
    data["to"]["starts_at"] = json!("2026-11-23T14:00:00Z");
    data["rescheduled_by"] = json!("business");
    data["reason_code"] = json!("staff_unavailable");
    data["reason"] =
        json!({ "$personal": "018f4c1e-0000-7000-8000-000000000007", "value": "Anna is ill" });
    data["notify_customer"] = json!(true);
    data["to"]["staff_id"] = data["from"]["staff_id"].clone();
    data["outcome"]["fee"]["amount_minor"] = json!(0);
    let mut metadata = Metadata::new("key:7", DateTime::UNIX_EPOCH, "r");
    metadata.actor_name = Some("Till".to_owned());
    metadata.on_behalf_of = Some("employee:anna.7".to_owned());
    let told = sentence(
        "appointment.rescheduled",
        &data,
        Some(&metadata),
        Some(chrono_tz::Europe::Berlin),
    );
    assert_eq!(
        told,
        "Moved for the business from 2026-11-23 10:00 to 2026-11-23 15:00 (Europe/Berlin) by API key \
         \u{201c}Till\u{201d} on behalf of employee anna.7. Reason: staff unavailable, \
         \u{201c}Anna is ill\u{201d}. The customer is to be notified."
    );
}

#[test]
fn a_reason_that_cannot_be_read_is_named_as_such() {
    let data = golden("appointment.cancelled", "1.0.0");
    let told = sentence("appointment.cancelled", &data, None, None);
    assert!(told.contains("Reason: (sealed)."), "{told}");
    let erased = json!({ "reason": { "$erased": "018f4c1e-0000-7000-8000-000000000007" } });
    let told = sentence("appointment.rejected", &erased, None, None);
    assert_eq!(told, "Rejected. Reason: (erased).");
}
