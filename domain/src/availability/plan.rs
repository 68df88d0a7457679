//! A request at a branch, compiled: phases in order, and who is fit for each.

use super::{
    facts::{BranchFacts, Facts, ResourceFacts, ServiceFacts, StaffFacts},
    reasons::{Reason, Why},
    request::{Item, Request, StaffWish},
    zone_day::{STEP_S, Step},
};
use crate::{
    ids::{BranchId, StaffId},
    service::{Assignment, BookingRules, DurationRange, PhaseTemplate},
};

/// A compiled request.
#[derive(Debug)]
pub(super) struct Plan<'p> {
    pub(super) branch: &'p BranchFacts<'p>,
    /// The services of the basket, in order.
    pub(super) services: Vec<&'p ServiceFacts<'p>>,
    pub(super) phases: Vec<PlannedPhase<'p>>,
    /// The longest notice of the basket.
    pub(super) min_notice_min: u32,
    /// The shortest window of the basket.
    pub(super) max_advance_days: u16,
    /// The rules of the first service, whose grid counts: the others begin wherever their turn comes.
    pub(super) first: &'p BookingRules,
}

/// A phase of the plan.
#[derive(Debug)]
pub(super) struct PlannedPhase<'p> {
    /// The place in the plan.
    pub(super) index: usize,
    pub(super) item: usize,
    pub(super) service: &'p ServiceFacts<'p>,
    pub(super) template: &'p PhaseTemplate,
    /// Minutes that the request asks for.
    pub(super) asked: Option<Asked>,
    /// The only staff member who is asked for, if there is one.
    pub(super) only: Option<StaffId>,
    /// Whether somebody else than the staff member of the first phase may do it.
    pub(super) is_free: bool,
    /// Who is fit for it, by id.
    pub(super) candidates: Vec<Candidate<'p>>,
    /// The resources of the branch that will do, in order of preference.
    pub(super) resources: Vec<&'p ResourceFacts<'p>>,
}

/// A duration that a request asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    active_min: u16,
    /// Agreed earlier, so that the service's rule of today does not matter.
    is_agreed: bool,
}

impl Asked {
    fn of(item: &Item) -> Option<Self> {
        item.active_min.map(|active_min| Self { active_min, is_agreed: item.is_agreed })
    }

    /// Why a service cannot take so long with somebody who takes `own_min` for it.
    fn refusal(self, service: &ServiceFacts<'_>, own_min: u16) -> Option<Why> {
        if self.is_agreed || self.active_min == own_min {
            return None;
        }
        match service.rules.duration {
            None => Some(Why::DurationNotAdjustable { minutes: Some(own_min) }),
            Some(range) if range.allows(self.active_min) => None,
            Some(DurationRange { from_min, to_min, step_min, .. }) => {
                Some(Why::DurationOutOfRange { from_min, to_min, step_min })
            }
        }
    }
}

/// A staff member who is fit for a phase, and how long it takes with them. In steps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate<'p> {
    /// The place among the phase's candidates.
    pub(super) seat: usize,
    pub(super) staff: &'p StaffFacts<'p>,
    pub(super) assignment: &'p Assignment,
    pub(super) times: Times,
}

/// How long a phase takes, in steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) active: Step,
    pub(super) staff: Step,
    pub(super) client: Step,
    /// Until the next phase may begin.
    pub(super) span: Step,
    pub(super) before: Step,
    pub(super) after: Step,
}

impl<'p> Plan<'p> {
    /// Compiles a request, or says why it can never be met at that branch.
    pub(super) fn new(
        facts: &'p Facts<'p>,
        request: &Request,
        branch_id: BranchId,
    ) -> Result<Self, Vec<Reason>> {
        let mut reasons = Vec::new();
        let branch = facts.branches.get(&branch_id);
        match branch {
            None => reasons.push(Reason::general(Why::BranchUnknown { branch_id })),
            Some(branch) if !branch.is_active => {
                reasons.push(Reason::general(Why::BranchInactive { branch_id }));
            }
            Some(_) => (),
        }
        if request.items.is_empty() {
            reasons.push(Reason::general(Why::NoService));
        }
        let mut services = Vec::with_capacity(request.items.len());
        for item in &request.items {
            let whys = service_refusals(facts, item, branch_id);
            reasons.extend(whys.into_iter().map(|why| Reason::of_service(why, item.service_id)));
            services.extend(facts.services.get(&item.service_id));
        }
        match (branch, services.first()) {
            (Some(branch), Some(first)) if reasons.is_empty() => {
                let services = (first.rules.as_ref(), services);
                Ok(Self::of_services(facts, request, branch, services))
            }
            _ => Err(reasons),
        }
    }

