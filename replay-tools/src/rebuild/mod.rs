//! Read models made again from the log while the live ones go on.

mod all;
mod bar;

use std::sync::Arc;

use daybook_projections::{
    aside::{Pace, Rebuild, Rebuilt},
    projector::Projector,
};
use serde_json::{Value, json};

use self::bar::Bar;
use crate::{
    cli::RebuildWish,
    models::{OpenLog, Workshop},
    say,
};

pub(crate) use self::all::run as run_for_all;

pub(crate) async fn run(
    workshop: &Workshop,
    projectors: Vec<Arc<dyn Projector>>,
    wish: &RebuildWish,
    as_json: bool,
) -> anyhow::Result<()> {
    for projector in projectors {
        let name = projector.name();
        workshop.must_read(projector.as_ref())?;
        let rebuild = rebuild(workshop, &projector, pace(wish));
        if wish.take_back {
            let position = rebuild.take_back().await?;
            let said = json!({ "projector": name, "taken_back_to": position });
            say(&told(as_json, &said, format!("{name} is as it was at position {position}")))?;
        } else if wish.abandon {
            rebuild.abandon().await?;
            let said = json!({ "projector": name, "abandoned": true });
            say(&told(as_json, &said, format!("{name}: what was begun is forgotten")))?;
        } else {
            let bar = Bar::new();
            let done = rebuild.run(|at| bar.show(name, at, None)).await?;
            bar.end();
            say(&told(as_json, &document(name, &done), summary(name, &done)))?;
        }
    }
    Ok(())
}

/// The rebuild of a read model of the tenant that the workshop is turned to.
fn rebuild(workshop: &Workshop, projector: &Arc<dyn Projector>, pace: Pace) -> Rebuild<OpenLog> {
    let (pool, log) = (workshop.pool.clone(), Arc::clone(&workshop.log));
    Rebuild::new(pool, log, workshop.tenant, Arc::clone(projector)).at(pace)
}

fn pace(wish: &RebuildWish) -> Pace {
    if wish.full_speed { Pace::FULL } else { Pace::GENTLE }
}

fn told(as_json: bool, json: &Value, text: String) -> String {
    if as_json { json.to_string() } else { text }
}

fn document(name: &str, done: &Rebuilt) -> Value {
    json!({ "projector": name, "position": done.position, "events": done.events,
        "rows": done.compared.rows, "changed": done.compared.differ,
        "days": done.days, "differences": done.compared.first })
}

fn summary(name: &str, done: &Rebuilt) -> String {
    let (position, events) = (done.position, done.events);
    let (rows, differ) = (done.compared.rows, done.compared.differ);
    let undone = if done.is_replaced { "; --take-back undoes it" } else { "" };
    format!(
        "{name} was made again from {events} events and stands at position {position}: {differ} of \
         {rows} rows have changed{undone}"
    )
}
