//! The fold of a tenant's log, and the grid over it.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    ops::Range,
};

use chrono::{DateTime, Days, NaiveDate, Utc};
use daybook_domain::{
    aggregate::{DecodeError, Evolve, decode},
    availability::{Busy, BusyKind, Facts, TenantGrid, Unreadable},
    branch::Branch,
    calendar::CalendarId,
    calendar_day::{CalendarDay, CalendarDayEvent, CalendarDayId, Claim, Purpose},
    company::Company,
    event_log::{Position, RecordedEvent},
    ids::{BranchId, ClaimId, CompanyId, ResourceId, ServiceId, StaffId},
    resource::Resource,
    service::Service,
    slot::Slot,
    staff::Staff,
    tenant::Tenant,
};

/// Days that the grid covers from today on: a year's booking window, and a week until it moves on.
const HORIZON_DAYS: u64 = 374;
/// The grid moves on when its beginning is so many days old.
const MOVES_ON_AFTER_DAYS: u64 = 7;
/// Claims of so many days before the grid begins may still reach into it.
pub(super) const LEAD_DAYS: u64 = 3;

/// The aggregate types that a view is made of.
pub(super) const CATALOG_TYPES: [&str; 5] =
    [Company::TYPE, Branch::TYPE, Staff::TYPE, Service::TYPE, Resource::TYPE];
/// All that a view reads of a history. Events of the tenant itself say what is to be passed over.
pub(super) const TYPES: [&str; 7] = [
    Company::TYPE,
    Branch::TYPE,
    Staff::TYPE,
    Service::TYPE,
    Resource::TYPE,
    CalendarDay::TYPE,
    Tenant::TYPE,
];

/// The claims that stand on a day.
pub(super) type Claims = BTreeMap<ClaimId, Busy>;

/// What is known of a tenant at a position.
#[derive(Debug)]
pub struct View {
    position: Position,
    /// Events of the catalog up to here are in the states already, whatever `position` says.
    catalog_at: Position,
    /// Events of calendar days up to here are in the claims already.
    claims_at: Position,
    companies: BTreeMap<CompanyId, Company>,
    branches: BTreeMap<BranchId, Branch>,
    staff: BTreeMap<StaffId, Staff>,
    services: BTreeMap<ServiceId, Service>,
    resources: BTreeMap<ResourceId, Resource>,
    days: BTreeMap<CalendarDayId, Claims>,
    /// Days of which an event cannot be read: nothing is known of them.
    unreadable_days: BTreeSet<CalendarDayId>,
    /// Records of which an event cannot be read.
    unreadable: BTreeSet<Unreadable>,
    /// Events that are passed over because somebody said so.
    skipped: BTreeSet<u64>,
    /// Whether what is unreadable may be readable by now.
    is_outdated: bool,
    grid: TenantGrid<'static>,
}

/// What a view begins with.
#[derive(Debug, Default)]
pub(super) struct Beginning {
    pub(super) catalog_at: Position,
    pub(super) claims_at: Position,
    pub(super) companies: BTreeMap<CompanyId, Company>,
    pub(super) branches: BTreeMap<BranchId, Branch>,
    pub(super) staff: BTreeMap<StaffId, Staff>,
    pub(super) services: BTreeMap<ServiceId, Service>,
    pub(super) resources: BTreeMap<ResourceId, Resource>,
    pub(super) days: BTreeMap<CalendarDayId, Claims>,
    pub(super) skipped: BTreeSet<u64>,
}

/// What a batch of events has touched.
#[derive(Debug, Default)]
struct Touched {
    branches: BTreeSet<BranchId>,
    /// Whether one of the branches was not there before.
    is_branch_new: bool,
    staff: BTreeSet<StaffId>,
    services: BTreeSet<ServiceId>,
    resources: BTreeSet<ResourceId>,
    calendars: BTreeSet<CalendarId>,
    /// Whether there is something more that cannot be read.
    is_unreadable: bool,
}

impl View {
    /// A view that begins with what is known already, over the days from `now` on.
    pub(super) fn new(beginning: Beginning, now: DateTime<Utc>) -> Self {
        Self::over(beginning, horizon(now))
    }

