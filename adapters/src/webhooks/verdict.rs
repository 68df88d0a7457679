//! What an attempt means for its delivery and its endpoint.

use chrono::{DateTime, TimeDelta, Utc};

use super::{queue::Settled, schedule, sender::Outcome};

/// How long a receiver that is overloaded is left in peace when it does not say for how long.
const PEACE: TimeDelta = TimeDelta::seconds(5);
/// How long one that said nothing is: it would keep others waiting again.
const SILENCE: TimeDelta = TimeDelta::seconds(30);

/// What it means that an attempt, the `step`th of its schedule, came to this outcome.
pub(super) fn settled(
    step: u16,
    outcome: &Outcome,
    (began, now): (DateTime<Utc>, DateTime<Utc>),
    chance: u16,
) -> Settled {
    let next = schedule::next_attempt(step, now, outcome.retry_after, chance);
    let (state, disabled_reason) = match (outcome.error, outcome.status) {
        (None, _) => ("delivered", None),
        (Some(_), Some(410)) => ("failed", Some("gone")),
        (Some(_), _) if next.is_some() => ("pending", None),
        (Some(_), _) => ("failed", Some("exhausted")),
    };
    let peace = match (outcome.retry_after, outcome.status, outcome.error) {
        (Some(wait), ..) => Some(wait.max(PEACE)),
        (None, Some(429 | 502 | 504), _) => Some(PEACE),
        (None, _, Some("timed_out")) => Some(SILENCE),
        _ => None,
    };
    Settled {
        state,
        next_attempt_at: next.unwrap_or(now),
        at: began,
        status: outcome.status,
        latency_ms: outcome.latency_ms,
        error: outcome.error,
        disabled_reason,
        paused_until: peace.filter(|_| state == "pending").map(|peace| now + peace),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    /// State, reason, seconds to the next attempt, seconds of peace.
    type Meaning = (&'static str, Option<&'static str>, i64, Option<i64>);

    fn meaning(step: u16, status: Option<u16>, wait: Option<i64>) -> Meaning {
        let error = match status {
            Some(200..300) => None,
            Some(_) => Some("refused"),
            None => Some("timed_out"),
        };
        let retry_after = wait.map(TimeDelta::seconds);
        let outcome = Outcome { status, latency_ms: 1, retry_after, error };
        let it = settled(step, &outcome, (NOW, NOW), 0);
        let seconds = |at: DateTime<Utc>| (at - NOW).num_seconds();
        (it.state, it.disabled_reason, seconds(it.next_attempt_at), it.paused_until.map(seconds))
    }

    #[test]
    fn every_outcome_means_what_the_specification_says() {
        let cases = [
            ((1, Some(200), None), ("delivered", None, 5, None)),
            ((10, Some(204), Some(60)), ("delivered", None, 0, None)),
            ((1, Some(500), None), ("pending", None, 5, None)),
            ((1, Some(302), None), ("pending", None, 5, None)),
            ((1, Some(429), None), ("pending", None, 5, Some(5))),
            ((2, Some(502), None), ("pending", None, 300, Some(5))),
            ((2, Some(504), None), ("pending", None, 300, Some(5))),
            ((1, Some(503), None), ("pending", None, 5, None)),
            ((1, Some(503), Some(60)), ("pending", None, 60, Some(60))),
            ((1, Some(429), Some(1)), ("pending", None, 5, Some(5))),
            ((1, None, None), ("pending", None, 5, Some(30))),
            ((1, Some(410), None), ("failed", Some("gone"), 5, None)),
            ((9, Some(500), None), ("pending", None, 86_400, None)),
            ((10, Some(500), Some(60)), ("failed", Some("exhausted"), 0, None)),
            ((10, None, None), ("failed", Some("exhausted"), 0, None)),
        ];
        for ((step, status, wait), expected) in cases {
            assert_eq!(meaning(step, status, wait), expected, "{step} {status:?} {wait:?}");
        }
    }
}
