//! Events that a projector passes over because somebody has looked at them and said why.

use std::collections::BTreeSet;

use daybook_domain::{
    aggregate::{Evolve, decode},
    event_log::{Revision, StreamId},
    ids::TenantId,
    ports::{EventLog, LogError},
    tenant::Tenant,
};

use crate::{event::Event, projector::Projector};

/// What a tenant's own stream says is to be passed over.
#[derive(Clone, Debug, Default)]
pub(crate) struct Skips(Tenant);

impl Skips {
    /// Reads them. A skip counts for every fold from now on, wherever it stands itself.
    pub(crate) async fn load<L: EventLog>(log: &L, tenant: TenantId) -> Result<Self, LogError> {
        let stream = StreamId::new(Tenant::TYPE, tenant.to_string());
        let tails = log.read_streams(tenant, &[(stream, Revision(0))]).await?;
        let mut state = Tenant::default();
        for event in tails.iter().flat_map(|tail| &tail.events) {
            let fact = decode::<Tenant>(event);
            state.evolve(&fact.map_err(|error| LogError::Damaged(error.to_string()))?);
        }
        Ok(Self(state))
    }

    /// The positions that a projector passes over.
    pub(crate) fn of(&self, projector: &dyn Projector) -> BTreeSet<u64> {
        self.0.skips(projector.name()).collect()
    }

    /// Whether a projector passes this event over.
    pub(crate) fn contains(&self, projector: &dyn Projector, event: &Event) -> bool {
        let position = event.recorded.position.0;
        self.0.skips(projector.name()).any(|skipped| skipped == position)
    }
}
