//! What an append accepts and refuses.

use daybook_domain::{
    event_log::{ExpectedRevision, Position, Revision},
    ids::TenantId,
    ports::{AppendError, EventLog, LogError},
};
use uuid::Uuid;

use super::{append, at, event, grow, history, new_position, revision, stream, tenant, write};

/// Each expectation against a stream without events and one at revision 2.
pub async fn expectations_hold_in_every_combination(log: impl EventLog) {
    use ExpectedRevision::{Any, NoStream};
    for (stands_at, expected, accepted) in [
        (0, Any, true),
        (0, NoStream, true),
        (0, at(0), true),
        (0, at(1), false),
        (2, Any, true),
        (2, NoStream, false),
        (2, at(0), false),
        (2, at(1), false),
        (2, at(2), true),
        (2, at(3), false),
    ] {
        let tenant = tenant(&log).await;
        if stands_at > 0 {
            grow(&log, tenant, "a", stands_at).await;
        }
        let outcome = log.append(append(tenant, vec![write("a", expected, 3)])).await;
        let context = format!("{expected:?} of a stream at {stands_at}: {outcome:?}");
        if accepted {
            assert_eq!(new_position(&outcome), Position(stands_at + 3), "{context}");
        } else {
            assert!(matches!(outcome, Err(AppendError::Conflict(_))), "{context}");
        }
        let expected_revision = stands_at + if accepted { 3 } else { 0 };
        assert_eq!(revision(&log, tenant, "a").await, expected_revision, "{context}");
    }
}

/// The right revision with another event is another history.
pub async fn an_expected_last_event_must_be_that_very_event(log: impl EventLog) {
    let tenant = tenant(&log).await;
    grow(&log, tenant, "a", 2).await;
    let recorded = history(&log, tenant).await;
    let attempt = |revision, event_id| {
        let expected = ExpectedRevision::After(Revision(revision), event_id);
        log.append(append(tenant, vec![write("a", expected, 1)]))
    };
    for (revision, event_id) in
        [(2, recorded[0].event_id), (1, recorded[0].event_id), (3, recorded[1].event_id)]
    {
        let outcome = attempt(revision, event_id).await;
        let Err(AppendError::Conflict(tails)) = outcome else { panic!("unexpected {outcome:?}") };
        assert_eq!((tails.len(), tails[0].revision), (1, Revision(2)));
    }
    assert_eq!(new_position(&attempt(2, recorded[1].event_id).await), Position(3));
    let nothing = ExpectedRevision::After(Revision(0), recorded[1].event_id);
    let outcome = log.append(append(tenant, vec![write("new", nothing, 1)])).await;
    assert!(matches!(outcome, Err(AppendError::Conflict(_))), "unexpected {outcome:?}");
}

/// One conflicting stream of three keeps all three as they were.
pub async fn an_append_is_all_or_nothing_over_its_streams(log: impl EventLog) {
    let tenant = tenant(&log).await;
    grow(&log, tenant, "b", 1).await;
    let writes = |b| vec![write("a", at(0), 2), write("b", b, 1), write("c", at(0), 1)];

    let refused = log.append(append(tenant, writes(at(0)))).await;
    assert!(matches!(refused, Err(AppendError::Conflict(_))), "{refused:?}");
    assert_eq!(history(&log, tenant).await.len(), 1);

    let accepted = log.append(append(tenant, writes(at(1)))).await;
    assert_eq!(new_position(&accepted), Position(5));
    let order: Vec<_> = history(&log, tenant)
        .await
        .iter()
        .map(|event| format!("{} {}", event.stream.aggregate_id, event.revision))
        .collect();
    assert_eq!(order, ["b 1", "a 1", "a 2", "b 2", "c 1"]);
}

/// `unchanged` is checked like an expectation, though nothing is written there.
pub async fn a_stream_that_was_only_read_must_not_have_moved(log: impl EventLog) {
    let tenant = tenant(&log).await;
    grow(&log, tenant, "staff", 2).await;
    let resting_on = |staff, service| {
        let mut append = append(tenant, vec![write("day", ExpectedRevision::Any, 1)]);
        append.unchanged =
            vec![(stream("staff"), Revision(staff)), (stream("service"), Revision(service))];
        append
    };
    let outcome = log.append(resting_on(2, 0)).await;
    assert_eq!(new_position(&outcome), Position(3));

    let Err(AppendError::Conflict(tails)) = log.append(resting_on(1, 0)).await else {
        panic!("the staff stream moved on");
    };
    assert_eq!(tails.len(), 1);
    assert_eq!((&tails[0].stream, tails[0].revision), (&stream("staff"), Revision(2)));
    assert_eq!(tails[0].events.len(), 1);
    assert_eq!(revision(&log, tenant, "day").await, 1);
}

