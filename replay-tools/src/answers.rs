//! The stored answers of commands, as a file carries them. Moved with the log, a repeated command
//! gets its first answer from the new database too, and is not carried out twice.

use anyhow::Context as _;
use chrono::DateTime;
use daybook_adapters::log::transfer;
use daybook_domain::event_log::Position;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{document::hexed, merkle::Hash};

/// The line of one stored answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredCommand {
    /// The command.
    pub command: CommandAnswer,
}

/// A row of `log.commands`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandAnswer {
    /// The client's idempotency key.
    pub key: String,
    /// A keyed hash of the request.
    #[serde(with = "hexed")]
    pub request_hash: Hash,
    /// The answer: JSON text as it was stored.
    pub result: String,
    /// The position that the answer rests on.
    pub position: u64,
    /// When it was stored: microseconds since 1970-01-01T00:00:00Z.
    pub recorded_at_micros: i64,
}

impl From<transfer::StoredCommand> for CommandAnswer {
    fn from(stored: transfer::StoredCommand) -> Self {
        Self {
            key: stored.key,
            request_hash: stored.request_hash,
            result: stored.result,
            position: stored.position.0,
            recorded_at_micros: stored.recorded_at.timestamp_micros(),
        }
    }
}

impl TryFrom<CommandAnswer> for transfer::StoredCommand {
    type Error = anyhow::Error;

    fn try_from(answer: CommandAnswer) -> anyhow::Result<Self> {
        let recorded_at = DateTime::from_timestamp_micros(answer.recorded_at_micros)
            .context("recorded_at_micros of an answer is no instant")?;
        Ok(Self {
            key: answer.key,
            request_hash: answer.request_hash,
            result: answer.result,
            position: Position(answer.position),
            recorded_at,
        })
    }
}

/// Counts and hashes the lines of the answers.
#[derive(Default)]
pub(crate) struct AnswerDigest {
    lines: u64,
    hasher: Sha256,
}

impl AnswerDigest {
    /// The line of an answer, counted and hashed.
    pub(crate) fn line(&mut self, answer: &StoredCommand) -> anyhow::Result<String> {
        let mut line = serde_json::to_string(answer)?;
        line.push('\n');
        self.add(line.as_bytes());
        Ok(line)
    }

    /// Counts and hashes a line, its line feed included.
    pub(crate) fn add(&mut self, line: &[u8]) {
        self.lines += 1;
        self.hasher.update(line);
    }

    /// How many lines there were, and the hash over them.
    pub(crate) fn finish(self) -> (u64, Hash) {
        (self.lines, self.hasher.finalize().into())
    }
}
