//! A person's rights, for operators: who waits to be forgotten, the wish and its withdrawal, erasure at
//! once, and everything that is kept of a person.

use std::{path::Path, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use clap::ValueEnum;
use daybook_adapters::{
    clock::{Clock as _, RandomIds, SystemClock},
    erasure::{Eraser, EraserParts, Erasing},
};
use daybook_domain::{
    commands::One,
    customer::{Customer, CustomerCommand, ErasureReason, GRACE},
    dispatch::{CommandContext, Dispatcher},
    ids::{CustomerId, TenantId},
    refusal::Refusal,
};
use daybook_projections::{
    customers::{self, CustomerFilter, CustomerRow, Customers, Erasure},
    person,
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    cli::{EraseCommand, PersonWish},
    document::{NewFile, instant},
    models::Workshop,
    say,
};

/// People on a page of the list.
const PAGE: u32 = 100;

/// Why somebody is forgotten: the grounds of article 17(1) of the GDPR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Reason {
    /// The person asked for it.
    Requested,
    /// The person no longer agrees to the data being kept.
    ConsentWithdrawn,
    /// The person objects to what is done with the data.
    Objected,
    /// The data have served their purpose.
    NoLongerNeeded,
    /// The data should not have been kept.
    Unlawful,
    /// A law demands it.
    LegalDuty,
}

/// How a person is written to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PersonFormat {
    /// One document.
    Json,
    /// One value a line: `section,record,field,value`.
    Csv,
}

impl From<Reason> for ErasureReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Requested => Self::Requested,
            Reason::ConsentWithdrawn => Self::ConsentWithdrawn,
            Reason::Objected => Self::Objected,
            Reason::NoLongerNeeded => Self::NoLongerNeeded,
            Reason::Unlawful => Self::Unlawful,
            Reason::LegalDuty => Self::LegalDuty,
        }
    }
}

pub(crate) async fn run(
    workshop: &Workshop,
    command: &EraseCommand,
    as_json: bool,
) -> anyhow::Result<()> {
    let now = SystemClock.now();
    match command {
        EraseCommand::List => list(workshop, as_json).await,
        EraseCommand::Request { customer, grace_days } => {
            let grace = grace_days.map_or(GRACE, |days| TimeDelta::days(days.into()));
            let wish = CustomerCommand::RequestErasure { at: now, due_at: now + grace };
            ask(workshop, (*customer, now), wish).await?;
            tell(*customer, "is forgotten when the grace is over", as_json)
        }
        EraseCommand::Withdraw { customer } => {
            let withdraw = CustomerCommand::WithdrawErasure { at: now };
            ask(workshop, (*customer, now), withdraw).await?;
            tell(*customer, "stays", as_json)
        }
        EraseCommand::Now { customer, reason } => {
            forget(workshop, (*customer, now), (*reason).into()).await?;
            tell(*customer, "is forgotten", as_json)
        }
    }
}

fn tell(customer: Uuid, said: &str, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        return say(&json!({ "customer_id": customer, "said": said }).to_string());
    }
    say(&format!("{customer} {said}"))
}

/// Who waits to be forgotten, and until when. Names are nobody's business here.
async fn list(workshop: &Workshop, as_json: bool) -> anyhow::Result<()> {
    let filter = CustomerFilter { erasure: Some(Erasure::Pending), ..CustomerFilter::default() };
    let (mut after, mut count) = (None, 0);
    loop {
        let mut connection = workshop.pool.acquire().await?;
        let tenant = workshop.tenant;
        let rows = customers::list(&mut connection, tenant, &filter, after, PAGE).await?;
        let Some(last) = rows.last() else { break };
        after = Some(last.customer_id);
        count += rows.len();
        for row in &rows {
            say(&line(row, as_json))?;
        }
    }
    if count == 0 && !as_json {
        say("nobody waits to be forgotten")?;
    }
    Ok(())
}

fn line(row: &CustomerRow, as_json: bool) -> String {
    let CustomerRow { customer_id, erasure_requested_at, erasure_due_at, .. } = row;
    if as_json {
        return json!({ "customer_id": customer_id, "requested_at": erasure_requested_at,
            "due_at": erasure_due_at })
        .to_string();
    }
    let text = |at: &Option<DateTime<Utc>>| at.as_ref().map_or_else(String::new, instant::text);
    let (asked, due) = (text(erasure_requested_at), text(erasure_due_at));
    format!("{customer_id} asked {asked}, due {due}")
}

fn context(tenant: TenantId, at: DateTime<Utc>) -> CommandContext {
    CommandContext::system(tenant, "daybook-replay", at, Arc::new(RandomIds))
}

async fn ask(
    workshop: &Workshop,
    (customer, at): (Uuid, DateTime<Utc>),
    command: CustomerCommand,
) -> anyhow::Result<()> {
    workshop.must_read(&Customers)?;
    let one = One::<Customer> { id: customer, command, expected: None };
    let dispatcher = Dispatcher::new(workshop.log.as_ref().clone());
    let done = dispatcher.run(&context(workshop.tenant, at), &one).await;
    done.map_err(refused)?;
    Ok(())
}

/// A rule's no in its own words.
fn refused<R: Refusal>(error: daybook_domain::dispatch::CommandError<R>) -> anyhow::Error {
    match error {
        daybook_domain::dispatch::CommandError::Refused { refusal, .. } => {
            anyhow::anyhow!("{}: {refusal}", refusal.code())
        }
        error => anyhow::anyhow!("{error}"),
    }
}

async fn forget(
    workshop: &Workshop,
    (customer, at): (Uuid, DateTime<Utc>),
    reason: ErasureReason,
) -> anyhow::Result<()> {
    use daybook_adapters::erasure::EraseError;

    workshop.must_read(&Customers)?;
    let eraser = Eraser::new(EraserParts {
        dispatcher: Dispatcher::new(workshop.log.as_ref().clone()),
        read: workshop.pool.clone(),
        project: workshop.pool.clone(),
        clock: Arc::new(SystemClock),
        ids: Arc::new(RandomIds),
    });
    let customer_id = CustomerId::new(customer);
    let wish = Erasing { customer_id, reason, only_if_due: false, expected: None };
    let done = eraser.erase(&context(workshop.tenant, at), wish).await;
    done.map_err(|error| match error {
        EraseError::Command(error) => refused(error),
        error => error.into(),
    })?;
    Ok(())
}

/// Writes everything that is kept of a person to a file.
pub(crate) async fn write_person(
    workshop: &Workshop,
    wish: &PersonWish,
    as_json: bool,
) -> anyhow::Result<()> {
    workshop.must_read(&Customers)?;
    let id = CustomerId::new(wish.customer);
    let found =
        person::person(workshop.log.as_ref(), workshop.tenant, id, SystemClock.now()).await?;
    let Some(found) = found else { anyhow::bail!("there is no customer {id}") };
    let bytes = match wish.format {
        PersonFormat::Json => serde_json::to_vec_pretty(&found)?,
        PersonFormat::Csv => person::csv(&found)?,
    };
    written(&wish.out, &bytes)?;
    tell(wish.customer, &format!("is in {}", wish.out.display()), as_json)
}

fn written(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut file = NewFile::create(path)?;
    file.bytes(bytes)?;
    file.finish()
}
