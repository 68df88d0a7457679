//! Standard Webhooks: what a message is signed with, and how a receiver checks it.
//!
//! `v1` is HMAC-SHA256 over `id.timestamp.body` with a shared secret; `v1a` is Ed25519 over the same, for
//! receivers that are to check and not to sign. A header may hold several signatures, so that a secret
//! can be changed while both are good.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use ed25519_dalek::{SECRET_KEY_LENGTH, Signature, Signer as _, SigningKey, VerifyingKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// How far a timestamp may lie from the receiver's clock, to either side.
pub const TOLERANCE: TimeDelta = TimeDelta::seconds(300);

const PREFIX: &str = "whsec_";
const PUBLIC_PREFIX: &str = "whpk_";

/// How messages are signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Scheme {
    /// With a secret that both sides know.
    #[default]
    V1,
    /// With a private key that nobody is shown.
    V1a,
}

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
    /// The secret or the key is no base64, or has another length.
    #[error("the key is not one of this kind")]
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

    /// What checks `v1a`: the key that belongs to this one as the seed of a private key.
    pub fn public_key(&self) -> Result<String, SignatureError> {
        Ok(format!("{PUBLIC_PREFIX}{}", STANDARD.encode(self.pair()?.verifying_key())))
    }

    fn pair(&self) -> Result<SigningKey, SignatureError> {
        let seed: &[u8; SECRET_KEY_LENGTH] =
            self.0.as_slice().try_into().map_err(|_no_seed| SignatureError::Secret)?;
        Ok(SigningKey::from_bytes(seed))
    }

    fn mac(&self, signed: &[u8]) -> Result<String, SignatureError> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0)
            .map_err(|_never_for_hmac| SignatureError::Secret)?;
        mac.update(signed);
        Ok(STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// What is signed of a message.
fn signed(id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat()
}

/// What goes into `webhook-signature`: one signature per secret.
pub fn sign(
    scheme: Scheme,
    secrets: &[Secret],
    (id, at): (&str, DateTime<Utc>),
    body: &[u8],
) -> Result<String, SignatureError> {
    let signed = signed(id, &at.timestamp().to_string(), body);
    let one = |secret: &Secret| match scheme {
        Scheme::V1 => Ok(format!("v1,{}", secret.mac(&signed)?)),
        Scheme::V1a => {
            Ok(format!("v1a,{}", STANDARD.encode(secret.pair()?.sign(&signed).to_bytes())))
        }
    };
    Ok(secrets.iter().map(one).collect::<Result<Vec<_>, SignatureError>>()?.join(" "))
}

/// Checks a message as a receiver does. Versions that are not known are passed over.
pub fn verify(
    secret: &Secret,
    (id, timestamp, signatures): (&str, &str, &str),
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<(), SignatureError> {
    is_of_now(timestamp, now)?;
    let expected = secret.mac(&signed(id, timestamp, body))?;
    let mut candidates = signatures.split(' ').filter_map(|it| it.strip_prefix("v1,"));
    if candidates.any(|it| it.as_bytes().ct_eq(expected.as_bytes()).into()) {
        Ok(())
    } else {
        Err(SignatureError::NoMatch)
    }
}

/// As [`verify`], with the public key of a pair: `whpk_…`.
pub fn verify_with_public_key(
    public_key: &str,
    (id, timestamp, signatures): (&str, &str, &str),
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<(), SignatureError> {
    is_of_now(timestamp, now)?;
    let key = STANDARD.decode(public_key.strip_prefix(PUBLIC_PREFIX).unwrap_or(public_key));
    let key = key.map_err(|_no_base64| SignatureError::Secret)?;
    let key = VerifyingKey::try_from(key.as_slice()).map_err(|_no_key| SignatureError::Secret)?;
    let signed = signed(id, timestamp, body);
    let candidates = signatures.split(' ').filter_map(|it| it.strip_prefix("v1a,"));
    let mut candidates =
        candidates.filter_map(|it| Signature::from_slice(&STANDARD.decode(it).ok()?).ok());
    if candidates.any(|it| key.verify_strict(&signed, &it).is_ok()) {
        Ok(())
    } else {
        Err(SignatureError::NoMatch)
    }
}

/// Whether a message was sent about now.
fn is_of_now(timestamp: &str, now: DateTime<Utc>) -> Result<(), SignatureError> {
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
    Ok(())
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
            assert_eq!(
                sign(Scheme::V1, &[secret], (id, at), body).unwrap(),
                signature,
                "{}",
                vector["id"]
            );
        }
    }

    #[test]
    fn what_a_key_pair_signs_is_what_the_vector_of_v1a_says() {
        let text = include_str!("../../tests/vectors/standard-webhooks.json");
        let all: Value = serde_json::from_str(text).expect("the vectors are JSON");
        let vectors = all["asymmetric_v1a"]["vectors"].as_array().unwrap();
        assert_eq!(vectors.len(), 1);
        for vector in vectors {
            let seed = hex::decode(vector["secret_seed_hex"].as_str().unwrap()).unwrap();
            let secret = Secret::from_bytes(Zeroizing::new(seed));
            assert_eq!(secret.public_key().unwrap(), vector["public_key"].as_str().unwrap());
            let id = header(vector, "webhook-id").unwrap();
            let at = header(vector, "webhook-timestamp").unwrap().parse().unwrap();
            let at = DateTime::from_timestamp(at, 0).unwrap();
            let body = vector["payload"].as_str().unwrap().as_bytes();
            let signature = sign(Scheme::V1a, &[secret], (id, at), body).unwrap();
            assert_eq!(Some(signature.as_str()), header(vector, "webhook-signature"));
            let key = vector["public_key"].as_str().unwrap();
            let timestamp = at.timestamp().to_string();
            let message = (id, timestamp.as_str(), signature.as_str());
            assert_eq!(verify_with_public_key(key, message, body, at), Ok(()));
            let other = verify_with_public_key(key, message, b"{}", at);
            assert_eq!(other, Err(SignatureError::NoMatch));
        }
    }

    #[test]
    fn two_secrets_sign_side_by_side_and_neither_is_for_the_eye() {
        let [old, new] = [Secret::random().unwrap(), Secret::random().unwrap()];
        let at = DateTime::from_timestamp(1_761_984_000, 0).unwrap();
        let header = sign(Scheme::V1, &[new.clone(), old.clone()], ("msg_1", at), b"{}").unwrap();
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
