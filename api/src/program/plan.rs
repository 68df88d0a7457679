//! What has to be done so that a tenant's master data is what a manifest says. All refs are resolved
//! before the first command, and every fault is reported at once.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use daybook_domain::{
    branch::{Branch, BranchCommand, BranchProfile},
    commands::{Assign, AssignmentOf, Change, MasterData, One, Put, Register, Step},
    company::{Company, CompanyCommand, CompanyProfile},
    dispatch::CommandContext,
    ids::{BranchId, CompanyId, ResourceId, ServiceId, StaffId},
    resource::{Resource, ResourceCommand, ResourceProfile},
    service::{Assignment, ResourceNeed, Service, ServiceCommand, ServiceProfile},
    staff::{Staff, StaffCommand, StaffProfile},
    unique_key::UniqueKey,
};
use uuid::Uuid;

use super::manifest::{
    BranchSpec, CompanySpec, Manifest, ResourceSpec, ServiceSpec, StaffSpec, weekly,
};
use crate::state::App;

/// A kind of thing and its ref.
type Named = (&'static str, String);

/// Commands in their order, and what each is about.
pub(super) struct Plan {
    /// The ids of all refs of the file and of those that it names, and whether they are there.
    ids: BTreeMap<Named, (Uuid, bool)>,
    things: usize,
    steps: Vec<Step>,
    labels: Vec<String>,
}

impl Plan {
    pub(super) async fn of(
        app: &App,
        context: &CommandContext,
        manifest: &Manifest,
    ) -> anyhow::Result<Self> {
        let mut plan =
            Self { ids: BTreeMap::new(), things: 0, steps: Vec::new(), labels: Vec::new() };
        plan.resolve(app, context, manifest).await?;
        for company in &manifest.companies {
            plan.company(company)?;
        }
        Ok(plan)
    }

    /// How many things the file is about.
    pub(super) const fn things(&self) -> usize {
        self.things
    }

    pub(super) fn into_steps(self) -> (Vec<Step>, Vec<String>) {
        (self.steps, self.labels)
    }

    /// Finds the ids of everything, or says everything that cannot be found.
    async fn resolve(
        &mut self,
        app: &App,
        context: &CommandContext,
        manifest: &Manifest,
    ) -> anyhow::Result<()> {
        let mut faults = Vec::new();
        for (place, kind, reference) in manifest.defined() {
            let (id, is_there) = match owner(app, context, kind, reference).await? {
                Some(id) => (id, true),
                None => (app.ids.next_id(), false),
            };
            self.things += 1;
            if self.ids.insert((kind, reference.to_owned()), (id, is_there)).is_some() {
                faults.push(format!("{place}: the ref `{reference}` of a {kind} is there twice"));
            }
        }
        for (place, kind, reference) in manifest.named() {
            let name = (kind, reference.to_owned());
            if self.ids.contains_key(&name) {
                continue;
            }
            match owner(app, context, kind, reference).await? {
                Some(id) => drop(self.ids.insert(name, (id, true))),
                None => faults.push(format!("{place}: no {kind} has the ref `{reference}`")),
            }
        }
        anyhow::ensure!(faults.is_empty(), "{}", faults.join("\n"));
        Ok(())
    }

    fn id(&self, kind: &'static str, reference: &str) -> anyhow::Result<Uuid> {
        let found = self.ids.get(&(kind, reference.to_owned()));
        found.map(|(id, _)| *id).with_context(|| format!("no {kind} has the ref `{reference}`"))
    }

    fn step(&mut self, label: &str, step: Step) {
        self.steps.push(step);
        self.labels.push(label.to_owned());
    }

    /// The command that makes a thing what its profile says, its id and its label.
    fn put<A: MasterData>(
        &self,
        reference: &str,
        profile: A::Profile,
    ) -> anyhow::Result<(Put<A>, Uuid, String)> {
        let found = self.ids.get(&(A::KIND, reference.to_owned()));
        let (id, is_there) = *found.with_context(|| format!("{reference} was not resolved"))?;
        let put = if is_there {
            Put::Change(Change { id, profile, expected: None })
        } else {
            Put::Register(Register { id, profile })
        };
        Ok((put, id, format!("{} {reference}", A::KIND)))
    }

    fn company(&mut self, spec: &CompanySpec) -> anyhow::Result<()> {
        let profile = CompanyProfile {
            name: spec.name.clone(),
            zone: spec.zone,
            currency: spec.currency,
            phone_region: spec.phone_region.clone(),
            external_ref: Some(spec.reference.clone()),
        };
        let (put, id, label) = self.put::<Company>(&spec.reference, profile)?;
        self.step(&label, Step::PutCompany(put));
        let mut one = |command| {
            self.step(&label, Step::Company(One { id, command, expected: None }));
        };
        one(CompanyCommand::SetActive { is_active: true });
        if let Some(policies) = spec.policies.clone() {
            one(CompanyCommand::SetPolicies { policies });
        }
        let company_id = CompanyId::new(id);
        for branch in &spec.branches {
            self.branch((spec, company_id), branch)?;
        }
        for resource in &spec.resources {
            self.resource((spec, company_id), resource)?;
        }
        for staff in &spec.staff {
            self.staff((spec, company_id), staff)?;
        }
        for service in &spec.services {
            self.service((spec, company_id), service)?;
        }
        Ok(())
    }

    fn branch(
        &mut self,
        (company, company_id): (&CompanySpec, CompanyId),
        spec: &BranchSpec,
    ) -> anyhow::Result<()> {
        let profile = BranchProfile {
            company_id,
            name: spec.name.clone(),
            zone: company.zone,
            address: spec.address.clone(),
            phone_region: spec.phone_region.clone(),
            service_radius_m: None,
            transport_info: None,
            external_ref: Some(spec.reference.clone()),
        };
        let (put, id, label) = self.put::<Branch>(&spec.reference, profile)?;
        let weekly = weekly(&spec.hours).with_context(|| format!("{label}: hours"))?;
        self.step(&label, Step::PutBranch(put));
        for command in
            [BranchCommand::SetActive { is_active: true }, BranchCommand::SetHours { weekly }]
        {
            self.step(&label, Step::Branch(One { id, command, expected: None }));
        }
        Ok(())
    }

    fn resource(
        &mut self,
        (company, company_id): (&CompanySpec, CompanyId),
        spec: &ResourceSpec,
    ) -> anyhow::Result<()> {
        let profile = ResourceProfile {
            company_id,
            branch_id: BranchId::new(self.id("branch", &spec.branch)?),
            name: spec.name.clone(),
            kind: spec.kind,
            capacity: spec.capacity,
            zone: company.zone,
            external_ref: Some(spec.reference.clone()),
        };
        let (put, id, label) = self.put::<Resource>(&spec.reference, profile)?;
        self.step(&label, Step::PutResource(put));
        let command = ResourceCommand::SetActive { is_active: true };
        self.step(&label, Step::Resource(One { id, command, expected: None }));
        Ok(())
    }

    fn staff(
        &mut self,
        (company, company_id): (&CompanySpec, CompanyId),
        spec: &StaffSpec,
    ) -> anyhow::Result<()> {
        let branches = spec.branches.iter().map(|name| self.id("branch", name).map(BranchId::new));
        let profile = StaffProfile {
            company_id,
            name: spec.name.clone(),
            branches: branches.collect::<anyhow::Result<_>>()?,
            zone: company.zone,
            roles: spec.roles.clone(),
            is_bookable: true,
            buffer_before_min: 0,
            buffer_after_min: spec.buffer_after_min,
            calcom_username: None,
            external_ref: Some(spec.reference.clone()),
        };
        let (put, id, label) = self.put::<Staff>(&spec.reference, profile)?;
        let weekly = spec.hours.as_deref().map(weekly).transpose();
        let weekly = weekly.with_context(|| format!("{label}: hours"))?;
        self.step(&label, Step::PutStaff(put));
        let hours = StaffCommand::SetHours { branch_id: None, weekly };
        for command in [StaffCommand::SetActive { is_active: true }, hours] {
            self.step(&label, Step::Staff(One { id, command, expected: None }));
        }
        Ok(())
    }

    fn service(
        &mut self,
        (company, company_id): (&CompanySpec, CompanyId),
        spec: &ServiceSpec,
    ) -> anyhow::Result<()> {
        let mut phases = spec.templates();
        for (phase, said) in phases.iter_mut().zip(&spec.phases) {
            if let Some(resource) = &said.resource {
                let any_of = vec![ResourceId::new(self.id("resource", resource)?)];
                phase.resource = Some(ResourceNeed { any_of, units: 1 });
            }
        }
        let profile = ServiceProfile {
            company_id,
            name: spec.name.clone(),
            description: spec.description.clone(),
            phases,
            price: spec.price(company.currency),
            rules: spec.rules.clone(),
            external_ref: Some(spec.reference.clone()),
        };
        let (put, id, label) = self.put::<Service>(&spec.reference, profile)?;
        self.step(&label, Step::PutService(put));
        let command = ServiceCommand::SetActive { is_active: true };
        self.step(&label, Step::Service(One { id, command, expected: None }));
        let mut cells = Vec::new();
        for (index, staff) in spec.staff.iter().enumerate() {
            let staff_id = StaffId::new(self.id("staff", staff)?);
            let assignment = Assignment { is_primary: index == 0, ..Assignment::plain(staff_id) };
            cells.push(AssignmentOf::Does(ServiceId::new(id), assignment));
        }
        self.step(&label, Step::Assign(Assign { cells }));
        Ok(())
    }
}

/// The id of the thing that has a ref.
async fn owner(
    app: &App,
    context: &CommandContext,
    kind: &str,
    reference: &str,
) -> anyhow::Result<Option<Uuid>> {
    let key = format!("{kind}-ref:{reference}");
    let (held, _) = app.dispatcher.state::<UniqueKey>(context, &key).await?;
    let owner = held.owner().map(Uuid::parse_str);
    owner.transpose().context("a ref has an owner that is no id")
}

impl Plan {
    /// Adds what makes an end of everything that the companies of the file have and the file does not
    /// name. Services come first, so that nothing is left that needs what ends.
    pub(super) async fn prune(
        &mut self,
        app: &App,
        context: &CommandContext,
        manifest: &Manifest,
    ) -> anyhow::Result<()> {
        let mut companies = BTreeSet::new();
        for company in &manifest.companies {
            companies.insert(CompanyId::new(self.id("company", &company.reference)?));
            self.unassign(app, context, company).await?;
        }
        let listed: BTreeSet<Uuid> = self.ids.values().map(|(id, _)| *id).collect();
        let ends =
            |company: CompanyId, id: Uuid| companies.contains(&company) && !listed.contains(&id);
        for (id, it) in all::<Service>(app, context).await? {
            let Some(profile) = it.profile().filter(|it| ends(it.company_id, id)) else { continue };
            let label = format!("service {} (not in the file)", profile.name);
            let command = ServiceCommand::SetActive { is_active: false };
            self.step(&label, Step::Service(One { id, command, expected: None }));
        }
        for (id, it) in all::<Staff>(app, context).await? {
            let Some(profile) = it.profile().filter(|it| ends(it.company_id, id)) else { continue };
            let label = format!("staff {} (not in the file)", profile.name);
            let command = StaffCommand::SetActive { is_active: false };
            self.step(&label, Step::Staff(One { id, command, expected: None }));
        }
        for (id, it) in all::<Resource>(app, context).await? {
            let Some(profile) = it.profile().filter(|it| ends(it.company_id, id)) else { continue };
            let label = format!("resource {} (not in the file)", profile.name);
            let command = ResourceCommand::SetActive { is_active: false };
            self.step(&label, Step::Resource(One { id, command, expected: None }));
        }
        for (id, it) in all::<Branch>(app, context).await? {
            let Some(profile) = it.profile().filter(|it| ends(it.company_id, id)) else { continue };
            let label = format!("branch {} (not in the file)", profile.name);
            let command = BranchCommand::SetActive { is_active: false };
            self.step(&label, Step::Branch(One { id, command, expected: None }));
        }
        Ok(())
    }

    /// Takes staff off the services whose list does not name them.
    async fn unassign(
        &mut self,
        app: &App,
        context: &CommandContext,
        company: &CompanySpec,
    ) -> anyhow::Result<()> {
        for spec in &company.services {
            let service_id = ServiceId::new(self.id("service", &spec.reference)?);
            let staff = spec.staff.iter().map(|name| self.id("staff", name).map(StaffId::new));
            let named = staff.collect::<anyhow::Result<BTreeSet<StaffId>>>()?;
            let (service, _) = app.dispatcher.state::<Service>(context, service_id).await?;
            let others = service.assignments().map(|it| it.staff_id);
            let cells: Vec<AssignmentOf> = others
                .filter(|staff_id| !named.contains(staff_id))
                .map(|staff_id| AssignmentOf::DoesNot(service_id, staff_id))
                .collect();
            if !cells.is_empty() {
                let label = format!("service {}", spec.reference);
                self.step(&label, Step::Assign(Assign { cells }));
            }
        }
        Ok(())
    }
}

/// Every thing of a kind that the tenant has.
async fn all<A: MasterData>(
    app: &App,
    context: &CommandContext,
) -> anyhow::Result<Vec<(Uuid, std::sync::Arc<A>)>> {
    use daybook_domain::{aggregate::Evolve, event_log::Position, ports::EventLog as _};

    let log = app.dispatcher.log();
    let head = log.head(context.tenant).await?.map_or(Position(0), |head| head.position);
    let of_kind = [<A as Evolve>::TYPE];
    let events = log.scan(context.tenant, (Position(0), head), &of_kind).await?;
    let ids: BTreeSet<Uuid> =
        events.iter().filter_map(|event| event.stream.aggregate_id.parse().ok()).collect();
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        let (state, _) = app.dispatcher.state::<A>(context, id).await?;
        found.push((id, state));
    }
    Ok(found)
}
