//! A value that only one thing may have: a name in a company, an outside reference in a tenant, a
//! phone number in a company. One stream per value; whoever claims it first owns it.
//!
//! The stream's id is `<scope>:<value>`. A personal value never stands in it in clear: the caller
//! gives a keyed hash of it.
//!
//! Invariant: a value has one owner at a time.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::{
    aggregate::{Decide, Evolve},
    master_data::MasterDataError,
};

/// What a caller may ask of a value.
#[derive(Clone, Debug)]
pub enum UniqueKeyCommand {
    /// Take it.
    Claim {
        /// Who takes it.
        owner: String,
        /// The field of the request that it comes from.
        field: &'static str,
    },
    /// Give it back, if it is the owner's.
    Release {
        /// Who gives it back.
        owner: String,
    },
}

/// What happened to a value. Released variants never change; a new meaning is a new version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum UniqueKeyEvent {
    /// It was taken.
    Claimed {
        /// Who took it.
        owner: String,
    },
    /// It is free again.
    Released {
        /// Who had it.
        owner: String,
    },
}

crate::event_kinds!(UniqueKeyEvent {
    Claimed => "unique_key.claimed" @ "1.0.0",
    Released => "unique_key.released" @ "1.0.0",
});

/// Who has the value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UniqueKey {
    owner: Option<String>,
}

impl UniqueKey {
    /// Who has the value.
    pub fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }
}

impl Decide for UniqueKey {
    type Command = UniqueKeyCommand;
    type Error = MasterDataError;

    fn decide(&self, command: UniqueKeyCommand) -> Result<Vec<UniqueKeyEvent>, MasterDataError> {
        match (self.owner(), command) {
            (None, UniqueKeyCommand::Claim { owner, .. }) => {
                Ok(vec![UniqueKeyEvent::Claimed { owner }])
            }
            (Some(held), UniqueKeyCommand::Claim { owner, .. }) if held == owner => Ok(Vec::new()),
            (Some(held), UniqueKeyCommand::Claim { field, .. }) => {
                Err(MasterDataError::Taken { field, owner: held.to_owned() })
            }
            (Some(held), UniqueKeyCommand::Release { owner }) if held == owner => {
                Ok(vec![UniqueKeyEvent::Released { owner }])
            }
            (Some(_) | None, UniqueKeyCommand::Release { .. }) => Ok(Vec::new()),
        }
    }
}

crate::cqrs_aggregate!(UniqueKey);

impl Evolve for UniqueKey {
    const TYPE: &'static str = "unique_key";
    type Event = UniqueKeyEvent;

    fn evolve(&mut self, event: &UniqueKeyEvent) {
        match event {
            UniqueKeyEvent::Claimed { owner } => self.owner = Some(owner.clone()),
            UniqueKeyEvent::Released { .. } => self.owner = None,
        }
    }
}
