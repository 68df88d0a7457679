//! Read models made again from the log while the live ones go on.

use std::{
    io::{IsTerminal as _, Write as _, stderr},
    sync::Arc,
    time::Instant,
};

use daybook_projections::{
    aside::{Progress, Rebuild, Rebuilt},
    projector::Projector,
};
use serde_json::json;

use crate::{cli::RebuildWish, models::Workshop, say};

pub(crate) async fn run(
    workshop: &Workshop,
    projectors: Vec<Arc<dyn Projector>>,
    wish: &RebuildWish,
    as_json: bool,
) -> anyhow::Result<()> {
    for projector in projectors {
        let name = projector.name();
        workshop.must_read(projector.as_ref())?;
        let (pool, log) = (workshop.pool.clone(), Arc::clone(&workshop.log));
        let rebuild = Rebuild::new(pool, log, workshop.tenant, projector);
        if wish.take_back {
            let position = rebuild.take_back().await?;
            let said = json!({ "projector": name, "taken_back_to": position });
            say(&told(as_json, &said, format!("{name} is as it was at position {position}")))?;
        } else if wish.abandon {
            rebuild.abandon().await?;
            let said = json!({ "projector": name, "abandoned": true });
            say(&told(as_json, &said, format!("{name}: what was begun is forgotten")))?;
        } else {
            let bar = Bar::new(name);
            let done = rebuild.run(|at| bar.show(at)).await?;
            bar.end();
            say(&summary(name, &done, as_json))?;
        }
    }
    Ok(())
}

fn told(as_json: bool, json: &serde_json::Value, text: String) -> String {
    if as_json { json.to_string() } else { text }
}

fn summary(name: &str, done: &Rebuilt, as_json: bool) -> String {
    let (position, events) = (done.position, done.events);
    let (rows, differ) = (done.compared.rows, done.compared.differ);
    let json = json!({ "projector": name, "position": position, "events": events, "rows": rows,
        "changed": differ, "days": done.days, "differences": done.compared.first });
    let text = format!(
        "{name} was made again from {events} events and stands at position {position}: {differ} of \
         {rows} rows have changed; --take-back undoes it"
    );
    told(as_json, &json, text)
}

/// How far it is, how fast, and how long it will take; for a person who sits before it.
struct Bar {
    name: &'static str,
    began: Instant,
    is_seen: bool,
}

impl Bar {
    fn new(name: &'static str) -> Self {
        Self { name, began: Instant::now(), is_seen: stderr().is_terminal() }
    }

    #[expect(clippy::cast_precision_loss, reason = "rates are for people")]
    fn show(&self, at: Progress) {
        if !self.is_seen {
            return;
        }
        let (position, head) = (at.position.0, at.head.0.max(1));
        let rate = position as f64 / self.began.elapsed().as_secs_f64().max(0.001);
        let left_s = (head.saturating_sub(position)) as f64 / rate.max(1.0);
        let percent = 100 * position / head;
        let name = self.name;
        // Nobody may be looking any more: the work goes on.
        let _written = write!(
            stderr(),
            "\r{name}: {percent:>3} % of {head} events, {rate:.0}/s, {left_s:.0} s left   "
        );
    }

    fn end(&self) {
        if self.is_seen {
            let _written = writeln!(stderr());
        }
    }
}
