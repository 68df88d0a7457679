//! Zone arithmetic, done once for a zone and a range of dates.
//!
//! Everything else in the engine works on [`Step`]s: five-minute steps since 1970 in UTC. A civil time
//! becomes the first instant whose local time has reached it, whether something begins or ends then.
//! So a time in a gap moves to the end of the gap, and a time that occurs twice is its first occurrence,
//! as in RFC 5545: hours until 02:30 end once, at the first 02:30 of the night on which the clock
//! shows it twice, and hours from 02:30 begin then. A day begins at its first instant, whether or not it
//! has a midnight.

use std::ops::Range;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Offset, TimeZone, Utc};
use chrono_tz::Tz;

use crate::hours::{CivilInterval, CivilTime};

/// Five-minute steps since 1970-01-01T00:00Z.
pub(super) type Step = i64;

/// Seconds of a step.
pub(super) const STEP_S: i64 = 300;

const PROBE_S: i64 = 6 * 3600;
const DAY_S: i64 = 24 * 3600;

/// The step that an instant lies in.
pub(super) fn step_down(at: DateTime<Utc>) -> Step {
    at.timestamp().div_euclid(STEP_S)
}

/// The first step that begins at or after an instant.
pub(super) fn step_up(at: DateTime<Utc>) -> Step {
    let step = step_down(at);
    if instant(step) < at { step + 1 } else { step }
}

/// The instant at which a step begins.
pub(super) fn instant(step: Step) -> DateTime<Utc> {
    let seconds = step.saturating_mul(STEP_S);
    DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// A stretch of time with one offset; it ends where the next one begins.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    from_s: i64,
    offset_s: i64,
}

/// A zone over a range of dates.
#[derive(Clone, Debug)]
pub(super) struct ZoneSpan {
    tz: Tz,
    stretches: Vec<Stretch>,
    to_s: i64,
}

impl ZoneSpan {
    /// The zone's offsets around the dates, some days to spare on both sides.
    pub(super) fn new(tz: Tz, dates: &Range<NaiveDate>) -> Self {
        let from_s = midnight_s(dates.start) - 4 * DAY_S;
        let to_s = midnight_s(dates.end) + 6 * DAY_S;
        let mut stretches = vec![Stretch { from_s, offset_s: offset_s(tz, from_s) }];
        let mut before = (from_s, offset_s(tz, from_s));
        while before.0 < to_s {
            let probe = before.0 + PROBE_S;
            let offset = offset_s(tz, probe);
            if offset != before.1 {
                let from_s = change_between(tz, before.0, probe);
                stretches.push(Stretch { from_s, offset_s: offset });
            }
            before = (probe, offset);
        }
        Self { tz, stretches, to_s: before.0 }
    }

    pub(super) fn tz(&self) -> Tz {
        self.tz
    }

    /// The steps of a local date: usually 288, fewer or more when clocks change.
    pub(super) fn day(&self, date: NaiveDate) -> Range<Step> {
        let next = date.checked_add_days(Days::new(1)).unwrap_or(date);
        ceil_step(self.begin_s(midnight_s(date)))..ceil_step(self.begin_s(midnight_s(next)))
    }

    /// The steps of an interval of a local date. Empty when the clock jumps over all of it.
    pub(super) fn interval(&self, date: NaiveDate, interval: CivilInterval) -> Range<Step> {
        let local_s = |time: CivilTime| midnight_s(date) + i64::from(time.minutes()) * 60;
        let end_s = self.begin_s(local_s(interval.to()));
        ceil_step(self.begin_s(local_s(interval.from())))..end_s.div_euclid(STEP_S)
    }

    /// The local date of a step.
    pub(super) fn date(&self, step: Step) -> NaiveDate {
        let at_s = step * STEP_S;
        let local = DateTime::from_timestamp(at_s + self.offset_s(at_s), 0);
        local.unwrap_or(DateTime::<Utc>::MAX_UTC).date_naive()
    }

    /// The steps that begin on a multiple of so many minutes of the local clock.
    pub(super) fn on_grid(&self, within: &Range<Step>, grid_min: u16) -> Vec<Step> {
        let grid_s = i64::from(grid_min.max(5)) * 60;
        let mut starts = Vec::new();
        for (index, stretch) in self.stretches.iter().enumerate() {
            let from = within.start.max(ceil_step(stretch.from_s));
            let to = within.end.min(ceil_step(self.stretch_end_s(index)));
            starts.extend(
                (from..to)
                    .filter(|step| (step * STEP_S + stretch.offset_s).rem_euclid(grid_s) == 0),
            );
        }
        starts
    }

    /// Whether a step begins on a multiple of so many minutes of the local clock.
    pub(super) fn is_on_grid(&self, step: Step, grid_min: u16) -> bool {
        let local_s = step * STEP_S + self.offset_s(step * STEP_S);
        local_s.rem_euclid(i64::from(grid_min.max(5)) * 60) == 0
    }

    fn offset_s(&self, at_s: i64) -> i64 {
        let after = self.stretches.partition_point(|stretch| stretch.from_s <= at_s);
        self.stretches[after.saturating_sub(1)].offset_s
    }

    fn stretch_end_s(&self, index: usize) -> i64 {
        self.stretches.get(index + 1).map_or(self.to_s, |next| next.from_s)
    }

    /// The first instant whose local time is `local_s` or later.
    fn begin_s(&self, local_s: i64) -> i64 {
        for (index, stretch) in self.stretches.iter().enumerate() {
            if local_s < self.stretch_end_s(index) + stretch.offset_s {
                return stretch.from_s.max(local_s - stretch.offset_s);
            }
        }
        self.to_s
    }
}

