//! The read models of all tenants made again, one tenant after the other.
//!
//! A tenant whose read models cannot be made is told, and the others go on. Broken off, it is begun
//! anew: what was under way goes on where it stopped, and what was done is folded and compared again.

use std::sync::Arc;

use daybook_domain::{
    event_log::Head,
    ids::TenantId,
    ports::{EventLog as _, LogError},
};
use daybook_projections::{
    aside::{AsideError, Rebuilt},
    projector::Projector,
};
use serde_json::{Value, json};

use super::{
    bar::{Bar, Course},
    document, pace, rebuild, told,
};
use crate::{cli::RebuildWish, models::Workshop, say};

/// Tenants per page of heads.
const PAGE: usize = 1000;

pub(crate) async fn run(
    workshop: &mut Workshop,
    projectors: &[Arc<dyn Projector>],
    wish: &RebuildWish,
    as_json: bool,
) -> anyhow::Result<()> {
    for projector in projectors {
        workshop.must_read(projector.as_ref())?;
    }
    let heads = heads(workshop).await?;
    let read_models = projectors.len() as u64;
    let (tenants, bar) = (heads.len(), Bar::new());
    let events: u64 = heads.iter().map(|head| read_models * head.position.0).sum();
    let (mut sum, mut before) = (Sum::default(), 0);
    for (tenant, head) in (1..).zip(&heads) {
        workshop.turn_to(head.tenant);
        let mut made = Made { tenant: head.tenant, read_models: Vec::new() };
        for projector in projectors {
            let course = Course { tenant, tenants, before, events };
            let name = projector.name();
            let rebuild = rebuild(workshop, projector, pace(wish));
            let done = rebuild.run(|at| bar.show(name, at, Some(course))).await;
            made.read_models.push((name, of_the_tenant(done)?));
            before += head.position.0;
        }
        bar.end();
        sum.add(&made);
        say(&told(as_json, &made.document(), made.text((tenant, tenants))))?;
    }
    say(&told(as_json, &sum.document(), sum.text()))?;
    anyhow::ensure!(sum.failed == 0, "{} of {tenants} tenants could not be made again", sum.failed);
    Ok(())
}

/// Every tenant that there is now, with where its history ends.
async fn heads(workshop: &Workshop) -> Result<Vec<Head>, LogError> {
    let mut all: Vec<Head> = Vec::new();
    loop {
        let after = all.last().map(|head| head.tenant);
        let page = workshop.log.heads(after, PAGE).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

/// A failure is the tenant's, unless nobody would fare better: then it is the end of it all.
fn of_the_tenant(
    done: Result<Rebuilt, AsideError>,
) -> Result<Result<Rebuilt, AsideError>, AsideError> {
    match done {
        Err(error @ (AsideError::Unavailable(_) | AsideError::Log(LogError::Unavailable(_)))) => {
            Err(error)
        }
        done => Ok(done),
    }
}

/// What became of the read models of one tenant.
struct Made {
    tenant: TenantId,
    read_models: Vec<(&'static str, Result<Rebuilt, AsideError>)>,
}

impl Made {
    fn done(&self) -> impl Iterator<Item = &Rebuilt> {
        self.read_models.iter().filter_map(|(_, made)| made.as_ref().ok())
    }

    fn failed(&self) -> impl Iterator<Item = (&'static str, &AsideError)> {
        self.read_models.iter().filter_map(|(name, made)| Some((*name, made.as_ref().err()?)))
    }

    fn document(&self) -> Value {
        let one = |(name, made): &(&'static str, Result<Rebuilt, AsideError>)| match made {
            Ok(done) => document(name, done),
            Err(error) => json!({ "projector": name, "error": error.to_string() }),
        };
        let read_models: Vec<Value> = self.read_models.iter().map(one).collect();
        let is_done = self.failed().next().is_none();
        json!({ "tenant": self.tenant, "done": is_done, "read_models": read_models })
    }

    fn text(&self, (number, tenants): (usize, usize)) -> String {
        let (rows, differ) = rows(self.done());
        let made = self.done().count();
        let failed = self
            .failed()
            .map(|(name, error)| format!("\n  {name} could not be made again: {error}"));
        format!(
            "tenant {} ({number} of {tenants}): {made} read models were made again, {differ} of \
             {rows} rows have changed{}",
            self.tenant,
            failed.collect::<String>()
        )
    }
}

/// What became of all tenants.
#[derive(Default)]
struct Sum {
    done: usize,
    failed: usize,
    events: u64,
    rows: u64,
    changed: u64,
}

impl Sum {
    fn add(&mut self, made: &Made) {
        if made.failed().next().is_none() {
            self.done += 1;
        } else {
            self.failed += 1;
        }
        let (rows, differ) = rows(made.done());
        self.events += made.done().map(|done| done.events).sum::<u64>();
        self.rows += rows;
        self.changed += differ;
    }

    fn document(&self) -> Value {
        let Self { done, failed, events, rows, changed } = self;
        json!({ "tenants": done + failed, "done": done, "failed": failed, "events": events,
            "rows": rows, "changed": changed })
    }

    fn text(&self) -> String {
        let Self { done, failed, events, rows, changed } = self;
        format!(
            "all tenants: {done} done, {failed} failed; {events} events were folded, {changed} of \
             {rows} rows have changed"
        )
    }
}

/// Rows that were compared, and those that have changed.
fn rows<'r>(done: impl Iterator<Item = &'r Rebuilt>) -> (u64, u64) {
    done.fold((0, 0), |(rows, differ), it| (rows + it.compared.rows, differ + it.compared.differ))
}

#[cfg(test)]
mod tests {
    use daybook_domain::event_log::Position;
    use daybook_projections::aside::Compared;

    use super::*;

    fn made() -> Made {
        let compared = Compared { rows: 10, differ: 2, first: Vec::new() };
        let (position, days) = (Position(7), Vec::new());
        let done = Rebuilt { position, events: 7, compared, days, is_replaced: true };
        let tenant = TenantId::new(uuid::Uuid::from_u128(1));
        Made { tenant, read_models: vec![("one", Ok(done)), ("other", Err(AsideError::Busy))] }
    }

    #[test]
    fn a_tenant_is_one_line_that_tells_what_was_made_and_what_was_not() {
        let said = json!({
            "tenant": "00000000-0000-0000-0000-000000000001", "done": false,
            "read_models": [
                { "projector": "one", "position": 7, "events": 7, "rows": 10, "changed": 2,
                  "days": [], "differences": [] },
                { "projector": "other", "error": "another rebuild of this read model is under way" },
            ],
        });
        assert_eq!(made().document(), said);
    }

    #[test]
    fn the_total_counts_a_tenant_as_failed_for_one_read_model_and_what_was_made_all_the_same() {
        let mut sum = Sum::default();
        sum.add(&made());
        let mut whole = made();
        whole.read_models.pop();
        sum.add(&whole);
        let said = json!({ "tenants": 2, "done": 1, "failed": 1, "events": 14, "rows": 20,
            "changed": 4 });
        assert_eq!(sum.document(), said);
    }
}
