//! A row of `read.directory` and how events change it.

use chrono::{DateTime, Utc};
use daybook_domain::{
    aggregate::Evolve,
    branch::Branch,
    company::Company,
    event_log::RecordedEvent,
    ids::{BranchId, CompanyId, StaffId},
    resource::Resource,
    service::Service,
    staff::Staff,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    event::Fact,
    projector::ProjectionError,
    rows::{spelled_as_in_json, stored},
};

/// What kind of thing a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DirectoryKind {
    /// A company.
    Company,
    /// A branch of a company.
    Branch,
    /// A staff member.
    Staff,
    /// A service.
    Service,
    /// A room or a piece of equipment.
    Resource,
}

impl DirectoryKind {
    /// The kind as it stands in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Company => "company",
            Self::Branch => "branch",
            Self::Staff => "staff",
            Self::Service => "service",
            Self::Resource => "resource",
        }
    }
}

/// Something in the directory. The fields are the columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DirectoryRow {
    /// What kind of thing.
    pub kind: DirectoryKind,
    /// Its id.
    pub id: Uuid,
    /// The position of the event that the row rests on.
    pub position: u64,
    /// The revision of the stream at that event: the version for `If-Match`.
    pub version: u64,
    /// What people call it.
    pub name: String,
    /// The company that it belongs to; of a company, itself.
    pub company_id: CompanyId,
    /// Of staff, where they work; of a resource, where it stands.
    pub branch_ids: Vec<BranchId>,
    /// Of a service, who does it.
    pub staff_ids: Vec<StaffId>,
    /// The client's own id for it.
    pub external_ref: Option<String>,
    /// Whether it is in use.
    pub is_active: bool,
    /// All of it, as the aggregate keeps it.
    pub state: Value,
    /// When the log took the latest event.
    pub updated_at: DateTime<Utc>,
}

spelled_as_in_json!(DirectoryKind);
stored!(DirectoryRow {
    kind,
    id,
    position,
    version,
    name,
    company_id,
    branch_ids,
    staff_ids,
    external_ref,
    is_active,
    state,
    updated_at,
});

/// What the columns are made of.
struct Summary<'s> {
    name: &'s str,
    company_id: CompanyId,
    branch_ids: Vec<BranchId>,
    staff_ids: Vec<StaffId>,
    external_ref: Option<&'s str>,
    is_active: bool,
}

trait Listed: Evolve + Serialize + DeserializeOwned {
    const KIND: DirectoryKind;
    /// `None` until it is registered.
    fn summary(&self, id: Uuid) -> Option<Summary<'_>>;
}

macro_rules! listed {
    ($aggregate:ident, |$state:ident, $profile:ident, $id:ident| $company:expr, $branches:expr, $staff:expr) => {
        impl Listed for $aggregate {
            const KIND: DirectoryKind = DirectoryKind::$aggregate;

            fn summary(&self, $id: Uuid) -> Option<Summary<'_>> {
                let $state = self;
                let $profile = $state.profile()?;
                Some(Summary {
                    name: &$profile.name,
                    company_id: $company,
                    branch_ids: $branches,
                    staff_ids: $staff,
                    external_ref: $profile.external_ref.as_deref(),
                    is_active: $state.is_active(),
                })
            }
        }
    };
}

listed!(Company, |state, profile, id| id.into(), Vec::new(), Vec::new());
listed!(Branch, |state, profile, _id| profile.company_id, Vec::new(), Vec::new());
listed!(
    Staff,
    |state, profile, _id| profile.company_id,
    profile.branches.iter().copied().collect(),
    Vec::new()
);
listed!(
    Service,
    |state, profile, _id| profile.company_id,
    Vec::new(),
    state.assignments().map(|assignment| assignment.staff_id).collect()
);
listed!(Resource, |state, profile, _id| profile.company_id, vec![profile.branch_id], Vec::new());

/// The kind and the id that an event is about; `None` for an event of another aggregate.
pub(super) fn subject_of(
    fact: &Fact,
    recorded: &RecordedEvent,
) -> Result<Option<(DirectoryKind, Uuid)>, ProjectionError> {
    let kind = match fact {
        Fact::Company(_) => DirectoryKind::Company,
        Fact::Branch(_) => DirectoryKind::Branch,
        Fact::Staff(_) => DirectoryKind::Staff,
        Fact::Service(_) => DirectoryKind::Service,
        Fact::Resource(_) => DirectoryKind::Resource,
        Fact::Appointment(_) | Fact::CalendarDay(_) | Fact::Customer(_) => return Ok(None),
    };
    let id = recorded.stream.aggregate_id.parse().map_err(|_not_a_uuid: uuid::Error| {
        ProjectionError::Contradiction("the stream of master data is no UUID")
    })?;
    Ok(Some((kind, id)))
}

/// Folds an event into the row of its subject. An event that the row has seen changes nothing.
pub(super) fn fold(
    row: Option<DirectoryRow>,
    fact: &Fact,
    id: Uuid,
    recorded: &RecordedEvent,
) -> Result<Option<DirectoryRow>, ProjectionError> {
    match fact {
        Fact::Company(event) => fold_one::<Company>(row, event, id, recorded),
        Fact::Branch(event) => fold_one::<Branch>(row, event, id, recorded),
        Fact::Staff(event) => fold_one::<Staff>(row, event, id, recorded),
        Fact::Service(event) => fold_one::<Service>(row, event, id, recorded),
        Fact::Resource(event) => fold_one::<Resource>(row, event, id, recorded),
        Fact::Appointment(_) | Fact::CalendarDay(_) | Fact::Customer(_) => Ok(row),
    }
}

fn fold_one<E: Listed>(
    row: Option<DirectoryRow>,
    event: &E::Event,
    id: Uuid,
    recorded: &RecordedEvent,
) -> Result<Option<DirectoryRow>, ProjectionError> {
    if row.as_ref().is_some_and(|row| recorded.position.0 <= row.position) {
        return Ok(row);
    }
    let broken = |_may_quote_a_value: serde_json::Error| {
        ProjectionError::Broken("the state of master data does not go through JSON".to_owned())
    };
    let mut state = match row {
        Some(row) => serde_json::from_value(row.state).map_err(broken)?,
        None => E::default(),
    };
    state.evolve(event);
    let Some(summary) = state.summary(id) else {
        return Err(ProjectionError::Contradiction("master data changed before it was registered"));
    };
    Ok(Some(DirectoryRow {
        kind: E::KIND,
        id,
        position: recorded.position.0,
        version: recorded.revision.0,
        name: summary.name.to_owned(),
        company_id: summary.company_id,
        branch_ids: summary.branch_ids,
        staff_ids: summary.staff_ids,
        external_ref: summary.external_ref.map(str::to_owned),
        is_active: summary.is_active,
        updated_at: recorded.recorded_at,
        state: serde_json::to_value(&state).map_err(broken)?,
    }))
}