fn ceil_step(at_s: i64) -> Step {
    at_s.div_euclid(STEP_S) + i64::from(at_s.rem_euclid(STEP_S) != 0)
}

fn midnight_s(date: NaiveDate) -> i64 {
    date.and_time(NaiveTime::MIN).and_utc().timestamp()
}

fn offset_s(tz: Tz, at_s: i64) -> i64 {
    let at = DateTime::from_timestamp(at_s, 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
    tz.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc().into()
}

/// The second at which the offset changes; it differs between the two ends.
fn change_between(tz: Tz, mut before_s: i64, mut after_s: i64) -> i64 {
    let old = offset_s(tz, before_s);
    while 1 < after_s - before_s {
        let middle_s = before_s.midpoint(after_s);
        if offset_s(tz, middle_s) == old { before_s = middle_s } else { after_s = middle_s }
    }
    after_s
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(tz: Tz, date: &str, hours: &str, expected: &[(&str, &str)]) {
        let date: NaiveDate = date.parse().unwrap();
        let span = ZoneSpan::new(tz, &(date..date));
        let (from, to) = hours.split_once('-').unwrap();
        let interval = CivilInterval::new(from.parse().unwrap(), to.parse().unwrap()).unwrap();
        let steps = span.interval(date, interval);
        let shown = |step| instant(step).format("%m-%d %H:%M").to_string();
        let found = if steps.is_empty() {
            Vec::new()
        } else {
            vec![(shown(steps.start), shown(steps.end))]
        };
        let found: Vec<_> = found.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(found, expected, "{tz} {date} {hours}");
    }

    #[test]
    fn ordinary_days_are_ordinary() {
        check(Tz::Europe__Berlin, "2026-11-21", "09:00-17:00", &[("11-21 08:00", "11-21 16:00")]);
        check(Tz::Asia__Kathmandu, "2026-11-21", "00:00-24:00", &[("11-20 18:15", "11-21 18:15")]);
    }

    #[test]
    fn a_time_in_the_gap_moves_to_its_end() {
        check(Tz::Europe__Berlin, "2026-03-29", "02:30-04:00", &[("03-29 01:00", "03-29 02:00")]);
        check(Tz::Europe__Berlin, "2026-03-29", "01:00-02:30", &[("03-29 00:00", "03-29 01:00")]);
        check(Tz::Europe__Berlin, "2026-03-29", "02:00-03:00", &[]);
    }

    #[test]
    fn a_time_that_occurs_twice_is_its_first_occurrence() {
        check(Tz::Europe__Berlin, "2026-10-25", "02:30-04:00", &[("10-25 00:30", "10-25 03:00")]);
        check(Tz::Europe__Berlin, "2026-10-25", "01:00-02:30", &[("10-24 23:00", "10-25 00:30")]);
        check(Tz::Europe__Berlin, "2026-10-25", "02:15-02:45", &[("10-25 00:15", "10-25 00:45")]);
        check(Tz::Europe__Berlin, "2026-10-25", "01:00-03:00", &[("10-24 23:00", "10-25 02:00")]);
        check(
            Tz::Australia__Lord_Howe,
            "2026-04-05",
            "01:30-02:00",
            &[("04-04 14:30", "04-04 15:30")],
        );
    }

    #[test]
    fn a_day_without_midnight_begins_at_its_first_instant() {
        check(
            Tz::America__Sao_Paulo,
            "2018-11-04",
            "00:00-02:00",
            &[("11-04 03:00", "11-04 04:00")],
        );
        check(
            Tz::America__Sao_Paulo,
            "2018-11-03",
            "22:00-24:00",
            &[("11-04 01:00", "11-04 03:00")],
        );
        check(Tz::Africa__Cairo, "2026-04-24", "00:00-01:30", &[("04-23 22:00", "04-23 22:30")]);
    }

    #[test]
    fn a_midnight_that_comes_twice_belongs_to_one_day_only() {
        // Havana turns back from 01:00 to 00:00: both passes are of the new day.
        check(Tz::America__Havana, "2026-10-31", "23:00-24:00", &[("11-01 03:00", "11-01 04:00")]);
        check(Tz::America__Havana, "2026-11-01", "00:00-01:00", &[("11-01 04:00", "11-01 06:00")]);
        // Cairo turns back from 24:00 to 23:00: both passes are of the old day.
        check(Tz::Africa__Cairo, "2026-10-29", "23:00-24:00", &[("10-29 20:00", "10-29 22:00")]);
    }

    #[test]
    fn days_are_as_long_as_the_clock_makes_them() {
        let steps = |tz, date: &str| {
            let date: NaiveDate = date.parse().unwrap();
            ZoneSpan::new(tz, &(date..date)).day(date).count()
        };
        assert_eq!(steps(Tz::Europe__Berlin, "2026-03-29"), 23 * 12);
        assert_eq!(steps(Tz::Europe__Berlin, "2026-10-25"), 25 * 12);
        assert_eq!(steps(Tz::Australia__Lord_Howe, "2026-10-04"), 23 * 12 + 6);
        assert_eq!(steps(Tz::Pacific__Apia, "2011-12-30"), 0);
    }

    #[test]
    fn starts_lie_on_the_wall_clock() {
        let date: NaiveDate = "2026-11-21".parse().unwrap();
        let span = ZoneSpan::new(Tz::Asia__Kathmandu, &(date..date));
        let starts = span.on_grid(&span.day(date), 60);
        assert_eq!(starts.len(), 24);
        assert!(starts.iter().all(|step| instant(*step).format("%M").to_string() == "15"));
        assert!(starts.iter().all(|step| span.is_on_grid(*step, 60)));
    }
}
