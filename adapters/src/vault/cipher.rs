//! XChaCha20-Poly1305: a random nonce each time, in front of the ciphertext.

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use zeroize::Zeroizing;

use super::VaultError;

const NONCE: usize = 24;

/// A key of 256 bits, wiped when it is dropped.
#[derive(Clone)]
pub(super) struct Key(Zeroizing<[u8; 32]>);

impl Key {
    pub(super) fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(super) fn random() -> Result<Self, VaultError> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|_no_source| VaultError::Randomness)?;
        Ok(Self::new(bytes))
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Seals a text; it opens only with the same `bound_to`.
    pub(super) fn seal(&self, text: &[u8], bound_to: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|_no_source| VaultError::Randomness)?;
        let payload = Payload { msg: text, aad: bound_to };
        let cipher = XChaCha20Poly1305::new((&*self.0).into());
        let sealed = cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_too_long| VaultError::Sealed { what: "a text" })?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// Opens what was sealed, or says that it does not open.
    pub(super) fn open(
        &self,
        sealed: &[u8],
        bound_to: &[u8],
        what: &'static str,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let closed = || VaultError::Sealed { what };
        let (nonce, text) = sealed.split_first_chunk::<NONCE>().ok_or_else(closed)?;
        let payload = Payload { msg: text, aad: bound_to };
        let cipher = XChaCha20Poly1305::new((&*self.0).into());
        let opened = cipher.decrypt(&XNonce::from(*nonce), payload);
        opened.map(Zeroizing::new).map_err(|_wrong_key_or_touched| closed())
    }
}
