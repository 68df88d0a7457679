//! Everything that a decision about a place rests on, loaded for one wish.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::{
    aggregate::Evolve as _,
    availability::{
        Busy, BusyKind, Facts, Ignoring, Item, Placement, Reason, Request, StaffWish, Unreadable,
        calendars, evaluate, next_free,
    },
    branch::{Branch, BranchProfile},
    calendar::CalendarId,
    calendar_day::{CalendarDay, CalendarDayId, Claim, Purpose, local_dates},
    company::Company,
    dispatch::{Unit, UnitError},
    event_log::StreamId,
    ids::{BranchId, ResourceId, ServiceId, StaffId},
    master_data::MasterDataError,
    ports::EventLog,
    resource::Resource,
    service::Service,
    slot::Slot,
    staff::Staff,
};

use super::{BookingError, accept};

/// More than any buffer, so that whatever could collide is looked at.
const AROUND: TimeDelta = TimeDelta::hours(4);

/// How far a refusal looks for other starts, and how many it names (AVL-15).
const NEXT_WITHIN: TimeDelta = TimeDelta::days(14);
const NEXT_COUNT: usize = 3;

/// The end of the calendars (9998): beyond it, adding some hours could leave what instants there are.
pub(super) const FAR_OFF: DateTime<Utc> = match DateTime::from_timestamp(253_370_764_800, 0) {
    Some(instant) => instant,
    None => DateTime::<Utc>::MAX_UTC,
};

/// A place that somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Where.
    pub branch_id: BranchId,
    /// What, in order.
    pub items: Vec<Item>,
    /// By whom.
    pub staff: StaffWish,
    /// When.
    pub starts_at: DateTime<Utc>,
}

/// The states behind a wish.
pub(super) struct Scene {
    pub(super) branch_id: BranchId,
    pub(super) branch: Arc<Branch>,
    pub(super) profile: BranchProfile,
    pub(super) company: Arc<Company>,
    pub(super) services: BTreeMap<ServiceId, Arc<Service>>,
    pub(super) staff: BTreeMap<StaffId, Arc<Staff>>,
    pub(super) resources: BTreeMap<ResourceId, Arc<Resource>>,
    days: BTreeMap<CalendarDayId, Arc<CalendarDay>>,
    /// Staff and resources of which an event cannot be read.
    unreadable: BTreeSet<Unreadable>,
    /// Calendar days of which an event cannot be read.
    unreadable_days: BTreeSet<CalendarDayId>,
}

impl Scene {
    /// Loads master data: branch, company, services, and the staff and resources that may be
    /// needed. The decision rests on all of it.
    pub(super) async fn load<L: EventLog>(
        unit: &mut Unit<'_, L>,
        branch_id: BranchId,
        items: &[Item],
        wish: StaffWish,
    ) -> Result<Result<Self, BookingError>, UnitError> {
        let mut first: Vec<StreamId> = vec![Branch::stream(branch_id)];
        first.extend(items.iter().map(|item| Service::stream(item.service_id)));
        unit.prefetch(&first).await?;
        let missing = |what, field| BookingError::from(MasterDataError::NotFound { what, field });
        let unknown = |what, field| BookingError::from(MasterDataError::Unreadable { what, field });
        let Some(branch) = unit.load_if_readable::<Branch>(branch_id).await? else {
            return Ok(Err(unknown("branch", "branch_id")));
        };
        let Some(profile) = branch.profile().cloned() else {
            return Ok(Err(missing("branch", "branch_id")));
        };
        let mut services = BTreeMap::new();
        for item in items {
            let Some(service) = unit.load_if_readable::<Service>(item.service_id).await? else {
                return Ok(Err(unknown("service", "service_id")));
            };
            // Another company's service is as good as none.
            let offered_by = service.profile().map(|service| service.company_id);
            if offered_by != Some(profile.company_id) {
                return Ok(Err(missing("service", "service_id")));
            }
            services.insert(item.service_id, service);
        }
        let (staff_ids, resource_ids) = needed(&services, wish);
        let mut second: Vec<StreamId> = vec![Company::stream(profile.company_id)];
        second.extend(staff_ids.iter().map(Staff::stream));
        second.extend(resource_ids.iter().map(Resource::stream));
        unit.prefetch(&second).await?;
        let Some(company) = unit.load_if_readable::<Company>(profile.company_id).await? else {
            return Ok(Err(unknown("company", "branch_id")));
        };
        if !company.is_active() {
            let inactive = MasterDataError::Inactive { what: "company", field: "branch_id" };
            return Ok(Err(inactive.into()));
        }
        let mut scene = Self {
            branch_id,
            branch,
            profile,
            company,
            services,
            staff: BTreeMap::new(),
            resources: BTreeMap::new(),
            days: BTreeMap::new(),
            unreadable: BTreeSet::new(),
            unreadable_days: BTreeSet::new(),
        };
        scene.load_staff(unit, staff_ids, resource_ids).await?;
        if let Some(named) = wish.named()
            && !scene.unreadable.contains(&Unreadable::Staff(named))
        {
            let employer = scene.staff.get(&named).and_then(|it| it.profile());
            if employer.map(|it| it.company_id) != Some(scene.profile.company_id) {
                return Ok(Err(missing("staff member", "staff_id")));
            }
        }
        Ok(Ok(scene))
    }

