//! The fold of a tenant's log, and the grid over it.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use chrono::{DateTime, Days, NaiveDate, Utc};
use daybook_domain::{
    aggregate::Evolve,
    availability::{Busy, BusyKind, Facts, TenantGrid},
    branch::Branch,
    calendar::CalendarId,
    calendar_day::{CalendarDay, CalendarDayId, Claim, Purpose},
    company::Company,
    event_log::{Position, RecordedEvent},
    ids::{BranchId, CompanyId, ResourceId, ServiceId, StaffId},
    resource::Resource,
    service::Service,
    staff::Staff,
};

use super::WorldError;
use crate::event::Fact;

/// Days that the grid covers beyond the longest booking window of a service: today is tomorrow in some
/// zones, and it takes a week until the grid moves on.
const SPARE_DAYS: u64 = 9;
/// Days that it covers at least, so that it is not made anew for each service with a longer window.
const LEAST_DAYS: u64 = 93;
/// The grid moves on when its beginning is so many days old.
const MOVES_ON_AFTER_DAYS: u64 = 7;
/// Claims of so many days before the grid begins may still reach into it.
const LEAD_DAYS: u64 = 3;

/// What is known of a tenant at a position.
#[derive(Debug)]
pub struct View {
    position: Position,
    companies: BTreeMap<CompanyId, Company>,
    branches: BTreeMap<BranchId, Branch>,
    staff: BTreeMap<StaffId, Staff>,
    services: BTreeMap<ServiceId, Service>,
    resources: BTreeMap<ResourceId, Resource>,
    days: BTreeMap<CalendarDayId, CalendarDay>,
    grid: TenantGrid<'static>,
}

/// What a batch of events has touched.
#[derive(Debug, Default)]
struct Touched {
    branches: BTreeSet<BranchId>,
    staff: BTreeSet<StaffId>,
    services: BTreeSet<ServiceId>,
    resources: BTreeSet<ResourceId>,
    calendars: BTreeSet<CalendarId>,
}

impl View {
    pub(super) fn new(now: DateTime<Utc>) -> Self {
        Self {
            position: Position(0),
            companies: BTreeMap::new(),
            branches: BTreeMap::new(),
            staff: BTreeMap::new(),
            services: BTreeMap::new(),
            resources: BTreeMap::new(),
            days: BTreeMap::new(),
            grid: TenantGrid::new(Facts::default(), horizon(now, 0)),
        }
    }

    /// The position that everything here rests on.
    pub const fn position(&self) -> Position {
        self.position
    }

