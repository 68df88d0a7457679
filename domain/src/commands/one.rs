//! A command that one aggregate decides by itself.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    aggregate::Decide,
    dispatch::{Unit, UnitCommand, UnitError},
    event_log::Revision,
    master_data::MasterDataError,
    ports::EventLog,
};

/// What the caller of a master-data command is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// The thing.
    pub id: Uuid,
    /// Its version now, for `If-Match`.
    pub version: u64,
}

/// A command that one aggregate decides by itself.
#[derive(Clone, Debug)]
pub struct One<A: Decide> {
    /// Which one.
    pub id: Uuid,
    /// What it is asked.
    pub command: A::Command,
    /// The version that the caller has read, if the caller insists on it.
    pub expected: Option<u64>,
}

impl<A> UnitCommand for One<A>
where
    A: Decide<Error = MasterDataError>,
    A::Command: Clone,
{
    type Answer = Saved;
    type Refusal = MasterDataError;

    async fn run<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> Result<Result<Saved, MasterDataError>, UnitError> {
        if let Err(refusal) = check_version::<A, L>(unit, self.id, self.expected).await? {
            return Ok(Err(refusal));
        }
        if let Err(refusal) = unit.decide::<A>(self.id, self.command.clone()).await? {
            return Ok(Err(refusal));
        }
        Ok(Ok(saved::<A, L>(unit, self.id)))
    }
}

/// Refuses when the stream is not where the caller has read it.
pub(super) async fn check_version<A: Decide, L: EventLog>(
    unit: &mut Unit<'_, L>,
    id: Uuid,
    expected: Option<u64>,
) -> Result<Result<(), MasterDataError>, UnitError> {
    unit.load::<A>(id).await?;
    let Revision(actual) = unit.revision::<A>(id);
    Ok(match expected {
        // What does not exist has no version to miss; the decision says that it is not there.
        Some(expected) if 0 < actual && expected != actual => {
            Err(MasterDataError::VersionMismatch { expected, actual })
        }
        Some(_) | None => Ok(()),
    })
}

pub(super) fn saved<A: Decide, L: EventLog>(unit: &Unit<'_, L>, id: Uuid) -> Saved {
    Saved { id, version: unit.revision::<A>(id).0 }
}
