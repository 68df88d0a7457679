//! What puts a change over a thing: commands of the thing itself, made from the fields that are named.

use daybook_domain::{
    aggregate::{Decide, Evolve, decode},
    branch::{Branch, BranchCommand},
    commands::One,
    company::{Company, CompanyCommand},
    event_log::{Metadata, RecordedEvent, StreamId},
    hours::WeeklyHours,
    master_data::MasterDataError,
    service::{Assignment, Service, ServiceCommand},
    staff::{Staff, StaffCommand},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    changes::{Change, Thing},
    merge::merged,
    world::World,
};

/// A thing as history has it.
#[derive(Clone, Debug)]
pub(super) enum Plain {
    Company(Company),
    Branch(Branch),
    Staff(Staff),
    Service(Service),
}

/// What puts a change over a thing.
pub(super) enum Correction {
    Company(CompanyCommand),
    Branch(BranchCommand),
    Staff(StaffCommand),
    Service(ServiceCommand),
}

/// What there is of a thing before its history: its stream, its id, its first state.
pub(super) fn start(thing: Thing) -> (StreamId, Uuid, Plain) {
    match thing {
        Thing::Company(id) => (Company::stream(id), id.uuid(), Plain::Company(Company::default())),
        Thing::Branch(id) => (Branch::stream(id), id.uuid(), Plain::Branch(Branch::default())),
        Thing::Staff(id) => (Staff::stream(id), id.uuid(), Plain::Staff(Staff::default())),
        Thing::Service(id) => (Service::stream(id), id.uuid(), Plain::Service(Service::default())),
    }
}

impl Plain {
    pub(super) fn evolve(&mut self, event: &RecordedEvent) -> anyhow::Result<()> {
        match self {
            Self::Company(it) => it.evolve(&decode::<Company>(event)?),
            Self::Branch(it) => it.evolve(&decode::<Branch>(event)?),
            Self::Staff(it) => it.evolve(&decode::<Staff>(event)?),
            Self::Service(it) => it.evolve(&decode::<Service>(event)?),
        }
        Ok(())
    }

    /// Whether it was registered.
    pub(super) const fn is_there(&self) -> bool {
        match self {
            Self::Company(it) => it.profile().is_some(),
            Self::Branch(it) => it.profile().is_some(),
            Self::Staff(it) => it.profile().is_some(),
            Self::Service(it) => it.profile().is_some(),
        }
    }

    /// Folds in what a correction leads to, for the changes after it. A refusal comes when it is made.
    pub(super) fn foresee(&mut self, correction: &Correction) {
        fn fold<A: Decide>(state: &mut A, command: A::Command) {
            for event in state.decide(command).unwrap_or_default() {
                state.evolve(&event);
            }
        }
        match (self, correction) {
            (Self::Company(it), Correction::Company(command)) => fold(it, command.clone()),
            (Self::Branch(it), Correction::Branch(command)) => fold(it, command.clone()),
            (Self::Staff(it), Correction::Staff(command)) => fold(it, command.clone()),
            (Self::Service(it), Correction::Service(command)) => fold(it, command.clone()),
            _another_kind => (),
        }
    }
}

/// Whether the thing takes the correction.
pub(super) fn check(plain: &Plain, correction: Correction) -> Result<(), MasterDataError> {
    match (plain, correction) {
        (Plain::Company(it), Correction::Company(command)) => it.decide(command).map(drop),
        (Plain::Branch(it), Correction::Branch(command)) => it.decide(command).map(drop),
        (Plain::Staff(it), Correction::Staff(command)) => it.decide(command).map(drop),
        (Plain::Service(it), Correction::Service(command)) => it.decide(command).map(drop),
        _another_kind => Ok(()),
    }
}

pub(super) async fn correct(
    world: &World,
    metadata: &Metadata,
    id: Uuid,
    correction: Correction,
) -> anyhow::Result<Result<(), MasterDataError>> {
    let expected = None;
    let saved = match correction {
        Correction::Company(command) => {
            world.ask(metadata, &One::<Company> { id, command, expected }, false).await?
        }
        Correction::Branch(command) => {
            world.ask(metadata, &One::<Branch> { id, command, expected }, false).await?
        }
        Correction::Staff(command) => {
            world.ask(metadata, &One::<Staff> { id, command, expected }, false).await?
        }
        Correction::Service(command) => {
            world.ask(metadata, &One::<Service> { id, command, expected }, false).await?
        }
    };
    Ok(saved.map(drop))
}

