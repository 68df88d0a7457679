//! Random worlds: small, and crowded with everything that the rules know.

use std::{borrow::Cow, collections::BTreeMap};

use chrono::{DateTime, Datelike, Duration, NaiveDate, TimeZone, Utc};
use chrono_tz::Tz;
use uuid::Uuid;

use super::super::{
    BranchFacts, Busy, BusyKind, Facts, Ignoring, Item, Request, ResourceFacts, ServiceFacts,
    StaffFacts, StaffWish,
};
use crate::{
    calendar::CalendarId,
    hours::{CivilInterval, CivilTime, DateException, DayHours, WeeklyHours},
    ids::{BranchId, ResourceId, ServiceId, StaffId},
    service::{
        Assignment, AssignmentRule, BookingLimits, BookingRules, DurationPrice, DurationRange,
        GridFrom, PhaseTemplate, ResourceNeed, Strategy,
    },
    slot::Slot,
};

/// Zones and dates on which their clocks change, or do something else that is rare.
pub(super) const DATES: [(Tz, &str); 14] = [
    (Tz::Europe__Berlin, "2026-03-29"),
    (Tz::Europe__Berlin, "2026-10-25"),
    (Tz::Europe__Berlin, "2026-07-15"),
    (Tz::America__New_York, "2026-03-08"),
    (Tz::America__New_York, "2026-11-01"),
    (Tz::Australia__Lord_Howe, "2026-04-05"),
    (Tz::Australia__Lord_Howe, "2026-10-04"),
    (Tz::Asia__Kathmandu, "2026-05-05"),
    (Tz::Asia__Kolkata, "2026-05-05"),
    (Tz::America__Sao_Paulo, "2018-11-04"),
    (Tz::America__Sao_Paulo, "2018-02-18"),
    (Tz::Africa__Cairo, "2026-04-24"),
    (Tz::Africa__Cairo, "2026-10-30"),
    (Tz::America__Havana, "2026-11-01"),
];

pub(super) const BRANCH: BranchId = BranchId::new(Uuid::from_u128(1));

pub(super) fn staff_id(n: u64) -> StaffId {
    Uuid::from_u128(100 + u128::from(n)).into()
}

pub(super) fn service_id(n: u64) -> ServiceId {
    Uuid::from_u128(200 + u128::from(n)).into()
}

pub(super) fn resource_id(n: u64) -> ResourceId {
    Uuid::from_u128(300 + u128::from(n)).into()
}

pub(super) struct World {
    pub(super) facts: Facts<'static>,
    pub(super) request: Request,
    pub(super) zone: Tz,
    pub(super) date: NaiveDate,
}

