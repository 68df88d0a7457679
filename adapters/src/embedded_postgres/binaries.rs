//! Finding the programs of a PostgreSQL installation.

use std::{
    cmp::Reverse,
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{error::EmbeddedError, fetch};

/// The oldest major version that Daybook runs on.
pub const OLDEST_MAJOR: u32 = 14;

/// A directory with the programs of one PostgreSQL version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    /// The directory of `postgres` and `initdb`.
    pub dir: PathBuf,
    /// The major version.
    pub major: u32,
}

impl Binaries {
    /// Looks at one directory; the reason for a refusal is for people.
    fn at(dir: &Path) -> Result<Self, String> {
        for program in ["postgres", "initdb"] {
            if !dir.join(program).is_file() {
                return Err(format!("there is no `{program}` in it"));
            }
        }
        let output = Command::new(dir.join("postgres"))
            .arg("-V")
            .output()
            .map_err(|error| format!("`postgres -V` cannot be run ({error})"))?;
        let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let major = major_in(&version)
            .ok_or_else(|| format!("`postgres -V` answered {version:?}, which names no version"))?;
        if major < OLDEST_MAJOR {
            return Err(format!("it is version {major}"));
        }
        Ok(Self { dir: dir.to_path_buf(), major })
    }
}

/// Finds the programs of a PostgreSQL of version 14 or newer: the named directory alone if one is named, else
/// `DAYBOOK_PG_BIN`, builds that were fetched into the data directory, the packages of the system (highest first), and the PATH.
/// A version that made the existing cluster is preferred to a newer one.
pub fn find_binaries(
    named: Option<&Path>,
    data_dir: &Path,
    cluster_major: Option<u32>,
) -> Result<Binaries, EmbeddedError> {
    let from_environment = env::var_os("DAYBOOK_PG_BIN").map(PathBuf::from);
    if let Some(dir) = named.map(Path::to_path_buf).or(from_environment) {
        return Binaries::at(&dir)
            .map_err(|reason| EmbeddedError::UnusableBinaries { dir, reason });
    }
    Places::of_this_machine(data_dir).search(cluster_major).ok_or(EmbeddedError::NoBinaries)
}

/// Where to look when no directory is named.
struct Places {
    fetched: PathBuf,
    debian: PathBuf,
    fedora: PathBuf,
    fixed: Vec<PathBuf>,
    path: Option<OsString>,
}

impl Places {
    fn of_this_machine(data_dir: &Path) -> Self {
        let homebrew = ["/opt/homebrew/opt", "/usr/local/opt", "/home/linuxbrew/.linuxbrew/opt"]
            .iter()
            .flat_map(|prefix| numbered_below(Path::new(prefix), "postgresql@"));
        let others = ["/usr/local/pgsql", "/usr/lib/postgresql", "/usr/libexec/postgresql"];
        Self {
            fetched: fetch::builds_dir(data_dir),
            debian: PathBuf::from("/usr/lib/postgresql"),
            fedora: PathBuf::from("/usr"),
            fixed: homebrew
                .chain(others.iter().map(PathBuf::from))
                .flat_map(|dir| [dir.join("bin"), dir])
                .collect(),
            path: env::var_os("PATH"),
        }
    }

    fn search(&self, cluster_major: Option<u32>) -> Option<Binaries> {
        let mut first = None;
        for dir in self.candidates() {
            let Ok(binaries) = Binaries::at(&dir) else { continue };
            if cluster_major.is_none_or(|major| major == binaries.major) {
                return Some(binaries);
            }
            first = first.or(Some(binaries));
        }
        first
    }

    fn candidates(&self) -> impl Iterator<Item = PathBuf> {
        let packaged = numbered_below(&self.fetched, "")
            .into_iter()
            .chain(numbered_below(&self.debian, ""))
            .chain(numbered_below(&self.fedora, "pgsql-"))
            .map(|dir| dir.join("bin"));
        // A link in the PATH leads to the directory that holds the whole installation.
        let path = self.path.iter().flat_map(env::split_paths).filter_map(|dir| {
            let program = fs::canonicalize(dir.join("postgres")).ok()?;
            program.parent().map(Path::to_path_buf)
        });
        packaged.chain(self.fixed.iter().cloned()).chain(path)
    }
}

