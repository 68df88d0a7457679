//! What a bench of growth measures: time, CPU of this process and of PostgreSQL, and exponents.

use std::{
    collections::BTreeMap,
    fs,
    time::{Duration, Instant},
};

/// Clock ticks of a second: what Linux counts CPU time in.
const TICKS: f64 = 100.0;

/// The costs of requests by size.
#[derive(Default)]
pub(crate) struct Table {
    costs: BTreeMap<(usize, String), Vec<(f64, Duration)>>,
    order: Vec<String>,
}

impl Table {
    /// Writes a cost down and prints it.
    pub(crate) fn row(&mut self, what: &str, size: u64, cost: Duration) {
        let at = self.order.iter().position(|it| it == what).unwrap_or_else(|| {
            self.order.push(what.to_owned());
            self.order.len() - 1
        });
        println!("{what:<52} {size:>9} {:>11}", milliseconds(cost));
        self.costs.entry((at, what.to_owned())).or_default().push((size as f64, cost));
    }

    /// Prints the exponent of each request: the slope of its cost over the size, both as logarithms.
    /// 0 is a cost that does not grow, 1 one that grows with the size, 2 with its square.
    pub(crate) fn exponents(&self) {
        for ((_, what), costs) in &self.costs {
            match slope(costs) {
                Some(slope) => println!("{what:<52} exponent {slope:>5.2}"),
                None => println!("{what:<52} exponent     - (one size only)"),
            }
        }
    }
}

/// The slope of the line through the logarithms, by least squares.
fn slope(costs: &[(f64, Duration)]) -> Option<f64> {
    let points: Vec<(f64, f64)> =
        costs.iter().map(|(size, cost)| (size.ln(), cost.as_secs_f64().max(1e-6).ln())).collect();
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|it| it.0), mean(|it| it.1));
    let spread: f64 = points.iter().map(|it| (it.0 - x).powi(2)).sum();
    let shared: f64 = points.iter().map(|it| (it.0 - x) * (it.1 - y)).sum();
    (f64::EPSILON < spread).then(|| shared / spread)
}

pub(crate) fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

/// The middle of some times.
pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// CPU time that this process has taken.
pub(crate) fn own_cpu() -> Duration {
    ticks(&stat(std::process::id()).unwrap_or_default())
}

/// CPU time that the processes of a PostgreSQL have taken, those that ended included.
pub(crate) fn postgres_cpu(postmaster: u32) -> Duration {
    let own = stat(postmaster).unwrap_or_default();
    let ended = Duration::from_secs_f64((field(&own, 13) + field(&own, 14)) / TICKS);
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let children = pids.filter_map(stat).filter(|it| it.get(1) == Some(&postmaster.to_string()));
    children.map(|it| ticks(&it)).sum::<Duration>() + ticks(&own) + ended
}

/// The fields of `/proc/<pid>/stat` from the state on.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

fn field(stat: &[String], index: usize) -> f64 {
    stat.get(index).and_then(|it| it.parse().ok()).unwrap_or(0.0)
}

fn ticks(stat: &[String]) -> Duration {
    Duration::from_secs_f64((field(stat, 11) + field(stat, 12)) / TICKS)
}

/// What some work takes.
pub(crate) async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let begin = Instant::now();
    let done = work.await;
    (done, begin.elapsed())
}

/// Sizes from the environment, such as `30000,100000`; none skip the part.
pub(crate) fn sizes(name: &str, default: &str) -> Vec<u64> {
    let text = std::env::var(name).unwrap_or_else(|_unset| default.to_owned());
    text.split(',').filter_map(|size| size.trim().parse().ok()).collect()
}
