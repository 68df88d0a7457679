//! Tells what would have been: a table, then the list.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use serde::Serialize;
use serde_json::json;

use super::{
    Asked, Decided, Outcome, Refused, Row, Simulation, Sums, Tried, Unfaithful, WhatIf, changes,
    outcome::Difference, simulate,
};
use crate::{cli::SimulateWish, say, source::History};

/// Simulates, after the control if it is wished, and tells what came of it. Without changes the run is
/// the control itself, and fails if anything comes out otherwise.
pub(crate) async fn run(
    history: &History,
    wish: &SimulateWish,
    as_json: bool,
) -> anyhow::Result<()> {
    let changes = wish.changes.as_deref().map(changes::read_file).transpose()?;
    let is_control = changes.is_none() && !wish.take_refused;
    let mut what_if = WhatIf {
        changes: changes.unwrap_or_default(),
        asked: Asked::of(history).await?,
        take_refused: wish.take_refused,
        from: wish.from,
        to: wish.to,
        unfaithful: Unfaithful::default(),
    };
    if wish.control && !is_control {
        let asked = what_if.asked.clone();
        let control = WhatIf { asked, ..WhatIf::default() };
        let control = simulate(history.log(), history.tenant, &control).await?;
        what_if.unfaithful = control.differing();
    }
    let began = Instant::now();
    let found = simulate(history.log(), history.tenant, &what_if).await?;
    let took = began.elapsed();
    if as_json {
        documents(&found)?;
    } else {
        tables(&found, wish.control || is_control)?;
        lists(&found, wish.limit)?;
        tell_rate(found.events, took.as_secs_f64());
    }
    let differing = found.differing();
    anyhow::ensure!(
        !is_control || differing == Unfaithful::default(),
        "not simulated faithfully: without changes, {} decisions and {} refusals come out otherwise",
        differing.decisions.len(),
        differing.attempts.len()
    );
    Ok(())
}

#[expect(clippy::print_stderr, reason = "it is about the run, not about what was found")]
#[expect(clippy::cast_precision_loss, reason = "a rate is told, not reckoned with")]
fn tell_rate(events: u64, seconds: f64) {
    let rate = events as f64 / seconds.max(0.001);
    eprintln!("{events} events in {seconds:.1} s, {rate:.0} a second");
}

/// How often what came out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
struct Counts {
    decisions: u64,
    same: u64,
    changed: u64,
    refused: u64,
    moot: u64,
}

impl Counts {
    fn add(&mut self, outcome: &Outcome) {
        self.decisions += 1;
        *match outcome {
            Outcome::Same => &mut self.same,
            Outcome::Changed { .. } => &mut self.changed,
            Outcome::Refused(_) => &mut self.refused,
            Outcome::Moot => &mut self.moot,
        } += 1;
    }
}

fn counts(found: &Simulation) -> (Counts, BTreeMap<&'static str, Counts>) {
    let (mut all, mut by_kind) = (Counts::default(), BTreeMap::<_, Counts>::new());
    for it in &found.decided {
        all.add(&it.outcome);
        by_kind.entry(it.kind).or_default().add(&it.outcome);
    }
    (all, by_kind)
}

/// Refusals by their codes.
fn codes(found: &Simulation) -> BTreeMap<&str, u64> {
    let mut codes = BTreeMap::new();
    for it in &found.decided {
        if let Outcome::Refused(refused) = &it.outcome {
            *codes.entry(refused.code.as_str()).or_default() += 1;
        }
    }
    codes
}

/// One document per line: the summary, then everything that came out otherwise.
fn documents(found: &Simulation) -> anyhow::Result<()> {
    let (all, by_kind) = counts(found);
    let accepted = found.tried.iter().filter(|it| it.is_accepted).count();
    let summary = json!({
        "events": found.events,
        "total": all,
        "by_kind": by_kind,
        "refused_by_code": codes(found),
        "refused_before": found.tried.len(),
        "now_accepted": accepted,
        "not_simulated_faithfully": found.unfaithful.len(),
        "fees": found.fees,
        "rows": found.rows,
    });
    say(&json!({ "summary": summary }).to_string())?;
    for it in found.decided.iter().filter(|it| it.outcome != Outcome::Same) {
        say(&json!({ "decision": it }).to_string())?;
    }
    for it in found.tried.iter().filter(|it| it.is_accepted) {
        say(&json!({ "now_accepted": it }).to_string())?;
    }
    for it in &found.unfaithful {
        say(&json!({ "not_simulated_faithfully": it }).to_string())?;
    }
    Ok(())
}

