//! Runners are killed, PostgreSQL is killed, a stranger keeps a transaction open, half-way everything
//! moves to another cluster: nothing is missed, nothing is applied twice.

mod moved;
mod stranger;

use std::{path::Path, time::Duration};

use daybook_adapters::{
    clock::RandomIds,
    embedded_postgres::{EmbeddedConfig, EmbeddedPostgres},
    log::PostgresLog,
    postgres::{PoolRole, connect_pool},
    vault::{MasterKey, SealedLog, Vault},
};
use daybook_domain::{
    event_log::Head,
    ids::{IdSource as _, TenantId},
    ports::EventLog as _,
};
use daybook_migrations::MIGRATOR;
use daybook_testkit::child::Program;
use sqlx::{ConnectOptions as _, Connection as _, PgPool, postgres::PgConnectOptions};
use tempfile::TempDir;

use self::{
    moved::Dump,
    stranger::{End, Stranger},
};
use super::{
    load::Dice,
    tally::{assert_nothing_missed_or_duplicated, note_what_is_passed, tally},
    visits::Writers,
};

pub(super) const KEY: &str = "7777777777777777777777777777777777777777777777777777777777777777";
/// Repeats a run: the number that it printed.
const SEED: &str = "DAYBOOK_TORTURE_SEED";
const TENANTS: usize = 4;
const WRITERS: usize = 6;
const RUNNERS: usize = 3;
/// A writer's pause after an append: without it there would be too little time for mischief.
const PACE: Duration = Duration::from_millis(100);

