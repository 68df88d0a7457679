//! Makes a tenant's master data what a file says. Things are found again by their refs; what is
//! already so records nothing.

use std::{collections::BTreeMap, path::Path};

use anyhow::Context as _;
use daybook_domain::{
    branch::{Branch, BranchCommand, BranchProfile},
    commands::{Assign, AssignmentOf, Change, MasterData, One, Register},
    company::{Company, CompanyCommand, CompanyProfile},
    ids::{BranchId, CompanyId, ResourceId, ServiceId, StaffId, TenantId},
    ports::EventLog as _,
    resource::{Resource, ResourceProfile},
    service::{Assignment, ResourceNeed, Service, ServiceProfile},
    staff::{Staff, StaffCommand, StaffProfile},
    unique_key::UniqueKey,
};
use indicatif::ProgressBar;
use uuid::Uuid;

use super::{
    config::Config,
    database::Database,
    keys::{failed, operator},
    manifest::{CompanySpec, Manifest, weekly},
    say, serve,
};
use crate::state::App;

pub(super) async fn run(config: &Config, tenant: Uuid, file: &Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("{} cannot be read", file.display()))?;
    let database = Database::open_beside(config).await?;
    let app = serve::connect(config, &database).await?;
    let tenant = TenantId::new(tenant);
    let head = app.dispatcher.log().head(tenant).await?;
    anyhow::ensure!(head.is_some(), "there is no tenant {tenant}");
    let applied = apply(&app, tenant, &text).await;
    let applied = applied.with_context(|| format!("{}", file.display()));
    database.close().await;
    say(&format!("{} things are as the file says", applied?));
    Ok(())
}

/// Applies a manifest and answers how many things it is about.
pub(super) async fn apply(app: &App, tenant: TenantId, text: &str) -> anyhow::Result<usize> {
    let manifest: Manifest = serde_saphyr::from_str(text).context("the file is no manifest")?;
    let things = manifest.companies.iter().map(|company| {
        let parts = company.branches.len() + company.resources.len();
        1 + parts + company.staff.len() + company.services.len()
    });
    let total = things.sum();
    let progress = ProgressBar::new(u64::try_from(total).unwrap_or(u64::MAX));
    for company in &manifest.companies {
        let mut applying = Applying {
            app,
            tenant,
            company,
            company_id: CompanyId::new(Uuid::nil()),
            ids: BTreeMap::new(),
            progress: &progress,
        };
        applying.apply().await.with_context(|| format!("company {}", company.reference))?;
    }
    progress.finish_and_clear();
    Ok(total)
}

/// One company of a manifest, and what its refs have become.
struct Applying<'a> {
    app: &'a App,
    tenant: TenantId,
    company: &'a CompanySpec,
    company_id: CompanyId,
    ids: BTreeMap<(&'static str, &'a str), Uuid>,
    progress: &'a ProgressBar,
}

impl<'a> Applying<'a> {
    async fn apply(&mut self) -> anyhow::Result<()> {
        let company = self.company;
        let profile = CompanyProfile {
            name: company.name.clone(),
            zone: company.zone,
            currency: company.currency,
            phone_region: company.phone_region.clone(),
            external_ref: Some(company.reference.clone()),
        };
        let id = self.put::<Company>(&company.reference, profile).await?;
        self.company_id = CompanyId::new(id);
        if let Some(policies) = company.policies.clone() {
            self.tell::<Company>(id, CompanyCommand::SetPolicies { policies }).await?;
        }
        for branch in &company.branches {
            self.branch(branch).await.with_context(|| format!("branch {}", branch.reference))?;
        }
        for resource in &company.resources {
            let profile = ResourceProfile {
                company_id: self.company_id,
                branch_id: BranchId::new(self.id("branch", &resource.branch)?),
                name: resource.name.clone(),
                kind: resource.kind,
                capacity: resource.capacity,
                zone: company.zone,
                external_ref: Some(resource.reference.clone()),
            };
            self.put::<Resource>(&resource.reference, profile)
                .await
                .with_context(|| format!("resource {}", resource.reference))?;
        }
        for staff in &company.staff {
            self.staff(staff).await.with_context(|| format!("staff {}", staff.reference))?;
        }
        for service in &company.services {
            self.service(service)
                .await
                .with_context(|| format!("service {}", service.reference))?;
        }
        Ok(())
    }

