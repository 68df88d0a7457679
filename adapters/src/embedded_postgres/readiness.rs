//! Asking the server itself whether it takes connections: the socket file exists long before it does.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

/// What the server makes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It takes connections.
    Ready,
    /// It is alive, but still recovering or already stopping.
    NotYet,
    /// Nobody answers.
    Silent,
}

/// The error code of a server that cannot take connections now.
const CANNOT_CONNECT_NOW: &[u8] = b"C57P03\0";

/// Sends a startup packet and reads the answer: `R` begins the authentication, `E` is an error.
pub(super) fn ask(socket: &Path) -> Answer {
    exchange(socket).unwrap_or(Answer::Silent)
}

fn exchange(socket: &Path) -> std::io::Result<Answer> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.set_write_timeout(Some(Duration::from_secs(2)))?;
    stream.write_all(&startup_packet())?;
    let mut answer = [0_u8; 512];
    let length = stream.read(&mut answer)?;
    let answer = answer.get(..length).unwrap_or_default();
    if answer.first() == Some(&b'R') {
        // A polite end of the session; that the server has seen enough is no concern of ours.
        drop(stream.write_all(b"X\0\0\0\x04"));
    }
    Ok(read(answer))
}

fn read(answer: &[u8]) -> Answer {
    match answer.first() {
        Some(b'E') if contains(answer, CANNOT_CONNECT_NOW) => Answer::NotYet,
        // Any other error, such as "too many connections", comes from a server that works.
        Some(b'R' | b'E') => Answer::Ready,
        _ => Answer::Silent,
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

fn startup_packet() -> Vec<u8> {
    const BODY: &[u8] = b"\0\x03\0\0user\0daybook\0database\0postgres\0\0";
    let length = u32::try_from(BODY.len() + 4).expect("the packet is a constant of few bytes");
    [length.to_be_bytes().as_slice(), BODY].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_server_that_takes_connections_is_ready() {
        assert_eq!(read(b"R\0\0\0\x08\0\0\0\0"), Answer::Ready);
        assert_eq!(read(b"E\0\0\0\x40SFATAL\0VFATAL\0C57P03\0Mstarting up\0\0"), Answer::NotYet);
        assert_eq!(read(b"E\0\0\0\x40SFATAL\0VFATAL\0C53300\0Mtoo many\0\0"), Answer::Ready);
        assert_eq!(read(b""), Answer::Silent);
    }

    #[test]
    fn a_socket_file_without_a_server_is_silence() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("socket");
        drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
        assert!(socket.exists());
        assert_eq!(ask(&socket), Answer::Silent);
    }
}
