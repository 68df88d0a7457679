//! Commands with a key are answered once (the same key, the same answer).

use std::{collections::BTreeSet, sync::Arc};

use daybook_domain::{
    event_log::{Appended, ExpectedRevision, Position},
    ports::{AppendError, EventLog},
};

use super::{answering, append, at, grow, history, new_position, tenant, write};

/// Even though its expectation fails by now.
pub async fn a_repeated_command_gets_the_first_answer(log: impl EventLog) {
    let tenant = tenant(&log).await;
    let command = |result| {
        answering("k", 1, result, append(tenant, vec![write("a", ExpectedRevision::NoStream, 2)]))
    };
    let first = log.append(command(r#"{"z": 1,"a":2}"#)).await;
    assert_eq!(new_position(&first), Position(2));
    grow(&log, tenant, "a", 1).await;

    let again = log.append(command(r#"{"other":true}"#)).await.expect("it was answered");
    let result = r#"{"z": 1,"a":2}"#.to_owned();
    assert_eq!(again, Appended::Repeated { position: Position(2), result });
    assert_eq!(history(&log, tenant).await.len(), 3);

    let stored = log.answer(tenant, "k").await.expect("the answer is read").expect("it is stored");
    assert_eq!((stored.position, stored.request_hash), (Position(2), [1; 32]));
    assert_eq!(stored.result, r#"{"z": 1,"a":2}"#);
}

/// 422 at the door; nothing is written.
pub async fn a_key_with_another_request_is_refused(log: impl EventLog) {
    let tenant = tenant(&log).await;
    let command = |request| {
        answering("k", request, "{}", append(tenant, vec![write("a", ExpectedRevision::Any, 1)]))
    };
    new_position(&log.append(command(1)).await);
    let outcome = log.append(command(2)).await;
    assert!(matches!(outcome, Err(AppendError::KeyReused)), "unexpected {outcome:?}");
    assert_eq!(history(&log, tenant).await.len(), 1);
    // Keys belong to a tenant.
    let other = super::tenant(&log).await;
    let mut elsewhere = command(2);
    elsewhere.tenant = other;
    new_position(&log.append(elsewhere).await);
}

/// So it can be tried again with the same key.
pub async fn a_refused_append_leaves_no_answer(log: impl EventLog) {
    let tenant = tenant(&log).await;
    let command = |expected| answering("k", 1, "{}", append(tenant, vec![write("a", expected, 1)]));
    let refused = log.append(command(at(4))).await;
    assert!(matches!(refused, Err(AppendError::Conflict(_))), "unexpected {refused:?}");
    assert_eq!(log.answer(tenant, "k").await.expect("the answer is read"), None);
    new_position(&log.append(command(at(0))).await);
}

/// A command that changes nothing still has an answer worth keeping.
pub async fn a_command_without_events_is_answered_once(log: impl EventLog) {
    let tenant = tenant(&log).await;
    grow(&log, tenant, "a", 3).await;
    let command = || answering("k", 1, r#"{"done":"before"}"#, append(tenant, Vec::new()));
    assert_eq!(new_position(&log.append(command()).await), Position(3));
    let again = log.append(command()).await.expect("it was answered");
    let result = r#"{"done":"before"}"#.to_owned();
    assert_eq!(again, Appended::Repeated { position: Position(3), result });
    assert_eq!(history(&log, tenant).await.len(), 3);
}

/// However many clients send it at the same moment.
pub async fn one_of_many_at_once_is_new_and_the_rest_repeat_it(log: impl EventLog) {
    let log = Arc::new(log);
    let tenant = tenant(&*log).await;
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..24_u32 {
        let log = Arc::clone(&log);
        clients.spawn(async move {
            let result = format!(r#"{{"client":{client}}}"#);
            let writes = vec![write("a", ExpectedRevision::Any, 1)];
            log.append(answering("k", 1, &result, append(tenant, writes))).await
        });
    }
    let outcomes = clients.join_all().await;
    let fresh = outcomes.iter().filter(|it| matches!(it, Ok(Appended::New { .. }))).count();
    let repeated: BTreeSet<_> = outcomes
        .iter()
        .filter_map(|it| match it {
            Ok(Appended::Repeated { position, result }) => Some((*position, result.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(fresh, 1, "{outcomes:?}");
    assert_eq!(repeated.len(), 1, "{outcomes:?}");
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(history(&*log, tenant).await.len(), 1);
}