fn tables(found: &Simulation, had_control: bool) -> anyhow::Result<()> {
    let (all, by_kind) = counts(found);
    let head = ["", "decisions", "same", "changed", "refused", "moot"];
    say(&format!(
        "{:<18}{:>10}{:>10}{:>10}{:>10}{:>10}",
        head[0], head[1], head[2], head[3], head[4], head[5]
    ))?;
    for (kind, it) in by_kind.iter().map(|(kind, it)| (*kind, it)).chain([("all", &all)]) {
        let Counts { decisions, same, changed, refused, moot } = it;
        say(&format!("{kind:<18}{decisions:>10}{same:>10}{changed:>10}{refused:>10}{moot:>10}"))?;
    }
    for (code, count) in codes(found) {
        say(&format!("  refused with {code}: {count}"))?;
    }
    let accepted = found.tried.iter().filter(|it| it.is_accepted).count();
    say(&format!("refused then, by receipts: {}; accepted now: {accepted}", found.tried.len()))?;
    if had_control {
        say(&format!("not simulated faithfully: {}", found.unfaithful.len()))?;
    } else {
        say("no control was run: --control tells what is not simulated faithfully")?;
    }
    for (currency, fees) in &found.fees {
        let (before, after) = (amount(fees.before), amount(fees.after));
        say(&format!("fees: {before} {currency} then, {after} {currency} now"))?;
    }
    let differs = |it: &&Row| it.before != it.after;
    for row in found.rows.iter().filter(differs) {
        say(&line_of(row))?;
    }
    Ok(())
}

fn line_of(row: &Row) -> String {
    let name = row.name.clone().unwrap_or_else(|| row.id.to_string());
    let (Sums { appointments, minutes, revenue_minor }, after) = (row.before, row.after);
    format!(
        "{} {name}: {appointments} appointments then, {} now ({:+}); {minutes} minutes, {} ({:+}); \
         {} {}, {} ({})",
        row.of,
        after.appointments,
        i128::from(after.appointments) - i128::from(appointments),
        after.minutes,
        after.minutes - minutes,
        amount(revenue_minor),
        row.currency,
        amount(after.revenue_minor),
        signed(after.revenue_minor.saturating_sub(revenue_minor)),
    )
}

/// Minor units as people write them; every currency is shown with two decimals.
fn amount(minor: i64) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let minor = minor.unsigned_abs();
    format!("{sign}{}.{:02}", minor / 100, minor % 100)
}

fn signed(minor: i64) -> String {
    if minor < 0 { amount(minor) } else { format!("+{}", amount(minor)) }
}

/// What came out otherwise, at most `limit` of each kind.
fn lists(found: &Simulation, limit: usize) -> anyhow::Result<()> {
    let otherwise = found.decided.iter().filter(|it| it.outcome != Outcome::Same);
    some(otherwise.map(told), limit)?;
    some(found.tried.iter().filter(|it| it.is_accepted).map(told_attempt), limit)?;
    let unfaithful = found.unfaithful.iter();
    some(unfaithful.map(|it| format!("not simulated faithfully: {}", told(it))), limit)
}

fn some(lines: impl Iterator<Item = String>, limit: usize) -> anyhow::Result<()> {
    let mut lines = lines.fuse();
    for line in lines.by_ref().take(limit) {
        say(&line)?;
    }
    match lines.count() {
        0 => Ok(()),
        rest => say(&format!("  and {rest} more: --limit tells more of them, --json all")),
    }
}

fn told(it: &Decided) -> String {
    let about = &it.about;
    let id = about.appointment_id.map(|id| format!(" {id}"));
    let id = id.or_else(|| about.series_id.map(|id| format!(" series {id}")));
    let id = id.or_else(|| about.hold_id.map(|id| format!(" hold {id}"))).unwrap_or_default();
    let start = about.starts_at.map(|at| format!(" for {}", at.format("%Y-%m-%d %H:%MZ")));
    let what = match &it.outcome {
        Outcome::Same => "the same".to_owned(),
        Outcome::Moot => "moot".to_owned(),
        Outcome::Refused(refused) => {
            format!("refused: {} ({}){}", refused.code, refused.message, reasons(refused))
        }
        Outcome::Changed { differences } => {
            let all: Vec<_> = differences.iter().map(told_difference).collect();
            format!("changed: {}", all.join(", "))
        }
    };
    let at = it.at.format("%Y-%m-%d %H:%M:%SZ");
    let (position, start) = (it.position, start.unwrap_or_default());
    format!("{position:>8}  {at}  {}{id}{start}: {what}", it.kind)
}

/// The codes of all reasons, if there is more to say than the code of the refusal.
fn reasons(refused: &Refused) -> String {
    let all = refused.details.as_ref().and_then(|it| it.get("reasons")?.as_array());
    let codes = all.into_iter().flatten().filter_map(|it| it.get("code")?.as_str());
    let codes: BTreeSet<_> = codes.collect();
    if codes.len() < 2 {
        return String::new();
    }
    format!(" for {}", codes.into_iter().collect::<Vec<_>>().join(", "))
}

fn told_difference(it: &Difference) -> String {
    format!("{} {} -> {}", it.field, it.before, it.after)
}

fn told_attempt(it: &Tried) -> String {
    let at = it.at.format("%Y-%m-%d %H:%M:%SZ");
    let start = it.about.starts_at.map(|at| format!(" for {}", at.format("%Y-%m-%d %H:%MZ")));
    let brings = it
        .booking
        .as_ref()
        .map(|it| format!(": {} {}", amount(it.price.amount_minor), it.price.currency));
    format!(
        "receipt {}  {at}  {}{}: refused with {}, accepted now{}",
        it.receipt_id,
        it.kind,
        start.unwrap_or_default(),
        it.code,
        brings.unwrap_or_default()
    )
}