    fn of_services(
        facts: &'p Facts<'p>,
        request: &Request,
        branch: &'p BranchFacts<'p>,
        (first, services): (&'p BookingRules, Vec<&'p ServiceFacts<'p>>),
    ) -> Self {
        let mut phases: Vec<PlannedPhase<'p>> = Vec::new();
        for (item, service) in services.iter().enumerate() {
            let asked = Asked::of(&request.items[item]);
            for template in service.phases.iter() {
                let is_first = phases.is_empty();
                let is_free = template.other_staff && !is_first;
                let only = match request.staff {
                    StaffWish::Anyone => None,
                    StaffWish::PinnedAll(staff_id) => Some(staff_id),
                    StaffWish::Pinned(staff_id) => (!is_free).then_some(staff_id),
                };
                let mut phase = PlannedPhase {
                    index: phases.len(),
                    item,
                    service,
                    template,
                    asked,
                    only,
                    is_free,
                    candidates: Vec::new(),
                    resources: resources_at(facts, template, branch.id),
                };
                phase.candidates = phase.fit(facts, branch.id);
                phases.push(phase);
            }
        }
        let rules = || services.iter().map(|service| &service.rules);
        Self {
            branch,
            min_notice_min: rules().map(|rules| rules.min_notice_min).max().unwrap_or(0),
            max_advance_days: rules().map(|rules| rules.max_advance_days).min().unwrap_or(0),
            first,
            services,
            phases,
        }
    }

    /// Why a phase has nobody who is fit for it, whatever the time; nothing when each has somebody.
    pub(super) fn obstacles(&self, facts: &Facts<'_>) -> Vec<Reason> {
        let mut reasons = Vec::new();
        for phase in self.phases.iter().filter(|phase| phase.candidates.is_empty()) {
            let mut refuse = |why, staff_id| {
                reasons.push(Reason {
                    why,
                    service_id: Some(phase.service.id),
                    phase: Some(phase.template.key.clone()),
                    staff_id,
                });
            };
            if phase.service.assignments.is_empty() {
                refuse(Why::NoStaffAssigned, None);
            }
            let only = |staff_id: &StaffId| phase.only.is_none_or(|only| only == *staff_id);
            let assigned = phase.service.assignments.keys().filter(|id| only(id)).copied();
            let named = phase.only.filter(|id| !phase.service.assignments.contains_key(id));
            for staff_id in assigned.chain(named) {
                let assignment = phase.service.assignments.get(&staff_id).map(AsRef::as_ref);
                let staff = facts.staff.get(&staff_id);
                for why in phase.refusals(staff, assignment, self.branch.id) {
                    refuse(why, Some(staff_id));
                }
            }
        }
        reasons
    }

    /// The most steps that it can take from its start, the last buffer included.
    pub(super) fn reach(&self) -> Step {
        let longest = |steps: fn(&Times) -> Step, phase: &PlannedPhase<'_>| {
            phase.candidates.iter().map(|it| steps(&it.times)).max().unwrap_or(0)
        };
        let spans: Step = self.phases.iter().map(|phase| longest(|it| it.span, phase)).sum();
        let tails = self.phases.iter().map(|phase| longest(|it| it.staff + it.after, phase));
        spans + tails.max().unwrap_or(0)
    }

    /// The most steps that can be blocked before its start.
    pub(super) fn lead(&self) -> Step {
        let all = self.phases.iter().flat_map(|phase| &phase.candidates);
        all.map(|it| it.times.before).max().unwrap_or(0)
    }
}