    /// Loads staff and resources; those that cannot be read are left to the evaluator to refuse.
    async fn load_staff<L: EventLog>(
        &mut self,
        unit: &mut Unit<'_, L>,
        staff_ids: Vec<StaffId>,
        resource_ids: Vec<ResourceId>,
    ) -> Result<(), UnitError> {
        for id in staff_ids {
            match unit.load_if_readable::<Staff>(id).await? {
                Some(staff) => drop(self.staff.insert(id, staff)),
                None => drop(self.unreadable.insert(Unreadable::Staff(id))),
            }
        }
        for id in resource_ids {
            match unit.load_if_readable::<Resource>(id).await? {
                Some(resource) => drop(self.resources.insert(id, resource)),
                None => drop(self.unreadable.insert(Unreadable::Resource(id))),
            }
        }
        Ok(())
    }

    /// The calendar days that a wish may read or write around its start.
    pub(super) fn days_around(
        &self,
        request: &Request,
        start: DateTime<Utc>,
    ) -> Vec<CalendarDayId> {
        let length = TimeDelta::minutes(i64::from(self.longest_min(request)));
        let slot = Slot { from: start - AROUND, to: start + length + AROUND };
        self.days_of(request, slot)
    }

    fn days_of(&self, request: &Request, slot: Slot) -> Vec<CalendarDayId> {
        let facts = self.facts();
        let mut days = Vec::new();
        for calendar in calendars(&facts, request, self.branch_id) {
            let dates = local_dates(slot, self.zone_of(calendar));
            days.extend(dates.into_iter().map(|date| CalendarDayId { calendar, date }));
        }
        days
    }

    /// The longest that the basket can take, whoever does it.
    fn longest_min(&self, request: &Request) -> u32 {
        let items = request.items.iter().map(|item| {
            let Some(service) = self.services.get(&item.service_id) else { return 0 };
            let phases = service.profile().map_or(&[][..], |profile| &profile.phases);
            let of_phase = |phase: &crate::service::PhaseTemplate| {
                let custom = service
                    .assignments()
                    .filter_map(|it| it.custom_active_min.get(&phase.key).copied())
                    .chain(item.active_min)
                    .max();
                let more = custom.unwrap_or(0).saturating_sub(phase.active_min);
                phase.span_min() + u32::from(more)
            };
            phases.iter().map(of_phase).sum::<u32>()
        });
        items.sum()
    }

    /// The zone whose local dates a calendar's days are.
    pub(super) fn zone_of(&self, calendar: CalendarId) -> Tz {
        let own = match calendar {
            CalendarId::Staff(id) => {
                self.staff.get(&id).and_then(|it| it.profile()).map(|profile| profile.zone)
            }
            CalendarId::Resource(id) => {
                self.resources.get(&id).and_then(|it| it.profile()).map(|profile| profile.zone)
            }
            CalendarId::Service(_) => None,
        };
        own.unwrap_or(self.profile.zone)
    }

    /// Looks at calendar days, in one round trip. What is written later is relied on by that.
    pub(super) async fn look_at<L: EventLog>(
        &mut self,
        unit: &mut Unit<'_, L>,
        days: &[CalendarDayId],
    ) -> Result<(), UnitError> {
        let streams: Vec<_> = days.iter().map(CalendarDay::stream).collect();
        unit.prefetch(&streams).await?;
        for day in days {
            match unit.peek_if_readable::<CalendarDay>(day).await? {
                Some(state) => drop(self.days.insert(*day, state)),
                None => drop(self.unreadable_days.insert(*day)),
            }
        }
        Ok(())
    }

