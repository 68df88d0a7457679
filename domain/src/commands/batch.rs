//! Many commands over master data as one: all of them are carried out, or none is.

use serde::{Deserialize, Serialize};

use crate::{
    branch::Branch,
    company::Company,
    dispatch::{Unit, UnitCommand, UnitError},
    master_data::MasterDataError,
    ports::EventLog,
    resource::Resource,
    service::Service,
    staff::Staff,
};

use super::{
    assign::Assign,
    one::One,
    register::{Change, MasterData, Register},
};

/// Registers a thing, or changes the one that is there.
#[derive(Clone, Debug)]
pub enum Put<A: MasterData> {
    /// It is new.
    Register(Register<A>),
    /// It is there.
    Change(Change<A>),
}

/// One command of a batch.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say what they are about")]
pub enum Step {
    PutCompany(Put<Company>),
    PutBranch(Put<Branch>),
    PutResource(Put<Resource>),
    PutStaff(Put<Staff>),
    PutService(Put<Service>),
    Company(One<Company>),
    Branch(One<Branch>),
    Resource(One<Resource>),
    Staff(One<Staff>),
    Service(One<Service>),
    Assign(Assign),
}

/// Commands that are carried out in their order, in one append. A later one sees what an earlier one
/// records.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The commands.
    pub steps: Vec<Step>,
}

/// How many events each command of a batch has recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchDone {
    /// In the order of the commands.
    pub events: Vec<usize>,
}

/// Which command of a batch was refused, and why. Nothing of the batch is recorded.
#[derive(Debug, thiserror::Error)]
#[error("{refusal}")]
pub struct BatchRefusal {
    /// The index of the command.
    pub step: usize,
    /// Why.
    pub refusal: MasterDataError,
}

impl UnitCommand for Batch {
    type Answer = BatchDone;
    type Refusal = BatchRefusal;

    async fn run<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> Result<Result<BatchDone, BatchRefusal>, UnitError> {
        let mut events = Vec::with_capacity(self.steps.len());
        let mut recorded = unit.recorded();
        for (step, it) in self.steps.iter().enumerate() {
            if let Err(refusal) = Box::pin(it.run(unit)).await? {
                return Ok(Err(BatchRefusal { step, refusal }));
            }
            let now = unit.recorded();
            events.push(now - recorded);
            recorded = now;
        }
        Ok(Ok(BatchDone { events }))
    }
}

impl Step {
    async fn run<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> Result<Result<(), MasterDataError>, UnitError> {
        Ok(match self {
            Self::PutCompany(put) => return put.run(unit).await,
            Self::PutBranch(put) => return put.run(unit).await,
            Self::PutResource(put) => return put.run(unit).await,
            Self::PutStaff(put) => return put.run(unit).await,
            Self::PutService(put) => return put.run(unit).await,
            Self::Company(one) => one.run(unit).await?.map(drop),
            Self::Branch(one) => one.run(unit).await?.map(drop),
            Self::Resource(one) => one.run(unit).await?.map(drop),
            Self::Staff(one) => one.run(unit).await?.map(drop),
            Self::Service(one) => one.run(unit).await?.map(drop),
            Self::Assign(assign) => assign.run(unit).await?.map(drop),
        })
    }
}

impl<A: MasterData> Put<A> {
    async fn run<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> Result<Result<(), MasterDataError>, UnitError> {
        Ok(match self {
            Self::Register(register) => register.run(unit).await?.map(drop),
            Self::Change(change) => change.run(unit).await?.map(drop),
        })
    }
}
