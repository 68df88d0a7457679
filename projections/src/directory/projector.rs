//! Events of master data to rows of `read.directory`.

use std::collections::BTreeMap;

use daybook_domain::{
    aggregate::Evolve, branch::Branch, company::Company, ids::TenantId, resource::Resource,
    service::Service, staff::Staff,
};
use futures::future::BoxFuture;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    event::Event,
    projector::{ProjectionError, Projector},
    rows,
};

use super::row::{DirectoryKind, DirectoryRow, fold, subject_of};

/// Keeps `read.directory`.
#[derive(Clone, Copy, Debug)]
pub struct Directory;

/// The key of a row. The fields are columns.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    kind: DirectoryKind,
    id: Uuid,
}

rows::stored!(Key { kind, id });

impl Projector for Directory {
    fn name(&self) -> &'static str {
        "directory"
    }

    fn version(&self) -> i32 {
        1
    }

    fn reads(&self) -> &'static [&'static str] {
        &[Company::TYPE, Branch::TYPE, Staff::TYPE, Service::TYPE, Resource::TYPE]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["read.directory"]
    }

    fn project<'a>(
        &'a self,
        tx: &'a mut PgConnection,
        tenant: TenantId,
        events: &'a [&'a Event],
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(async move {
            let mut changes: BTreeMap<Key, Vec<&Event>> = BTreeMap::new();
            for event in events {
                if let Some((kind, id)) = subject_of(event.fact()?, &event.recorded)? {
                    changes.entry(Key { kind, id }).or_default().push(event);
                }
            }
            let keys: Vec<Key> = changes.keys().copied().collect();
            let known: Vec<DirectoryRow> =
                rows::load(tx, include_str!("load.sql"), tenant, &keys).await?;
            let mut known: BTreeMap<Key, DirectoryRow> =
                known.into_iter().map(|row| (Key { kind: row.kind, id: row.id }, row)).collect();
            let mut changed = Vec::with_capacity(changes.len());
            for (key, events) in changes {
                let mut row = known.remove(&key);
                for event in events {
                    row = fold(row, event.fact()?, key.id, &event.recorded)?;
                }
                changed.extend(row);
            }
            rows::store(tx, include_str!("store.sql"), tenant, &changed).await
        })
    }
}
