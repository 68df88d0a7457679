//! Availability on a warm grid against a sweep over sorted intervals:
//! `cargo bench -p daybook-domain --bench availability`.
#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]
#![allow(clippy::unwrap_used, reason = "a benchmark may stop at its first surprise")]
#![allow(clippy::cast_precision_loss, reason = "ratios are for people")]

use std::{
    borrow::Cow,
    collections::BTreeMap,
    hint::black_box,
    time::{Duration, Instant},
};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use daybook_domain::{
    availability::{
        BranchFacts, Busy, BusyKind, Facts, Request, ServiceFacts, StaffFacts, TenantGrid, evaluate,
    },
    calendar::CalendarId,
    hours::{CivilInterval, DayHours, WeeklyHours},
    ids::{BranchId, ServiceId, StaffId},
    service::{Assignment, BookingRules, PhaseTemplate},
    slot::Slot,
};
use uuid::Uuid;

const BRANCH: BranchId = BranchId::new(Uuid::from_u128(1));
const SERVICE: ServiceId = ServiceId::new(Uuid::from_u128(2));

struct Case {
    facts: Facts<'static>,
    request: Request,
    window: Slot,
    dates: std::ops::Range<NaiveDate>,
}

fn main() {
    println!("60 minutes on a 15-minute grid, 8 busy blocks per staff-day, Europe/Berlin");
    println!(
        "{:<14} {:>7} {:>12} {:>12} {:>7} {:>12} {:>12} {:>12} {:>12}",
        "staff x days",
        "starts",
        "search",
        "sweep",
        "ratio",
        "first 5",
        "build",
        "judge",
        "judge cold"
    );
    for (staff, days) in [(1, 30), (10, 30), (50, 90)] {
        report(&case(staff, days), staff, days);
    }
}

fn report(case: &Case, staff: u64, days: u64) {
    let build = best(10, || TenantGrid::new(case.facts.clone(), case.dates.clone()));
    let grid = TenantGrid::new(case.facts.clone(), case.dates.clone());
    let listed = grid.starts(&case.request, &[BRANCH], case.window).remove(0).1;
    let open = open_intervals(case);
    assert_eq!(listed, sweep(case, &open), "both find the same starts");
    assert_eq!(listed.len(), grid.count(&case.request, BRANCH, case.window));
    let search = best(2_000, || grid.count(&case.request, BRANCH, case.window));
    let swept = best(50, || sweep(case, &open));
    let first = best(2_000, || grid.next(&case.request, &[BRANCH], case.window, 5));
    let start = listed[listed.len() / 2];
    let judged = best(200, || evaluate(&case.facts, &case.request, BRANCH, start));
    let warm = best(200, || grid.evaluate(&case.request, BRANCH, start));
    println!(
        "{:<14} {:>7} {:>12} {:>12} {:>6.0}x {:>12} {:>12} {:>12} {:>12}",
        format!("{staff} x {days}"),
        listed.len(),
        shown(search),
        shown(swept),
        swept.as_secs_f64() / search.as_secs_f64(),
        shown(first),
        shown(build),
        shown(warm),
        shown(judged),
    );
}

fn best<T>(times: u32, mut run: impl FnMut() -> T) -> Duration {
    let one = |run: &mut dyn FnMut() -> T| {
        let begin = Instant::now();
        black_box(run());
        begin.elapsed()
    };
    (0..times).map(|_| one(&mut run)).min().unwrap_or_default()
}

fn shown(time: Duration) -> String {
    format!("{:.2} us", time.as_secs_f64() * 1e6)
}

fn hours() -> DayHours {
    let interval = |from: &str, to: &str| {
        CivilInterval::new(from.parse().unwrap(), to.parse().unwrap()).unwrap()
    };
    DayHours::new(vec![interval("08:00", "18:00")], vec![interval("12:30", "13:00")]).unwrap()
}

