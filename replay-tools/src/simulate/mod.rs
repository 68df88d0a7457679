//! What would have been: a tenant's commands decided again under other hours, terms or services.
//!
//! The log is walked once, in order. Facts (master data, customers) go over into a log in memory as
//! they were, with the changes put over them; whatever a booking command decided is asked again, at
//! its own time, of the very functions that decide it for real. Nothing is written anywhere else.
//!
//! Without changes everything must come out as it did: that is the control, and what does not come
//! out so is told apart. What customers would have done otherwise is not known here.

mod again;
mod attempt;
mod changes;
mod correction;
mod decision;
mod ledger;
mod merge;
mod outcome;
mod overlay;
mod queue;
mod report;
mod world;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use daybook_domain::{
    aggregate::decode,
    appointment::AppointmentEvent,
    branch::{Branch, BranchEvent},
    event_log::{Position, RecordedEvent},
    ids::{BranchId, CompanyId, TenantId},
    money::Currency,
    ports::EventLog,
};
use uuid::Uuid;

use self::{
    attempt::{Attempt, attempt_again},
    decision::{Append, Asked as Command, Decision, Reader},
    ledger::{Ledger, Names},
    overlay::Overlay,
    queue::Queue,
    world::World,
};
use crate::{progress::Progress, source::PAGE};

pub(crate) use self::report::run;
pub use self::{
    attempt::{Asked, Tried},
    changes::{Change, Changes, EXAMPLE as EXAMPLE_CHANGES, Since, read_changes},
    ledger::{Fees, Row, Sums},
    outcome::{About, Decided, Difference, Outcome, Refused},
};

/// What is simulated.
#[derive(Clone, Debug, Default)]
pub struct WhatIf {
    /// What would have been otherwise.
    pub changes: Changes,
    /// What receipts tell of wishes and refusals.
    pub asked: Asked,
    /// Whether what was refused and would have been accepted takes its place.
    pub take_refused: bool,
    /// Decisions from this date on are told, in UTC.
    pub from: Option<NaiveDate>,
    /// Decisions until this date are told, included.
    pub to: Option<NaiveDate>,
    /// What the control did not come out right, told apart and left out of the sums.
    pub unfaithful: Unfaithful,
}

/// What comes out otherwise although nothing was changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unfaithful {
    /// Decisions, by their positions.
    pub decisions: BTreeSet<Position>,
    /// Refusals that would be none, by their receipts.
    pub attempts: BTreeSet<Uuid>,
}

/// What would have been.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Simulation {
    /// Events that were read.
    pub events: u64,
    /// Every decision in order, and what became of it.
    pub decided: Vec<Decided>,
    /// Every refusal that a receipt tells of, and what became of it.
    pub tried: Vec<Tried>,
    /// What the control did not come out right.
    pub unfaithful: Vec<Decided>,
    /// What stands in the end, before and after.
    pub rows: Vec<Row>,
    /// Fees by currency.
    pub fees: BTreeMap<Currency, Fees>,
}

impl Simulation {
    /// What came out otherwise than in the past. Of a run without changes, that is what is not
    /// simulated faithfully.
    pub fn differing(&self) -> Unfaithful {
        let differs = |it: &&Decided| it.outcome != Outcome::Same;
        let accepted = |it: &&Tried| it.is_accepted;
        Unfaithful {
            decisions: self.decided.iter().filter(differs).map(|it| it.position).collect(),
            attempts: self.tried.iter().filter(accepted).map(|it| it.receipt_id).collect(),
        }
    }
}

/// Decides a tenant's history again.
pub async fn simulate<L: EventLog>(
    log: &L,
    tenant: TenantId,
    what_if: &WhatIf,
) -> anyhow::Result<Simulation> {
    let head = log.head(tenant).await?.map_or(Position(0), |head| head.position);
    let mut walk = Walk {
        what_if,
        overlay: Overlay::new(log, tenant, &what_if.changes).await?,
        world: World::new(tenant, what_if.asked.wishes.clone()).await?,
        queue: Queue::new(&what_if.asked.attempts),
        names: Names::default(),
        ledger: Ledger::default(),
        companies: HashMap::new(),
        found: Simulation::default(),
    };
    let (mut reader, mut position) = (Reader::default(), Position(0));
    let progress = Progress::new("events");
    while position < head {
        let page = log.read_tenant(tenant, position, PAGE).await?;
        let Some(last) = page.last() else { break };
        position = last.position;
        progress.add(page.len() as u64);
        for event in page.into_iter().take_while(|event| event.position <= head) {
            walk.found.events += 1;
            if let Some(append) = reader.push(event)? {
                walk.step(append).await?;
            }
        }
    }
    if let Some(append) = reader.finish()? {
        walk.step(append).await?;
    }
    walk.finish().await
}

