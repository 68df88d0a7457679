//! Standard Webhooks: what a message is signed with, and how a receiver checks it.
//!
//! `v1` is HMAC-SHA256 over `id.timestamp.body`. A header may hold several signatures, so that a
//! secret can be changed while both are good.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::SecretString;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// How far a timestamp may lie from the receiver's clock, to either side.
pub const TOLERANCE: TimeDelta = TimeDelta::seconds(300);

const PREFIX: &str = "whsec_";

/// What signs; wiped when it is dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

/// A secret is not for the eye.
impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Why a message is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The secret is no base64.
    #[error("the secret is no base64")]
    Secret,
    /// The machine gives no random bytes.
    #[error("the machine gives no random bytes")]
    Randomness,
    /// The timestamp is no whole number of seconds.
    #[error("the timestamp is no number of seconds")]
    Timestamp,
    /// The message is older than it may be.
    #[error("the message is too old")]
    TooOld,
    /// The message comes from a time that has not come.
    #[error("the message is too new")]
    TooNew,
    /// None of the signatures fits.
    #[error("no signature fits")]
    NoMatch,
}

impl Secret {
    /// A fresh secret of 256 bits.
    pub fn random() -> Result<Self, SignatureError> {
        let mut bytes = Zeroizing::new(vec![0; 32]);
        getrandom::fill(&mut bytes).map_err(|_no_source| SignatureError::Randomness)?;
        Ok(Self(bytes))
    }

    /// The secret of these bytes.
    pub const fn from_bytes(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// Reads `whsec_…`; the beginning may be left out.
    pub fn parse(text: &str) -> Result<Self, SignatureError> {
        let bytes = STANDARD.decode(text.strip_prefix(PREFIX).unwrap_or(text));
        let bytes = bytes.map_err(|_no_base64| SignatureError::Secret)?;
        Ok(Self(Zeroizing::new(bytes)))
    }

    /// As `whsec_…`, for whoever is to check what it signs.
    pub fn shown(&self) -> SecretString {
        format!("{PREFIX}{}", STANDARD.encode(&*self.0)).into()
    }

    /// For the vault.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn sign(&self, id: &str, timestamp: &str, body: &[u8]) -> Result<String, SignatureError> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0)
            .map_err(|_never_for_hmac| SignatureError::Secret)?;
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            mac.update(part);
        }
        Ok(STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// What goes into `webhook-signature`: one signature per secret.
pub fn sign(
    secrets: &[Secret],
    id: &str,
    at: DateTime<Utc>,
    body: &[u8],
) -> Result<String, SignatureError> {
    let timestamp = at.timestamp().to_string();
    let signed = secrets.iter().map(|it| Ok(format!("v1,{}", it.sign(id, &timestamp, body)?)));
    Ok(signed.collect::<Result<Vec<_>, _>>()?.join(" "))
}

/// Checks a message as a receiver does. Versions that are not known are passed over.
pub fn verify(
    secret: &Secret,
    (id, timestamp, signatures): (&str, &str, &str),
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<(), SignatureError> {
    let seconds = timestamp.parse().map_err(|_no_number| SignatureError::Timestamp)?;
    let at = DateTime::from_timestamp(seconds, 0).ok_or(SignatureError::Timestamp)?;
    // The seconds of the clock, as the official libraries count them.
    let now = DateTime::from_timestamp(now.timestamp(), 0).unwrap_or(now);
    if TOLERANCE < now - at {
        return Err(SignatureError::TooOld);
    }
    if TOLERANCE < at - now {
        return Err(SignatureError::TooNew);
    }
    let expected = secret.sign(id, timestamp, body)?;
    let mut candidates = signatures.split(' ').filter_map(|it| it.strip_prefix("v1,"));
    if candidates.any(|it| it.as_bytes().ct_eq(expected.as_bytes()).into()) {
        Ok(())
    } else {
        Err(SignatureError::NoMatch)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;
    use serde_json::Value;

    use super::*;

    fn vectors() -> Vec<Value> {
        let text = include_str!("../../tests/vectors/standard-webhooks.json");
        let all: Value = serde_json::from_str(text).expect("the vectors are JSON");
        all["vectors"].as_array().expect("there are vectors").clone()
    }

    fn header<'v>(vector: &'v Value, name: &str) -> Option<&'v str> {
        let headers = vector["headers"].as_object()?;
        let found = headers.iter().find(|(it, _)| it.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| value.as_str())
    }

    #[test]
    fn every_vector_of_the_official_library_is_judged_as_it_judges() {
        let mut judged = 0;
        for vector in vectors() {
            let secret = Secret::parse(vector["secret"].as_str().unwrap_or_default());
            let headers = ["webhook-id", "webhook-timestamp", "webhook-signature"];
            let now = DateTime::from_timestamp(vector["now"].as_i64().unwrap(), 0).unwrap();
            let body = vector["payload"].as_str().unwrap().as_bytes();
            let verdict = match headers.map(|name| header(&vector, name)) {
                [Some(id), Some(timestamp), Some(signatures)] => secret
                    .and_then(|secret| verify(&secret, (id, timestamp, signatures), body, now)),
                _ => Err(SignatureError::NoMatch),
            };
            let said = vector["error"].as_str().unwrap_or_default();
            assert_eq!(verdict.is_ok(), vector["valid"] == true, "{} {verdict:?}", vector["id"]);
            assert_eq!(verdict == Err(SignatureError::TooOld), said.contains("too old"));
            assert_eq!(verdict == Err(SignatureError::TooNew), said.contains("too new"));
            judged += 1;
        }
        assert_eq!(judged, 11);
    }

    #[test]
    fn what_is_signed_here_is_what_the_official_library_signs() {
        for vector in vectors() {
            let signature = header(&vector, "webhook-signature").unwrap_or_default();
            if vector["valid"] != true || signature.contains(' ') {
                continue;
            }
            let secret = Secret::parse(vector["secret"].as_str().unwrap()).unwrap();
            let id = header(&vector, "webhook-id").unwrap();
            let at = header(&vector, "webhook-timestamp").unwrap().parse().unwrap();
            let at = DateTime::from_timestamp(at, 0).unwrap();
            let body = vector["payload"].as_str().unwrap().as_bytes();
            assert_eq!(sign(&[secret], id, at, body).unwrap(), signature, "{}", vector["id"]);
        }
    }

    #[test]
    fn two_secrets_sign_side_by_side_and_neither_is_for_the_eye() {
        let [old, new] = [Secret::random().unwrap(), Secret::random().unwrap()];
        let at = DateTime::from_timestamp(1_761_984_000, 0).unwrap();
        let header = sign(&[new.clone(), old.clone()], "msg_1", at, b"{}").unwrap();
        for secret in [&old, &new] {
            assert_eq!(verify(secret, ("msg_1", "1761984000", &header), b"{}", at), Ok(()));
        }
        let again = Secret::parse(new.shown().expose_secret()).unwrap();
        assert_eq!(verify(&again, ("msg_1", "1761984000", &header), b"{}", at), Ok(()));
        let stranger = Secret::random().unwrap();
        let verdict = verify(&stranger, ("msg_1", "1761984000", &header), b"{}", at);
        assert_eq!(verdict, Err(SignatureError::NoMatch));
        assert_eq!(format!("{new:?}"), "Secret(…)");
    }
}
