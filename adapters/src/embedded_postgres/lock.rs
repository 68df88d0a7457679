//! One launcher per data directory.

use std::{
    fs::{self, File},
    io::{Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rustix::fs::{FlockOperation, flock};

use super::error::{Doing, EmbeddedError, Holder};

/// The held lock of a data directory; the kernel gives it back when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Takes the lock, waiting a little for a process that is on its way out.
    pub(super) fn take(
        path: &Path,
        data_dir: &Path,
        wait: Duration,
    ) -> Result<Self, EmbeddedError> {
        let mut file = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(path)
            .doing("open", path)?;
        let begun = Instant::now();
        // `flock` cannot wait for a bounded time, so it is asked again and again.
        while let Err(errno) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            if errno != rustix::io::Errno::WOULDBLOCK {
                return Err(errno).doing("lock", path);
            }
            if begun.elapsed() >= wait {
                let mut holder = String::new();
                file.read_to_string(&mut holder).doing("read", path)?;
                return Err(EmbeddedError::Locked {
                    data_dir: data_dir.to_path_buf(),
                    holder: Holder(holder.trim().parse().ok()),
                });
            }
            thread::sleep(Duration::from_millis(20));
        }
        file.set_len(0).doing("write", path)?;
        file.rewind().doing("write", path)?;
        writeln!(file, "{}", std::process::id()).doing("write", path)?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_refused_and_told_who_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("launcher.lock");
        let take = || DirectoryLock::take(&path, dir.path(), Duration::from_millis(30));
        let first = take().unwrap();
        let error = take().unwrap_err().to_string();
        assert!(error.contains(&format!("(process {})", std::process::id())), "{error}");
        assert!(error.contains("--data-dir"), "{error}");
        drop(first);
        take().unwrap();
    }
}