    async fn branch(&mut self, spec: &'a super::manifest::BranchSpec) -> anyhow::Result<()> {
        let profile = BranchProfile {
            company_id: self.company_id,
            name: spec.name.clone(),
            zone: self.company.zone,
            address: spec.address.clone(),
            phone_region: None,
            service_radius_m: None,
            transport_info: None,
            external_ref: Some(spec.reference.clone()),
        };
        let id = self.put::<Branch>(&spec.reference, profile).await?;
        let weekly = weekly(&spec.hours).context("hours")?;
        self.tell::<Branch>(id, BranchCommand::SetHours { weekly }).await
    }

    async fn staff(&mut self, spec: &'a super::manifest::StaffSpec) -> anyhow::Result<()> {
        let branches = spec.branches.iter().map(|name| self.id("branch", name).map(BranchId::new));
        let profile = StaffProfile {
            company_id: self.company_id,
            name: spec.name.clone(),
            branches: branches.collect::<anyhow::Result<_>>()?,
            zone: self.company.zone,
            roles: spec.roles.clone(),
            is_bookable: true,
            buffer_before_min: 0,
            buffer_after_min: spec.buffer_after_min,
            calcom_username: None,
            external_ref: Some(spec.reference.clone()),
        };
        let id = self.put::<Staff>(&spec.reference, profile).await?;
        let weekly = spec.hours.as_deref().map(weekly).transpose().context("hours")?;
        self.tell::<Staff>(id, StaffCommand::SetHours { branch_id: None, weekly }).await
    }

    async fn service(&mut self, spec: &'a super::manifest::ServiceSpec) -> anyhow::Result<()> {
        let mut phases = spec.templates();
        for (phase, said) in phases.iter_mut().zip(&spec.phases) {
            if let Some(resource) = &said.resource {
                let any_of = vec![ResourceId::new(self.id("resource", resource)?)];
                phase.resource = Some(ResourceNeed { any_of, units: 1 });
            }
        }
        let profile = ServiceProfile {
            company_id: self.company_id,
            name: spec.name.clone(),
            description: spec.description.clone(),
            phases,
            price: spec.price(self.company.currency),
            rules: spec.rules.clone(),
            external_ref: Some(spec.reference.clone()),
        };
        let service_id = ServiceId::new(self.put::<Service>(&spec.reference, profile).await?);
        let mut cells = Vec::new();
        for (index, staff) in spec.staff.iter().enumerate() {
            let staff_id = StaffId::new(self.id("staff", staff)?);
            let assignment = Assignment { is_primary: index == 0, ..Assignment::plain(staff_id) };
            cells.push(AssignmentOf::Does(service_id, assignment));
        }
        let context = operator(self.app, self.tenant);
        self.app.dispatcher.run(&context, &Assign { cells }).await.map_err(failed)?;
        Ok(())
    }

    fn id(&self, kind: &'static str, reference: &str) -> anyhow::Result<Uuid> {
        let found = self.ids.iter().find(|((of, name), _)| *of == kind && *name == reference);
        found.map(|(_, id)| *id).with_context(|| format!("there is no {kind} {reference}"))
    }

    /// Registers a thing, or changes the one that has its ref.
    async fn put<A: MasterData>(
        &mut self,
        reference: &'a str,
        profile: A::Profile,
    ) -> anyhow::Result<Uuid> {
        let context = operator(self.app, self.tenant);
        let key = format!("{}-ref:{reference}", A::KIND);
        let (held, _) = self.app.dispatcher.state::<UniqueKey>(&context, &key).await?;
        let id = if let Some(owner) = held.owner() {
            let id = Uuid::parse_str(owner).context("a ref has an owner that is no id")?;
            let change = Change::<A> { id, profile, expected: None };
            self.app.dispatcher.run(&context, &change).await.map_err(failed)?;
            id
        } else {
            let id = self.app.ids.next_id();
            let register = Register::<A> { id, profile };
            self.app.dispatcher.run(&context, &register).await.map_err(failed)?;
            id
        };
        self.ids.insert((A::KIND, reference), id);
        self.progress.inc(1);
        Ok(id)
    }

    async fn tell<A: MasterData>(&self, id: Uuid, command: A::Command) -> anyhow::Result<()> {
        let context = operator(self.app, self.tenant);
        let command = One::<A> { id, command, expected: None };
        self.app.dispatcher.run(&context, &command).await.map_err(failed)?;
        Ok(())
    }
}
