//! Windows of time as a caller says them: instants, or dates of each branch's own calendar.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use daybook_domain::{ids::BranchId, slot::Slot};

use crate::http::{
    fields::{Instant, LocalDate, When},
    problem::Problem,
};

/// The longest window of a search.
pub(super) const LONGEST: TimeDelta = TimeDelta::days(100);

/// The longest one whose offers are sorted by score: all of them are placed before any is answered. An
/// hour more for clocks that go back.
pub(super) const LONGEST_SORTED: TimeDelta = TimeDelta::hours(31 * 24 + 1);

/// The window at each of the branches. A date is the whole local day of a branch, so that the same dates
/// are other instants in another zone.
pub(super) fn windows(
    branches: &[(BranchId, Tz)],
    from: When,
    to: When,
) -> Result<Vec<(BranchId, Slot)>, Problem> {
    let one = |(branch_id, zone): &(BranchId, Tz)| Some((*branch_id, window(from, to, *zone)?));
    let windows: Vec<_> = branches.iter().filter_map(one).collect();
    // Without a branch to look at, the dates are still checked.
    if windows.is_empty() && (!branches.is_empty() || window(from, to, Tz::UTC).is_none()) {
        return Err(Problem::invalid("date_to", "`date_to` must be after `date_from`."));
    }
    let too_long = |(_, slot): &(BranchId, Slot)| LONGEST < slot.to - slot.from;
    if windows.iter().any(too_long) {
        return Err(Problem::invalid("date_to", "A window must be at most 100 days long."));
    }
    Ok(windows)
}

fn window(from: When, to: When, zone: Tz) -> Option<Slot> {
    let from = match from {
        When::Instant(Instant(at)) => at,
        When::Date(LocalDate(date)) => first_instant(date, zone)?,
    };
    let to = match to {
        When::Instant(Instant(at)) => at,
        When::Date(LocalDate(date)) => first_instant(date.succ_opt()?, zone)?,
    };
    Slot::new(from, to)
}

/// A local date as instants; `None` when the zone has left it out.
pub(super) fn day(date: NaiveDate, zone: Tz) -> Option<Slot> {
    Slot::new(first_instant(date, zone)?, first_instant(date.succ_opt()?, zone)?)
}

/// The first instant of a local date, or of the next one when the zone has left it out. Clocks that go
/// forward at midnight leave out its first minutes.
fn first_instant(date: NaiveDate, zone: Tz) -> Option<DateTime<Utc>> {
    let quarter = |date: NaiveDate| {
        (0..12).find_map(|quarter| {
            let local = date.and_hms_opt(quarter / 4, (quarter % 4) * 15, 0)?;
            zone.from_local_datetime(&local).earliest().map(|at| at.to_utc())
        })
    };
    (0..2).find_map(|days| quarter(date.checked_add_days(Days::new(days))?))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn date(text: &str) -> When {
        When::Date(LocalDate(text.parse().expect("a date")))
    }

    #[test]
    fn a_date_is_the_local_day_of_each_branch() {
        let branch = |n| BranchId::new(Uuid::from_u128(n));
        let branches = [(branch(1), Tz::Europe__Berlin), (branch(2), Tz::America__New_York)];
        let found = windows(&branches, date("2026-12-02"), date("2026-12-03"));
        let found: Vec<_> = found
            .expect("two windows")
            .into_iter()
            .map(|(id, slot)| (id, slot.from.to_rfc3339(), slot.to.to_rfc3339()))
            .collect();
        let at = |text: &str| format!("2026-12-{text}:00:00+00:00");
        assert_eq!(
            found,
            [(branch(1), at("01T23"), at("03T23")), (branch(2), at("02T05"), at("04T05"))]
        );
    }

    #[test]
    fn a_date_that_a_zone_leaves_out_has_no_day_but_a_window_over_it() {
        let left_out = "2011-12-30".parse().expect("a date");
        assert_eq!(day(left_out, Tz::Pacific__Apia), None);
        let over = window(date("2011-12-29"), date("2011-12-30"), Tz::Pacific__Apia);
        assert_eq!(over.map(|slot| slot.to - slot.from), Some(TimeDelta::hours(24)));
    }

    #[test]
    fn dates_the_wrong_way_round_are_refused() {
        for branches in [&[][..], &[(BranchId::new(Uuid::nil()), Tz::UTC)]] {
            assert!(windows(branches, date("2026-12-03"), date("2026-12-02")).is_err());
        }
    }
}
