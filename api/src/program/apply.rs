//! Makes a tenant's master data what a file says: all of it or nothing. Things are found again by their
//! refs; what is already so records nothing.

use std::collections::BTreeSet;

use anyhow::Context as _;
use clap::Args;
use daybook_domain::{
    commands::Batch,
    dispatch::{CommandContext, CommandError},
    ids::TenantId,
    ports::EventLog as _,
};
use uuid::Uuid;

use super::{
    config::Config,
    database::Database,
    keys::{failed, operator},
    manifest::Manifest,
    plan::Plan,
    say, serve,
};
use crate::state::App;

/// What is applied, and how.
#[derive(Args, Debug)]
pub(super) struct ApplyArgs {
    /// The tenant's id.
    #[arg(long)]
    tenant: Uuid,
    /// The file; `api/demo/salon.yaml` is an example.
    #[arg(short, long)]
    file: std::path::PathBuf,
    /// Checks the whole file and prints what would change, and changes nothing.
    #[arg(long)]
    dry_run: bool,
    /// Deactivates branches, resources, staff and services of the companies in the file that are not
    /// in it, and removes the staff of a service that it does not name.
    #[arg(long)]
    prune: bool,
}

/// What became of a file.
#[derive(Debug)]
pub(super) struct Applied {
    /// How many things are in it.
    pub(super) things: usize,
    /// What was changed, in the order of the commands.
    pub(super) changes: Vec<String>,
}

pub(super) async fn run(config: &Config, args: &ApplyArgs) -> anyhow::Result<()> {
    let named = || args.file.display().to_string();
    let text = std::fs::read_to_string(&args.file)
        .with_context(|| format!("{} cannot be read", args.file.display()))?;
    // A file that is not a manifest is refused before the database is opened.
    let manifest = Manifest::parse(&text).with_context(named)?;
    let database = Database::open_beside(config).await?;
    let applied = match serve::connect(config, &database).await {
        Ok(app) => apply_to(&app, TenantId::new(args.tenant), &manifest, args).await,
        Err(error) => Err(error),
    };
    database.close().await;
    let Applied { things, changes } = applied.with_context(named)?;
    for change in &changes {
        say(change);
    }
    say(&if args.dry_run {
        format!("{} of {things} things would change; nothing was changed", changes.len())
    } else {
        format!("{things} things are as the file says; {} changes", changes.len())
    });
    Ok(())
}

async fn apply_to(
    app: &App,
    tenant: TenantId,
    manifest: &Manifest,
    args: &ApplyArgs,
) -> anyhow::Result<Applied> {
    let head = app.dispatcher.log().head(tenant).await?;
    anyhow::ensure!(head.is_some(), "there is no tenant {tenant}");
    let context = CommandContext { dry_run: args.dry_run, ..operator(app, tenant) };
    carry_out(app, &context, manifest, args.prune).await
}

/// Applies the text of a manifest.
pub(super) async fn apply(app: &App, tenant: TenantId, text: &str) -> anyhow::Result<Applied> {
    carry_out(app, &operator(app, tenant), &Manifest::parse(text)?, false).await
}

async fn carry_out(
    app: &App,
    context: &CommandContext,
    manifest: &Manifest,
    prune: bool,
) -> anyhow::Result<Applied> {
    let mut plan = Plan::of(app, context, manifest).await?;
    let things = plan.things();
    if prune {
        plan.prune(app, context, manifest).await?;
    }
    let (steps, labels) = plan.into_steps();
    let done = match app.dispatcher.run(context, &Batch { steps }).await {
        Err(CommandError::Refused { refusal: refused, .. }) => {
            let place = labels.get(refused.step).cloned().unwrap_or_default();
            return Err(anyhow::anyhow!("{}", refused.refusal).context(place));
        }
        done => done.map_err(failed)?,
    };
    let changed = labels.into_iter().zip(done.answer.events);
    // A thing and its hours have one label.
    let mut told = BTreeSet::new();
    let changes = changed.filter(|(label, events)| 0 < *events && told.insert(label.clone()));
    Ok(Applied { things, changes: changes.map(|(label, _)| label).collect() })
}