    /// A view that begins with what is known already, over some days.
    pub(super) fn over(beginning: Beginning, dates: Range<NaiveDate>) -> Self {
        let Beginning { catalog_at, claims_at, .. } = beginning;
        let mut view = Self {
            position: catalog_at.min(claims_at),
            catalog_at,
            claims_at,
            companies: beginning.companies,
            branches: beginning.branches,
            staff: beginning.staff,
            services: beginning.services,
            resources: beginning.resources,
            days: beginning.days,
            unreadable_days: BTreeSet::new(),
            unreadable: BTreeSet::new(),
            skipped: beginning.skipped,
            is_outdated: false,
            grid: TenantGrid::new(Facts::default(), dates.clone()),
        };
        view.grid = TenantGrid::new(view.facts(), dates);
        view
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

    /// Memory that is held for it, in bytes, as an estimate from above.
    pub(super) fn bytes(&self) -> usize {
        let claims: usize = self.days.values().map(|claims| claims.len() + 1).sum();
        let services: usize = self.services.values().map(|it| it.assignments().count() + 8).sum();
        let records = self.branches.len() + self.staff.len() + self.resources.len();
        (claims + services + records * 4) * 256 + self.grid.bytes()
    }

    /// Whether what could not be read may be readable by now, so that it is to be made anew.
    pub(super) fn is_outdated(&self) -> bool {
        self.is_outdated
    }

    /// Folds events in, in order; `to` is where whoever read them has come to. What cannot be read
    /// makes unknown what it belongs to, and nothing else.
    pub(super) fn advance(&mut self, events: &[RecordedEvent], to: Position) {
        let mut touched = Touched::default();
        for event in events {
            self.fold(event, &mut touched);
        }
        self.position = self.position.max(to);
        self.refresh(touched);
    }

    /// Folds the events of some streams in, as far as the view has come with their kind: streams that
    /// what it began with does not tell.
    pub(super) fn refold(&mut self, events: &[RecordedEvent]) {
        let (catalog_at, claims_at) = (self.catalog_at, self.claims_at);
        (self.catalog_at, self.claims_at) = (Position(0), Position(0));
        let mut touched = Touched { is_branch_new: true, ..Touched::default() };
        for event in events {
            let is_day = event.stream.aggregate_type == CalendarDay::TYPE;
            if event.position <= if is_day { claims_at } else { catalog_at } {
                self.fold(event, &mut touched);
            }
        }
        (self.catalog_at, self.claims_at) = (catalog_at, claims_at);
        self.refresh(touched);
    }

    /// Begins with the claims of some days, which are known up to a position.
    pub(super) fn put_days(&mut self, days: BTreeMap<CalendarDayId, Claims>, claims_at: Position) {
        let calendars = days.keys().map(|day| day.calendar).collect();
        self.days = days;
        self.claims_at = claims_at;
        self.refresh(Touched { calendars, ..Touched::default() });
    }

    /// The calendars that starts of some services depend on.
    pub(super) fn calendars_of(&self, services: &[ServiceId]) -> Vec<CalendarId> {
        let mut calendars = BTreeSet::new();
        for (id, service) in services.iter().filter_map(|id| Some((id, self.services.get(id)?))) {
            calendars.insert(CalendarId::Service(*id));
            let phases = service.profile().map_or(&[][..], |profile| &profile.phases);
            let resources = phases.iter().filter_map(|phase| phase.resource.as_ref());
            let resources = resources.flat_map(|need| need.any_of.iter().copied());
            calendars.extend(resources.map(CalendarId::Resource));
            calendars.extend(service.assignments().map(|it| CalendarId::Staff(it.staff_id)));
        }
        calendars.into_iter().collect()
    }

    /// Whether today has left the days behind that the grid was made for.
    pub(super) fn is_behind(&self, now: DateTime<Utc>) -> bool {
        self.grid.dates().start + Days::new(MOVES_ON_AFTER_DAYS) <= horizon(now).start
    }

    /// Whether it begins after today: it may have dropped what is needed now.
    pub(super) fn is_ahead(&self, now: DateTime<Utc>) -> bool {
        horizon(now).start < self.grid.dates().start
    }

    /// Moves the grid on to today, and drops what is past.
    pub(super) fn keep_up(&mut self, now: DateTime<Utc>) {
        let wanted = horizon(now);
        let keep = first_date(wanted.start);
        let calendars: BTreeSet<_> = self.days.keys().map(|day| day.calendar).collect();
        self.days.retain(|day, _| keep <= day.date);
        self.unreadable_days.retain(|day| keep <= day.date);
        self.grid.cover(wanted);
        self.refresh(Touched { calendars, ..Touched::default() });
    }

    fn fold(&mut self, event: &RecordedEvent, touched: &mut Touched) {
        let kind = event.stream.aggregate_type.as_ref();
        if kind == Tenant::TYPE {
            self.is_outdated |= !(self.unreadable.is_empty() && self.unreadable_days.is_empty());
            return;
        }
        if self.skipped.contains(&event.position.0) {
            return;
        }
        let outcome = match kind {
            CalendarDay::TYPE if self.claims_at < event.position => self.fold_day(event, touched),
            _ if event.position <= self.catalog_at => Ok(()),
            Company::TYPE => fold(&mut self.companies, event).map(drop),
            Branch::TYPE => {
                let before = self.branches.len();
                let folded = fold(&mut self.branches, event);
                touched.is_branch_new |= before < self.branches.len();
                folded.map(|id| touched.branches.extend(id))
            }
            Staff::TYPE => fold(&mut self.staff, event).map(|id| touched.staff.extend(id)),
            Service::TYPE => fold(&mut self.services, event).map(|id| touched.services.extend(id)),
            Resource::TYPE => {
                fold(&mut self.resources, event).map(|id| touched.resources.extend(id))
            }
            _ => Ok(()),
        };
        if let Err(error) = outcome {
            let (position, stream) = (event.position, &event.stream);
            tracing::error!(tenant = %event.tenant, %position, %stream, %error,
                "an event cannot be read: what it belongs to cannot be booked");
            self.note_unreadable(event, touched);
        }
    }

    fn fold_day(
        &mut self,
        event: &RecordedEvent,
        touched: &mut Touched,
    ) -> Result<(), DecodeError> {
        let fact = decode::<CalendarDay>(event)?;
        // A stream that names no day belongs to nothing that could be booked.
        let Ok(day) = event.stream.aggregate_id.parse::<CalendarDayId>() else { return Ok(()) };
        if day.date < first_date(self.grid.dates().start) {
            return Ok(());
        }
        evolve(self.days.entry(day).or_default(), &fact);
        touched.calendars.insert(day.calendar);
        Ok(())
    }

    fn note_unreadable(&mut self, event: &RecordedEvent, touched: &mut Touched) {
        let id = &event.stream.aggregate_id;
        let record = match event.stream.aggregate_type.as_ref() {
            CalendarDay::TYPE => {
                if let Ok(day) = id.parse::<CalendarDayId>() {
                    self.unreadable_days.insert(day);
                    touched.calendars.insert(day.calendar);
                }
                None
            }
            Branch::TYPE => id.parse().ok().map(Unreadable::Branch),
            Staff::TYPE => id.parse().ok().map(Unreadable::Staff),
            Service::TYPE => id.parse().ok().map(Unreadable::Service),
            Resource::TYPE => id.parse().ok().map(Unreadable::Resource),
            _ => None,
        };
        self.unreadable.extend(record);
        touched.is_unreadable |= record.is_some();
    }

    /// Brings the grid to what the states say now.
    fn refresh(&mut self, touched: Touched) {
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
        let mut services = touched.services;
        if touched.is_branch_new {
            // A new branch is one more at which a service may be offered that is not offered everywhere.
            let some =
                self.services.iter().filter(|(_, service)| service.offers().next().is_some());
            services.extend(some.map(|(id, _)| *id));
        }
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
        if touched.is_unreadable {
            grid.set_unreadable(self.unreadable.clone());
        }
        for calendar in touched.calendars {
            let claims = self.claims_of(calendar);
            self.grid.set_claims(calendar, claims);
        }
    }

    /// All that the states say.
    fn facts(&self) -> Facts<'static> {
        let mut facts = Facts { unreadable: self.unreadable.clone(), ..Facts::default() };
        for (id, branch) in &self.branches {
            facts.branches.extend(branch.facts(*id).map(|it| (*id, it.into_owned())));
        }
        for (id, staff) in &self.staff {
            facts.staff.extend(staff.facts(*id).map(|it| (*id, it.into_owned())));
        }
        for (id, service) in &self.services {
            let service = service.facts(*id, self.branches.keys().copied());
            facts.services.extend(service.map(|it| (*id, it.into_owned())));
        }
        for (id, resource) in &self.resources {
            facts.resources.extend(resource.facts(*id).map(|it| (*id, it.into_owned())));
        }
        let calendars: BTreeSet<_> = self.days.keys().map(|day| day.calendar).collect();
        for calendar in calendars {
            facts.busy.insert(calendar, self.claims_of(calendar));
        }
        facts
    }

