//! Who runs the server. PostgreSQL refuses to run as root, so root lends it another account.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    process::Command,
};

use super::error::{Doing, EmbeddedError};

/// The accounts that root tries in turn when none is named.
const USUAL_ACCOUNTS: [&str; 3] = ["postgres", "daybook", "nobody"];

/// An account that the server is run as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Account {
    /// The account for the server: `None` means the one we run as ourselves.
    pub(super) fn choose(run_as: Option<&str>) -> Result<Option<Self>, EmbeddedError> {
        let own_uid = own_uid();
        if own_uid != 0 {
            return match run_as {
                Some(name) if Self::find(name).is_none_or(|account| account.uid != own_uid) => {
                    Err(EmbeddedError::NotRoot { name: name.to_owned() })
                }
                _ => Ok(None),
            };
        }
        match run_as {
            Some(name) => Self::find(name)
                .map(Some)
                .ok_or_else(|| EmbeddedError::NoAccount { tried: name.to_owned() }),
            None => USUAL_ACCOUNTS
                .iter()
                .find_map(|name| Self::find(name))
                .map(Some)
                .ok_or_else(|| EmbeddedError::NoAccount { tried: USUAL_ACCOUNTS.join(" or ") }),
        }
    }

    /// Looks an account up by name, or takes `uid:gid` as it stands. `/etc/passwd` is read as a file because a static
    /// build has no name service; `getent` then covers directories such as LDAP.
    fn find(name: &str) -> Option<Self> {
        if let Some((uid, gid)) = name.split_once(':') {
            return Some(Self {
                name: name.to_owned(),
                uid: uid.parse().ok()?,
                gid: gid.parse().ok()?,
            });
        }
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        Self::in_passwd(&passwd, name).or_else(|| {
            let output = Command::new("getent").args(["passwd", name]).output().ok()?;
            Self::in_passwd(&String::from_utf8_lossy(&output.stdout), name)
        })
    }

    fn in_passwd(passwd: &str, name: &str) -> Option<Self> {
        passwd.lines().find_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            if fields.first() != Some(&name) {
                return None;
            }
            Some(Self {
                name: name.to_owned(),
                uid: fields.get(2)?.parse().ok()?,
                gid: fields.get(3)?.parse().ok()?,
            })
        })
    }

    /// Makes sure that the account can reach the data directory, which may lie below directories that only root may enter.
    /// The directory itself is opened for the account's group; what lies above it is not ours to change.
    pub(super) fn let_through(&self, data_dir: &Path) -> Result<(), EmbeddedError> {
        let metadata = fs::metadata(data_dir).doing("read", data_dir)?;
        if !self.may_search(&metadata) {
            std::os::unix::fs::chown(data_dir, None, Some(self.gid))
                .doing("set the group of", data_dir)?;
            let mode = fs::Permissions::from_mode((metadata.mode() & 0o7777) | 0o010);
            fs::set_permissions(data_dir, mode).doing("set the mode of", data_dir)?;
        }
        for parent in data_dir.ancestors().skip(1) {
            if !self.may_search(&fs::metadata(parent).doing("read", parent)?) {
                return Err(EmbeddedError::Unsearchable {
                    dir: parent.to_path_buf(),
                    account: self.name.clone(),
                });
            }
        }
        Ok(())
    }

    fn may_search(&self, metadata: &fs::Metadata) -> bool {
        let search = if metadata.uid() == self.uid {
            0o100
        } else if metadata.gid() == self.gid {
            0o010
        } else {
            0o001
        };
        metadata.mode() & search != 0
    }
}

/// The user that this process acts as.
pub(super) fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Makes a directory that only the server's account may enter.
pub(super) fn private_dir(path: &Path, account: Option<&Account>) -> Result<(), EmbeddedError> {
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(error).doing("create", path);
        }
        _ => {}
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).doing("set the mode of", path)?;
    if let Some(account) = account {
        std::os::unix::fs::chown(path, Some(account.uid), Some(account.gid))
            .doing("set the owner of", path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\npostgres:x:101:104::/:/bin/sh\nbroken:x\n";

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let found = Account::in_passwd(PASSWD, "postgres").map(|a| (a.uid, a.gid));
        assert_eq!(found, Some((101, 104)));
        assert_eq!(Account::in_passwd(PASSWD, "postgre"), None);
        assert_eq!(Account::in_passwd(PASSWD, "broken"), None);
    }

    #[test]
    fn numbers_name_an_account_without_a_passwd_line() {
        let found = Account::find("12345:54321").map(|a| (a.uid, a.gid));
        assert_eq!(found, Some((12345, 54321)));
    }

    #[test]
    fn an_account_that_does_not_exist_is_never_replaced_by_another() {
        let error = Account::choose(Some("no-such-account")).unwrap_err().to_string();
        assert!(error.contains("no-such-account"), "{error}");
    }
}
