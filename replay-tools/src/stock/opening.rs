//! The event that opens a tenant whose history has none: without it no company can be registered.

use anyhow::Context as _;
use cqrs_es::DomainEvent as _;
use daybook_domain::{
    aggregate::{Decide as _, EventKind as _, Evolve as _},
    event_log::{EventData, Metadata, Revision, StreamId},
    tenant::{Tenant, TenantCommand},
};
use uuid::Uuid;

use super::translate::Rules;

/// The first event of the tenant's stream, and where it stands.
pub(super) fn opening(
    rules: &Rules,
    name: &str,
) -> anyhow::Result<((StreamId, Revision), EventData)> {
    let command = TenantCommand::Open { name: name.to_owned() };
    let event = Tenant::default().decide(command).context("--open")?.into_iter().next();
    let event = event.context("--open: the tenant is open already")?;
    let metadata = Metadata::new("system:import", rules.now, rules.thread.clone());
    let metadata = Metadata { source: Some("import".to_owned()), ..metadata };
    let data = EventData {
        event_id: Uuid::new_v5(&rules.tenant.uuid(), b"opening"),
        event_type: event.kind().into(),
        event_version: event.event_version().into(),
        payload: serde_json::to_string(&event)?,
        metadata: serde_json::to_string(&metadata)?.into(),
    };
    Ok(((Tenant::stream(rules.tenant), Revision(1)), data))
}
