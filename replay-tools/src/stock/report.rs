//! What was found and what was done, for people and for programs.

use std::collections::BTreeMap;

use daybook_adapters::log::stock::KindCount;
use daybook_domain::{aggregate::Evolve as _, ids::TenantId, tenant::Tenant};
use serde_json::{Value, json};

use super::survey::{Fault, Survey};
use crate::{merkle::Hash, say};

/// What was found, and whether it was brought in.
#[derive(Clone, Debug)]
pub struct StockReport {
    /// Whose history it is now, or would be.
    pub tenant: TenantId,
    /// Whether it was brought in.
    pub imported: bool,
    /// Events that were, or would be, brought in.
    pub events: u64,
    /// Their streams.
    pub streams: u64,
    /// Whether an event opens the tenant, as it must before a company is registered.
    pub is_opened: bool,
    /// Events whose personal data were, or would be, sealed.
    pub personal: u64,
    /// Whether the keys for that are at hand.
    pub keys_are_there: bool,
    /// Events that were dated before the one before them in their stream, and got its instant.
    pub redated: u64,
    /// Fields of the metadata that were left behind, and how often.
    pub unplaced: BTreeMap<String, u64>,
    /// Kinds of events that Daybook does not know.
    pub unknown: Vec<KindCount>,
    /// Kinds of events that were left out as wished.
    pub left_out: Vec<KindCount>,
    /// How much is wrong.
    pub faults: u64,
    /// The first of it.
    pub told: Vec<Fault>,
    /// The hash of the last event, once all was verified.
    pub head_hash: Option<Hash>,
}

impl StockReport {
    pub(super) fn of(survey: &Survey, tenant: TenantId, keys_are_there: bool) -> Self {
        Self {
            tenant,
            imported: false,
            events: survey.order.len() as u64,
            streams: survey.streams.len() as u64,
            is_opened: survey.streams.iter().any(|it| it.aggregate_type == Tenant::TYPE),
            personal: survey.personal,
            keys_are_there,
            redated: survey.redated,
            unplaced: survey.unplaced.clone(),
            unknown: survey.unknown.clone(),
            left_out: survey.left_out.clone(),
            faults: survey.faults,
            told: survey.told.clone(),
            head_hash: None,
        }
    }

    /// Whether nothing stands against bringing it in.
    pub const fn is_clean(&self) -> bool {
        self.faults == 0 && self.unknown.is_empty()
    }

    /// Tells it; an error if something stands against the import.
    pub(super) fn tell(&self, dry_run: bool, as_json: bool) -> anyhow::Result<()> {
        if as_json {
            say(&self.document(dry_run).to_string())?;
        } else {
            self.lines(dry_run).iter().try_for_each(|line| say(line))?;
        }
        anyhow::ensure!(
            self.is_clean(),
            "nothing was imported: {} events are wrong, {} kinds of events are unknown",
            self.faults,
            self.unknown.len()
        );
        Ok(())
    }

    fn lines(&self, dry_run: bool) -> Vec<String> {
        let mut lines = Vec::new();
        for Fault { stream, sequence, fault } in &self.told {
            lines.push(format!("{stream} at sequence {sequence}: {fault}"));
        }
        let told = self.told.len() as u64;
        if told < self.faults {
            lines.push(format!("and {} more: --faults tells more of them", self.faults - told));
        }
        for kind in &self.unknown {
            lines.push(format!("unknown: {}; --leave-out leaves it out", of(kind)));
        }
        lines.extend(self.left_out.iter().map(|kind| format!("left out: {}", of(kind))));
        for (field, events) in &self.unplaced {
            lines.push(format!("left behind: `{field}` in the metadata of {events} events"));
        }
        if self.redated != 0 {
            let redated = self.redated;
            lines.push(format!("{redated} events were dated before the one before them"));
        }
        let Self { events, streams, tenant, personal, .. } = self;
        if !self.is_opened {
            lines.push("no event opens the tenant: --open NAME adds one".to_owned());
        }
        if self.personal != 0 {
            let keys = if self.keys_are_there { "" } else { ": the master key is needed" };
            lines.push(format!("{personal} events hold personal data{keys}"));
        }
        if let Some(hash) = self.head_hash {
            let hash = hex::encode(hash);
            lines.push(format!(
                "imported {events} events of {streams} streams into tenant {tenant}; they verify \
                 (head {hash})"
            ));
        } else if dry_run {
            lines.push(format!(
                "{events} events of {streams} streams were looked at; none was written"
            ));
        }
        lines
    }

    fn document(&self, dry_run: bool) -> Value {
        let kinds = |kinds: &[KindCount]| kinds.iter().map(kind).collect::<Vec<_>>();
        json!({
            "tenant": self.tenant, "dry_run": dry_run, "imported": self.imported,
            "events": self.events, "streams": self.streams, "opened": self.is_opened, "personal": self.personal,
            "redated": self.redated, "metadata_left_behind": self.unplaced,
            "unknown": kinds(&self.unknown), "left_out": kinds(&self.left_out),
            "faults": self.faults, "first_faults": self.told,
            "head_hash": self.head_hash.map(hex::encode), "verified": self.head_hash.is_some(),
        })
    }
}

fn kind(it: &KindCount) -> Value {
    json!({
        "aggregate_type": it.aggregate_type, "event_type": it.event_type,
        "event_version": it.event_version, "events": it.events,
    })
}

fn of(kind: &KindCount) -> String {
    let KindCount { aggregate_type, event_type, event_version, events } = kind;
    format!("{events} events `{event_type}` {event_version} of {aggregate_type}")
}
