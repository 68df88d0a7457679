//! How hashes, instants and whole documents are written to files and read back.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Bytes of a known number as lower-case hex digits.
pub(crate) mod hexed {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(crate) fn serialize<S: Serializer, const N: usize>(
        bytes: &[u8; N],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
        deserializer: D,
    ) -> Result<[u8; N], D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = [0; N];
        hex::decode_to_slice(&text, &mut bytes).map_err(|error| {
            D::Error::custom(format_args!("{N} bytes of hex digits were expected: {error}"))
        })?;
        Ok(bytes)
    }
}

/// Instants in RFC 3339 with microseconds, in UTC.
pub(crate) mod instant {
    use chrono::{DateTime, SecondsFormat, Utc};
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn text(instant: &DateTime<Utc>) -> String {
        instant.to_rfc3339_opts(SecondsFormat::Micros, true)
    }

    pub(crate) fn serialize<S: Serializer>(
        instant: &DateTime<Utc>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&text(instant))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<DateTime<Utc>, D::Error> {
        DateTime::<Utc>::deserialize(deserializer)
    }
}

/// Reads a document in exactly the spelling that it is written in, white space aside: what no
/// signature covers, such as the case of a hex digit, cannot vary either.
pub(crate) fn parse<T: Serialize + DeserializeOwned>(text: &str) -> anyhow::Result<T> {
    let document: T = serde_json::from_str(text)?;
    let value: Value = serde_json::from_str(text)?;
    anyhow::ensure!(
        serde_json::to_value(&document)? == value,
        "the document is not spelled as it was written"
    );
    Ok(document)
}

/// As [`parse`], from a file.
pub(crate) fn read<T: Serialize + DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text =
        fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    parse(&text).with_context(|| path.display().to_string())
}

/// A file that is there once it is whole. Where one is already, none is made.
pub(crate) struct NewFile {
    path: PathBuf,
    partial: PathBuf,
    writer: BufWriter<File>,
}

impl NewFile {
    pub(crate) fn create(path: &Path) -> anyhow::Result<Self> {
        anyhow::ensure!(!path.exists(), "{} is there already", path.display());
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(&partial);
        let file = file.with_context(|| format!("{} cannot be written", partial.display()))?;
        Ok(Self { path: path.to_owned(), partial, writer: BufWriter::new(file) })
    }

    /// Writes a document as one line.
    pub(crate) fn line(&mut self, document: &impl Serialize) -> anyhow::Result<()> {
        let written = serde_json::to_writer(&mut self.writer, document)
            .map_err(std::io::Error::from)
            .and_then(|()| self.writer.write_all(b"\n"));
        written.with_context(|| format!("{} cannot be written", self.partial.display()))
    }

    /// Writes bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let written = self.writer.write_all(bytes);
        written.with_context(|| format!("{} cannot be written", self.partial.display()))
    }

    /// Makes it durable and gives it its name.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        let finished = self
            .writer
            .flush()
            .and_then(|()| self.writer.get_ref().sync_all())
            .and_then(|()| fs::rename(&self.partial, &self.path));
        finished.with_context(|| format!("{} cannot be written", self.path.display()))
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.writer.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // After `finish` it has another name, and there is nothing to remove.
        let _gone = fs::remove_file(&self.partial);
    }
}