    /// The grid that availability is searched on.
    pub const fn grid(&self) -> &TenantGrid<'static> {
        &self.grid
    }

    /// A company.
    pub fn company(&self, id: CompanyId) -> Option<&Company> {
        self.companies.get(&id)
    }

    /// A branch.
    pub fn branch(&self, id: BranchId) -> Option<&Branch> {
        self.branches.get(&id)
    }

    /// All branches.
    pub fn branches(&self) -> impl Iterator<Item = (BranchId, &Branch)> {
        self.branches.iter().map(|(id, branch)| (*id, branch))
    }

    /// A staff member.
    pub fn staff(&self, id: StaffId) -> Option<&Staff> {
        self.staff.get(&id)
    }

    /// A service.
    pub fn service(&self, id: ServiceId) -> Option<&Service> {
        self.services.get(&id)
    }

    /// A resource.
    pub fn resource(&self, id: ResourceId) -> Option<&Resource> {
        self.resources.get(&id)
    }

    /// The active branches that offer a service: where to look when no branch is named.
    pub fn branches_offering(&self, id: ServiceId) -> Vec<BranchId> {
        let Some(service) = self.services.get(&id) else { return Vec::new() };
        let company = service.profile().map(|profile| profile.company_id);
        let offers = |id: &BranchId, branch: &Branch| {
            branch.is_active()
                && branch.profile().map(|profile| profile.company_id) == company
                && service.is_offered_at(*id)
        };
        let offering = self.branches.iter().filter(|(id, branch)| offers(id, branch));
        offering.map(|(id, _)| *id).collect()
    }

    /// Folds events in, in order. An error leaves everything before the event that caused it.
    pub(super) fn advance(&mut self, events: &[RecordedEvent]) -> Result<(), WorldError> {
        let mut touched = Touched::default();
        let outcome = events.iter().try_for_each(|event| self.fold(event, &mut touched));
        self.refresh(touched);
        outcome
    }

    /// Whether today has left the days behind that the grid was made for.
    pub(super) fn is_behind(&self, now: DateTime<Utc>) -> bool {
        self.grid.dates().start + Days::new(MOVES_ON_AFTER_DAYS) <= horizon(now, 0).start
    }

    /// Whether it begins after today: it may have forgotten what is needed now.
    pub(super) fn is_ahead(&self, now: DateTime<Utc>) -> bool {
        horizon(now, 0).start < self.grid.dates().start
    }

    /// Moves the grid on to today, and forgets what is past.
    pub(super) fn keep_up(&mut self, now: DateTime<Utc>) {
        let wanted = horizon(now, self.longest_window());
        let keep = wanted.start - Days::new(LEAD_DAYS);
        let calendars: BTreeSet<_> = self.days.keys().map(|day| day.calendar).collect();
        self.days.retain(|day, _| keep <= day.date);
        self.grid.cover(wanted);
        self.refresh(Touched { calendars, ..Touched::default() });
    }

    fn fold(&mut self, event: &RecordedEvent, touched: &mut Touched) -> Result<(), WorldError> {
        let position = event.position;
        let unreadable = |error: String| WorldError::Unreadable { position, error };
        let id = &event.stream.aggregate_id;
        macro_rules! fold {
            ($states:ident, $fact:expr) => {{
                let id = id.parse().map_err(|_no_id| unreadable(format!("{id} is no id")))?;
                self.$states.entry(id).or_default().evolve(&$fact);
                id
            }};
        }
        let read = |event| Fact::read(event).map_err(|error| unreadable(error.to_string()));
        match event.stream.aggregate_type.as_ref() {
            Company::TYPE
            | Branch::TYPE
            | Staff::TYPE
            | Service::TYPE
            | Resource::TYPE
            | CalendarDay::TYPE => match read(event)? {
                Fact::Company(fact) => {
                    fold!(companies, fact);
                }
                Fact::Branch(fact) => {
                    touched.branches.insert(fold!(branches, fact));
                }
                Fact::Staff(fact) => {
                    touched.staff.insert(fold!(staff, fact));
                }
                Fact::Service(fact) => {
                    touched.services.insert(fold!(services, fact));
                }
                Fact::Resource(fact) => {
                    touched.resources.insert(fold!(resources, fact));
                }
                Fact::CalendarDay(fact) => {
                    let day: CalendarDayId = fold!(days, fact);
                    touched.calendars.insert(day.calendar);
                }
                Fact::Appointment(_) | Fact::Customer(_) => {}
            },
            _ => {}
        }
        self.position = position;
        Ok(())
    }

    /// The most days ahead that any service can be booked.
    fn longest_window(&self) -> u64 {
        let windows = self.services.values().filter_map(|service| {
            service.profile().map(|profile| u64::from(profile.rules.max_advance_days))
        });
        windows.max().unwrap_or(0)
    }

    /// Covers the days of the longest booking window. A new tenant's grid is empty then.
    fn reach_far_enough(&mut self) {
        let dates = self.grid.dates().clone();
        let end = dates.start + Days::new(1) + Days::new(days_ahead(self.longest_window()));
        if dates.end < end {
            self.grid.cover(dates.start..end);
        }
    }

    /// Brings the grid to what the states say now.
    fn refresh(&mut self, touched: Touched) {
        if !touched.services.is_empty() {
            self.reach_far_enough();
        }
        let grid = &mut self.grid;
        for id in &touched.branches {
            if let Some(facts) = self.branches.get(id).and_then(|branch| branch.facts(*id)) {
                grid.put_branch(facts.into_owned());
            }
        }
        for id in touched.resources {
            if let Some(facts) = self.resources.get(&id).and_then(|resource| resource.facts(id)) {
                grid.put_resource(facts.into_owned());
            }
        }
        // A new branch is one more that a service may be offered at.
        let services: Vec<ServiceId> = if touched.branches.is_empty() {
            touched.services.into_iter().collect()
        } else {
            self.services.keys().copied().collect()
        };
        for id in services {
            let branches = self.branches.keys().copied();
            let facts = self.services.get(&id).and_then(|service| service.facts(id, branches));
            if let Some(facts) = facts {
                grid.put_service(facts.into_owned());
            }
        }
        for id in touched.staff {
            if let Some(facts) = self.staff.get(&id).and_then(|staff| staff.facts(id)) {
                grid.put_staff(facts.into_owned());
            }
        }
        for calendar in touched.calendars {
            grid.set_claims(calendar, claims_of(&self.days, calendar));
        }
    }
}

/// The days that are covered when the longest booking window has so many. Yesterday is today somewhere.
fn horizon(now: DateTime<Utc>, longest_window: u64) -> Range<NaiveDate> {
    let today = now.date_naive();
    today - Days::new(1)..today + Days::new(days_ahead(longest_window))
}

fn days_ahead(longest_window: u64) -> u64 {
    longest_window.max(LEAST_DAYS - SPARE_DAYS) + SPARE_DAYS
}

/// The claims on a calendar; one over midnight once.
fn claims_of(days: &BTreeMap<CalendarDayId, CalendarDay>, calendar: CalendarId) -> Vec<Busy> {
    let at = |date| CalendarDayId { calendar, date };
    let range = at(NaiveDate::MIN)..=at(NaiveDate::MAX);
    let claims = days.range(range).flat_map(|(_, day)| day.claims());
    let once: BTreeMap<_, _> = claims.map(|claim| (claim.claim_id, claim)).collect();
    once.into_values().map(busy).collect()
}

fn busy(claim: &Claim) -> Busy {
    let (kind, hold_id) = match &claim.purpose {
        Purpose::Hold { hold_id, .. } => (BusyKind::Hold, Some(*hold_id)),
        Purpose::Pending { .. } => (BusyKind::Pending, None),
        Purpose::Booked { .. } => (BusyKind::Booked, None),
        Purpose::Block => (BusyKind::Block, None),
        Purpose::External { .. } => (BusyKind::External, None),
    };
    Busy {
        slot: claim.slot,
        units: claim.units,
        kind,
        expires_at: claim.expires_at(),
        appointment_id: claim.appointment_id(),
        hold_id,
        service_id: claim.service_id,
    }
}