/// The next decision needs no other load.
pub async fn a_conflict_carries_the_newer_events_of_every_stream_that_moved(log: impl EventLog) {
    let tenant = tenant(&log).await;
    grow(&log, tenant, "a", 3).await;
    grow(&log, tenant, "b", 1).await;
    grow(&log, tenant, "c", 2).await;
    let mut attempt = append(
        tenant,
        vec![
            write("a", at(1), 1),
            write("b", at(1), 1),
            write("new", ExpectedRevision::NoStream, 1),
            write("ahead", at(7), 1),
        ],
    );
    attempt.unchanged = vec![(stream("c"), Revision(0))];

    let Err(AppendError::Conflict(tails)) = log.append(attempt).await else {
        panic!("three streams moved on");
    };
    let seen: Vec<_> = tails
        .iter()
        .map(|tail| (&*tail.stream.aggregate_id, tail.revision.0, tail.events.clone()))
        .collect();
    let recorded = history(&log, tenant).await;
    let expected = [
        ("a", 3, vec![recorded[1].clone(), recorded[2].clone()]),
        ("ahead", 0, Vec::new()),
        ("c", 2, vec![recorded[4].clone(), recorded[5].clone()]),
    ];
    assert_eq!(seen, expected);
}

/// What can never be right is no conflict.
pub async fn malformed_appends_are_refused(log: impl EventLog) {
    let tenant = tenant(&log).await;
    let twice = vec![write("a", at(0), 1), write("a", at(1), 1)];
    let mut written_and_read = append(tenant, vec![write("a", at(0), 1)]);
    written_and_read.unchanged = vec![(stream("a"), Revision(0))];
    let mut no_json = write("a", at(0), 1);
    "{".clone_into(&mut no_json.events[0].payload);
    for malformed in [
        append(tenant, Vec::new()),
        append(tenant, vec![write("a", at(0), 0)]),
        append(tenant, twice),
        written_and_read,
        append(tenant, vec![no_json]),
    ] {
        let outcome = log.append(malformed).await;
        assert!(
            matches!(outcome, Err(AppendError::Log(LogError::Malformed(_)))),
            "unexpected {outcome:?}"
        );
    }
    assert_eq!(history(&log, tenant).await, []);
}

/// The tripwire behind the vault (CTR-09).
pub async fn unsealed_personal_data_is_refused(log: impl EventLog) {
    let tenant = tenant(&log).await;
    let attempt = |payload: &str| {
        let mut write = write("a", ExpectedRevision::Any, 1);
        payload.clone_into(&mut write.events[0].payload);
        append(tenant, vec![write])
    };
    let unsealed = r#"{"name":{"$personal":"2d4b…","value":"Ada"}}"#;
    let outcome = log.append(attempt(unsealed)).await;
    let Err(AppendError::Log(LogError::Malformed(why))) = outcome else {
        panic!("unexpected {outcome:?}");
    };
    assert!(!why.contains("Ada"), "personal data in an error: {why}");
    // A text that only speaks of it is no personal data.
    let quoted = serde_json::json!({ "note": unsealed }).to_string();
    new_position(&log.append(attempt(&quoted)).await);
}

/// A history begins with `open_tenant`, not by accident.
pub async fn a_tenant_that_was_never_opened_is_unknown(log: impl EventLog) {
    let stranger = TenantId::new(Uuid::from_bytes(super::random()));
    let writes = vec![super::StreamWrite {
        stream: stream("a"),
        expected: ExpectedRevision::Any,
        events: vec![event(1)],
    }];
    let outcome = log.append(append(stranger, writes)).await;
    assert!(
        matches!(outcome, Err(AppendError::Log(LogError::UnknownTenant(it))) if it == stranger),
        "unexpected {outcome:?}"
    );
    assert_eq!(log.head(stranger).await.expect("the head is read"), None);
    assert_eq!(history(&log, stranger).await, []);
}

/// Nor does it lose anything.
pub async fn opening_a_tenant_again_changes_nothing(log: impl EventLog) {
    let tenant = tenant(&log).await;
    grow(&log, tenant, "a", 2).await;
    let before = log.head(tenant).await.expect("the head is read");
    log.open_tenant(tenant).await.expect("it is open");
    assert_eq!(log.head(tenant).await.expect("the head is read"), before);
    assert_eq!(grow(&log, tenant, "a", 1).await, Position(3));
}
