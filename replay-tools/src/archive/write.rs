//! Writes closed months to files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use daybook_domain::{
    event_log::{Position, RecordedEvent},
    ports::EventLog as _,
};
use serde_json::json;

use super::{ArchiveFormat, ArchivedMonth, Month, folder, rows::RowsFile};
use crate::{
    answers::AnswerDigest,
    document::NewFile,
    export::{Header, Trailer, VERSION, before},
    merkle::{Hash, MerkleTree},
    progress::Progress,
    record::EventRecord,
    say,
    source::History,
    walk::walk,
};

/// A month that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archived {
    /// The file.
    pub path: PathBuf,
    /// The position of its first event.
    pub from_position: Position,
    /// What its header says.
    pub month: ArchivedMonth,
}

/// Writes a closed month to a directory, or every closed month that is not there yet. A month is closed
/// when it lies wholly before that of the newest event. The log stays as it is.
pub async fn archive(
    history: &History,
    month: Option<Month>,
    directory: &Path,
    format: ArchiveFormat,
) -> anyhow::Result<Vec<Archived>> {
    let head = history.head().await?.position;
    anyhow::ensure!(head != Position(0), "nothing has happened yet");
    let open = Month::of(event(history, head).await?.recorded_at);
    fs::create_dir_all(directory)
        .with_context(|| format!("{} cannot be made", directory.display()))?;
    let there = folder::list(directory)?;
    let mut written = Vec::new();
    if let Some(month) = month {
        anyhow::ensure!(
            !there.iter().any(|file| file.month.month == month),
            "{month} is archived already"
        );
        anyhow::ensure!(month < open, "{month} is not closed: the newest event is of {open}");
        let from = first_of(history, month, (Position(1), head)).await?;
        let to = Position(first_of(history, month.next(), (from, head)).await?.0 - 1);
        anyhow::ensure!(from <= to, "nothing happened in {month}");
        written.push(write(history, (month, from, to), directory, (format, &there)).await?);
        return Ok(written);
    }
    let mut from = Position(1);
    loop {
        let month = Month::of(event(history, from).await?.recorded_at);
        if open <= month {
            return Ok(written);
        }
        let next = first_of(history, month.next(), (from, head)).await?;
        if !there.iter().any(|file| file.month.month == month) {
            let to = Position(next.0 - 1);
            written.push(write(history, (month, from, to), directory, (format, &there)).await?);
        }
        from = next;
    }
}

async fn event(history: &History, position: Position) -> anyhow::Result<RecordedEvent> {
    let before = Position(position.0.saturating_sub(1));
    let events = history.log().read_tenant(history.tenant, before, 1).await?;
    events.into_iter().next().with_context(|| format!("position {position} is missing"))
}

/// The first position whose event was not recorded before a month. Time never goes back in a log, and
/// the newest event is of a later month.
async fn first_of(
    history: &History,
    month: Month,
    (mut low, mut high): (Position, Position),
) -> anyhow::Result<Position> {
    while low < high {
        let middle = Position(low.0 + (high.0 - low.0) / 2);
        if event(history, middle).await?.recorded_at < month.start() {
            low = Position(middle.0 + 1);
        } else {
            high = middle;
        }
    }
    Ok(low)
}

async fn write(
    history: &History,
    (month, from, to): (Month, Position, Position),
    directory: &Path,
    (format, there): (ArchiveFormat, &[folder::File]),
) -> anyhow::Result<Archived> {
    let start = before(history, from).await?;
    for file in there {
        let end = (file.month.to_position, file.month.head_hash);
        anyhow::ensure!(
            end.0 != start.0 || end == start,
            "{} was archived with another hash at position {}: this is not its continuation",
            file.month.month,
            end.0
        );
    }
    let path = directory.join(folder::file_name(month, format));
    let file = NewFile::create(&path)?;
    // The header says where the segment ends: it is walked twice.
    let mut tree = MerkleTree::default();
    let head_hash = walk(history, start, to, |_previous, event| {
        tree.push(&event.hash);
        Ok(())
    })
    .await?;
    let archived =
        ArchivedMonth { month, to_position: to, head_hash, merkle_root: tree.finish().0 };
    let header = Header {
        daybook_log: VERSION,
        tenant: history.tenant,
        from_position: from,
        previous_hash: start.1,
        archive: Some(archived.clone()),
        keys: None,
    };
    let mut file = MonthFile::new(file, &header, format)?;
    let progress = Progress::new("events");
    let again = walk(history, start, to, |_previous, event| {
        progress.add(1);
        file.event(EventRecord::from(event))
    })
    .await?;
    anyhow::ensure!(again == head_hash, "the log has changed while it was read");
    file.finish((from, to), head_hash)?;
    Ok(Archived { path, from_position: from, month: archived })
}

/// A file of either format.
enum MonthFile {
    Lines(NewFile),
    Rows(RowsFile),
}

impl MonthFile {
    fn new(mut file: NewFile, header: &Header, format: ArchiveFormat) -> anyhow::Result<Self> {
        Ok(match format {
            ArchiveFormat::Ndjson => {
                file.line(header)?;
                Self::Lines(file)
            }
            ArchiveFormat::Parquet => Self::Rows(RowsFile::new(file, header)?),
        })
    }

    fn event(&mut self, event: EventRecord) -> anyhow::Result<()> {
        match self {
            Self::Lines(file) => file.line(&event),
            Self::Rows(file) => file.event(event),
        }
    }

    fn finish(self, (from, to): (Position, Position), head_hash: Hash) -> anyhow::Result<()> {
        match self {
            Self::Rows(file) => file.finish(),
            Self::Lines(mut file) => {
                let (answers, answers_sha256) = AnswerDigest::default().finish();
                let events = to.0 + 1 - from.0;
                let head_position = to;
                file.line(&Trailer {
                    events,
                    head_position,
                    head_hash,
                    answers,
                    answers_sha256,
                    keys: None,
                })?;
                file.finish()
            }
        }
    }
}

pub(crate) async fn run(
    history: &History,
    month: Option<Month>,
    (directory, format): (&Path, ArchiveFormat),
    as_json: bool,
) -> anyhow::Result<()> {
    let written = archive(history, month, directory, format).await?;
    for Archived { path, from_position, month } in &written {
        let ArchivedMonth { month, to_position, head_hash, merkle_root } = month;
        let (hash, root) = (hex::encode(head_hash), hex::encode(merkle_root));
        say(&if as_json {
            json!({
                "file": path, "month": month, "from_position": from_position,
                "to_position": to_position, "head_hash": hash, "merkle_root": root,
            })
            .to_string()
        } else {
            format!(
                "{month}: positions {from_position} to {to_position} in {} (head {hash}, root {root})",
                path.display()
            )
        })?;
    }
    if written.is_empty() && !as_json {
        say(nothing_written(directory)?)?;
    }
    Ok(())
}

/// Why no month was written.
fn nothing_written(directory: &Path) -> anyhow::Result<&'static str> {
    Ok(if folder::list(directory)?.is_empty() {
        "no month is closed yet"
    } else {
        "every closed month is archived already"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_stays_empty_is_not_said_to_hold_every_closed_month() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(nothing_written(directory.path()).unwrap(), "no month is closed yet");
    }
}