    /// The claims on a calendar, one over midnight once, and the days of which nothing is known.
    fn claims_of(&self, calendar: CalendarId) -> Vec<Busy> {
        let at = |date| CalendarDayId { calendar, date };
        let range = at(NaiveDate::MIN)..=at(NaiveDate::MAX);
        let claims = self.days.range(range.clone()).flat_map(|(_, claims)| claims);
        let once: Claims = claims.map(|(id, claim)| (*id, *claim)).collect();
        let unknown = self.unreadable_days.range(range).flat_map(|day| {
            let zones = self.zones_of(calendar).into_iter();
            zones.filter_map(|zone| Slot::of_date(day.date, zone)).map(Busy::unreadable)
        });
        once.into_values().chain(unknown).collect()
    }

    /// The zone whose local dates a calendar's days are; a service has those of all branches.
    fn zones_of(&self, calendar: CalendarId) -> HashSet<chrono_tz::Tz> {
        let own = match calendar {
            CalendarId::Staff(id) => {
                self.staff.get(&id).and_then(|it| it.profile()).map(|profile| profile.zone)
            }
            CalendarId::Resource(id) => {
                self.resources.get(&id).and_then(|it| it.profile()).map(|profile| profile.zone)
            }
            CalendarId::Service(_) => None,
        };
        let branches = self.branches.values().filter_map(|it| it.profile()).map(|it| it.zone);
        own.map_or_else(|| branches.collect(), |zone| HashSet::from([zone]))
    }
}

