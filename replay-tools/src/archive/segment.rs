//! One archived month, read event by event and checked on the way: what comes out of it is what its
//! header says.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use daybook_domain::event_log::{Position, RecordedEvent};

use super::{ArchiveFormat, ArchivedMonth, rows::Rows};
use crate::{
    export::Header,
    log_file::{Line, LogFile},
    merkle::{Hash, MerkleTree},
};

/// A month that is being read. Its end was reached only when [`Segment::next`] answered none.
pub(crate) struct Segment {
    pub(crate) header: Header,
    pub(crate) month: ArchivedMonth,
    path: PathBuf,
    source: Source,
    end: (Position, Hash),
    tree: MerkleTree,
    is_over: bool,
}

enum Source {
    Lines(Box<LogFile<BufReader<File>>>),
    Rows(Box<Rows>),
}

impl std::fmt::Debug for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Segment").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Segment {
    /// Opens a file and reads its header.
    pub(crate) fn open(path: &Path, format: ArchiveFormat) -> anyhow::Result<Self> {
        let named = || path.display().to_string();
        let (header, source) = match format {
            ArchiveFormat::Ndjson => {
                let file = LogFile::open(path).with_context(named)?;
                (file.header.clone(), Source::Lines(Box::new(file)))
            }
            ArchiveFormat::Parquet => {
                let rows = Rows::open(path).with_context(named)?;
                (rows.header.clone(), Source::Rows(Box::new(rows)))
            }
        };
        let month = header.archive.clone();
        let month = month.with_context(|| format!("{} holds no archived month", path.display()))?;
        anyhow::ensure!(
            Position(1) <= header.from_position && header.from_position <= month.to_position,
            "{}: the header says that it begins at position {} and ends at {}",
            path.display(),
            header.from_position,
            month.to_position
        );
        let end = (Position(header.from_position.0 - 1), header.previous_hash);
        let path = path.to_owned();
        Ok(Self { header, month, path, source, end, tree: MerkleTree::default(), is_over: false })
    }

    /// The next event, checked; none at the end, once all of it is what the header says.
    pub(crate) fn next(&mut self) -> anyhow::Result<Option<RecordedEvent>> {
        if self.is_over {
            return Ok(None);
        }
        let next = self.take();
        next.with_context(|| format!("{}, after position {}", self.path.display(), self.end.0))
    }

    fn take(&mut self) -> anyhow::Result<Option<RecordedEvent>> {
        let event = match &mut self.source {
            Source::Rows(rows) => rows.take()?,
            Source::Lines(lines) => match lines.take()? {
                Line::Event(event) => Some(*event),
                Line::Answer(_) | Line::Key(_) => {
                    anyhow::bail!("an archived month holds nothing but events")
                }
                Line::End(_) => None,
            },
        };
        let Some(event) = event else {
            self.is_over = true;
            return self.check_end().map(|()| None);
        };
        anyhow::ensure!(
            self.month.month.includes(event.recorded_at),
            "position {} was not recorded in {}",
            event.position,
            self.month.month
        );
        self.end = (event.position, event.hash);
        self.tree.push(&event.hash);
        Ok(Some(event))
    }

    fn check_end(&mut self) -> anyhow::Result<()> {
        let (position, hash) = self.end;
        anyhow::ensure!(
            position == self.month.to_position,
            "the file ends at position {position}, but its header says {}",
            self.month.to_position
        );
        anyhow::ensure!(
            hash == self.month.head_hash,
            "position {position} has another hash than the header says"
        );
        anyhow::ensure!(
            std::mem::take(&mut self.tree).finish().0 == self.month.merkle_root,
            "the events up to position {position} have another Merkle root than the header says"
        );
        Ok(())
    }
}