fn case(staff: u64, days: u64) -> Case {
    let first: NaiveDate = "2027-02-01".parse().unwrap();
    let dates = first..first + chrono::Days::new(days);
    let midnight = |date: NaiveDate| date.and_time(chrono::NaiveTime::MIN).and_utc();
    let mut facts = Facts::default();
    facts.put_branch(BranchFacts {
        id: BRANCH,
        zone: Tz::Europe__Berlin,
        is_active: true,
        hours: Cow::Owned(WeeklyHours::on(1..=6, &hours()).unwrap()),
        exceptions: BTreeMap::new(),
    });
    let mut dice: u64 = 42;
    let mut roll = |below: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % below
    };
    let mut assignments = BTreeMap::new();
    for n in 0..staff {
        let id = StaffId::new(Uuid::from_u128(100 + u128::from(n)));
        assignments.insert(id, Cow::Owned(Assignment::plain(id)));
        facts.put_staff(StaffFacts {
            id,
            is_active: true,
            is_bookable: true,
            roles: Cow::Owned(std::collections::BTreeSet::new()),
            branches: Cow::Owned([BRANCH].into()),
            hours: None,
            hours_at: BTreeMap::new(),
            exceptions: BTreeMap::new(),
            buffer_before_min: 0,
            buffer_after_min: 0,
        });
        for day in 0..days {
            for _ in 0..8 {
                let minute = 7 * 60 + roll(120) * 5;
                let from = midnight(first + chrono::Days::new(day))
                    + TimeDelta::minutes(i64::try_from(minute).unwrap());
                let slot = Slot::of_minutes(from, 30).unwrap();
                facts.add_busy(CalendarId::Staff(id), Busy::plain(BusyKind::Booked, slot));
            }
        }
    }
    facts.put_service(ServiceFacts {
        id: SERVICE,
        is_active: true,
        phases: Cow::Owned(vec![PhaseTemplate::active("A", 60)]),
        rules: Cow::Owned(BookingRules::default()),
        assignments,
        offered_at: None,
    });
    let window = Slot { from: midnight(dates.start), to: midnight(dates.end) };
    Case { facts, request: Request::service(SERVICE, window.from), window, dates }
}

/// The open hours as instants, which the sweep is given for nothing.
fn open_intervals(case: &Case) -> Vec<Slot> {
    let hours = hours();
    let mut open = Vec::new();
    for date in case.dates.start.iter_days().take_while(|date| *date < case.dates.end) {
        if chrono::Datelike::weekday(&date) == chrono::Weekday::Sun {
            continue;
        }
        let at = |minutes: u16| {
            let local = date.and_time(chrono::NaiveTime::MIN) + TimeDelta::minutes(minutes.into());
            local.and_local_timezone(Tz::Europe__Berlin).unwrap().with_timezone(&Utc)
        };
        for interval in hours.open() {
            let pause = hours.breaks()[0];
            open.push(Slot { from: at(interval.from().minutes()), to: at(pause.from().minutes()) });
            open.push(Slot { from: at(pause.to().minutes()), to: at(interval.to().minutes()) });
        }
    }
    open
}

/// All starts of anybody: for each staff member one pass over sorted claims and open intervals.
fn sweep(case: &Case, open: &[Slot]) -> Vec<DateTime<Utc>> {
    let (step, length) = (TimeDelta::minutes(15), TimeDelta::minutes(60));
    let mut starts = Vec::new();
    for id in case.facts.staff.keys() {
        let mut busy: Vec<Slot> =
            case.facts.busy(CalendarId::Staff(*id)).iter().map(|claim| claim.slot).collect();
        busy.sort_unstable();
        let mut next = 0;
        for interval in open {
            let mut from = interval.from;
            while from + length <= interval.to {
                while busy.get(next).is_some_and(|claim| claim.to <= from) {
                    next += 1;
                }
                let here = Slot { from, to: from + length };
                let mut later = busy[next..].iter().take_while(|claim| claim.from < here.to);
                if !later.any(|claim| claim.overlaps(&here)) && case.window.from <= from {
                    starts.push(from);
                }
                from += step;
            }
        }
    }
    starts.sort_unstable();
    starts.dedup();
    starts
}
