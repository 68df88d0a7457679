//! What becomes of one event.

use serde_json::json;

use super::*;

fn rules() -> Rules {
    Rules {
        tenant: TenantId::new(Uuid::from_u128(1)),
        instant: None,
        actor: None,
        now: "2026-11-21T10:00:00Z".parse().expect("an instant"),
        thread: "run".to_owned(),
    }
}

fn claimed(payload: Value, metadata: Value) -> SerializedEvent {
    SerializedEvent::new(
        "k".to_owned(),
        1,
        "unique_key".to_owned(),
        "unique_key.claimed".to_owned(),
        "1.0.0".to_owned(),
        payload,
        metadata,
    )
}

fn fault(payload: Value, metadata: Value) -> String {
    rules().translate(&claimed(payload, metadata)).expect_err("it is refused")
}

#[test]
fn a_payload_is_written_as_daybook_writes_it_and_has_the_same_id_every_time() {
    let event = claimed(json!({ "owner": "a", "type": "claimed", "old": null }), json!({}));
    let one = rules().translate(&event).expect("it is read");
    assert_eq!(one.event.payload, r#"{"type":"claimed","owner":"a"}"#);
    let two = rules().translate(&event).expect("it is read");
    assert_eq!(one.event.event_id, two.event.event_id);
    let metadata: Metadata = serde_json::from_str(&one.event.metadata).expect("it is metadata");
    assert_eq!(
        (metadata.actor.as_str(), metadata.correlation_id.as_str()),
        ("system:import", "run")
    );
    assert_eq!(metadata.source.as_deref(), Some("import"));
}

#[test]
fn what_would_be_lost_is_named_by_its_path_and_never_by_its_value() {
    let said = fault(json!({ "type": "claimed", "owner": "a", "phone": "+491511" }), json!({}));
    assert_eq!(said, "its field `phone` is unknown and would be lost");
    let said = fault(json!({ "type": "claimed", "owner": ["Anna"] }), json!({}));
    assert!(!said.contains("Anna"), "{said}");
    let said = fault(json!({ "type": "claimed" }), json!({}));
    assert!(said.ends_with("`owner` is missing"), "{said}");
}

#[test]
fn metadata_without_a_place_are_named_and_left_behind() {
    let metadata =
        json!({ "actor": "Anna", "correlation_id": "r 1", "causation_id": "c1", "ip": "::1" });
    let payload = json!({ "type": "claimed", "owner": "a" });
    let one = rules().translate(&claimed(payload, metadata)).expect("it is read");
    assert_eq!(one.unplaced, ["actor", "correlation_id", "ip"]);
    assert!(!one.event.metadata.contains("Anna"), "{}", one.event.metadata);
    assert!(one.event.metadata.contains("c1"), "{}", one.event.metadata);
}

#[test]
fn a_named_field_says_when_and_who_or_is_a_fault() {
    let payload = json!({ "type": "claimed", "owner": "a" });
    let rules =
        Rules { instant: Some("when".to_owned()), actor: Some("who".to_owned()), ..rules() };
    let said = |metadata: Value| rules.translate(&claimed(payload.clone(), metadata));
    let good = said(json!({ "when": "2026-11-20T11:00:00.1234567+01:00", "who": "7" }));
    let good = good.expect("it is read");
    assert_eq!(good.at.to_rfc3339(), "2026-11-20T10:00:00.123456+00:00");
    assert!(good.event.metadata.contains("\"user:7\""), "{}", good.event.metadata);
    for (metadata, fault) in [
        (json!({ "who": "7" }), "no instant in `when`"),
        (json!({ "when": "yesterday" }), "no instant in `when`"),
        (json!({ "when": "2027-01-01T00:00:00Z" }), "lies ahead"),
        (json!({ "when": "2026-11-20T10:00:00Z", "who": "anna@example.com" }), "is no id"),
        (json!([]), "no object"),
    ] {
        let found = said(metadata).expect_err(fault);
        assert!(found.contains(fault), "{fault}: {found}");
        assert!(!found.contains("anna"), "{found}");
    }
}

#[test]
fn another_tenants_stream_and_another_vaults_secrets_are_refused() {
    let mut event = claimed(json!({ "type": "opened", "name": "Salon" }), json!({}));
    event.aggregate_type = "tenant".to_owned();
    event.event_type = "tenant.opened".to_owned();
    assert!(rules().translate(&event).expect_err("it is refused").contains("own id"));
    event.aggregate_id = rules().tenant.to_string();
    rules().translate(&event).expect("it is its own");

    let id = Uuid::from_u128(7);
    let name = |name: Value| {
        let contact = json!({ "name": name });
        let mut event = claimed(
            json!({ "type": "registered", "company_id": id, "contact": contact }),
            json!({}),
        );
        event.aggregate_type = "customer".to_owned();
        event.event_type = "customer.registered".to_owned();
        rules().translate(&event)
    };
    let clear = name(json!({ "$personal": id, "value": "Anna" })).expect("it is read");
    assert!(clear.is_personal);
    let sealed = name(json!({ "$sealed": id, "data": "AAAA" })).expect_err("it is refused");
    assert!(sealed.contains("another vault"), "{sealed}");
}
