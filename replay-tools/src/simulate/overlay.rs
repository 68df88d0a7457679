//! Changes over the master data of the past: whatever history says of a thing goes on as it was, and
//! right behind it comes a command that puts the changes over it, checked by the aggregate itself.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use daybook_domain::{
    aggregate::{Evolve as _, decode},
    company::Company,
    event_log::{Metadata, RecordedEvent, Revision, StreamId},
    ids::TenantId,
    ports::EventLog,
};
use uuid::Uuid;

use super::{
    changes::{Change, Changes},
    correction::{Plain, check, check_doers, correct, corrections, start},
    world::World,
};

/// A change that was checked.
struct Prepared {
    /// Where it stands in the file.
    index: usize,
    change: Change,
    stream: StreamId,
    from: Option<DateTime<Utc>>,
    is_active: bool,
}

/// The changes and the things that they are about.
pub(super) struct Overlay {
    changes: Vec<Prepared>,
    things: BTreeMap<StreamId, (Uuid, Plain)>,
    touched: BTreeSet<StreamId>,
}

impl Overlay {
    /// Checks the changes against the things as they are at the end of the history: each must be
    /// there, and take the change.
    pub(super) async fn new<L: EventLog>(
        log: &L,
        tenant: TenantId,
        changes: &Changes,
    ) -> anyhow::Result<Self> {
        let mut overlay =
            Self { changes: Vec::new(), things: BTreeMap::new(), touched: BTreeSet::new() };
        for (index, change) in changes.changes.iter().enumerate() {
            let thing = change.thing().with_context(|| format!("changes[{index}]"))?;
            let (stream, id, empty) = start(thing);
            let mut latest = empty.clone();
            for event in history(log, tenant, &stream).await? {
                latest.evolve(&event)?;
            }
            anyhow::ensure!(
                latest.is_there(),
                "changes[{index}]: the tenant never had a {} {id}",
                stream.aggregate_type
            );
            for correction in corrections(index, change, &latest)? {
                let refusal = check(&latest, correction).err();
                if let Some(refusal) = refusal {
                    anyhow::bail!("changes[{index}]: {refusal}");
                }
            }
            check_doers(index, change, &latest)?;
            let zone = zone(log, tenant, &latest).await?;
            let from = match change.from {
                None => None,
                Some(since) => Some(
                    since
                        .instant(zone)
                        .with_context(|| format!("changes[{index}].from: no day of {zone}"))?,
                ),
            };
            overlay.things.insert(stream.clone(), (id, empty));
            let change = change.clone();
            overlay.changes.push(Prepared { index, change, stream, from, is_active: false });
        }
        // What begins later comes over what began before.
        overlay.changes.sort_by_key(|it| (it.from, it.index));
        Ok(overlay)
    }

    /// Follows what history says of the things.
    pub(super) fn follow(&mut self, facts: &[RecordedEvent]) -> anyhow::Result<()> {
        for fact in facts {
            if let Some((_, plain)) = self.things.get_mut(&fact.stream) {
                plain.evolve(fact)?;
                self.touched.insert(fact.stream.clone());
            }
        }
        Ok(())
    }

    /// Puts the changes over what history said since the last time, and those that begin by now over
    /// what they are about.
    pub(super) async fn apply(&mut self, world: &World, metadata: &Metadata) -> anyhow::Result<()> {
        for it in &mut self.changes {
            if !it.is_active && it.from.is_none_or(|from| from <= metadata.at) {
                it.is_active = true;
                self.touched.insert(it.stream.clone());
            }
        }
        for stream in std::mem::take(&mut self.touched) {
            let Some((id, plain)) = self.things.get(&stream) else { continue };
            if !plain.is_there() {
                continue;
            }
            // Each comes over what those before it have made of the thing.
            let mut changed = plain.clone();
            for it in self.changes.iter().filter(|it| it.is_active && it.stream == stream) {
                let place = || {
                    format!(
                        "changes[{}] does not fit the {} as it was on {}: give it a later `from`",
                        it.index, stream.aggregate_type, metadata.at
                    )
                };
                let corrections = corrections(it.index, &it.change, &changed);
                for correction in corrections.with_context(place)? {
                    changed.foresee(&correction);
                    let done = correct(world, metadata, *id, correction).await?;
                    done.map_err(anyhow::Error::from).with_context(place)?;
                }
            }
        }
        Ok(())
    }
}

async fn history<L: EventLog>(
    log: &L,
    tenant: TenantId,
    stream: &StreamId,
) -> anyhow::Result<Vec<RecordedEvent>> {
    let tails = log.read_streams(tenant, &[(stream.clone(), Revision(0))]).await?;
    Ok(tails.into_iter().flat_map(|tail| tail.events).collect())
}

/// The zone on whose clocks a thing begins to be otherwise: that of a service is its company's.
async fn zone<L: EventLog>(log: &L, tenant: TenantId, plain: &Plain) -> anyhow::Result<Tz> {
    let zone = match plain {
        Plain::Company(company) => company.profile().map(|it| it.zone),
        Plain::Branch(branch) => branch.profile().map(|it| it.zone),
        Plain::Staff(staff) => staff.profile().map(|it| it.zone),
        Plain::Service(service) => {
            let mut company = Company::default();
            if let Some(profile) = service.profile() {
                for event in history(log, tenant, &Company::stream(profile.company_id)).await? {
                    company.evolve(&decode::<Company>(&event)?);
                }
            }
            company.profile().map(|it| it.zone)
        }
    };
    zone.context("it has no zone")
}
