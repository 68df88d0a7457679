//! What holds when many write at once.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use daybook_domain::{
    event_log::{Append, ExpectedRevision, Position, Revision},
    ids::TenantId,
    ports::{AppendError, EventLog},
};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{append, at, history, new_position, random, stream, tenant, write};
use crate::log::chain::{GENESIS, verify_chain};

/// Positions and revisions are 1, 2, 3 … and the chain holds.
pub async fn positions_have_no_gaps_under_concurrent_writers(log: impl EventLog) {
    let log = Arc::new(log);
    let tenant = tenant(&*log).await;
    let mut writers = JoinSet::new();
    for writer in 0..16 {
        let log = Arc::clone(&log);
        writers.spawn(async move {
            for round in 0..10_u64 {
                let own = write(&format!("own {writer}"), at(round), 1);
                let shared = write(&format!("shared {}", writer % 3), ExpectedRevision::Any, 2);
                new_position(&log.append(append(tenant, vec![own, shared])).await);
            }
        });
    }
    writers.join_all().await;
    let events = history(&*log, tenant).await;
    assert_eq!(events.len(), 16 * 10 * 3);
    let mut revisions: BTreeMap<_, u64> = BTreeMap::new();
    for event in &events {
        let last = revisions.entry(event.stream.clone()).or_default();
        assert_eq!(event.revision.0, *last + 1, "{}", event.stream);
        *last += 1;
    }
    let end = verify_chain(tenant, (Position(0), GENESIS), &events).expect("the chain holds");
    assert_eq!(end.0, Position(480));
}

/// Each expects the very event of the one before, which nobody has confirmed yet: they stand or fall
/// together.
pub async fn a_chain_of_unconfirmed_appends_stands_or_falls_together(log: impl EventLog) {
    const LINKS: u64 = 40;
    let tenant = tenant(&log).await;
    for first in [at(0), at(LINKS - 1), at(LINKS)] {
        let mut expected = first;
        let start = first.revision().unwrap_or_default().0;
        let links = (0..LINKS).map(|link| {
            let write = write("hot", expected, 1);
            let last = write.events[0].event_id;
            expected = ExpectedRevision::After(Revision(start + link + 1), last);
            log.append(append(tenant, vec![write]))
        });
        let outcomes = futures::future::join_all(links).await;
        let accepted = outcomes.iter().filter(|outcome| outcome.is_ok()).count() as u64;
        // The second chain begins one too early: from its second link on the numbers are right.
        assert_eq!(accepted, if start == LINKS - 1 { 0 } else { LINKS }, "from {start}");
    }
    let events = history(&log, tenant).await;
    assert_eq!(events.len() as u64, 2 * LINKS);
    verify_chain(tenant, (Position(0), GENESIS), &events).expect("the chain holds");
}

/// Nothing ever appears behind a reader.
pub async fn a_reader_in_a_tight_loop_misses_nothing(log: impl EventLog) {
    let log = Arc::new(log);
    let tenant = tenant(&*log).await;
    let done = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn({
        let (log, done) = (Arc::clone(&log), Arc::clone(&done));
        async move {
            let mut seen = Vec::new();
            loop {
                let was_done = done.load(Ordering::SeqCst);
                let after = Position(seen.len() as u64);
                let news = log.read_tenant(tenant, after, 50).await.expect("no gap is read");
                if news.is_empty() && was_done {
                    return seen;
                }
                seen.extend(news);
            }
        }
    });
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let log = Arc::clone(&log);
        writers.spawn(async move {
            for _ in 0..30 {
                let writes = vec![write(&format!("own {writer}"), ExpectedRevision::Any, 2)];
                new_position(&log.append(append(tenant, writes)).await);
            }
        });
    }
    writers.join_all().await;
    done.store(true, Ordering::SeqCst);
    let seen = reader.await.expect("the reader ends");
    assert_eq!(seen.len(), 8 * 30 * 2);
    assert_eq!(seen, history(&*log, tenant).await);
}

