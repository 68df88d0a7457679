//! How programs share the tenants, and how soon the others see to those of one that is killed.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use daybook_adapters::{
    clock::RandomIds,
    embedded_postgres::{EmbeddedConfig, EmbeddedPostgres},
    log::PostgresLog,
    postgres::{PoolRole, connect_pool},
    vault::{MasterKey, SealedLog, Vault},
};
use daybook_domain::{
    ids::{IdSource as _, TenantId},
    ports::EventLog as _,
};
use daybook_migrations::MIGRATOR;
use daybook_projections::runner::RANGES;
use daybook_testkit::child::Program;
use sqlx::{ConnectOptions as _, PgConnection};
use tempfile::TempDir;
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    load::Dice,
    tally::{assert_nothing_missed_or_duplicated, note_what_is_passed, tally},
    torture::KEY,
    visits::{Writers, book_for_each},
};

/// A lease lasts three seconds, and it is looked for free ones every second.
const WITHIN: TimeDelta = TimeDelta::seconds(5);

/// Who works on which range of tenants, while the leases hold.
async fn held(owner: &mut PgConnection) -> BTreeMap<Uuid, Vec<i32>> {
    let rows: Vec<(Uuid, Vec<i32>)> = sqlx::query_as(
        "SELECT owner, array_agg(range_no) FROM ops.leases \
         WHERE owner IS NOT NULL AND clock_timestamp() < expires_at GROUP BY owner",
    )
    .fetch_all(owner)
    .await
    .unwrap();
    rows.into_iter().collect()
}

/// Waits until so many programs hold all ranges between them, in equal shares.
#[expect(clippy::disallowed_methods, reason = "who holds what is looked at now and then")]
async fn shared_by(owner: &mut PgConnection, programs: usize) -> BTreeMap<Uuid, Vec<i32>> {
    let ranges = usize::try_from(RANGES).unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let held = held(owner).await;
        let all: usize = held.values().map(Vec::len).sum();
        let most = held.values().map(Vec::len).max().unwrap_or_default();
        if held.len() == programs && all == ranges && most <= ranges.div_ceil(programs) {
            return held;
        }
        assert!(Instant::now() < deadline, "{programs} programs do not share: {held:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn now(owner: &mut PgConnection) -> DateTime<Utc> {
    sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(owner).await.unwrap()
}

/// A tenant in every other range.
fn tenants() -> Vec<TenantId> {
    let in_range = |range| {
        let mut bytes = *RandomIds.next_id().as_bytes();
        bytes[15] = u8::try_from(range).unwrap();
        TenantId::new(Uuid::from_bytes(bytes))
    };
    (0..RANGES).step_by(2).map(in_range).collect()
}

fn is_in(tenant: TenantId, ranges: &[i32]) -> bool {
    ranges.contains(&i32::from(tenant.uuid().as_bytes()[15]))
}

/// When the read models of some tenants had all gone on after a moment: that of the last one's first
/// step.
#[expect(clippy::disallowed_methods, reason = "how far runners are is looked at now and then")]
async fn seen_to(owner: &mut PgConnection, of: &[TenantId], since: DateTime<Utc>) -> DateTime<Utc> {
    let ids: Vec<Uuid> = of.iter().map(|tenant| tenant.uuid()).collect();
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let (tenants, last): (i64, Option<DateTime<Utc>>) = sqlx::query_as(
            "SELECT count(*), max(at) FROM (SELECT min(at) AS at FROM public.passed \
             WHERE tenant_id = ANY($1) AND at > $2 GROUP BY tenant_id) AS first",
        )
        .bind(&ids)
        .bind(since)
        .fetch_one(&mut *owner)
        .await
        .unwrap();
        if let Some(last) = last
            && usize::try_from(tenants).unwrap() == of.len()
        {
            return last;
        }
        assert!(Instant::now() < deadline, "{tenants} of {} tenants are seen to", of.len());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_then_five_programs_share_the_tenants_and_four_take_over_within_five_seconds() {
    let folder = TempDir::new().unwrap();
    let config = EmbeddedConfig { max_connections: 250, ..EmbeddedConfig::new(folder.path()) };
    let server = EmbeddedPostgres::start_async(config).await.unwrap();
    let mut owner = server.options().connect().await.unwrap();
    MIGRATOR.run(&mut owner).await.unwrap();
    note_what_is_passed(&mut owner).await;
    let append = connect_pool(server.options(), PoolRole::Append, 4).await.unwrap();
    let (log, tenants) = (PostgresLog::new(append), tenants());
    for tenant in &tenants {
        log.open_tenant(*tenant).await.unwrap();
    }
    let url = server.options().to_url_lossy().to_string();
    let start = || tokio::task::block_in_place(|| Program::serve(&url, KEY)).unwrap();

    let mut programs = vec![start(), start()];
    let (pace, mut dice) = (Duration::from_millis(50), Dice(5));
    let writers = Writers::start(&log, &tenants, 2, pace, &mut dice);
    shared_by(&mut owner, 2).await;
    programs.extend([start(), start(), start()]);
    let five = shared_by(&mut owner, 5).await;

    let killed_at = now(&mut owner).await;
    programs.swap_remove(2).kill();
    // Whatever is seen from here on is another's work, and there is some for every tenant.
    let gone_at = now(&mut owner).await;
    book_for_each(&log, &tenants).await;
    let four = shared_by(&mut owner, 4).await;
    let leases_after = now(&mut owner).await - killed_at;
    let (_, orphaned) = five.iter().find(|(id, _)| !four.contains_key(id)).unwrap();
    let orphans: Vec<TenantId> =
        tenants.iter().copied().filter(|tenant| is_in(*tenant, orphaned)).collect();
    assert!(!orphans.is_empty(), "the killed program had no tenant");
    let took = seen_to(&mut owner, &orphans, gone_at).await - killed_at;
    println!(
        "{} tenants of the killed program were seen to by others after {} ms, its leases taken after {} ms",
        orphans.len(),
        took.num_milliseconds(),
        leases_after.num_milliseconds()
    );
    assert!(took < WITHIN, "{took}");

    writers.stop().await;
    let pool = connect_pool(server.options(), PoolRole::Projector, 4).await.unwrap();
    let keys = connect_pool(server.options(), PoolRole::Vault, 2).await.unwrap();
    let vault = Vault::open(keys, MasterKey::parse(KEY).unwrap()).await.unwrap();
    let tallies = tally(&pool, &SealedLog::new(log, vault), &tenants, Duration::from_mins(1)).await;
    assert_nothing_missed_or_duplicated(&tallies);
    drop(programs);
    server.stop_async().await;
}
