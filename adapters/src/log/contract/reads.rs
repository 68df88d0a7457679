//! What readers get.

use std::sync::Arc;

use daybook_domain::{
    event_log::{ExpectedRevision, Position, RecordedEvent, Revision, StreamId},
    ports::EventLog,
};

use super::{append, event, grow, history, new_position, stream, tenant, write};
use crate::log::chain::{ChainError, GENESIS, verify_chain};

/// Key order, white space, escapes and all.
pub async fn events_come_back_byte_for_byte(log: impl EventLog) {
    let tenant = tenant(&log).await;
    let mut sent = event(1);
    sent.payload =
        String::from("{\"z\":1, \"a\" : \"ü\\u0041\\n\", \"n\":1.50, \"nul\":\"\\u0000\"}");
    sent.metadata = Arc::from("{\"correlation_id\" :\"x\",\"actor\":\"user:1\"}");
    let mut append = append(tenant, vec![write("a", ExpectedRevision::Any, 1)]);
    append.writes[0].events = vec![sent.clone()];
    new_position(&log.append(append).await);

    let [recorded] = history(&log, tenant).await.try_into().expect("one event");
    assert_eq!(recorded.payload, sent.payload);
    assert_eq!(recorded.metadata, &*sent.metadata);
    assert_eq!(recorded.event_id, sent.event_id);
    assert_eq!(recorded.event_type, sent.event_type);
    assert_eq!(recorded.event_version, sent.event_version);
    assert_eq!((recorded.tenant, recorded.stream), (tenant, stream("a")));
    assert_eq!((recorded.position, recorded.revision), (Position(1), Revision(1)));
}

/// One question, one answer per stream.
pub async fn streams_are_read_after_a_revision_in_the_order_of_the_question(log: impl EventLog) {
    let tenant = tenant(&log).await;
    grow(&log, tenant, "a", 2).await;
    grow(&log, tenant, "b", 3).await;
    grow(&log, tenant, "a", 1).await;
    let question = [
        (stream("none"), Revision(0)),
        (stream("b"), Revision(1)),
        (stream("a"), Revision(3)),
        (stream("a"), Revision(0)),
    ];
    let tails = log.read_streams(tenant, &question).await.expect("streams are read");
    let seen: Vec<_> = tails
        .iter()
        .map(|tail| {
            let revisions: Vec<_> = tail.events.iter().map(|event| event.revision.0).collect();
            (&*tail.stream.aggregate_id, tail.revision.0, revisions)
        })
        .collect();
    let expected =
        [("none", 0, vec![]), ("b", 3, vec![2, 3]), ("a", 3, vec![]), ("a", 3, vec![1, 2, 3])];
    assert_eq!(seen, expected);
    let positions: Vec<_> = tails[3].events.iter().map(|event| event.position.0).collect();
    assert_eq!(positions, [1, 2, 6]);
    assert_eq!(log.read_streams(tenant, &[]).await.expect("nothing is read"), []);
}

/// What a scan brings is what pages bring, to the byte.
pub async fn a_range_of_a_history_is_scanned_whole_or_by_type(log: impl EventLog) {
    let tenant = tenant(&log).await;
    let other = |id: &str| {
        let mut write = write(id, ExpectedRevision::Any, 1);
        write.stream = StreamId::new("other", id);
        write
    };
    for id in ["a", "b", "c"] {
        grow(&log, tenant, id, 2).await;
        new_position(&log.append(append(tenant, vec![other(id)])).await);
    }
    let all = history(&log, tenant).await;
    let scan = async |after, to, types: &[&'static str]| {
        log.scan(tenant, (Position(after), Position(to)), types).await.expect("a range is scanned")
    };
    assert_eq!(scan(0, u64::MAX, &[]).await, all);
    assert_eq!(scan(2, 7, &[]).await, all[2..7]);
    assert_eq!(scan(9, 20, &[]).await, []);
    let positions =
        |events: Vec<RecordedEvent>| events.iter().map(|it| it.position.0).collect::<Vec<_>>();
    assert_eq!(positions(scan(3, 9, &["other"]).await), [6, 9]);
    assert_eq!(scan(0, 9, &["thing", "other"]).await, all);
    assert_eq!(positions(scan(3, 9, &["thing.happened"]).await), [4, 5, 6, 7, 8, 9]);
    assert_eq!(scan(0, 9, &["none"]).await, []);
}