/// Dice from a seed (splitmix64).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % below
    }

    fn minutes(&mut self, below: u64) -> u16 {
        u16::try_from(self.roll(below) * 5).unwrap()
    }

    fn is_lucky(&mut self, one_in: u64) -> bool {
        self.roll(one_in) == 0
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.roll(of.len() as u64)).unwrap()]
    }

    fn interval(&mut self, from: u16, to: u16) -> Option<CivilInterval> {
        let time = |minutes: u16| CivilTime::new(minutes / 60, minutes % 60).unwrap();
        let mut at = || from + self.minutes(u64::from((to - from) / 5) + 1);
        let (a, b) = (at(), at());
        CivilInterval::new(time(a.min(b)), time(a.max(b))).ok()
    }

    fn day(&mut self) -> DayHours {
        let parts: &[(u16, u16)] =
            self.pick(&[&[(0, 1440)][..], &[(0, 700), (700, 1440)], &[(0, 240), (240, 1440)]]);
        let mut open: Vec<_> = parts.iter().filter_map(|(a, b)| self.interval(*a, *b)).collect();
        if self.is_lucky(5) {
            open = vec![CivilInterval::new(CivilTime::MIDNIGHT, CivilTime::END_OF_DAY).unwrap()];
        }
        let breaks = if self.is_lucky(2) {
            let at = self.minutes(270);
            self.interval(at, at + 60).into_iter().collect()
        } else {
            Vec::new()
        };
        DayHours::new(open, breaks).unwrap()
    }

    fn week(&mut self) -> WeeklyHours {
        let mut days = BTreeMap::new();
        for day in 1..=7 {
            if !self.is_lucky(8) {
                days.insert(day, self.day());
            }
        }
        WeeklyHours::new(days).unwrap()
    }

    fn exceptions(&mut self, date: NaiveDate) -> super::super::Exceptions<'static> {
        let mut exceptions = BTreeMap::new();
        if self.is_lucky(4) {
            let date = date + Duration::days(i64::try_from(self.roll(3)).unwrap() - 1);
            let hours = if self.is_lucky(3) { DayHours::closed() } else { self.day() };
            let exception = DateException { date, hours, reason: Some("training".to_owned()) };
            exceptions.insert(date, Cow::Owned(exception));
        }
        exceptions
    }

    pub(super) fn world(&mut self) -> World {
        let (zone, date) = self.pick(&DATES);
        let date: NaiveDate = date.parse().unwrap();
        let noon = zone
            .with_ymd_and_hms(date.year(), date.month(), date.day(), 12, 0, 0)
            .unwrap()
            .with_timezone(&Utc);
        let mut facts = Facts::default();
        facts.put_branch(BranchFacts {
            id: BRANCH,
            zone,
            is_active: !self.is_lucky(30),
            hours: Cow::Owned(self.week()),
            exceptions: self.exceptions(date),
        });
        for n in 0..2 {
            facts.put_resource(ResourceFacts {
                id: resource_id(n),
                branch_id: BRANCH,
                is_active: !self.is_lucky(10),
                capacity: u16::try_from(self.roll(3)).unwrap() + 1,
                hours: self.is_lucky(3).then(|| Cow::Owned(self.week())),
                exceptions: self.exceptions(date),
            });
            self.busy(&mut facts, CalendarId::Resource(resource_id(n)), noon, 8);
        }
        for n in 0..3 {
            let staff = self.staff(n, date);
            facts.put_staff(staff);
            self.busy(&mut facts, CalendarId::Staff(staff_id(n)), noon, 9);
        }
        for n in 0..2 {
            let service = self.service(n);
            facts.put_service(service);
            self.busy(&mut facts, CalendarId::Service(service_id(n)), noon, 3);
        }
        let request = self.request(noon);
        World { facts, request, zone, date }
    }

    fn staff(&mut self, n: u64, date: NaiveDate) -> StaffFacts<'static> {
        let hours_at = self.is_lucky(5).then(|| (BRANCH, Cow::Owned(self.week())));
        StaffFacts {
            id: staff_id(n),
            is_active: !self.is_lucky(15),
            is_bookable: !self.is_lucky(15),
            roles: Cow::Owned(
                (!self.is_lucky(3)).then(|| "colourist".to_owned()).into_iter().collect(),
            ),
            branches: Cow::Owned((!self.is_lucky(15)).then_some(BRANCH).into_iter().collect()),
            hours: (!self.is_lucky(3)).then(|| Cow::Owned(self.week())),
            hours_at: hours_at.into_iter().collect(),
            exceptions: self.exceptions(date),
            buffer_before_min: if self.is_lucky(3) { self.minutes(5) } else { 0 },
            buffer_after_min: if self.is_lucky(3) { self.minutes(5) } else { 0 },
        }
    }

    fn busy(
        &mut self,
        facts: &mut Facts<'static>,
        calendar: CalendarId,
        noon: DateTime<Utc>,
        most: u64,
    ) {
        for _ in 0..self.roll(most) {
            // Outside calendars know no five-minute grid.
            let jitter = if self.is_lucky(5) { 2 } else { 0 };
            let from = i64::try_from(self.roll(60 * 12)).unwrap() * 5 - 30 * 60 + jitter;
            let from = noon + Duration::minutes(from);
            let slot = Slot::of_minutes(from, u32::from(self.minutes(30)) + 5).unwrap();
            let kind = self.pick(&[
                BusyKind::Hold,
                BusyKind::Pending,
                BusyKind::Booked,
                BusyKind::Booked,
                BusyKind::Block,
                BusyKind::External,
            ]);
            let number = |n: u64| Uuid::from_u128(u128::from(n) + 900);
            let is_held = kind == BusyKind::Hold || self.is_lucky(6);
            let expiry = Duration::minutes(i64::try_from(self.roll(5)).unwrap() * 20 - 40);
            facts.add_busy(
                calendar,
                Busy {
                    slot,
                    units: u16::try_from(self.roll(2)).unwrap() + 1,
                    kind,
                    expires_at: is_held.then_some(noon - Duration::hours(40) + expiry),
                    appointment_id: self.is_lucky(2).then(|| number(self.roll(4)).into()),
                    hold_id: self.is_lucky(3).then(|| number(self.roll(4)).into()),
                    service_id: self.is_lucky(2).then(|| service_id(self.roll(2))),
                },
            );
        }
    }

    fn service(&mut self, n: u64) -> ServiceFacts<'static> {
        let phases = (0..=self.pick(&[0, 0, 1, 2])).map(|index| PhaseTemplate {
            processing_min: if self.is_lucky(3) { self.minutes(8) } else { 0 },
            transition_min: if self.is_lucky(4) { self.minutes(4) } else { 0 },
            resource: self.is_lucky(4).then(|| ResourceNeed {
                any_of: vec![resource_id(self.roll(2)), resource_id(self.roll(2))],
                units: u16::try_from(self.roll(2)).unwrap() + 1,
            }),
            role: self.is_lucky(6).then(|| "colourist".to_owned()),
            other_staff: self.is_lucky(2),
            ..PhaseTemplate::active(format!("{index}"), self.minutes(18) + 5)
        });
        let phases: Vec<_> = phases.collect();
        let assigned: Vec<u64> = (0..3).filter(|_| !self.is_lucky(6)).collect();
        let assignments = assigned.into_iter().map(|n| {
            let assignment = Assignment {
                is_active: !self.is_lucky(12),
                is_primary: self.is_lucky(4),
                priority: self.pick(&[0, 1, 1, 2]),
                custom_active_min: (self
                    .is_lucky(3)
                    .then(|| ("0".to_owned(), self.minutes(20) + 5)))
                .into_iter()
                .collect(),
                availability_override: self.is_lucky(8).then(|| self.week()),
                ..Assignment::plain(staff_id(n))
            };
            (staff_id(n), Cow::Owned(assignment))
        });
        let assignments = assignments.collect();
        ServiceFacts {
            id: service_id(n),
            is_active: !self.is_lucky(30),
            phases: Cow::Owned(phases),
            assignments,
            offered_at: self.is_lucky(10).then(|| Cow::Owned([BRANCH].into())),
            rules: Cow::Owned(BookingRules {
                min_notice_min: if self.is_lucky(2) { u32::from(self.minutes(400)) } else { 0 },
                max_advance_days: self.pick(&[0, 1, 2, 30]),
                grid_min: self.pick(&[5, 10, 15, 15, 20, 30, 45, 60, 90]),
                buffer_before_min: if self.is_lucky(4) { self.minutes(5) } else { 0 },
                buffer_after_min: if self.is_lucky(4) { self.minutes(5) } else { 0 },
                limits: BookingLimits {
                    per_day: self.is_lucky(5).then(|| self.pick(&[0, 1, 2])),
                    per_staff_per_day: self.is_lucky(4).then(|| self.pick(&[0, 1, 2, 3])),
                    ..BookingLimits::default()
                },
                duration: self.duration(),
                grid_from: self.pick(&[GridFrom::Midnight, GridFrom::Midnight, GridFrom::Opening]),
                snap: self.is_lucky(4),
                min_gap_min: if self.is_lucky(3) { self.minutes(10) } else { 0 },
                prefer_adjacent: self.is_lucky(3),
                assignment: self.is_lucky(2).then(|| AssignmentRule {
                    strategy: self.pick(&[
                        Strategy::Primary,
                        Strategy::LeastBusy,
                        Strategy::Priority,
                    ]),
                    window_days: self.pick(&[1, 2, 3, 7]),
                }),
                ..BookingRules::default()
            }),
        }
    }

    fn duration(&mut self) -> Option<DurationRange> {
        let from_min = self.minutes(6) + 5;
        let to_min = from_min + self.minutes(20);
        let step_min = self.pick(&[5, 5, 15]);
        let range = DurationRange { from_min, to_min, step_min, price: DurationPrice::Fixed };
        self.is_lucky(2).then_some(range)
    }

    fn request(&mut self, noon: DateTime<Utc>) -> Request {
        let now = noon - Duration::hours(40) + Duration::minutes(i64::from(self.minutes(400)));
        let now = if self.is_lucky(2) { now + Duration::seconds(61) } else { now };
        let mut items = vec![Item::of(service_id(self.roll(2)))];
        if self.is_lucky(3) {
            items.push(Item::of(service_id(self.roll(2))));
        }
        if self.is_lucky(5) {
            items[0].active_min = Some(self.minutes(12) + 5);
            items[0].is_agreed = self.is_lucky(4);
        }
        let staff = match self.roll(4) {
            0 => StaffWish::Pinned(staff_id(self.roll(3))),
            1 => StaffWish::PinnedAll(staff_id(self.roll(3))),
            _ => StaffWish::Anyone,
        };
        let number = Uuid::from_u128(900 + u128::from(self.roll(4)));
        let ignoring = match self.roll(6) {
            0 => Ignoring { appointment_id: Some(number.into()), hold_id: None },
            1 => Ignoring { appointment_id: None, hold_id: Some(number.into()) },
            _ => Ignoring::default(),
        };
        Request { items, staff, now, ignoring }
    }
}
