//! The kinds of master data, for the generic commands.

use crate::{
    branch::{Branch, BranchCommand, BranchProfile},
    company::{Company, CompanyCommand, CompanyProfile},
    resource::{Resource, ResourceCommand, ResourceProfile},
    service::{Service, ServiceCommand, ServiceProfile},
    staff::{Staff, StaffCommand, StaffProfile},
};

use super::register::{MasterData, Parent};

macro_rules! master_data {
    ($aggregate:ty, $profile:ty, $kind:literal, $register:path, $change:path,
     parents: $parents:expr, name: $name:expr) => {
        impl MasterData for $aggregate {
            type Profile = $profile;
            const KIND: &'static str = $kind;

            fn profile_of(&self) -> Option<&$profile> {
                self.profile()
            }

            fn to_register(profile: $profile) -> Self::Command {
                $register { profile }
            }

            fn to_change(profile: $profile) -> Self::Command {
                $change { profile }
            }

            fn parents(profile: &$profile) -> Vec<Parent> {
                let parents: fn(&$profile) -> Vec<Parent> = $parents;
                parents(profile)
            }

            fn name(profile: &$profile) -> Option<(String, &str)> {
                let name: fn(&$profile) -> Option<(String, &str)> = $name;
                name(profile)
            }

            fn external_ref(profile: &$profile) -> Option<&str> {
                profile.external_ref.as_deref()
            }
        }
    };
}

master_data!(
    Company, CompanyProfile, "company", CompanyCommand::Register, CompanyCommand::Change,
    parents: |_| vec![Parent::Tenant],
    name: |profile| Some((String::new(), &profile.name))
);
master_data!(
    Branch, BranchProfile, "branch", BranchCommand::Register, BranchCommand::Change,
    parents: |profile| vec![Parent::Company(profile.company_id)],
    name: |profile| Some((profile.company_id.to_string(), &profile.name))
);
// Two people may have one name.
master_data!(
    Staff, StaffProfile, "staff", StaffCommand::Register, StaffCommand::Change,
    parents: |profile| {
        let company_id = profile.company_id;
        let branches = profile.branches.iter();
        let branches = branches.map(|branch_id| Parent::Branch(company_id, *branch_id, "branches"));
        std::iter::once(Parent::Company(company_id)).chain(branches).collect()
    },
    name: |_| None
);
master_data!(
    Service, ServiceProfile, "service", ServiceCommand::Define, ServiceCommand::Change,
    parents: |profile| {
        let company_id = profile.company_id;
        let needs = profile.phases.iter().filter_map(|phase| phase.resource.as_ref());
        let resources = needs.flat_map(|need| {
            need.any_of.iter().map(move |id| Parent::Resource(company_id, *id, need.units))
        });
        [Parent::Company(company_id), Parent::Prices(company_id, profile.price.currency)]
            .into_iter()
            .chain(resources)
            .collect()
    },
    name: |profile| Some((profile.company_id.to_string(), &profile.name))
);
master_data!(
    Resource, ResourceProfile, "resource", ResourceCommand::Register, ResourceCommand::Change,
    parents: |profile| vec![
        Parent::Company(profile.company_id),
        Parent::Branch(profile.company_id, profile.branch_id, "branch_id"),
    ],
    name: |profile| Some((profile.company_id.to_string(), &profile.name))
);