impl<'p> PlannedPhase<'p> {
    fn fit(&self, facts: &'p Facts<'p>, branch_id: BranchId) -> Vec<Candidate<'p>> {
        let assignments = self.service.assignments.iter();
        let mut fit: Vec<Candidate<'p>> = Vec::with_capacity(assignments.len());
        for (staff_id, assignment) in assignments {
            if self.only.is_some_and(|only| only != *staff_id) {
                continue;
            }
            let Some(staff) = facts.staff.get(staff_id) else { continue };
            if self.refusals(Some(staff), Some(assignment), branch_id).is_empty() {
                let times = self.times(Some(staff), Some(assignment));
                fit.push(Candidate { seat: fit.len(), staff, assignment, times });
            }
        }
        fit
    }

    /// Why a staff member cannot do it, whatever the time.
    pub(super) fn refusals(
        &self,
        staff: Option<&StaffFacts<'_>>,
        assignment: Option<&Assignment>,
        branch_id: BranchId,
    ) -> Vec<Why> {
        let mut whys = Vec::new();
        match assignment {
            None => whys.push(Why::NotAssigned),
            Some(assignment) if !assignment.is_active => whys.push(Why::AssignmentInactive),
            Some(_) => (),
        }
        let Some(staff) = staff else {
            whys.push(Why::StaffUnknown);
            return whys;
        };
        if !staff.is_active {
            whys.push(Why::StaffInactive);
        }
        if !staff.is_bookable {
            whys.push(Why::StaffNotBookable);
        }
        if !staff.branches.contains(&branch_id) {
            whys.push(Why::StaffNotAtBranch { branch_id });
        }
        if let Some(role) = &self.template.role
            && !staff.roles.contains(role)
        {
            whys.push(Why::RoleMissing { role: role.clone() });
        }
        let own_min = self.own_min(assignment);
        whys.extend(self.asked.and_then(|asked| asked.refusal(self.service, own_min)));
        whys
    }

    /// How long it takes with a staff member; as in the template when there is none.
    pub(super) fn times(
        &self,
        staff: Option<&StaffFacts<'_>>,
        assignment: Option<&Assignment>,
    ) -> Times {
        let template = self.template;
        let active_min = self.asked.map_or(self.own_min(assignment), |asked| asked.active_min);
        let rules = &self.service.rules;
        let buffer = |own: fn(&StaffFacts<'_>) -> u16, service_min: u16| {
            steps(staff.map_or(0, own).max(service_min))
        };
        let active = steps(active_min).max(1);
        Times {
            active,
            staff: active + steps(template.transition_min),
            client: active + steps(template.processing_min),
            span: active + steps(template.processing_min.max(template.transition_min)),
            before: buffer(|staff| staff.buffer_before_min, rules.buffer_before_min),
            after: buffer(|staff| staff.buffer_after_min, rules.buffer_after_min),
        }
    }

    /// Active minutes with that assignment when no duration is asked for.
    fn own_min(&self, assignment: Option<&Assignment>) -> u16 {
        let custom = assignment.and_then(|it| it.custom_active_min.get(&self.template.key));
        custom.copied().unwrap_or(self.template.active_min)
    }

    /// The candidate with that id.
    pub(super) fn candidate(&self, staff_id: StaffId) -> Option<&Candidate<'p>> {
        let found = self.candidates.binary_search_by(|it| it.staff.id.cmp(&staff_id)).ok()?;
        self.candidates.get(found)
    }
}

fn service_refusals(facts: &Facts<'_>, item: &Item, branch_id: BranchId) -> Vec<Why> {
    let Some(service) = facts.services.get(&item.service_id) else {
        return vec![Why::ServiceUnknown];
    };
    let mut whys = Vec::new();
    if !service.is_active || service.phases.is_empty() {
        whys.push(Why::ServiceInactive);
    }
    if service.offered_at.as_ref().is_some_and(|branches| !branches.contains(&branch_id)) {
        whys.push(Why::ServiceNotOfferedHere { branch_id });
    }
    whys.extend(duration_refusal(service, item));
    whys
}

/// Why nobody does the service in the time that is asked for.
fn duration_refusal(service: &ServiceFacts<'_>, item: &Item) -> Option<Why> {
    let asked = Asked::of(item)?;
    let [phase] = service.phases.as_ref() else {
        return Some(Why::DurationNotAdjustable { minutes: None });
    };
    let customs =
        service.assignments.values().filter_map(|it| it.custom_active_min.get(&phase.key));
    let mut others = customs.map(|own_min| asked.refusal(service, *own_min));
    let refusal = asked.refusal(service, phase.active_min)?;
    others.all(|it| it.is_some()).then_some(refusal)
}

fn resources_at<'p>(
    facts: &'p Facts<'p>,
    template: &PhaseTemplate,
    branch_id: BranchId,
) -> Vec<&'p ResourceFacts<'p>> {
    let wanted = template.resource.iter().flat_map(|need| &need.any_of);
    wanted
        .filter_map(|id| facts.resources.get(id))
        .filter(|resource| resource.is_active && resource.branch_id == branch_id)
        .collect()
}

fn steps(minutes: u16) -> Step {
    (Step::from(minutes) * 60 + STEP_S - 1) / STEP_S
}