/// The directories below `root` that are called `prefix` and a version, highest version first.
fn numbered_below(root: &Path, prefix: &str) -> Vec<PathBuf> {
    let mut found: Vec<(Vec<u32>, PathBuf)> = fs::read_dir(root)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let version = name.to_str()?.strip_prefix(prefix)?;
            let numbers: Option<Vec<u32>> =
                version.split('.').map(|part| part.parse().ok()).collect();
            Some((numbers?, entry.path()))
        })
        .collect();
    found.sort_by_key(|(version, _)| Reverse(version.clone()));
    found.into_iter().map(|(_, path)| path).collect()
}

/// The major version in the answer of `postgres -V`, such as `postgres (PostgreSQL) 15.18 (Debian 15.18-0)`.
fn major_in(version: &str) -> Option<u32> {
    let number = version.split(' ').find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let digits = number.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A directory that answers like an installation of the given version.
    fn install(dir: &Path, version: &str) {
        fs::create_dir_all(dir).unwrap();
        for program in ["postgres", "initdb"] {
            let script = format!("#!/bin/sh\necho '{program} (PostgreSQL) {version}'\n");
            fs::write(dir.join(program), script).unwrap();
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(dir.join(program), mode).unwrap();
        }
    }

    fn places(root: &Path) -> Places {
        Places {
            fetched: fetch::builds_dir(&root.join("data")),
            debian: root.join("debian"),
            fedora: root.join("usr"),
            fixed: vec![root.join("fixed")],
            path: Some(root.join("path").into_os_string()),
        }
    }

    fn found(root: &Path, cluster_major: Option<u32>) -> Option<PathBuf> {
        let dir = places(root).search(cluster_major)?.dir;
        Some(dir.strip_prefix(root).unwrap().to_path_buf())
    }

    #[test]
    fn the_search_goes_from_fetched_builds_over_packages_to_the_path() {
        let dir = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        assert_eq!(found(&root, None), None);
        install(&root.join("path"), "14.1");
        assert_eq!(found(&root, None), Some("path".into()));
        install(&root.join("fixed"), "14.2");
        assert_eq!(found(&root, None), Some("fixed".into()));
        install(&root.join("usr/pgsql-15/bin"), "15.2");
        assert_eq!(found(&root, None), Some("usr/pgsql-15/bin".into()));
        install(&root.join("debian/9.6/bin"), "9.6.24");
        assert_eq!(found(&root, None), Some("usr/pgsql-15/bin".into()));
        install(&root.join("debian/15/bin"), "15.18 (Debian 15.18-0+deb12u1)");
        install(&root.join("debian/16/bin"), "16.3");
        assert_eq!(found(&root, None), Some("debian/16/bin".into()));
        install(&fetch::bin_dir(&root.join("data")), "17.11");
        let fetched = fetch::bin_dir(Path::new("data"));
        assert_eq!(found(&root, None), Some(fetched.clone()));
        assert_eq!(found(&root, Some(15)), Some("debian/15/bin".into()));
        assert_eq!(found(&root, Some(18)), Some(fetched));
    }

    #[test]
    fn a_named_directory_is_taken_or_refused_but_never_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let search = |name: &str| find_binaries(Some(&dir.path().join(name)), dir.path(), None);
        install(&dir.path().join("old"), "13.14");
        install(&dir.path().join("new"), "17beta2");
        assert_eq!(search("new").unwrap().major, 17);
        assert!(search("old").unwrap_err().to_string().contains("it is version 13"));
        assert!(search("none").unwrap_err().to_string().contains("no `postgres` in it"));
    }

    #[test]
    fn nothing_found_says_what_to_install() {
        let message = EmbeddedError::NoBinaries.to_string();
        for hint in ["apt install", "dnf install", "brew install", "DATABASE_URL"] {
            assert!(message.contains(hint), "{message}");
        }
    }
}