    /// What the evaluator needs to know.
    pub(super) fn facts(&self) -> Facts<'_> {
        let mut facts = Facts::default();
        if let Some(branch) = self.branch.facts(self.branch_id) {
            facts.put_branch(branch);
        }
        for (id, staff) in &self.staff {
            if let Some(staff) = staff.facts(*id) {
                facts.put_staff(staff);
            }
        }
        for (id, service) in &self.services {
            if let Some(service) = service.facts(*id, [self.branch_id]) {
                facts.put_service(service);
            }
        }
        for (id, resource) in &self.resources {
            if let Some(resource) = resource.facts(*id) {
                facts.put_resource(resource);
            }
        }
        for (day, state) in &self.days {
            // A claim over midnight stands on both days, and counts once.
            let zone = self.zone_of(day.calendar);
            for claim in state.claims() {
                let first = claim.slot.from.with_timezone(&zone).date_naive();
                let before = CalendarDayId { date: first, ..*day };
                if first == day.date || !self.days.contains_key(&before) {
                    facts.add_busy(day.calendar, busy(claim));
                }
            }
        }
        for day in &self.unreadable_days {
            if let Some(slot) = Slot::of_date(day.date, self.zone_of(day.calendar)) {
                facts.add_busy(day.calendar, Busy::unreadable(slot));
            }
        }
        facts.unreadable.clone_from(&self.unreadable);
        facts
    }

    /// Judges the start: a placement, or the refusal with the next free starts.
    pub(super) async fn place<L: EventLog>(
        &mut self,
        unit: &mut Unit<'_, L>,
        request: &Request,
        starts_at: DateTime<Utc>,
    ) -> Result<Result<Placement, BookingError>, UnitError> {
        let facts = self.facts();
        let reasons = match evaluate(&facts, request, self.branch_id, starts_at) {
            crate::availability::Verdict::Free(placement) => return Ok(Ok(placement)),
            crate::availability::Verdict::Refused { reasons } => reasons,
        };
        let mut next = Vec::new();
        if reasons.iter().all(Reason::is_about_the_time) {
            let from = starts_at.max(request.now);
            let window = Slot { from, to: from + NEXT_WITHIN };
            drop(facts);
            let days = self.days_of(request, window);
            self.look_at(unit, &days).await?;
            let found = next_free(self.facts(), request, &[self.branch_id], window, NEXT_COUNT);
            next = found.into_iter().map(|placement| placement.starts_at).collect();
        }
        Ok(Err(BookingError::Unavailable {
            requested_time: starts_at,
            reasons,
            next_free: next,
            occurrence: None,
        }))
    }
}

/// Loads the scene of a wish, lines up for its calendar days and finds its place.
pub(super) async fn find_place<L: EventLog>(
    unit: &mut Unit<'_, L>,
    wish: &Wish,
    ignoring: Ignoring,
    also: &[CalendarDayId],
) -> Result<Result<(Scene, Placement), BookingError>, UnitError> {
    let now = unit.context().at;
    if wish.starts_at <= now {
        return Ok(Err(BookingError::InThePast { field: "starts_at" }));
    }
    if FAR_OFF < wish.starts_at {
        return Ok(Err(BookingError::far_off("starts_at")));
    }
    let loaded = Scene::load(unit, wish.branch_id, &wish.items, wish.staff).await?;
    let mut scene = accept!(loaded);
    let request =
        Request::basket(wish.items.iter().cloned(), now).by(wish.staff).ignoring(ignoring);
    let mut days = scene.days_around(&request, wish.starts_at);
    days.extend_from_slice(also);
    let streams: Vec<_> = days.iter().map(CalendarDay::stream).collect();
    unit.queue_for(&streams).await;
    scene.look_at(unit, &days).await?;
    let placement: Placement = accept!(scene.place(unit, &request, wish.starts_at).await?);
    Ok(Ok((scene, placement)))
}

/// The staff and the resources that may be needed.
fn needed(
    services: &BTreeMap<ServiceId, Arc<Service>>,
    wish: StaffWish,
) -> (Vec<StaffId>, Vec<ResourceId>) {
    let (mut staff, mut resources) = (Vec::new(), Vec::new());
    for service in services.values() {
        let phases = service.profile().map_or(&[][..], |profile| &profile.phases);
        let others = phases.iter().any(|phase| phase.other_staff);
        for assignment in service.assignments().filter(|it| it.is_active) {
            if others || wish.named().is_none_or(|named| named == assignment.staff_id) {
                staff.push(assignment.staff_id);
            }
        }
        let needs = phases.iter().filter_map(|phase| phase.resource.as_ref());
        resources.extend(needs.flat_map(|need| need.any_of.iter().copied()));
    }
    staff.extend(wish.named());
    staff.sort_unstable();
    staff.dedup();
    resources.sort_unstable();
    resources.dedup();
    (staff, resources)
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