/// Pages follow each other without gap or overlap.
pub async fn a_history_is_read_in_pages(log: impl EventLog) {
    let tenant = tenant(&log).await;
    for _ in 0..5 {
        grow(&log, tenant, "a", 2).await;
    }
    let mut seen = Vec::new();
    let mut after = Position(0);
    loop {
        let page = log.read_tenant(tenant, after, 3).await.expect("a page is read");
        assert!(page.len() <= 3);
        let Some(last) = page.last() else { break };
        after = last.position;
        seen.extend(page);
    }
    assert_eq!(seen, history(&log, tenant).await);
    assert_eq!(seen.len(), 10);
    assert!(seen.is_sorted_by(|a, b| a.recorded_at <= b.recorded_at), "time goes back");
}

/// As a reader of all tenants asks.
pub async fn heads_are_listed_in_pages(log: impl EventLog) {
    let mut opened = Vec::new();
    for events in 0..5 {
        let tenant = tenant(&log).await;
        if events > 0 {
            grow(&log, tenant, "a", events).await;
        }
        opened.push((tenant, Position(events)));
    }
    opened.sort();
    let mut listed = Vec::new();
    let mut after = None;
    loop {
        let page = log.heads(after, 2).await.expect("a page is read");
        let Some(last) = page.last() else { break };
        after = Some(last.tenant);
        listed.extend(page);
    }
    let seen: Vec<_> = listed.iter().map(|head| (head.tenant, head.position)).collect();
    assert_eq!(seen, opened);
    for head in listed {
        assert_eq!(log.head(head.tenant).await.expect("the head is read"), Some(head));
        let last = history(&log, head.tenant).await.last().map_or(GENESIS, |event| event.hash);
        assert_eq!(head.hash, last);
    }
}

/// The same stream id in two tenants is two streams.
pub async fn tenants_do_not_see_each_other(log: impl EventLog) {
    let (one, two) = (tenant(&log).await, tenant(&log).await);
    grow(&log, one, "a", 3).await;
    assert_eq!(grow(&log, two, "a", 1).await, Position(1));
    let writes = vec![write("a", super::at(1), 1)];
    assert_eq!(new_position(&log.append(append(two, writes)).await), Position(2));
    for (tenant, length) in [(one, 3), (two, 2)] {
        let history = history(&log, tenant).await;
        assert_eq!(history.len(), length);
        assert!(history.iter().all(|event| event.tenant == tenant));
        let tails = log.read_streams(tenant, &[(stream("a"), Revision(0))]).await;
        assert_eq!(tails.expect("a stream is read")[0].events, history);
    }
}

/// The chain is what an auditor recomputes.
pub async fn the_chain_verifies_and_names_what_was_altered(log: impl EventLog) {
    let tenant = tenant(&log).await;
    for id in ["a", "b", "a"] {
        grow(&log, tenant, id, 2).await;
    }
    let start = (Position(0), GENESIS);
    let good = history(&log, tenant).await;
    let head = log.head(tenant).await.expect("the head is read").expect("it is open");
    assert_eq!(verify_chain(tenant, start, &good), Ok((head.position, head.hash)));
    let middle = (good[2].position, good[2].hash);
    assert_eq!(verify_chain(tenant, middle, &good[3..]), Ok((head.position, head.hash)));

    let mut altered = good.clone();
    altered[3].payload.push(' ');
    let error = Err(ChainError::Altered(Position(4)));
    assert_eq!(verify_chain(tenant, start, &altered), error);
    let mut moved = good.clone();
    moved[3].recorded_at += chrono::TimeDelta::microseconds(1);
    assert_eq!(verify_chain(tenant, start, &moved), error);
    let mut shortened = good.clone();
    shortened.remove(3);
    let gap = ChainError::Gap { expected: Position(4), found: Position(5) };
    assert_eq!(verify_chain(tenant, start, &shortened), Err(gap));
}
