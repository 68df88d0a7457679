//! `daybook key rotate-master`: another master key, without downtime.

use std::{fs, path::Path};

use anyhow::Context as _;
use daybook_adapters::{
    log::PostgresLog,
    postgres::{PoolRole, connect_pool},
    vault::{MasterKey, Rotated, complete_rotation, rotate_master},
};
use secrecy::{ExposeSecret as _, SecretString};

use super::{config::Config, database::Database, say};

pub(super) async fn run(
    config: &Config,
    database: &Database,
    new: Option<&SecretString>,
    complete: bool,
) -> anyhow::Result<()> {
    let current = config.master_key()?;
    let rotated = rotate(config, database, (&current, new), complete).await?;
    let Rotated { from, to, keys } = rotated;
    say(&format!("{keys} keys were wrapped anew; the master key is {to} (before: {from})"));
    say(if complete {
        "The rotation is complete: the old key opens nothing any more."
    } else {
        "Restart the servers with the new key, one after another, then run \
         `daybook key rotate-master --complete` with it."
    });
    Ok(())
}

async fn rotate(
    config: &Config,
    database: &Database,
    (current, new): (&MasterKey, Option<&SecretString>),
    complete: bool,
) -> anyhow::Result<Rotated> {
    let pool = connect_pool(database.options.clone(), PoolRole::Vault, 2).await?;
    let log = PostgresLog::new(connect_pool(database.options.clone(), PoolRole::Append, 2).await?);
    if complete {
        return Ok(complete_rotation(&pool, &log, current).await?);
    }
    let Some(file) = config.master_key_file()? else {
        let new =
            new.context("DAYBOOK_NEW_MASTER_KEY is needed: make one with `openssl rand -hex 32`")?;
        let new = MasterKey::parse(new.expose_secret())?;
        return Ok(rotate_master(&pool, &log, (current, &new)).await?);
    };
    // The new key is on the disk before anything is wrapped with it, and takes the place of the
    // old one when everything is.
    let next = file.with_extension("key.new");
    let new = match new {
        Some(text) => {
            let new = MasterKey::parse(text.expose_secret())?;
            if !next.exists() {
                new.save(&next)?;
            }
            new
        }
        None => MasterKey::load_or_create(&next)?,
    };
    let rotated = rotate_master(&pool, &log, (current, &new)).await?;
    replace(&file, &next, &rotated)
        .with_context(|| format!("{} cannot take its place", next.display()))?;
    Ok(rotated)
}

/// Keeps the old key under its fingerprint and gives its name to the new one.
fn replace(file: &Path, next: &Path, rotated: &Rotated) -> std::io::Result<()> {
    let kept = file.with_extension(format!("key.{}", rotated.from));
    match fs::hard_link(file, &kept) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
        Ok(()) | Err(_) => (),
    }
    fs::rename(next, file)
}
