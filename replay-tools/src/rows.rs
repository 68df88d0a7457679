//! The rows of a read model as of a moment, folded from the log alone.

use std::{io::Write as _, sync::Arc};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use clap::Args;
use daybook_adapters::vault::SealedLog;
use daybook_domain::event_log::Position;
use daybook_projections::aside::{Until, rows_as_of};
use serde_json::json;
use tokio::sync::mpsc;

use crate::{
    models::{self, Keys},
    say,
    source::History,
};

/// Rows that wait to be written.
const WAITING: usize = 256;

/// Which read model, and when.
#[derive(Debug, Args)]
pub(crate) struct RowsWish {
    /// The read model, such as `appointments`.
    pub(crate) projector: String,
    /// As of this position of the tenant's history.
    #[arg(long, conflicts_with = "at")]
    pub(crate) position: Option<u64>,
    /// As of this instant (RFC 3339), by the clock of the log.
    #[arg(long)]
    pub(crate) at: Option<DateTime<Utc>>,
}

impl RowsWish {
    fn until(&self) -> Until {
        match (self.position, self.at) {
            (Some(position), _) => Until::Position(Position(position)),
            (None, Some(at)) => Until::Instant(at),
            (None, None) => Until::Head,
        }
    }
}

pub(crate) async fn run(
    history: &History,
    keys: &Keys,
    wish: &RowsWish,
    as_json: bool,
) -> anyhow::Result<()> {
    let projector = models::named(std::slice::from_ref(&wish.projector))?.pop();
    let projector = projector.context("no read model is named")?;
    let is_blind = !keys.are_there && !projector.personal().is_empty();
    let log = Arc::new(SealedLog::new(history.log().clone(), keys.vault.clone()));
    let (send, mut rows) = mpsc::channel(WAITING);
    let until = wish.until();
    let folding = rows_as_of(history.pool(), log, history.tenant, projector, until, send);
    // It owns the receiving end: should it fail, the folding side stops, too.
    let writing = async move {
        let mut written = 0_u64;
        while let Some((table, row)) = rows.recv().await {
            say(&json!({ "table": table, "row": row }).to_string())?;
            written += 1;
        }
        anyhow::Ok(written)
    };
    let (folded, written) = tokio::join!(folding, writing);
    let (position, written) = (folded?.position, written?);
    let name = &wish.projector;
    if as_json {
        return say(&json!({ "projector": name, "position": position, "rows": written,
            "personal": !is_blind })
        .to_string());
    }
    let blind = if is_blind { "; personal columns are empty: no master key" } else { "" };
    // Beside the rows, which go to a file or to another program.
    let line = format!("{name} as of position {position}: {written} rows{blind}");
    Ok(writeln!(std::io::stderr(), "{line}")?)
}