/// 64 clients fight for hot streams of three tenants: group commit must not mix up who won.
pub async fn what_was_accepted_is_there_once_and_what_was_refused_is_not(log: impl EventLog) {
    const ROUNDS: usize = 12;
    let log = Arc::new(log);
    let tenants = [tenant(&*log).await, tenant(&*log).await, tenant(&*log).await];
    let mut clients = JoinSet::new();
    for client in 0..64_usize {
        let log = Arc::clone(&log);
        clients.spawn(async move {
            let mut outcomes = Vec::new();
            for round in 0..ROUNDS {
                let tenant = tenants[(client + round) % tenants.len()];
                let attempt = attempt(&*log, tenant).await;
                let ids: Vec<Uuid> = event_ids(&attempt);
                match log.append(attempt).await {
                    Ok(_) => outcomes.push((tenant, ids, true)),
                    Err(AppendError::Conflict(tails)) => {
                        assert!(!tails.is_empty(), "a conflict names its streams");
                        outcomes.push((tenant, ids, false));
                    }
                    Err(error) => panic!("unexpected {error:?}"),
                }
            }
            outcomes
        });
    }
    let outcomes: Vec<_> = clients.join_all().await.into_iter().flatten().collect();

    let mut places: HashMap<Uuid, Position> = HashMap::new();
    let mut total = 0;
    for tenant in tenants {
        let events = history(&*log, tenant).await;
        verify_chain(tenant, (Position(0), GENESIS), &events).expect("the chain holds");
        total += events.len();
        places.extend(events.iter().map(|event| (event.event_id, event.position)));
    }
    assert_eq!(places.len(), total, "an event is there twice");
    let (mut accepted, mut refused) = (0, 0);
    for (_, ids, was_accepted) in &outcomes {
        let found: Vec<_> = ids.iter().filter_map(|id| places.get(id)).collect();
        if *was_accepted {
            accepted += 1;
            assert_eq!(found.len(), ids.len(), "an accepted append is missing or partial");
            assert!(found.is_sorted_by(|a, b| a.0 + 1 == b.0), "an append is torn apart");
        } else {
            refused += 1;
            assert!(found.is_empty(), "a refused append is there");
        }
    }
    assert_eq!(accepted + refused, 64 * ROUNDS);
    assert!(accepted >= ROUNDS, "hardly anything was accepted: {accepted}");
    assert!(refused > 0, "nothing was contended: the test shows nothing");
    assert_eq!(total, outcomes.iter().filter(|it| it.2).map(|it| it.1.len()).sum::<usize>());
}

/// An append over two of eight hot streams as they stand now, sometimes resting on a third.
async fn attempt(log: &impl EventLog, tenant: TenantId) -> Append {
    let [a, b, c, dice] = random();
    let mut ids = [a % 8, b % 8, c % 8];
    if ids[0] == ids[1] {
        ids[1] = (ids[0] + 1) % 8;
    }
    let question = ids.map(|id| (stream(&id.to_string()), Revision(0)));
    let tails = log.read_streams(tenant, &question).await.expect("streams are read");
    let mut append = append(
        tenant,
        tails[..2]
            .iter()
            .map(|tail| {
                // Now and then it expects what cannot be.
                let expected = if dice < 5 { 99_999 } else { tail.revision.0 };
                write(&tail.stream.aggregate_id, at(expected), 1 + u64::from(dice % 2))
            })
            .collect(),
    );
    if dice % 4 == 0 && !ids[..2].contains(&ids[2]) {
        append.unchanged = vec![(tails[2].stream.clone(), tails[2].revision)];
    }
    append
}

fn event_ids(append: &Append) -> Vec<Uuid> {
    let events = append.writes.iter().flat_map(|write| &write.events);
    events.map(|event| event.event_id).collect()
}

/// Clients hang up at any moment. Whoever comes after them finds the log whole and in service.
pub async fn a_dropped_caller_leaves_all_or_nothing(log: impl EventLog) {
    let log = Arc::new(log);
    let tenant = tenant(&*log).await;
    let mut callers = JoinSet::new();
    for caller in 0..200_u64 {
        let log = Arc::clone(&log);
        callers.spawn(async move {
            let writes = vec![
                write(&format!("left {caller}"), at(0), 2),
                write(&format!("right {caller}"), at(0), 1),
            ];
            let patience = Duration::from_micros(caller * 20);
            tokio::time::timeout(patience, log.append(append(tenant, writes))).await.is_ok()
        });
    }
    let heard = callers.join_all().await.into_iter().filter(|heard| *heard).count();
    // The lanes are in order: once this one is answered, everything before it was settled.
    let end = new_position(&log.append(append(tenant, vec![write("last", at(0), 1)])).await);
    let events = history(&*log, tenant).await;
    assert_eq!(events.len() as u64, end.0);
    assert_eq!((events.len() - 1) % 3, 0, "an append is partial");
    assert!((events.len() - 1) / 3 >= heard, "an answered append is missing");
    verify_chain(tenant, (Position(0), GENESIS), &events).expect("the chain holds");
}