/// Folds an event into the state that it belongs to; `None` when its stream has no id of that kind.
fn fold<K, E>(states: &mut BTreeMap<K, E>, event: &RecordedEvent) -> Result<Option<K>, DecodeError>
where
    K: std::str::FromStr + Ord + Copy,
    E: Evolve,
{
    let fact = decode::<E>(event)?;
    let Ok(id) = event.stream.aggregate_id.parse::<K>() else { return Ok(None) };
    states.entry(id).or_default().evolve(&fact);
    Ok(Some(id))
}

/// Folds an event into the claims of its day.
pub(super) fn evolve(claims: &mut Claims, event: &CalendarDayEvent) {
    match event {
        CalendarDayEvent::Claimed { claim, .. } | CalendarDayEvent::Changed { claim } => {
            claims.insert(claim.claim_id, busy(claim));
        }
        CalendarDayEvent::Released { claim_id, .. } => {
            claims.remove(claim_id);
        }
    }
}

/// The first day of which claims are kept, for a grid that begins on a date.
pub(super) fn first_date(from: NaiveDate) -> NaiveDate {
    from - Days::new(LEAD_DAYS)
}

/// Yesterday is today somewhere.
fn horizon(now: DateTime<Utc>) -> Range<NaiveDate> {
    let today = now.date_naive();
    today - Days::new(1)..today + Days::new(HORIZON_DAYS)
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