/// The commands that put a change over a thing as it is.
pub(super) fn corrections(
    index: usize,
    change: &Change,
    plain: &Plain,
) -> anyhow::Result<Vec<Correction>> {
    let path = format!("changes[{index}]");
    let mut found = Vec::new();
    match plain {
        Plain::Company(company) => {
            if let Some(patch) = &change.policies {
                let policies = merged(company.policies(), patch, &format!("{path}.policies"))?;
                found.push(Correction::Company(CompanyCommand::SetPolicies { policies }));
            }
        }
        Plain::Branch(branch) => {
            if let (Some(patch), Some(held)) = (&change.profile, branch.profile()) {
                let profile = merged(held, patch, &format!("{path}.profile"))?;
                found.push(Correction::Branch(BranchCommand::Change { profile }));
            }
            if let Some(patch) = &change.hours {
                let weekly = week(branch.hours(), patch, &path)?;
                found.push(Correction::Branch(BranchCommand::SetHours { weekly }));
            }
            let set = change.exceptions.iter().cloned();
            let set = set.map(|exception| BranchCommand::SetException { exception });
            let unset = change.without_exceptions.iter();
            let unset = unset.map(|date| BranchCommand::RemoveException { date: *date });
            found.extend(unset.chain(set).map(Correction::Branch));
        }
        Plain::Staff(staff) => {
            if let (Some(patch), Some(held)) = (&change.profile, staff.profile()) {
                let profile = merged(held, patch, &format!("{path}.profile"))?;
                found.push(Correction::Staff(StaffCommand::Change { profile }));
            }
            if let Some(patch) = &change.hours {
                let own = change.at_branch.and_then(|branch_id| staff.hours_at(branch_id));
                let held = own.or(staff.hours()).cloned();
                anyhow::ensure!(
                    held.is_some() || patch.len() == 7,
                    "{path}.hours: the staff member has the hours of the branch: name all seven days"
                );
                let weekly = Some(week(&held.unwrap_or_default(), patch, &path)?);
                let branch_id = change.at_branch;
                found.push(Correction::Staff(StaffCommand::SetHours { branch_id, weekly }));
            }
            let set = change.exceptions.iter().cloned();
            let set = set.map(|exception| StaffCommand::SetException { exception });
            let unset = change.without_exceptions.iter();
            let unset = unset.map(|date| StaffCommand::RemoveException { date: *date });
            found.extend(unset.chain(set).map(Correction::Staff));
        }
        Plain::Service(service) => {
            if let (Some(patch), Some(held)) = (&change.profile, service.profile()) {
                let profile = merged(held, patch, &format!("{path}.profile"))?;
                found.push(Correction::Service(ServiceCommand::Change { profile }));
            }
            if let Some(patch) = &change.assignments {
                found.extend(assignments(service, patch, &path)?);
            }
        }
    }
    Ok(found)
}

/// Those who do a service, as a list that can be merged.
#[derive(Serialize, Deserialize)]
struct Doers {
    assignments: Vec<Assignment>,
}

fn assignments(
    service: &Service,
    patch: &[Map<String, Value>],
    path: &str,
) -> anyhow::Result<Vec<Correction>> {
    let held = Doers { assignments: service.assignments().cloned().collect() };
    // Whoever does not do it yet is not made to.
    let does = |who: &&Map<String, Value>| {
        held.assignments.iter().any(|it| who.get("staff_id") == Some(&json!(it.staff_id)))
    };
    let patch: Vec<_> = patch.iter().filter(does).collect();
    let patch = Map::from_iter([("assignments".to_owned(), json!(patch))]);
    let wanted: Doers = merged(&held, &patch, path)?;
    let changed = wanted.assignments.into_iter().filter(|it| !held.assignments.contains(it));
    let assign = changed.map(|assignment| ServiceCommand::Assign { assignment });
    Ok(assign.map(Correction::Service).collect())
}

/// Whoever is named does the service, at least at the end of the history.
pub(super) fn check_doers(index: usize, change: &Change, plain: &Plain) -> anyhow::Result<()> {
    let Plain::Service(service) = plain else { return Ok(()) };
    for (place, patch) in change.assignments.iter().flatten().enumerate() {
        let named = patch.get("staff_id");
        let does = service.assignments().any(|it| named == Some(&json!(it.staff_id)));
        anyhow::ensure!(
            does,
            "changes[{index}].assignments[{place}].staff_id: nobody of that id does the service"
        );
    }
    Ok(())
}

/// A week with other hours on the days that are named.
fn week(held: &WeeklyHours, patch: &Map<String, Value>, path: &str) -> anyhow::Result<WeeklyHours> {
    let closed = json!({ "open": [], "breaks": [] });
    let day = |hours: &Value| if hours.is_null() { closed.clone() } else { hours.clone() };
    let days = patch.iter().map(|(weekday, hours)| (weekday.clone(), day(hours)));
    merged(held, &days.collect(), &format!("{path}.hours"))
}
