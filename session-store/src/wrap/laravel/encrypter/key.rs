//! `APP_KEY` and what Laravel does with it.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockDecryptMut, BlockEncryptMut, KeyInit, KeyIvInit};
use aes::{Aes128, Aes256};
use aes_gcm::aead::AeadInPlace;
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use cbc::{Decryptor, Encryptor};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::Sha256;

use super::hex;
use crate::wrap::WrapError;

/// A key, which decides between AES-128 and AES-256.
#[derive(Clone)]
pub(super) enum AppKey {
    Aes128([u8; 16]),
    Aes256([u8; 32]),
}

impl AppKey {
    pub(super) fn new(key: &[u8]) -> Result<Self, WrapError> {
        if let Ok(key) = key.try_into() {
            return Ok(Self::Aes128(key));
        }
        let got = key.len();
        key.try_into()
            .map(Self::Aes256)
            .map_err(|_| WrapError::Key { got })
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Aes128(key) => key,
            Self::Aes256(key) => key,
        }
    }

    pub(super) fn encrypt_cbc(&self, plain: &[u8], iv: [u8; 16]) -> Vec<u8> {
        let iv = &iv.into();
        match self {
            Self::Aes128(key) => {
                Encryptor::<Aes128>::new(key.into(), iv).encrypt_padded_vec_mut::<Pkcs7>(plain)
            }
            Self::Aes256(key) => {
                Encryptor::<Aes256>::new(key.into(), iv).encrypt_padded_vec_mut::<Pkcs7>(plain)
            }
        }
    }

    pub(super) fn decrypt_cbc(&self, value: &[u8], iv: [u8; 16]) -> Result<Vec<u8>, WrapError> {
        let iv = &iv.into();
        let plain = match self {
            Self::Aes128(key) => {
                Decryptor::<Aes128>::new(key.into(), iv).decrypt_padded_vec_mut::<Pkcs7>(value)
            }
            Self::Aes256(key) => {
                Decryptor::<Aes256>::new(key.into(), iv).decrypt_padded_vec_mut::<Pkcs7>(value)
            }
        };
        plain.map_err(|_| WrapError::Corrupt)
    }

    /// Encrypts in place and gives the tag.
    pub(super) fn encrypt_gcm(
        &self,
        plain: &mut [u8],
        iv: [u8; 12],
    ) -> Result<[u8; 16], WrapError> {
        let limit = GCM_MAX_BYTES;
        let iv = &iv.into();
        let tag = match self {
            Self::Aes128(key) => {
                Aes128Gcm::new(key.into()).encrypt_in_place_detached(iv, b"", plain)
            }
            Self::Aes256(key) => {
                Aes256Gcm::new(key.into()).encrypt_in_place_detached(iv, b"", plain)
            }
        };
        tag.map(Into::into)
            .map_err(|_| WrapError::TooLong { limit })
    }

    /// Decrypts, if the tag is this key's.
    pub(super) fn decrypt_gcm(
        &self,
        mut value: Vec<u8>,
        iv: [u8; 12],
        tag: [u8; 16],
    ) -> Result<Vec<u8>, WrapError> {
        let (iv, tag) = (&iv.into(), &tag.into());
        let checked = match self {
            Self::Aes128(key) => {
                Aes128Gcm::new(key.into()).decrypt_in_place_detached(iv, b"", &mut value, tag)
            }
            Self::Aes256(key) => {
                Aes256Gcm::new(key.into()).decrypt_in_place_detached(iv, b"", &mut value, tag)
            }
        };
        checked.map(|()| value).map_err(|_| WrapError::Forged)
    }

    /// HMAC-SHA256 of what stands in the payload, base64 and all.
    pub(super) fn mac(&self, iv: &str, value: &str) -> Result<Hmac<Sha256>, WrapError> {
        let got = self.bytes().len();
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(self.bytes())
            .map_err(|_| WrapError::Key { got })?;
        mac.update(iv.as_bytes());
        mac.update(value.as_bytes());
        Ok(mac)
    }

    /// What ties a cookie's value to its name: `CookieValuePrefix`.
    pub(super) fn cookie_prefix(&self, name: &str) -> Result<String, WrapError> {
        let got = self.bytes().len();
        let mut mac = <Hmac<Sha1> as Mac>::new_from_slice(self.bytes())
            .map_err(|_| WrapError::Key { got })?;
        mac.update(name.as_bytes());
        mac.update(b"v2");
        Ok(hex(&mac.finalize().into_bytes()))
    }
}

/// What one key and nonce may encrypt.
const GCM_MAX_BYTES: usize = (1 << 36) - 32;
