//! Where the private server keeps its things.

use std::{
    env, fs,
    os::unix::{ffi::OsStrExt, fs::DirBuilderExt, fs::MetadataExt},
    path::{Path, PathBuf},
    time::Duration,
};

use sha2::{Digest, Sha256};

use super::{
    account::{self, Account},
    error::{Doing, EmbeddedError},
};

/// The longest socket path that the kernel takes.
pub(super) const SOCKET_PATH_LIMIT: usize = if cfg!(target_os = "macos") { 103 } else { 107 };

/// The name that PostgreSQL gives its socket on the port that we tell it.
pub(super) const SOCKET_NAME: &str = ".s.PGSQL.5432";

/// What a caller decides about the private server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedConfig {
    /// The directory that holds everything: cluster, socket, lock, server log, fetched builds.
    pub data_dir: PathBuf,
    /// The directory of `postgres` and `initdb`; `None` looks at `DAYBOOK_PG_BIN`, then around.
    pub pg_bin: Option<PathBuf>,
    /// The account for the server when we are root: a name, or `uid:gid`.
    pub run_as: Option<String>,
    /// How many connections the server takes.
    pub max_connections: u32,
    /// How long to wait for another process that is just leaving the data directory.
    pub lock_wait: Duration,
}

impl EmbeddedConfig {
    /// The usual server in `data_dir`.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            pg_bin: None,
            run_as: None,
            max_connections: 60,
            lock_wait: Duration::from_secs(5),
        }
    }
}

/// The data directory when none is named: `/var/lib/daybook` for root, otherwise `$XDG_DATA_HOME/daybook`.
pub fn default_data_dir() -> Result<PathBuf, EmbeddedError> {
    data_dir_for(account::own_uid(), |name| env::var_os(name).map(PathBuf::from))
}

fn data_dir_for(
    uid: u32,
    variable: impl Fn(&str) -> Option<PathBuf>,
) -> Result<PathBuf, EmbeddedError> {
    if uid == 0 {
        return Ok(PathBuf::from("/var/lib/daybook"));
    }
    // The XDG specification says to ignore a path that is not absolute.
    let data_home = variable("XDG_DATA_HOME").filter(|path| path.is_absolute());
    data_home
        .or_else(|| variable("HOME").map(|home| home.join(".local/share")))
        .map(|data| data.join("daybook"))
        .ok_or(EmbeddedError::NoHome)
}

/// The files of one data directory.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) root: PathBuf,
    pub(super) lock: PathBuf,
    pub(super) cluster: PathBuf,
    pub(super) unfinished_cluster: PathBuf,
    pub(super) log: PathBuf,
    pub(super) socket_dir: PathBuf,
}

impl Layout {
    /// Makes the data directory if need be and names what is in it.
    pub(super) fn prepare(data_dir: &Path) -> Result<Self, EmbeddedError> {
        // Others may pass through, because the server's account must; every file inside is private by itself.
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o711)
            .create(data_dir)
            .doing("create", data_dir)?;
        // The server changes into its cluster by the real path, and so must be looked for by it.
        let root = fs::canonicalize(data_dir).doing("resolve", data_dir)?;
        let socket_dir = socket_dir(&root)?;
        Ok(Self {
            lock: root.join("launcher.lock"),
            cluster: root.join("pg"),
            unfinished_cluster: root.join("pg.new"),
            log: root.join("postgres.log"),
            socket_dir,
            root,
        })
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.socket_dir.join(SOCKET_NAME)
    }

    pub(super) fn pid_file(&self) -> PathBuf {
        self.cluster.join("postmaster.pid")
    }

    /// Makes the socket directory, and refuses one that somebody else has put in its place.
    pub(super) fn prepare_socket_dir(
        &self,
        account: Option<&Account>,
    ) -> Result<(), EmbeddedError> {
        let foreign = || EmbeddedError::ForeignSocketDir { dir: self.socket_dir.clone() };
        if let Ok(metadata) = fs::symlink_metadata(&self.socket_dir) {
            let own = [Some(account::own_uid()), account.map(|a| a.uid)];
            if !metadata.is_dir() || !own.contains(&Some(metadata.uid())) {
                return Err(foreign());
            }
        }
        account::private_dir(&self.socket_dir, account)
    }

    /// Removes a socket directory that lies outside the data directory; it is remade at the next start.
    pub(super) fn forget_short_socket_dir(&self) {
        if !self.socket_dir.starts_with(&self.root)
            && let Err(error) = fs::remove_dir(&self.socket_dir)
        {
            tracing::debug!(dir = %self.socket_dir.display(), %error, "socket directory stays");
        }
    }
}

/// The socket directory: inside the data directory, or a short name elsewhere when that path would be too long.
fn socket_dir(root: &Path) -> Result<PathBuf, EmbeddedError> {
    let inside = root.join("run");
    if fits(&inside) {
        return Ok(inside);
    }
    let digest = Sha256::digest(root.as_os_str().as_bytes());
    let name = format!("daybook-{}", hex::encode(&digest[..6]));
    let runtime = if account::own_uid() == 0 {
        Some(PathBuf::from("/run"))
    } else {
        env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute())
    };
    [runtime, Some(PathBuf::from("/tmp"))]
        .into_iter()
        .flatten()
        .filter(|dir| dir.is_dir())
        .map(|dir| dir.join(&name))
        .find(|dir| fits(dir))
        .ok_or_else(|| {
            let path = inside.join(SOCKET_NAME);
            let length = path.as_os_str().len();
            EmbeddedError::SocketPathTooLong { path, length, limit: SOCKET_PATH_LIMIT }
        })
}

fn fits(dir: &Path) -> bool {
    dir.join(SOCKET_NAME).as_os_str().len() <= SOCKET_PATH_LIMIT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(uid: u32, variables: &[(&str, &str)]) -> Option<PathBuf> {
        let lookup = |name: &str| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| PathBuf::from(value))
        };
        data_dir_for(uid, lookup).ok()
    }

    #[test]
    fn root_and_users_have_their_usual_data_directories() {
        assert_eq!(chosen(0, &[("HOME", "/root")]), Some("/var/lib/daybook".into()));
        let both = [("XDG_DATA_HOME", "/data"), ("HOME", "/home/ada")];
        assert_eq!(chosen(1000, &both), Some("/data/daybook".into()));
        let home = [("XDG_DATA_HOME", "relative"), ("HOME", "/home/ada")];
        assert_eq!(chosen(1000, &home), Some("/home/ada/.local/share/daybook".into()));
        assert_eq!(chosen(1000, &[]), None);
    }

    #[test]
    fn a_long_data_directory_gets_a_short_socket_directory_of_its_own() {
        let long = PathBuf::from("/srv").join("x".repeat(140));
        let other = PathBuf::from("/srv").join("y".repeat(140));
        let dir = socket_dir(&long).unwrap();
        assert!(fits(&dir), "{}", dir.display());
        assert_eq!(dir, socket_dir(&long).unwrap());
        assert_ne!(dir, socket_dir(&other).unwrap());
        assert_eq!(socket_dir(Path::new("/srv/db")).unwrap(), Path::new("/srv/db/run"));
    }
}
