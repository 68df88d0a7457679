//! Registering and changing named things: parents must exist, names and references are unique.

use uuid::Uuid;

use crate::{
    aggregate::Decide,
    branch::Branch,
    company::Company,
    dispatch::{Unit, UnitCommand, UnitError},
    ids::{BranchId, CompanyId, ResourceId},
    master_data::MasterDataError,
    money::Currency,
    ports::EventLog,
    resource::Resource,
    tenant::{Tenant, TenantCommand},
    unique_key::{UniqueKey, UniqueKeyCommand},
};

use super::one::{Saved, check_version, saved};

/// What a thing hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parent {
    /// On the tenant, which counts it as a company.
    Tenant,
    /// On an active company.
    Company(CompanyId),
    /// On an active branch of a company.
    Branch(CompanyId, BranchId),
    /// As [`Parent::Branch`], for whoever prefers a branch.
    PreferredBranch(CompanyId, BranchId),
    /// On a company whose prices are in this currency.
    Prices(CompanyId, Currency),
    /// On an active resource of a company, with at least so many units.
    Resource(CompanyId, ResourceId, u16),
}

/// A named thing of a company: what [`Register`] and [`Change`] need to know of it.
pub trait MasterData: Decide<Error = MasterDataError, Command: Clone> {
    /// Everything about it.
    type Profile: Clone + Send + Sync;
    /// What its unique keys begin with, such as `staff`.
    const KIND: &'static str;

    /// Its profile, once it is registered.
    fn profile_of(&self) -> Option<&Self::Profile>;
    /// The command that registers it.
    fn to_register(profile: Self::Profile) -> Self::Command;
    /// The command that changes it.
    fn to_change(profile: Self::Profile) -> Self::Command;
    /// What it hangs on.
    fn parents(profile: &Self::Profile) -> Vec<Parent>;
    /// The scope in which its name is unique, if it is, and the name.
    fn name(profile: &Self::Profile) -> Option<(String, &str)>;
    /// The outside reference.
    fn external_ref(profile: &Self::Profile) -> Option<&str>;
}

/// Registers a thing.
#[derive(Clone, Debug)]
pub struct Register<A: MasterData> {
    /// Its id, made by the caller's id source.
    pub id: Uuid,
    /// Everything about it.
    pub profile: A::Profile,
}

/// Changes a thing.
#[derive(Clone, Debug)]
pub struct Change<A: MasterData> {
    /// Which.
    pub id: Uuid,
    /// Everything about it, as it is to be.
    pub profile: A::Profile,
    /// The version that the caller has read, if the caller insists on it.
    pub expected: Option<u64>,
}

/// The unique keys of a profile: `(stream id, field)`.
fn keys<A: MasterData>(profile: &A::Profile) -> Vec<(String, &'static str)> {
    let mut keys = Vec::new();
    if let Some((scope, name)) = A::name(profile) {
        let folded = name.trim().to_lowercase();
        keys.push((format!("{}-name:{scope}:{folded}", A::KIND), "name"));
    }
    if let Some(reference) = A::external_ref(profile) {
        keys.push((format!("{}-ref:{reference}", A::KIND), "external_ref"));
    }
    keys
}

