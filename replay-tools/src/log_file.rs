//! Reads what `export` wrote, line by line, and refuses it at the first line that is not what it
//! must be.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read as _},
    path::Path,
};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use daybook_adapters::log::chain;
use daybook_domain::{
    event_log::{Position, RecordedEvent},
    ids::TenantId,
};
use serde::de::DeserializeOwned;

use crate::{
    answers::{AnswerDigest, CommandAnswer, StoredCommand},
    export::{Header, Trailer, VERSION},
    key_lines::{KeyDigest, KeyLine, SealedKey},
    merkle::Hash,
    record::EventRecord,
    verify::check_readable,
};

/// No line of a log is longer: it bounds what a file that is none can make us hold.
const MAX_LINE: u64 = 64 << 20;

/// What unsealed personal data looks like in JSON text; no append takes it.
const UNSEALED: &str = "\"$personal\":";

/// A file that is being read. Nothing in it may be relied on before the trailer was.
pub(crate) struct LogFile<R> {
    pub(crate) header: Header,
    lines: Lines<R>,
    /// The line after the last one that was taken; none behind the end.
    next: Option<String>,
    checks: Checks,
    answers: AnswerDigest,
    keys: KeyDigest,
}

/// What every event of a file must be, given the one before it.
pub(crate) struct Checks {
    tenant: TenantId,
    chain: (Position, Hash),
    recorded_at: Option<DateTime<Utc>>,
}

impl Checks {
    /// Those of the first event after a header.
    pub(crate) fn after(header: &Header) -> anyhow::Result<Self> {
        anyhow::ensure!(
            header.daybook_log == VERSION,
            "a log of version {} cannot be read: this program knows {VERSION}",
            header.daybook_log
        );
        let before = header.from_position.0.checked_sub(1);
        let before = before.context("the header: positions are counted from 1")?;
        anyhow::ensure!(
            before != 0 || header.previous_hash == chain::GENESIS,
            "the header: nothing stands before position 1"
        );
        let chain = (Position(before), header.previous_hash);
        Ok(Self { tenant: header.tenant, chain, recorded_at: None })
    }

    /// The next event, if it is what must come.
    pub(crate) fn event(&mut self, record: EventRecord) -> anyhow::Result<RecordedEvent> {
        let event = RecordedEvent::try_from(record)?;
        self.chain = chain::verify_chain(self.tenant, self.chain, [&event])?;
        let position = event.position;
        // The chain says that nobody changed the line; these say that a log would have taken it.
        anyhow::ensure!(
            !event.payload.contains(UNSEALED) && !event.metadata.contains(UNSEALED),
            "position {position}: it carries personal data that nobody sealed"
        );
        check_readable(&event)?;
        anyhow::ensure!(
            self.recorded_at <= Some(event.recorded_at),
            "position {position}: it was recorded before the event before it"
        );
        self.recorded_at = Some(event.recorded_at);
        Ok(event)
    }
}

/// What a line says.
pub(crate) enum Line {
    Event(Box<RecordedEvent>),
    Answer(CommandAnswer),
    Key(SealedKey),
    End(Trailer),
}

impl LogFile<BufReader<File>> {
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let file =
            File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
        Self::read(BufReader::new(file))
    }
}

impl<R: BufRead> LogFile<R> {
    pub(crate) fn read(reader: R) -> anyhow::Result<Self> {
        let mut lines = Lines { reader, number: 0 };
        let first = lines.next()?.context("the file is empty")?;
        let header: Header = decode(&first, 1).context("the header")?;
        let checks = Checks::after(&header)?;
        let next = lines.next()?;
        Ok(Self {
            header,
            lines,
            next,
            checks,
            answers: AnswerDigest::default(),
            keys: KeyDigest::default(),
        })
    }

    /// The next line, checked. [`Line::End`] comes once, at the end.
    pub(crate) fn take(&mut self) -> anyhow::Result<Line> {
        let number = self.lines.number;
        let line = self.next.take().context("the file has no trailer: it was cut")?;
        self.next = self.lines.next()?;
        if self.next.is_none() {
            return self.end(&line, number).map(Line::End);
        }
        if line.starts_with("{\"command\":") {
            let stored: StoredCommand = decode(&line, number)?;
            anyhow::ensure!(
                stored.command.position <= self.checks.chain.0.0,
                "line {number}: the answer rests on position {}, which is not there",
                stored.command.position
            );
            self.answers.add(line.as_bytes());
            return Ok(Line::Answer(stored.command));
        }
        if line.starts_with("{\"key\":") && self.header.keys.is_some() {
            let KeyLine { key } = decode(&line, number)?;
            self.keys.add(line.as_bytes());
            return Ok(Line::Key(key));
        }
        let event = self.event(&line, number);
        event.map(|event| Line::Event(Box::new(event)))
    }

    fn event(&mut self, line: &str, number: u64) -> anyhow::Result<RecordedEvent> {
        let record: EventRecord = decode(line, number)?;
        self.checks.event(record).with_context(|| format!("line {number}"))
    }

    fn end(&mut self, line: &str, number: u64) -> anyhow::Result<Trailer> {
        let trailer: Trailer =
            decode(line, number).context("the file has no trailer: it was cut")?;
        let (position, hash) = self.checks.chain;
        let events = position.0 - (self.header.from_position.0 - 1);
        let (answers, answers_sha256) = std::mem::take(&mut self.answers).finish();
        let keys = std::mem::take(&mut self.keys).finish();
        let found = Trailer {
            events,
            head_position: position,
            head_hash: hash,
            answers,
            answers_sha256,
            keys: self.header.keys.as_ref().map(|_| keys),
        };
        anyhow::ensure!(
            trailer == found,
            "the trailer does not fit the lines: it says {trailer:?}, there is {found:?}"
        );
        Ok(trailer)
    }
}

fn decode<T: DeserializeOwned>(line: &str, number: u64) -> anyhow::Result<T> {
    serde_json::from_str(line).with_context(|| format!("line {number} is not what it must be"))
}

/// Lines with their line feeds, counted from 1.
struct Lines<R> {
    reader: R,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> anyhow::Result<Option<String>> {
        let mut line = String::new();
        let number = self.number + 1;
        let read = (&mut self.reader).take(MAX_LINE).read_line(&mut line);
        if read.with_context(|| format!("line {number} cannot be read"))? == 0 {
            return Ok(None);
        }
        anyhow::ensure!(line.ends_with('\n'), "line {number} has no end: the file was cut");
        self.number = number;
        Ok(Some(line))
    }
}
