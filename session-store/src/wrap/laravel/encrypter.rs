//! Laravel's `Encrypter` with AES-CBC and HMAC-SHA256.

use std::fmt;

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockDecryptMut, BlockEncryptMut, KeyIvInit};
use aes::{Aes128, Aes256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cbc::{Decryptor, Encryptor};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::Sha256;

use super::{from_cache, to_cache};
use crate::SessionId;
use crate::wrap::WrapError;

/// Encrypts and decrypts as Laravel does with its default ciphers,
/// `aes-256-cbc` and `aes-128-cbc`.
///
/// # Examples
///
/// ```
/// use session_store::SessionId;
/// use session_store::wrap::laravel::Encrypter;
///
/// let encrypter = Encrypter::from_app_key("base64:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")?;
/// let id = SessionId::parse("0123456789abcdefghijABCDEFGHIJ0123456789")?;
/// let cookie = encrypter.cookie("laravel_session", &id)?;
/// assert_eq!(encrypter.session_id("laravel_session", &cookie)?, id);
///
/// // The value of one cookie does not serve as another.
/// assert!(encrypter.session_id("XSRF-TOKEN", &cookie).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Encrypter {
    key: AppKey,
    previous: Vec<AppKey>,
}

impl Encrypter {
    /// Takes a key of 16 or 32 bytes.
    ///
    /// # Errors
    ///
    /// [`WrapError::Key`] for any other length.
    pub fn new(key: &[u8]) -> Result<Self, WrapError> {
        Ok(Self {
            key: AppKey::new(key)?,
            previous: Vec::new(),
        })
    }

    /// Takes `APP_KEY` as it stands in `.env`: `base64:` and the key.
    ///
    /// # Errors
    ///
    /// [`WrapError::Corrupt`] if it is not base64, [`WrapError::Key`] if the
    /// key has a wrong length.
    pub fn from_app_key(app_key: &str) -> Result<Self, WrapError> {
        match app_key.strip_prefix("base64:") {
            Some(encoded) => Self::new(&STANDARD.decode(encoded).map_err(|_| WrapError::Corrupt)?),
            None => Self::new(app_key.as_bytes()),
        }
    }

    /// Adds a key of `APP_PREVIOUS_KEYS`: it decrypts, but does not encrypt.
    ///
    /// # Errors
    ///
    /// [`WrapError::Key`] for a wrong length.
    pub fn with_previous(mut self, key: &[u8]) -> Result<Self, WrapError> {
        self.previous.push(AppKey::new(key)?);
        Ok(self)
    }

    /// Encrypts attributes for `session.encrypt`, as `Crypt::encrypt` does a
    /// string: serialized once more.
    ///
    /// # Errors
    ///
    /// [`WrapError::Random`] if the system has no random bytes.
    pub fn encrypt(&self, attributes: &[u8]) -> Result<String, WrapError> {
        self.encrypt_string(&to_cache(attributes))
    }

    /// Decrypts what [`encrypt`](Self::encrypt) or Laravel wrote.
    ///
    /// # Errors
    ///
    /// [`WrapError::Forged`] if no key fits, [`WrapError::Corrupt`] if it is
    /// no such payload.
    pub fn decrypt(&self, payload: &[u8]) -> Result<Vec<u8>, WrapError> {
        let plain = self.decrypt_string(payload)?;
        from_cache(&plain).map(<[u8]>::to_vec)
    }

    /// Encrypts bytes as `Crypt::encryptString` does.
    ///
    /// # Errors
    ///
    /// [`WrapError::Random`] if the system has no random bytes.
    pub fn encrypt_string(&self, plain: &[u8]) -> Result<String, WrapError> {
        let mut iv = [0; 16];
        getrandom::fill(&mut iv).map_err(|_| WrapError::Random)?;
        self.encrypt_with(plain, iv)
    }

    fn encrypt_with(&self, plain: &[u8], iv: [u8; 16]) -> Result<String, WrapError> {
        let value = STANDARD.encode(self.key.encrypt(plain, iv));
        let iv = STANDARD.encode(iv);
        let payload = Payload {
            mac: hex(&self.key.mac(&iv, &value)?.finalize().into_bytes()),
            iv,
            value,
            tag: String::new(),
        };
        let json = serde_json::to_string(&payload).map_err(|_| WrapError::Corrupt)?;
        Ok(STANDARD.encode(json))
    }

