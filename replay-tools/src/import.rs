//! Brings an exported log into another database: in one transaction, unchanged to the byte, with the
//! keys of its tenant.

use std::path::Path;

use anyhow::Context as _;
use daybook_adapters::{log::transfer::Transfer, vault::Vault};
use daybook_domain::{event_log::Position, ids::TenantId};
use serde_json::json;

use crate::{
    export::Trailer,
    log_file::{Line, LogFile},
    models::SecretText,
    progress::Progress,
    say,
    source::{Operator, Source},
    verify::verify,
};

/// Keys that are written at a time.
const KEYS: usize = 1000;

/// Reads a file, checks all of it, and writes what it holds. A file from position 1 on needs a tenant
/// without events; any other continues the history of the tenant, whose head must be the event before
/// the first of the file. Unless the whole file is as `export` wrote it, nothing is there afterwards.
///
/// With a vault the file must carry the keys of the tenant, sealed for it; without one they are left
/// out, and the tenant can be verified and not be written to.
pub async fn import(
    operator: &mut Operator,
    from: &Path,
    tenant: Option<TenantId>,
    vault: Option<&Vault>,
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
    let envelope = match (vault, &file.header.keys) {
        (None, _) => None,
        (Some(vault), Some(sealed)) => Some((vault, sealed.open(owner, vault)?)),
        (Some(_), None) => anyhow::bail!(
            "the file carries no keys, so its personal data could not be read and phone numbers would \
             not be recognised: export it with --recipient, or import it with --without-keys"
        ),
    };
    let before = (Position(file.header.from_position.0 - 1), file.header.previous_hash);
    let connection = &mut operator.connection;
    let mut transfer = if before.0 == Position(0) {
        Transfer::begin(connection, owner).await?
    } else {
        Transfer::resume(connection, owner, before).await?
    };
    let progress = Progress::new("events");
    let mut keys = Vec::new();
    let trailer = loop {
        match file.take()? {
            Line::Event(event) => {
                progress.add(1);
                transfer.event(*event).await?;
            }
            Line::Answer(answer) => transfer.answer(answer.try_into()?).await?,
            Line::Key(sealed) => {
                let Some((vault, envelope)) = &envelope else { continue };
                keys.push(sealed.open(envelope)?);
                if keys.len() == KEYS {
                    transfer.keys(vault, &std::mem::take(&mut keys)).await?;
                }
            }
            Line::End(trailer) => break trailer,
        }
    };
    if let Some((vault, _)) = &envelope {
        transfer.keys(vault, &keys).await?;
    }
    transfer.commit().await?;
    operator.refresh_api_keys(owner).await?;
    Ok((owner, trailer))
}

pub(crate) async fn run(
    source: &Source,
    from: &Path,
    tenant: Option<TenantId>,
    (given, without_keys): (Option<&SecretText>, bool),
    as_json: bool,
) -> anyhow::Result<()> {
    let mut operator = source.operator().await?;
    let imported = import_with(&mut operator, source, (from, tenant), (given, without_keys)).await;
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

async fn import_with(
    operator: &mut Operator,
    source: &Source,
    (from, tenant): (&Path, Option<TenantId>),
    (given, without_keys): (Option<&SecretText>, bool),
) -> anyhow::Result<(TenantId, Trailer)> {
    if without_keys {
        return import(operator, from, tenant, None).await;
    }
    let keys = operator.keys(given, source).await?;
    anyhow::ensure!(
        keys.are_there,
        "the keys of the tenant cannot be taken without the master key: DAYBOOK_MASTER_KEY or \
         --master-key; or import with --without-keys"
    );
    import(operator, from, tenant, Some(&keys.vault)).await
}
