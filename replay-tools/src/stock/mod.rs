//! Brings the history of a system that runs on stock postgres-es into an empty tenant: looked over
//! first, all of it, and written only if nothing is wrong; sealed on the way, in one transaction.

mod carry;
mod opening;
mod report;
mod survey;
mod translate;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use clap::Args;
use daybook_adapters::{
    clock::{Clock as _, RandomIds, SystemClock},
    log::{
        stock::{StockHistory, TableName},
        transfer::Transfer,
    },
};
use daybook_domain::ids::{IdSource as _, TenantId};
use sqlx::{ConnectOptions as _, postgres::PgConnectOptions};

use self::{survey::Survey, translate::Rules};
use crate::{
    models::SecretText,
    source::{Operator, Source},
    verify::verify,
};

pub use self::{report::StockReport, survey::Fault};

/// What is read, and how it is understood.
#[derive(Clone, Debug, Default, Args)]
pub struct StockWish {
    /// The table of the events. Unless said otherwise, `events`.
    #[arg(long, requires = "from_postgres_es")]
    pub table: Option<TableName>,
    /// The field of the metadata with the instant at which an event happened (RFC 3339). It orders
    /// the history and becomes the time at which it was recorded. Without it stream comes after
    /// stream, recorded now.
    #[arg(long, value_name = "FIELD", requires = "from_postgres_es")]
    pub instant: Option<String>,
    /// The field of the metadata that says who did it. It must not be personal data: what it holds
    /// stays readable for ever.
    #[arg(long, value_name = "FIELD", requires = "from_postgres_es")]
    pub actor: Option<String>,
    /// Opens the tenant under this name, before everything else, if its history has no event that
    /// does.
    #[arg(long, value_name = "NAME", requires = "from_postgres_es")]
    pub open: Option<String>,
    /// Leaves out what is of this aggregate type or event type; may be given several times.
    #[arg(long, value_name = "TYPE", requires = "from_postgres_es")]
    pub leave_out: Vec<String>,
    /// Looks it over and tells what would be brought in, and what is wrong. Writes nothing.
    #[arg(long, requires = "from_postgres_es")]
    pub dry_run: bool,
    /// At most so many faults are told.
    #[arg(long, requires = "from_postgres_es")]
    pub faults: Option<usize>,
}

impl StockWish {
    /// Faults that are told unless the wish says how many.
    const FAULTS: usize = 100;

    fn table(&self) -> anyhow::Result<TableName> {
        self.table.clone().map_or_else(|| Ok("events".parse()?), Ok)
    }
}

/// Where a stock history comes from and goes to.
#[derive(Clone, Copy, Debug)]
pub struct StockImport<'a> {
    /// The database of the stock system.
    pub from: &'a str,
    /// The database that takes it.
    pub into: &'a Source,
    /// The tenant; it must have no events.
    pub tenant: TenantId,
    /// The key that wraps those of the customers, needed if there are personal data.
    pub master_key: Option<&'a SecretText>,
    /// When this is.
    pub now: DateTime<Utc>,
}

/// Looks a history over and, if nothing is wrong and the wish is no dry run, brings it in and
/// verifies it. Where something is wrong, the report says what, and nothing was written.
pub async fn import_stock(
    import: &StockImport<'_>,
    wish: &StockWish,
) -> anyhow::Result<StockReport> {
    let options: PgConnectOptions = import.from.parse().map_err(|_may_hold_a_password| {
        anyhow::anyhow!("--from-postgres-es is no URL of a PostgreSQL database")
    })?;
    let options = options.application_name("daybook-replay").disable_statement_logging();
    let history = StockHistory::open(options, wish.table()?).await?;
    let mut operator = import.into.operator().await?;
    let done = carry_out(import, wish, &history, &mut operator).await;
    operator.close().await;
    history.close().await;
    let mut report = done?;
    if report.imported {
        // What was written is read back, as any auditor would.
        let written = import.into.open(import.tenant.uuid()).await?;
        let verified = verify(&written).await;
        written.close().await;
        let verified =
            verified.context("the import was committed, but what is there now does not verify")?;
        anyhow::ensure!(
            verified.events == report.events,
            "{} events were written, but {} are there",
            report.events,
            verified.events
        );
        report.head_hash = Some(verified.hash);
    }
    Ok(report)
}

async fn carry_out(
    import: &StockImport<'_>,
    wish: &StockWish,
    history: &StockHistory,
    operator: &mut Operator,
) -> anyhow::Result<StockReport> {
    let rules = Rules {
        tenant: import.tenant,
        instant: wish.instant.clone(),
        actor: wish.actor.clone(),
        now: import.now,
        thread: RandomIds.next_id().to_string(),
    };
    let keys = operator.keys(import.master_key, import.into).await?;
    // From here on nobody else can write to the tenant; dropped, it leaves nothing.
    let mut transfer = Transfer::begin(&mut operator.connection, import.tenant).await?;
    let limit = wish.faults.unwrap_or(StockWish::FAULTS);
    let survey = Survey::of(history, &rules, &wish.leave_out, limit).await?;
    let mut report = StockReport::of(&survey, import.tenant, keys.are_there);
    let opening = wish.open.as_deref().filter(|_| !report.is_opened);
    let opening = opening.map(|name| opening::opening(&rules, name)).transpose()?;
    if opening.is_some() {
        (report.events, report.streams, report.is_opened) =
            (report.events + 1, report.streams + 1, true);
    }
    if wish.dry_run || !report.is_clean() {
        return Ok(report);
    }
    anyhow::ensure!(
        survey.personal == 0 || keys.are_there,
        "{} events hold personal data, which cannot be sealed without the master key: \
         DAYBOOK_MASTER_KEY or --master-key",
        survey.personal
    );
    anyhow::ensure!(
        keys.are_there,
        "the key of the tenant cannot be made without the master key: DAYBOOK_MASTER_KEY or --master-key"
    );
    if let Some((place, event)) = opening {
        let recorded_at = survey.order.first().map_or(rules.now, |first| first.recorded_at);
        transfer.new_event(place, event, recorded_at).await?;
    }
    // Keys that open nothing are not to be left behind: they are kept when all is written.
    let vault = keys.vault.staging();
    vault.make_tenant_key(import.tenant).await?;
    carry::carry(history, &survey, &rules, &vault, &mut transfer).await?;
    anyhow::ensure!(
        history.census().await? == survey.kinds,
        "events were written to the stock system meanwhile: stop it first"
    );
    let written = transfer.finish().await?;
    vault.keep_made(import.tenant).await?;
    written.commit().await.context("the keys of the customers are in the vault already")?;
    report.imported = true;
    Ok(report)
}

pub(crate) async fn run(
    (from, into): (&str, &Source),
    tenant: Option<TenantId>,
    wish: &StockWish,
    master_key: Option<&SecretText>,
    as_json: bool,
) -> anyhow::Result<()> {
    let tenant = tenant.context("--tenant is missing: which tenant takes the history?")?;
    let import = StockImport { from, into, tenant, master_key, now: SystemClock.now() };
    let report = import_stock(&import, wish).await?;
    report.tell(wish.dry_run, as_json)
}