    /// Decrypts bytes that `Crypt::encryptString` encrypted.
    ///
    /// # Errors
    ///
    /// As [`decrypt`](Self::decrypt).
    pub fn decrypt_string(&self, payload: &[u8]) -> Result<Vec<u8>, WrapError> {
        let json = STANDARD.decode(payload).map_err(|_| WrapError::Corrupt)?;
        let payload: Payload = serde_json::from_slice(&json).map_err(|_| WrapError::Corrupt)?;
        let mac = unhex(&payload.mac).ok_or(WrapError::Corrupt)?;
        let iv = STANDARD
            .decode(&payload.iv)
            .map_err(|_| WrapError::Corrupt)?;
        let iv: [u8; 16] = iv.try_into().map_err(|_| WrapError::Corrupt)?;
        let value = STANDARD
            .decode(&payload.value)
            .map_err(|_| WrapError::Corrupt)?;
        for key in std::iter::once(&self.key).chain(&self.previous) {
            // Compares in constant time.
            if key
                .mac(&payload.iv, &payload.value)?
                .verify_slice(&mac)
                .is_ok()
            {
                return key.decrypt(&value, iv);
            }
        }
        Err(WrapError::Forged)
    }

    /// The value of the session cookie called `name`, not yet URL-encoded.
    ///
    /// # Errors
    ///
    /// [`WrapError::Random`] if the system has no random bytes.
    pub fn cookie(&self, name: &str, id: &SessionId) -> Result<String, WrapError> {
        let prefix = self.key.cookie_prefix(name)?;
        self.encrypt_string(format!("{prefix}|{}", id.as_str()).as_bytes())
    }

    /// The session id in the value of the cookie called `name`, once
    /// URL-decoded.
    ///
    /// # Errors
    ///
    /// [`WrapError::Forged`] for the value of another cookie or another key,
    /// [`WrapError::Corrupt`] for one that holds no session id. Treat the
    /// visitor as one without a cookie.
    pub fn session_id(&self, name: &str, cookie: &str) -> Result<SessionId, WrapError> {
        let plain = self.decrypt_string(cookie.as_bytes())?;
        let plain = std::str::from_utf8(&plain).map_err(|_| WrapError::Corrupt)?;
        let (prefix, id) = plain.split_once('|').ok_or(WrapError::Corrupt)?;
        for key in std::iter::once(&self.key).chain(&self.previous) {
            if key.cookie_prefix(name)? == prefix {
                return SessionId::parse(id).map_err(|_| WrapError::Corrupt);
            }
        }
        Err(WrapError::Forged)
    }
}

impl fmt::Debug for Encrypter {
    /// Leaves the keys out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encrypter")
            .field("previous_keys", &self.previous.len())
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize, Serialize)]
struct Payload {
    iv: String,
    value: String,
    mac: String,
    #[serde(default)]
    tag: String,
}

#[derive(Clone)]
enum AppKey {
    Aes128([u8; 16]),
    Aes256([u8; 32]),
}

impl AppKey {
    fn new(key: &[u8]) -> Result<Self, WrapError> {
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

    fn encrypt(&self, plain: &[u8], iv: [u8; 16]) -> Vec<u8> {
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

    fn decrypt(&self, value: &[u8], iv: [u8; 16]) -> Result<Vec<u8>, WrapError> {
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

    /// HMAC-SHA256 of what stands in the payload, base64 and all.
    fn mac(&self, iv: &str, value: &str) -> Result<Hmac<Sha256>, WrapError> {
        let got = self.bytes().len();
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.bytes()).map_err(|_| WrapError::Key { got })?;
        mac.update(iv.as_bytes());
        mac.update(value.as_bytes());
        Ok(mac)
    }

    /// What ties a cookie's value to its name: `CookieValuePrefix`.
    fn cookie_prefix(&self, name: &str) -> Result<String, WrapError> {
        let got = self.bytes().len();
        let mut mac =
            Hmac::<Sha1>::new_from_slice(self.bytes()).map_err(|_| WrapError::Key { got })?;
        mac.update(name.as_bytes());
        mac.update(b"v2");
        Ok(hex(&mac.finalize().into_bytes()))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair[0] << 4 | pair[1]).ok())
        .collect()
}
