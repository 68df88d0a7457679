//! A directory of archived months: one tenant's, one file per month, without a gap in positions.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::ValueEnum as _;
use daybook_adapters::log::chain;
use daybook_domain::{
    event_log::{Position, RecordedEvent, StreamId},
    ids::TenantId,
};

use super::{ArchiveFormat, ArchivedMonth, Month, segment::Segment};
use crate::{merkle::Hash, progress::Progress, source::PAGE};

/// Archived months that follow each other from the first event on. Their headers fit; what is in them is
/// checked when it is read.
#[derive(Clone, Debug)]
pub struct Archive {
    /// Whose.
    pub tenant: TenantId,
    /// In order, at least one.
    months: Vec<File>,
}

#[derive(Clone, Debug)]
pub(super) struct File {
    path: PathBuf,
    format: ArchiveFormat,
    pub(super) from: Position,
    pub(super) previous_hash: Hash,
    pub(super) month: ArchivedMonth,
    tenant: TenantId,
}

impl File {
    fn open(&self) -> anyhow::Result<Segment> {
        Segment::open(&self.path, self.format)
    }
}

/// The name of a month's file.
pub(super) fn file_name(month: Month, format: ArchiveFormat) -> String {
    format!("{month}.{}", format.extension())
}

/// Every month in a directory by its header, ordered by positions; a name must fit what is within.
pub(super) fn list(directory: &Path) -> anyhow::Result<Vec<File>> {
    let entries = fs::read_dir(directory);
    let entries = entries.with_context(|| format!("{} cannot be read", directory.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let name =
            entry.with_context(|| format!("{} cannot be read", directory.display()))?.file_name();
        let Some((month, format)) = name.to_str().and_then(named) else { continue };
        let path = directory.join(&name);
        let Segment { header, month: held, .. } = Segment::open(&path, format)?;
        anyhow::ensure!(
            held.month == month,
            "{} holds positions {} to {}, which are of {}",
            path.display(),
            header.from_position,
            held.to_position,
            held.month
        );
        files.push(File {
            path,
            format,
            from: header.from_position,
            previous_hash: header.previous_hash,
            month: held,
            tenant: header.tenant,
        });
    }
    files.sort_by_key(|file| (file.from, file.month.month));
    Ok(files)
}

fn named(name: &str) -> Option<(Month, ArchiveFormat)> {
    let (month, extension) = name.split_once('.')?;
    let formats = ArchiveFormat::value_variants();
    let format = formats.iter().find(|format| format.extension() == extension)?;
    Some((month.parse().ok()?, *format))
}

impl Archive {
    /// Opens a directory, and makes sure that its months follow each other from position 1 on.
    pub fn open(directory: &Path) -> anyhow::Result<Self> {
        let months = list(directory)?;
        let first = months.first();
        let first = first.with_context(|| format!("{} holds no month", directory.display()))?;
        let tenant = first.tenant;
        let mut end = (Position(0), chain::GENESIS);
        for file in &months {
            let (path, due) = (file.path.display(), Position(end.0.0 + 1));
            anyhow::ensure!(
                file.tenant == tenant,
                "{path} is tenant {}'s, the others are {tenant}'s",
                file.tenant
            );
            anyhow::ensure!(
                file.from <= due,
                "positions {due} to {} are missing: {path} begins at position {}",
                file.from.0 - 1,
                file.from
            );
            anyhow::ensure!(
                file.from == due,
                "{path} begins at position {}, which another month holds as well",
                file.from
            );
            anyhow::ensure!(
                file.previous_hash == end.1,
                "{path} does not follow from position {}: that has another hash",
                end.0
            );
            end = (file.month.to_position, file.month.head_hash);
        }
        Ok(Self { tenant, months })
    }

    /// Position and hash of the last archived event.
    pub fn end(&self) -> (Position, Hash) {
        let last = self.months.last();
        last.map_or((Position(0), chain::GENESIS), |it| (it.month.to_position, it.month.head_hash))
    }

    /// The events of a stream. A file has no index: all of them are gone over.
    pub(crate) fn stream(&self, stream: &StreamId) -> anyhow::Result<Vec<RecordedEvent>> {
        let (mut found, mut events) = (Vec::new(), self.events(Position(0)));
        let progress = Progress::new("events");
        loop {
            let page = events.page(PAGE)?;
            if page.is_empty() {
                return Ok(found);
            }
            progress.add(page.len() as u64);
            found.extend(page.into_iter().filter(|event| event.stream == *stream));
        }
    }

    /// Its events after a position, in order, each checked.
    pub(crate) fn events(&self, after: Position) -> Events {
        let skipped = self.months.partition_point(|file| file.month.to_position <= after);
        let mut months = self.months.clone();
        Events { months: months.split_off(skipped).into_iter(), segment: None, after }
    }
}

/// Events on their way out of an archive.
#[derive(Debug)]
pub(crate) struct Events {
    months: std::vec::IntoIter<File>,
    segment: Option<Segment>,
    after: Position,
}

impl Events {
    /// The next ones, at most so many; none at the end.
    pub(crate) fn page(&mut self, limit: usize) -> anyhow::Result<Vec<RecordedEvent>> {
        let mut page = Vec::new();
        while page.len() < limit {
            if let Some(segment) = &mut self.segment {
                match segment.next()? {
                    Some(event) if self.after < event.position => page.push(event),
                    Some(_passed) => {}
                    None => self.segment = None,
                }
            } else {
                let Some(file) = self.months.next() else { break };
                self.segment = Some(file.open()?);
            }
        }
        Ok(page)
    }
}