/// How hard it is.
#[derive(Clone, Copy)]
struct Trial {
    /// Events at least.
    events: u64,
    /// How often a runner is killed, on each of the two clusters.
    kills: usize,
    /// How often PostgreSQL is killed, on each: more than five times within a minute would be the end
    /// of it.
    crashes: usize,
    /// How long a stranger keeps a transaction open, on each.
    hold: Duration,
    /// How long the runners may take to catch up in the end.
    patience: Duration,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_runners_and_databases_miss_nothing_and_apply_nothing_twice() {
    let (hold, patience) = (Duration::from_secs(2), Duration::from_mins(1));
    torture(Trial { events: 4_000, kills: 4, crashes: 2, hold, patience }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the same over 200,000 events: cargo test -p daybook-tests --test it -- --ignored tortured_for_long --nocapture"]
async fn tortured_for_long() {
    let (hold, patience) = (Duration::from_secs(65), Duration::from_mins(10));
    torture(Trial { events: 200_000, kills: 20, crashes: 5, hold, patience }).await;
}

/// What is done to the system once so many events are in.
struct Deed {
    at: u64,
    what: Harm,
}

#[derive(Clone, Copy)]
enum Harm {
    /// Some runner is killed.
    Runner(usize),
    /// PostgreSQL is killed.
    Database,
}

/// At random moments, in random order.
fn deeds(trial: &Trial, dice: &mut Dice) -> Vec<Deed> {
    let goal = usize::try_from(trial.events / 2).unwrap();
    let mut harms: Vec<Harm> =
        (0..trial.kills).map(|_| Harm::Runner(dice.below(RUNNERS))).collect();
    for _ in 0..trial.crashes {
        harms.insert(dice.below(harms.len() + 1), Harm::Database);
    }
    let mut moments: Vec<u64> = harms.iter().map(|_| dice.below(goal) as u64).collect();
    moments.sort_unstable();
    moments.into_iter().zip(harms).map(|(at, what)| Deed { at, what }).collect()
}

/// Programs that project.
struct Runners {
    url: String,
    programs: Vec<Option<Program>>,
}

impl Runners {
    fn start(database: &PgConnectOptions) -> Self {
        let url = database.to_url_lossy().to_string();
        let mut runners = Self { url, programs: (0..RUNNERS).map(|_| None).collect() };
        runners.revive();
        runners
    }

    /// Starts those that do not run. One that finds no database tries again next time.
    fn revive(&mut self) {
        for program in &mut self.programs {
            if program.as_mut().is_none_or(|program| !program.is_running()) {
                *program = tokio::task::block_in_place(|| Program::serve(&self.url, KEY));
            }
        }
    }

    fn kill(&mut self, victim: usize) {
        if let Some(program) = self.programs[victim].take() {
            program.kill();
        }
    }

    fn is_any_running(&mut self) -> bool {
        self.programs.iter_mut().flatten().any(Program::is_running)
    }
}

/// A cluster with the logs, and what the test itself uses of it.
struct House {
    server: EmbeddedPostgres,
    options: PgConnectOptions,
    log: PostgresLog,
    pool: PgPool,
}

impl House {
    async fn start(folder: &Path) -> EmbeddedPostgres {
        // Each program takes up to 44 connections; the usual number is meant for one.
        let config = EmbeddedConfig { max_connections: 200, ..EmbeddedConfig::new(folder) };
        EmbeddedPostgres::start_async(config).await.unwrap()
    }

    async fn open(server: EmbeddedPostgres) -> Self {
        let options = server.options();
        let pool = connect_pool(options.clone(), PoolRole::Append, 8).await.unwrap();
        Self { server, options, log: PostgresLog::new(pool.clone()), pool }
    }

    async fn heads(&self) -> Vec<Head> {
        self.log.heads(None, 100).await.unwrap()
    }

    async fn close(self) {
        self.pool.close().await;
        self.server.stop_async().await;
    }

    /// Writers write half of all events, whatever is done to runners and database meanwhile. Answers
    /// how many they are, and the runners, which may be far behind.
    async fn endure(
        &self,
        tenants: &[TenantId],
        (trial, end): (&Trial, End),
        dice: &mut Dice,
    ) -> (u64, Runners) {
        let mut runners = Runners::start(&self.options);
        let mut stranger = Some(Stranger::begin(&self.options, trial.hold, end).await);
        let writers = Writers::start(&self.log, tenants, WRITERS, PACE, dice);
        let mut crashes = 0;
        for Deed { at, what } in deeds(trial, dice) {
            writers.wait_for(at).await;
            match what {
                Harm::Runner(victim) => runners.kill(victim),
                Harm::Database => {
                    // A crash would end the stranger's transaction before its time.
                    if let Some(stranger) = stranger.take() {
                        stranger.ended().await;
                    }
                    crashes += 1;
                    self.crash(crashes);
                }
            }
            runners.revive();
        }
        writers.wait_for(trial.events.div_ceil(2)).await;
        if let Some(stranger) = stranger.take() {
            stranger.ended().await;
        }
        runners.revive();
        assert!(runners.is_any_running(), "no runner runs");
        (writers.stop().await, runners)
    }

    /// Kills PostgreSQL without a warning, and waits until it runs again.
    fn crash(&self, crashes: u32) {
        let Some(process) = self.server.pid() else { return };
        tokio::task::block_in_place(|| {
            let mut kill = std::process::Command::new("kill");
            assert!(kill.args(["-9", &process.to_string()]).status().unwrap().success());
            assert!(self.server.wait_for_restarts(crashes, Duration::from_mins(1)));
        });
    }

    /// Every read model reaches the head and is what a fold of the log says; the chain is whole.
    #[expect(clippy::print_stdout, reason = "seen with --nocapture")]
    async fn check(&self, tenants: &[TenantId], patience: Duration) {
        let pool = connect_pool(self.options.clone(), PoolRole::Projector, 4).await.unwrap();
        let keys = connect_pool(self.options.clone(), PoolRole::Vault, 2).await.unwrap();
        let vault = Vault::open(keys, MasterKey::parse(KEY).unwrap()).await.unwrap();
        let log = SealedLog::new(self.log.clone(), vault);
        let tallies = tally(&pool, &log, tenants, patience).await;
        for tally in &tallies {
            println!("{tally}");
        }
        assert_nothing_missed_or_duplicated(&tallies);
        let url = self.options.to_url_lossy().to_string();
        for tenant in tenants {
            let tenant = tenant.to_string();
            let args = ["daybook-replay", "--database-url", &url, "--tenant", &tenant];
            let args = args.iter().chain(&["--master-key", KEY, "verify"]).map(Into::into);
            let code = daybook_replay_tools::run(args.collect::<Vec<_>>()).await;
            let success = std::process::ExitCode::SUCCESS;
            assert_eq!(format!("{code:?}"), format!("{success:?}"), "verify of {tenant}");
        }
    }
}

/// The number that all choices of this run follow from.
#[expect(clippy::print_stdout, reason = "a run that fails is repeated with it")]
fn seed() -> u64 {
    let given = std::env::var(SEED).ok().map(|seed| seed.parse().unwrap());
    let seed = given.unwrap_or_else(|| RandomIds.next_id().as_u64_pair().1);
    println!("{SEED}={seed}");
    seed
}

#[expect(clippy::print_stdout, reason = "seen with --nocapture")]
async fn torture(trial: Trial) {
    let mut dice = Dice(seed());
    let folder = TempDir::new().unwrap();
    let first = House::start(&folder.path().join("first")).await;
    let mut owner = first.options().connect().await.unwrap();
    MIGRATOR.run(&mut owner).await.unwrap();
    note_what_is_passed(&mut owner).await;
    owner.close().await.unwrap();
    let first = House::open(first).await;
    let tenants: Vec<TenantId> = (0..TENANTS).map(|_| TenantId::new(RandomIds.next_id())).collect();
    for tenant in &tenants {
        first.log.open_tenant(*tenant).await.unwrap();
    }
    let (before, runners) = first.endure(&tenants, (&trial, End::Commit), &mut dice).await;

    // The writers pause. The runners do not: they are somewhere on their way when it is dumped.
    let dump = Dump::of(&first.options, folder.path()).await;
    drop(runners);
    let heads = first.heads().await;
    first.close().await;
    let second = House::start(&folder.path().join("second")).await;
    dump.restore(&second.options()).await;
    let second = House::open(second).await;
    assert_eq!(second.heads().await, heads, "what was restored is the log of before");
    let behind = moved::behind(&second.options).await;
    println!("restored {before} events, the read models {behind} behind all together");

    let (after, runners) = second.endure(&tenants, (&trial, End::Rollback), &mut dice).await;
    let there: u64 = second.heads().await.iter().map(|head| head.position.0).sum();
    assert_eq!(there, before + after, "the log holds what was acknowledged, and once");
    assert!(trial.events <= there);
    second.check(&tenants, trial.patience).await;
    stranger::assert_only_the_first_is_there(&second.options).await;
    drop(runners);
    second.close().await;
}
