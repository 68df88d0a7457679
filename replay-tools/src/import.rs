//! Brings an exported log into another database: in one transaction, unchanged to the byte.

use std::path::Path;

use anyhow::Context as _;
use daybook_adapters::log::transfer::Transfer;
use daybook_domain::ids::TenantId;
use serde_json::json;

use crate::{
    export::Trailer,
    log_file::{Line, LogFile},
    progress::Progress,
    say,
    source::{Operator, Source},
    verify::verify,
};

/// Reads a file, checks all of it, and writes the tenant that it holds. The tenant must have no
/// events yet; unless the whole file is as `export` wrote it, nothing is there afterwards.
pub async fn import(
    operator: &mut Operator,
    from: &Path,
    tenant: Option<TenantId>,
) -> anyhow::Result<(TenantId, Trailer)> {
    let mut file = LogFile::open(from)?;
    let owner = file.header.tenant;
    anyhow::ensure!(
        tenant.is_none_or(|tenant| tenant == owner),
        "the file holds the log of tenant {owner}"
    );
    anyhow::ensure!(
        file.header.archive.is_none(),
        "the file holds an archived month: an import needs the whole history, with its answers"
    );
    anyhow::ensure!(
        file.header.from_position.0 == 1,
        "the file begins at position {}: an import needs the whole history",
        file.header.from_position
    );
    let mut transfer = Transfer::begin(&mut operator.connection, owner).await?;
    let progress = Progress::new("events");
    let trailer = loop {
        match file.take()? {
            Line::Event(event) => {
                progress.add(1);
                transfer.event(*event).await?;
            }
            Line::Answer(answer) => transfer.answer(answer.try_into()?).await?,
            Line::End(trailer) => break trailer,
        }
    };
    transfer.commit().await?;
    Ok((owner, trailer))
}

pub(crate) async fn run(
    source: &Source,
    from: &Path,
    tenant: Option<TenantId>,
    as_json: bool,
) -> anyhow::Result<()> {
    let mut operator = source.operator().await?;
    let imported = import(&mut operator, from, tenant).await;
    operator.close().await;
    let (tenant, Trailer { events, answers, head_hash, .. }) = imported?;
    // What was written is read back, as any auditor would.
    let history = source.open(tenant.uuid()).await?;
    let verified = verify(&history).await;
    history.close().await;
    verified.context("the import was committed, but what is there now does not verify")?;
    let hash = hex::encode(head_hash);
    if as_json {
        return say(&json!({
            "tenant": tenant, "events": events, "answers": answers, "head_hash": hash, "verified": true,
        })
        .to_string());
    }
    say(&format!(
        "imported {events} events and {answers} answers of tenant {tenant}; they verify (head {hash})"
    ))
}
