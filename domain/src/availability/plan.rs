//! A request at a branch, compiled: phases in order, and who is fit for each.

use super::{
    facts::{BranchFacts, Facts, ResourceFacts, ServiceFacts, StaffFacts, Unreadable},
    reasons::{Reason, Why},
    request::{Item, Request, StaffWish},
    zone_day::{STEP_S, Step},
};
use crate::{
    ids::{BranchId, StaffId},
    service::{Assignment, PhaseTemplate},
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
    /// The grid of the first service: the others begin wherever their turn comes.
    pub(super) grid_min: u16,
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
    pub(super) asked_min: Option<u16>,
    /// Whether somebody else than the staff member of the first phase may do it.
    pub(super) is_free: bool,
    /// Who is fit for it, by id.
    pub(super) candidates: Vec<Candidate<'p>>,
    /// The resources of the branch that will do, in order of preference.
    pub(super) resources: Vec<&'p ResourceFacts<'p>>,
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
        if facts.unreadable.contains(&Unreadable::Branch(branch_id)) {
            reasons.push(Reason::general(Why::RecordUnreadable { record: "branch" }));
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
        match branch {
            Some(branch) if reasons.is_empty() => {
                Ok(Self::of_services(facts, request, branch, services))
            }
            _ => Err(reasons),
        }
    }

    fn of_services(
        facts: &'p Facts<'p>,
        request: &Request,
        branch: &'p BranchFacts<'p>,
        services: Vec<&'p ServiceFacts<'p>>,
    ) -> Self {
        let mut phases = Vec::new();
        for (item, service) in services.iter().enumerate() {
            let asked_min = request.items[item].active_min;
            for template in service.phases.iter() {
                let is_first = phases.is_empty();
                let mut phase = PlannedPhase {
                    index: phases.len(),
                    item,
                    service,
                    template,
                    asked_min,
                    is_free: template.other_staff && !is_first,
                    candidates: Vec::new(),
                    resources: resources_at(facts, template, branch.id),
                };
                let only = match request.staff {
                    StaffWish::Anyone => None,
                    StaffWish::PinnedAll(staff_id) => Some(staff_id),
                    StaffWish::Pinned(staff_id) => (!phase.is_free).then_some(staff_id),
                };
                phase.candidates = phase.fit(facts, branch.id, only);
                phases.push(phase);
            }
        }
        let rules = || services.iter().map(|service| &service.rules);
        Self {
            branch,
            min_notice_min: rules().map(|rules| rules.min_notice_min).max().unwrap_or(0),
            max_advance_days: rules().map(|rules| rules.max_advance_days).min().unwrap_or(0),
            grid_min: services.first().map_or(5, |service| service.rules.grid_min),
            services,
            phases,
        }
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
    fn fit(
        &self,
        facts: &'p Facts<'p>,
        branch_id: BranchId,
        only: Option<StaffId>,
    ) -> Vec<Candidate<'p>> {
        let assignments = self.service.assignments.iter();
        let mut fit: Vec<Candidate<'p>> = Vec::with_capacity(assignments.len());
        for (staff_id, assignment) in assignments {
            if only.is_some_and(|only| only != *staff_id) {
                continue;
            }
            let Some(staff) = facts.staff.get(staff_id) else { continue };
            if facts.unreadable.contains(&Unreadable::Staff(*staff_id)) {
                continue;
            }
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
        whys
    }

    /// How long it takes with a staff member; as in the template when there is none.
    pub(super) fn times(
        &self,
        staff: Option<&StaffFacts<'_>>,
        assignment: Option<&Assignment>,
    ) -> Times {
        let template = self.template;
        let custom = || assignment?.custom_active_min.get(&template.key).copied();
        let active_min = self.asked_min.or_else(custom).unwrap_or(template.active_min);
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

    /// The candidate with that id.
    pub(super) fn candidate(&self, staff_id: StaffId) -> Option<&Candidate<'p>> {
        let found = self.candidates.binary_search_by(|it| it.staff.id.cmp(&staff_id)).ok()?;
        self.candidates.get(found)
    }
}

fn service_refusals(facts: &Facts<'_>, item: &Item, branch_id: BranchId) -> Vec<Why> {
    let mut whys = Vec::new();
    if facts.unreadable.contains(&Unreadable::Service(item.service_id)) {
        whys.push(Why::RecordUnreadable { record: "service" });
    }
    let Some(service) = facts.services.get(&item.service_id) else {
        whys.push(Why::ServiceUnknown);
        return whys;
    };
    if !service.is_active || service.phases.is_empty() {
        whys.push(Why::ServiceInactive);
    }
    if service.offered_at.as_ref().is_some_and(|branches| !branches.contains(&branch_id)) {
        whys.push(Why::ServiceNotOfferedHere { branch_id });
    }
    if item.active_min.is_some() && service.phases.len() != 1 {
        whys.push(Why::DurationNotAdjustable);
    }
    whys
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
        .filter(|resource| !facts.unreadable.contains(&Unreadable::Resource(resource.id)))
        .collect()
}

fn steps(minutes: u16) -> Step {
    (Step::from(minutes) * 60 + STEP_S - 1) / STEP_S
}