/// A walk through a history.
struct Walk<'w> {
    what_if: &'w WhatIf,
    overlay: Overlay,
    world: World,
    queue: Queue,
    names: Names,
    ledger: Ledger,
    companies: HashMap<BranchId, CompanyId>,
    found: Simulation,
}

impl Walk<'_> {
    async fn step(&mut self, append: Append) -> anyhow::Result<()> {
        let Append { first, metadata, facts, decisions } = append;
        for attempt in self.queue.until(first, metadata.at) {
            self.attempt(&attempt).await?;
        }
        self.overlay.follow(&facts)?;
        self.names.follow(&facts);
        self.note_branches(&facts)?;
        self.world.take_over(facts).await?;
        self.overlay.apply(&self.world, &metadata).await?;
        for decision in decisions {
            let again = self.world.decide_again(&metadata, &decision).await?;
            let is_unfaithful = self.what_if.unfaithful.decisions.contains(&decision.position);
            let is_told = self.is_told(metadata.at);
            self.ledger.note(&decision, &again.appointments, is_told && !is_unfaithful);
            for (id, event) in &decision.appointments {
                if matches!(event, AppointmentEvent::Booked(_)) {
                    self.queue.note(*id);
                }
            }
            let decided = Decided {
                position: decision.position,
                at: metadata.at,
                kind: decision.asked.kind(),
                about: self.about(&decision),
                outcome: again.outcome,
            };
            if is_told {
                let list = if is_unfaithful {
                    &mut self.found.unfaithful
                } else {
                    &mut self.found.decided
                };
                list.push(decided);
            }
        }
        Ok(())
    }

    async fn attempt(&mut self, attempt: &Attempt) -> anyhow::Result<()> {
        self.overlay.apply(&self.world, attempt.metadata()).await?;
        let is_taken = self.what_if.take_refused;
        let company_of = |branch: BranchId| self.companies.get(&branch).copied();
        let tried = attempt_again(&self.world, attempt, company_of, is_taken).await?;
        let Some(tried) = tried else { return Ok(()) };
        let is_unfaithful = self.what_if.unfaithful.attempts.contains(&tried.receipt_id);
        if self.is_told(tried.at) && !is_unfaithful {
            if is_taken && let Some(booking) = &tried.booking {
                self.ledger.take(booking.appointment_id);
            }
            self.found.tried.push(tried);
        }
        Ok(())
    }

    async fn finish(mut self) -> anyhow::Result<Simulation> {
        let queue = std::mem::replace(&mut self.queue, Queue::new(&[]));
        for attempt in queue.rest() {
            self.attempt(&attempt).await?;
        }
        let Self { ledger, world, names, mut found, .. } = self;
        (found.rows, found.fees) = ledger.close(&world, &names).await?;
        Ok(found)
    }

    fn is_told(&self, at: DateTime<Utc>) -> bool {
        let date = at.date_naive();
        self.what_if.from.is_none_or(|from| from <= date)
            && self.what_if.to.is_none_or(|to| date <= to)
    }

    /// Whose a branch is: a refused request names the branch alone.
    fn note_branches(&mut self, facts: &[RecordedEvent]) -> anyhow::Result<()> {
        for fact in facts.iter().filter(|fact| fact.event_type == "branch.registered") {
            if let BranchEvent::Registered { profile } = decode::<Branch>(fact)? {
                self.companies.insert(fact.stream.aggregate_id.parse()?, profile.company_id);
            }
        }
        Ok(())
    }

    /// What a decision is about, as it was in the past.
    fn about(&self, decision: &Decision) -> About {
        match &decision.asked {
            Command::Book(id, _)
            | Command::Reschedule(id, ..)
            | Command::Cancel(id)
            | Command::Step(id, _) => self.ledger.about(*id),
            Command::PlaceHold(id, held) => About {
                hold_id: Some(*id),
                branch_id: Some(held.branch_id),
                service_ids: held.service_ids.clone(),
                staff_id: Some(held.plan.staff_id),
                starts_at: Some(held.plan.starts_at),
                ..About::default()
            },
            Command::ExtendHold(id, _) | Command::ReleaseHold(id) => {
                About { hold_id: Some(*id), ..About::default() }
            }
            Command::StartSeries(id, started) => About {
                series_id: Some(*id),
                branch_id: Some(started.branch_id),
                service_ids: started.service_ids.clone(),
                staff_id: started.staff_id,
                starts_at: started.occurrences.first().map(|it| it.starts_at),
                ..About::default()
            },
            Command::SkipOccurrence(id, _)
            | Command::MoveOccurrence(id, ..)
            | Command::CancelSeries(id) => About { series_id: Some(*id), ..About::default() },
        }
    }
}
