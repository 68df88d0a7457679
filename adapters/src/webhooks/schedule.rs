//! When a message is sent again.

use chrono::{DateTime, TimeDelta, Utc};

/// Seconds from an attempt to the next one; the first is sent at once. 75 h 35 min in all.
const DELAYS_S: [i64; 10] = [0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];

/// Retries are spread by up to this part of their delay, in percent, so that those that failed
/// together do not come back together.
const SPREAD_PERCENT: i64 = 20;

/// A receiver that asks for more patience than this is asked again after it.
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(24);

/// The most attempts of a schedule.
pub const MOST_ATTEMPTS: u16 = 10;

/// When the next attempt is due after `step` attempts that failed; `None` when that was the last.
///
/// `chance` is a random number: 0 spreads by nothing, `u16::MAX` by everything.
pub fn next_attempt(
    step: u16,
    now: DateTime<Utc>,
    retry_after: Option<TimeDelta>,
    chance: u16,
) -> Option<DateTime<Utc>> {
    let delay = *DELAYS_S.get(usize::from(step))?;
    let spread_ms = delay * 10 * SPREAD_PERCENT * i64::from(chance) / i64::from(u16::MAX);
    let delay = TimeDelta::milliseconds(delay * 1000 + spread_ms);
    Some(now + delay.max(retry_after.unwrap_or_default().min(LONGEST_WAIT)))
}

/// What `Retry-After` asks for: seconds, or an HTTP date.
pub fn retry_after(header: &str, now: DateTime<Utc>) -> Option<TimeDelta> {
    let header = header.trim();
    let wait = match header.parse::<u32>() {
        Ok(seconds) => TimeDelta::seconds(seconds.into()),
        Err(_no_number) => DateTime::parse_from_rfc2822(header).ok()?.to_utc() - now,
    };
    Some(wait.clamp(TimeDelta::zero(), LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn seconds(step: u16, wait: Option<i64>, chance: u16) -> Option<i64> {
        let next = next_attempt(step, NOW, wait.map(TimeDelta::seconds), chance)?;
        Some((next - NOW).num_seconds())
    }

    #[test]
    fn the_schedule_is_that_of_the_specification_and_ends() {
        let all: Vec<_> = (0..=MOST_ATTEMPTS).map_while(|step| seconds(step, None, 0)).collect();
        assert_eq!(all, DELAYS_S);
        assert_eq!(all.iter().sum::<i64>(), ((75 * 60) + 35) * 60 + 5);
        assert_eq!(seconds(MOST_ATTEMPTS, None, 0), None);
    }

    #[test]
    fn chance_only_ever_delays_and_by_a_fifth_at_most() {
        for step in 0..MOST_ATTEMPTS {
            let (least, most) = (seconds(step, None, 0), seconds(step, None, u16::MAX));
            assert_eq!(most, least.map(|it| it * 6 / 5), "{step}");
        }
    }

    #[test]
    fn a_receiver_that_asks_for_time_gets_it_up_to_a_day() {
        assert_eq!(seconds(1, Some(60), 0), Some(60));
        assert_eq!(seconds(2, Some(60), 0), Some(300));
        assert_eq!(seconds(1, Some(1_000_000), 0), Some(86_400));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let cases = [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Thu, 01 Jan 1970 00:02:00 GMT", Some(120)),
            ("Wed, 31 Dec 1969 23:59:00 GMT", Some(0)),
            ("4294967295", Some(86_400)),
            ("soon", None),
            ("-5", None),
        ];
        for (header, expected) in cases {
            let wait = retry_after(header, NOW).map(|it| it.num_seconds());
            assert_eq!(wait, expected, "{header}");
        }
    }
}
