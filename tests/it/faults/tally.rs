//! What every projector has passed, noted by the database itself, against what it should have.

use std::{fmt, sync::Arc, time::Duration};

use daybook_adapters::{log::PostgresLog, vault::SealedLog};
use daybook_domain::{event_log::Position, ids::TenantId, ports::EventLog as _};
use daybook_projections::{
    aside::compare_with_live, projector::Projector, registry::projectors, runner::Checkpoints,
};
use sqlx::{Executor as _, PgConnection, PgPool};

/// Whatever moves a checkpoint leaves a line, in the same transaction: it is there if and only if the
/// rows are for which the checkpoint stands.
const NOTES: &str = "
    CREATE TABLE public.passed (
        tenant_id uuid, projector text, after bigint, upto bigint,
        at timestamptz DEFAULT clock_timestamp());
    CREATE FUNCTION public.note_passed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO public.passed (tenant_id, projector, after, upto)
        VALUES (NEW.tenant_id, NEW.projector, OLD.position, NEW.position);
        RETURN NULL;
    END $$;
    CREATE TRIGGER note_passed AFTER UPDATE OF position ON ops.checkpoints
        FOR EACH ROW EXECUTE FUNCTION public.note_passed();
    GRANT SELECT ON public.passed TO daybook_projector;
";

/// From here on the database notes what each projector passes.
pub(super) async fn note_what_is_passed(owner: &mut PgConnection) {
    owner.execute(NOTES).await.unwrap();
}

/// What became of the events of some tenants in one read model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    projector: &'static str,
    /// Events in the histories.
    pub(super) events: u64,
    /// Events that no step of the projector covers, or that are parked.
    missed: u64,
    /// Times that a step covers an event that an earlier one has covered.
    duplicated: u64,
    /// Rows, live or by a fold of the log.
    rows: u64,
    /// Rows that are not what the log says, the first of them told.
    differ: u64,
    first: Vec<String>,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { projector, events, missed, duplicated, rows, differ, first } = self;
        write!(
            f,
            "{projector}: missed = {missed}, duplicated = {duplicated} of {events} events, \
             {differ} of {rows} rows differ"
        )?;
        first.iter().try_for_each(|it| write!(f, "\n  {it}"))
    }
}

/// Waits until every projector has reached the heads of the tenants, and says what it found, once per
/// projector.
pub(super) async fn tally(
    pool: &PgPool,
    log: &SealedLog<PostgresLog>,
    tenants: &[TenantId],
    patience: Duration,
) -> Vec<Tally> {
    let checkpoints = Checkpoints::new(pool.clone());
    let mut all = Vec::new();
    for projector in projectors() {
        let mut sum = Tally { projector: projector.name(), ..Tally::default() };
        for tenant in tenants {
            let head = log.head(*tenant).await.unwrap().unwrap().position;
            // Whoever does not get there has missed the rest.
            let _reached = checkpoints.wait_for(*tenant, projector.as_ref(), head, patience).await;
            let (missed, duplicated) = passed(pool, *tenant, projector.name(), head).await;
            sum.events += head.0;
            sum.missed += missed + parked(pool, *tenant, projector.name()).await;
            sum.duplicated += duplicated;
            hold_against_the_log(pool, log, *tenant, &projector, &mut sum).await;
        }
        all.push(sum);
    }
    all
}

/// Nothing was missed, nothing came twice, every row is what the log says.
pub(super) fn assert_nothing_missed_or_duplicated(tallies: &[Tally]) {
    let wrong: Vec<String> = tallies
        .iter()
        .filter(|it| it.missed + it.duplicated + it.differ != 0 || it.rows == 0)
        .map(Tally::to_string)
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// How many positions up to the head were passed by no step, and how many times one was passed again.
async fn passed(pool: &PgPool, tenant: TenantId, projector: &str, head: Position) -> (u64, u64) {
    let steps: Vec<(i64, i64)> = sqlx::query_as(
        "SELECT after, upto FROM public.passed WHERE tenant_id = $1 AND projector = $2 \
         ORDER BY after, upto",
    )
    .bind(tenant.uuid())
    .bind(projector)
    .fetch_all(pool)
    .await
    .unwrap();
    let (mut reached, mut missed, mut duplicated) = (0, 0, 0);
    for (after, upto) in steps {
        missed += (after - reached).max(0);
        duplicated += (reached.min(upto) - after).max(0);
        reached = reached.max(upto);
    }
    missed += (head.0.cast_signed() - reached).max(0);
    (missed.cast_unsigned(), duplicated.cast_unsigned())
}

/// How many events wait for someone to look at them.
async fn parked(pool: &PgPool, tenant: TenantId, projector: &str) -> u64 {
    let events: i64 = sqlx::query_scalar(
        "SELECT coalesce(sum(1 + events_behind), 0)::bigint FROM ops.parked \
         WHERE tenant_id = $1 AND projector = $2",
    )
    .bind(tenant.uuid())
    .bind(projector)
    .fetch_one(pool)
    .await
    .unwrap();
    events.cast_unsigned()
}

async fn hold_against_the_log(
    pool: &PgPool,
    log: &SealedLog<PostgresLog>,
    tenant: TenantId,
    projector: &Arc<dyn Projector>,
    sum: &mut Tally,
) {
    let (log, it) = (Arc::new(log.clone()), Arc::clone(projector));
    let found = compare_with_live(pool, log, tenant, it, &[], 3).await.unwrap();
    assert_eq!(found.digest, found.kept, "{projector:?} of {tenant}");
    let compared = found.compared;
    sum.rows += compared.rows;
    sum.differ += compared.differ;
    sum.first.extend(compared.first.iter().map(|it| format!("{tenant}: {it:?}")));
}
