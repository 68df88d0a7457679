//! What the engine works on: plain values, borrowed from aggregates or owned by a grid.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::{
    calendar::CalendarId,
    hours::{DateException, WeeklyHours},
    ids::{AppointmentId, BranchId, HoldId, ResourceId, ServiceId, StaffId},
    service::{Assignment, BookingRules, PhaseTemplate},
    slot::Slot,
};

/// Date exceptions by their date.
pub type Exceptions<'f> = BTreeMap<NaiveDate, Cow<'f, DateException>>;

/// The exceptions of a list, ready for the facts.
pub fn exceptions<'f>(list: impl IntoIterator<Item = &'f DateException>) -> Exceptions<'f> {
    list.into_iter().map(|exception| (exception.date, Cow::Borrowed(exception))).collect()
}

/// The assignments of a list, ready for the facts.
pub fn assignments<'f>(
    list: impl IntoIterator<Item = &'f Assignment>,
) -> BTreeMap<StaffId, Cow<'f, Assignment>> {
    list.into_iter().map(|assignment| (assignment.staff_id, Cow::Borrowed(assignment))).collect()
}

/// A branch, whose zone all hours are read in.
#[derive(Clone, Debug)]
pub struct BranchFacts<'f> {
    /// Which.
    pub id: BranchId,
    /// The zone of every wall clock in it.
    pub zone: Tz,
    /// Whether it takes bookings.
    pub is_active: bool,
    /// The weekly hours; they are those of staff members without their own.
    pub hours: Cow<'f, WeeklyHours>,
    /// Dates with other hours. They narrow everybody's: nobody works in a closed branch.
    pub exceptions: Exceptions<'f>,
}

/// A staff member.
#[derive(Clone, Debug)]
pub struct StaffFacts<'f> {
    /// Who.
    pub id: StaffId,
    /// Whether the staff member works here.
    pub is_active: bool,
    /// Whether the staff member takes appointments.
    pub is_bookable: bool,
    /// What the staff member can be asked for, such as `colourist`.
    pub roles: Cow<'f, BTreeSet<String>>,
    /// Where the staff member works.
    pub branches: Cow<'f, BTreeSet<BranchId>>,
    /// The weekly hours; the branch's when absent.
    pub hours: Option<Cow<'f, WeeklyHours>>,
    /// The weekly hours at one branch, instead of the general ones.
    pub hours_at: BTreeMap<BranchId, Cow<'f, WeeklyHours>>,
    /// Dates with other hours.
    pub exceptions: Exceptions<'f>,
    /// Minutes blocked before an appointment.
    pub buffer_before_min: u16,
    /// Minutes blocked after an appointment.
    pub buffer_after_min: u16,
}

/// A service.
#[derive(Clone, Debug)]
pub struct ServiceFacts<'f> {
    /// Which.
    pub id: ServiceId,
    /// Whether it is offered at all.
    pub is_active: bool,
    /// Its phases, in order. At least one.
    pub phases: Cow<'f, [PhaseTemplate]>,
    /// When and how often.
    pub rules: Cow<'f, BookingRules>,
    /// Who does it.
    pub assignments: BTreeMap<StaffId, Cow<'f, Assignment>>,
    /// The branches that offer it; `None` is all of them.
    pub offered_at: Option<Cow<'f, BTreeSet<BranchId>>>,
}

/// A room or a piece of equipment.
#[derive(Clone, Debug)]
pub struct ResourceFacts<'f> {
    /// Which.
    pub id: ResourceId,
    /// Where it stands.
    pub branch_id: BranchId,
    /// Whether it can be used.
    pub is_active: bool,
    /// Units that can be used at the same time.
    pub capacity: u16,
    /// When it can be used; always when absent.
    pub hours: Option<Cow<'f, WeeklyHours>>,
    /// Dates with other hours.
    pub exceptions: Exceptions<'f>,
}

/// Why a piece of a calendar is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BusyKind {
    /// Held for somebody who may still book it.
    Hold,
    /// Booked, not yet confirmed.
    Pending,
    /// Booked.
    Booked,
    /// Blocked by hand: a meeting, an errand.
    Block,
    /// Busy in an outside calendar.
    External,
    /// Unknown: an event of that day cannot be read, so nothing of it can be offered.
    Unreadable,
}

/// A record of which an event cannot be read: nothing that depends on it can be offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unreadable {
    /// A branch.
    Branch(BranchId),
    /// A staff member.
    Staff(StaffId),
    /// A service.
    Service(ServiceId),
    /// A resource.
    Resource(ResourceId),
}

/// A claim on a calendar. One that spans midnight is given once, or cut there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy {
    /// The time that it takes, buffers included.
    pub slot: Slot,
    /// Units of a resource; at least 1.
    pub units: u16,
    /// Why.
    pub kind: BusyKind,
    /// When it lapses by itself. From that instant on it does not count.
    pub expires_at: Option<DateTime<Utc>>,
    /// The appointment that it belongs to.
    pub appointment_id: Option<AppointmentId>,
    /// The hold that it belongs to.
    pub hold_id: Option<HoldId>,
    /// The service that it is for; the daily limits count by it.
    pub service_id: Option<ServiceId>,
}

impl Busy {
    /// A claim of one unit that belongs to nothing.
    pub fn plain(kind: BusyKind, slot: Slot) -> Self {
        Self {
            slot,
            units: 1,
            kind,
            expires_at: None,
            appointment_id: None,
            hold_id: None,
            service_id: None,
        }
    }