/// Takes and gives back unique keys; the ones in both lists stay.
pub(super) async fn move_keys<L: EventLog>(
    unit: &mut Unit<'_, L>,
    owner: Uuid,
    before: &[(String, &'static str)],
    after: &[(String, &'static str)],
) -> Result<Result<(), MasterDataError>, UnitError> {
    for (key, field) in after {
        let claim = UniqueKeyCommand::Claim { owner: owner.to_string(), field };
        if let Err(refusal) = unit.decide::<UniqueKey>(key, claim).await? {
            return Ok(Err(refusal));
        }
    }
    for (key, _) in before.iter().filter(|key| !after.contains(key)) {
        let release = UniqueKeyCommand::Release { owner: owner.to_string() };
        if let Err(refusal) = unit.decide::<UniqueKey>(key, release).await? {
            return Ok(Err(refusal));
        }
    }
    Ok(Ok(()))
}

/// Refuses unless what the thing hangs on is there and in use.
pub(super) async fn check_parent<L: EventLog>(
    unit: &mut Unit<'_, L>,
    parent: Parent,
    id: Uuid,
) -> Result<Result<(), MasterDataError>, UnitError> {
    match parent {
        Parent::Tenant => {
            let tenant = unit.context().tenant;
            let company_id = CompanyId::new(id);
            unit.decide::<Tenant>(tenant, TenantCommand::AddCompany { company_id }).await
        }
        Parent::Company(company_id) => {
            let company = unit.load::<Company>(company_id).await?;
            let found = company.profile().map(|_| company.is_active());
            Ok(in_use(found, "company", "company_id"))
        }
        Parent::Branch(company_id, branch_id) => {
            check_branch(unit, (company_id, branch_id), "branch_id").await
        }
        Parent::PreferredBranch(company_id, branch_id) => {
            check_branch(unit, (company_id, branch_id), "preferred_branch_id").await
        }
        Parent::Prices(company_id, currency) => {
            let company = unit.load::<Company>(company_id).await?;
            Ok(match company.profile() {
                Some(profile) if profile.currency != currency => {
                    let problem = format!("the company's prices are in {}", profile.currency);
                    Err(MasterDataError::invalid("price/currency", problem))
                }
                Some(_) | None => Ok(()),
            })
        }
        Parent::Resource(company_id, resource_id, units) => {
            let resource = unit.load::<Resource>(resource_id).await?;
            let own = resource.profile().filter(|profile| profile.company_id == company_id);
            if let Some(profile) = own
                && profile.capacity < units
            {
                let problem = format!("{} has {} units", profile.name, profile.capacity);
                return Ok(Err(MasterDataError::invalid("phases", problem)));
            }
            Ok(in_use(own.map(|_| resource.is_active()), "resource", "phases"))
        }
    }
}

/// Refuses a branch that the company does not have, or that is out of use.
async fn check_branch<L: EventLog>(
    unit: &mut Unit<'_, L>,
    (company_id, branch_id): (CompanyId, BranchId),
    field: &'static str,
) -> Result<Result<(), MasterDataError>, UnitError> {
    let branch = unit.load::<Branch>(branch_id).await?;
    // Another company's branch is as good as none.
    let own = branch.profile().filter(|profile| profile.company_id == company_id);
    Ok(in_use(own.map(|_| branch.is_active()), "branch", field))
}

/// Refuses what is not there, or is no longer in use.
fn in_use(
    is_active: Option<bool>,
    what: &'static str,
    field: &'static str,
) -> Result<(), MasterDataError> {
    match is_active {
        Some(true) => Ok(()),
        Some(false) => Err(MasterDataError::Inactive { what, field }),
        None => Err(MasterDataError::NotFound { what, field }),
    }
}

impl<A: MasterData> UnitCommand for Register<A> {
    type Answer = Saved;
    type Refusal = MasterDataError;

    async fn run<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> Result<Result<Saved, MasterDataError>, UnitError> {
        unit.load::<A>(self.id).await?;
        let before = unit.revision::<A>(self.id);
        let command = A::to_register(self.profile.clone());
        if let Err(refusal) = unit.decide::<A>(self.id, command).await? {
            return Ok(Err(refusal));
        }
        // Registered before, with the same content: what it hangs on may have gone since.
        if unit.revision::<A>(self.id) == before {
            return Ok(Ok(saved::<A, L>(unit, self.id)));
        }
        for parent in A::parents(&self.profile) {
            if let Err(refusal) = check_parent(unit, parent, self.id).await? {
                return Ok(Err(refusal));
            }
        }
        let keys = keys::<A>(&self.profile);
        if let Err(refusal) = move_keys(unit, self.id, &[], &keys).await? {
            return Ok(Err(refusal));
        }
        Ok(Ok(saved::<A, L>(unit, self.id)))
    }
}

impl<A: MasterData> UnitCommand for Change<A> {
    type Answer = Saved;
    type Refusal = MasterDataError;

    async fn run<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> Result<Result<Saved, MasterDataError>, UnitError> {
        if let Err(refusal) = check_version::<A, L>(unit, self.id, self.expected).await? {
            return Ok(Err(refusal));
        }
        let state = unit.load::<A>(self.id).await?;
        let before = state.profile_of().map(keys::<A>).unwrap_or_default();
        let held = state.profile_of().map(A::parents).unwrap_or_default();
        drop(state);
        let command = A::to_change(self.profile.clone());
        if let Err(refusal) = unit.decide::<A>(self.id, command).await? {
            return Ok(Err(refusal));
        }
        // What it hangs on already may be out of use by now: that is no reason to keep a typo.
        for parent in A::parents(&self.profile).into_iter().filter(|it| !held.contains(it)) {
            if let Err(refusal) = check_parent(unit, parent, self.id).await? {
                return Ok(Err(refusal));
            }
        }
        let after = keys::<A>(&self.profile);
        if let Err(refusal) = move_keys(unit, self.id, &before, &after).await? {
            return Ok(Err(refusal));
        }
        Ok(Ok(saved::<A, L>(unit, self.id)))
    }
}