    /// A day of a calendar of which nothing is known: all of it is taken.
    pub fn unreadable(slot: Slot) -> Self {
        Self { units: u16::MAX, ..Self::plain(BusyKind::Unreadable, slot) }
    }

    /// Whether it counts at an instant.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_none_or(|expires_at| now < expires_at)
    }
}

/// Everything that the engine may look at, of one company.
#[derive(Clone, Debug, Default)]
pub struct Facts<'f> {
    /// The branches.
    pub branches: BTreeMap<BranchId, BranchFacts<'f>>,
    /// The staff.
    pub staff: BTreeMap<StaffId, StaffFacts<'f>>,
    /// The services.
    pub services: BTreeMap<ServiceId, ServiceFacts<'f>>,
    /// The resources.
    pub resources: BTreeMap<ResourceId, ResourceFacts<'f>>,
    /// The claims on each calendar, in any order.
    pub busy: BTreeMap<CalendarId, Vec<Busy>>,
    /// Records of which an event cannot be read.
    pub unreadable: BTreeSet<Unreadable>,
}

impl<'f> Facts<'f> {
    /// Adds or replaces a branch.
    pub fn put_branch(&mut self, branch: BranchFacts<'f>) {
        self.branches.insert(branch.id, branch);
    }

    /// Adds or replaces a staff member.
    pub fn put_staff(&mut self, staff: StaffFacts<'f>) {
        self.staff.insert(staff.id, staff);
    }

    /// Adds or replaces a service.
    pub fn put_service(&mut self, service: ServiceFacts<'f>) {
        self.services.insert(service.id, service);
    }

    /// Adds or replaces a resource.
    pub fn put_resource(&mut self, resource: ResourceFacts<'f>) {
        self.resources.insert(resource.id, resource);
    }

    /// Adds a claim.
    pub fn add_busy(&mut self, calendar: CalendarId, busy: Busy) {
        self.busy.entry(calendar).or_default().push(busy);
    }

    /// The claims on a calendar.
    pub fn busy(&self, calendar: CalendarId) -> &[Busy] {
        self.busy.get(&calendar).map_or(&[], Vec::as_slice)
    }

    /// Memory that they take, in bytes, as an estimate from above.
    pub(super) fn bytes(&self) -> usize {
        let claims: usize = self.busy.values().map(Vec::capacity).sum();
        let services: usize = self.services.values().map(|it| it.assignments.len() + 8).sum();
        let dated = |exceptions: &Exceptions<'_>| exceptions.len() + 16;
        let staff: usize = self.staff.values().map(|it| dated(&it.exceptions)).sum();
        let branches: usize = self.branches.values().map(|it| dated(&it.exceptions)).sum();
        let resources: usize = self.resources.values().map(|it| dated(&it.exceptions)).sum();
        claims * size_of::<Busy>() + (services + staff + branches + resources) * 256
    }

    /// The same facts, independent of where they came from.
    pub fn into_owned(self) -> Facts<'static> {
        let branches = self.branches.into_iter().map(|(id, facts)| (id, facts.into_owned()));
        let staff = self.staff.into_iter().map(|(id, facts)| (id, facts.into_owned()));
        let services = self.services.into_iter().map(|(id, facts)| (id, facts.into_owned()));
        let resources = self.resources.into_iter().map(|(id, facts)| (id, facts.into_owned()));
        Facts {
            branches: branches.collect(),
            staff: staff.collect(),
            services: services.collect(),
            resources: resources.collect(),
            busy: self.busy,
            unreadable: self.unreadable,
        }
    }
}

fn own<T: ToOwned + ?Sized>(value: Cow<'_, T>) -> Cow<'static, T> {
    Cow::Owned(value.into_owned())
}

fn own_exceptions(exceptions: Exceptions<'_>) -> Exceptions<'static> {
    exceptions.into_iter().map(|(date, exception)| (date, own(exception))).collect()
}

impl BranchFacts<'_> {
    /// The same facts, independent of where they came from.
    pub fn into_owned(self) -> BranchFacts<'static> {
        BranchFacts {
            id: self.id,
            zone: self.zone,
            is_active: self.is_active,
            hours: own(self.hours),
            exceptions: own_exceptions(self.exceptions),
        }
    }
}

impl StaffFacts<'_> {
    /// The same facts, independent of where they came from.
    pub fn into_owned(self) -> StaffFacts<'static> {
        StaffFacts {
            id: self.id,
            is_active: self.is_active,
            is_bookable: self.is_bookable,
            roles: own(self.roles),
            branches: own(self.branches),
            hours: self.hours.map(own),
            hours_at: self.hours_at.into_iter().map(|(id, hours)| (id, own(hours))).collect(),
            exceptions: own_exceptions(self.exceptions),
            buffer_before_min: self.buffer_before_min,
            buffer_after_min: self.buffer_after_min,
        }
    }
}

impl ServiceFacts<'_> {
    /// The same facts, independent of where they came from.
    pub fn into_owned(self) -> ServiceFacts<'static> {
        ServiceFacts {
            id: self.id,
            is_active: self.is_active,
            phases: own(self.phases),
            rules: own(self.rules),
            assignments: self.assignments.into_iter().map(|(id, it)| (id, own(it))).collect(),
            offered_at: self.offered_at.map(own),
        }
    }
}

impl ResourceFacts<'_> {
    /// The same facts, independent of where they came from.
    pub fn into_owned(self) -> ResourceFacts<'static> {
        ResourceFacts {
            id: self.id,
            branch_id: self.branch_id,
            is_active: self.is_active,
            capacity: self.capacity,
            hours: self.hours.map(own),
            exceptions: own_exceptions(self.exceptions),
        }
    }
}
