//! Laravel's `Encrypter`.

mod key;

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac;
use serde::{Deserialize, Serialize};

use self::key::AppKey;
use super::{from_cache, to_cache};
use crate::SessionId;
use crate::wrap::WrapError;

/// Laravel's `app.cipher`; the length of the key says whether it is AES-128
/// or AES-256.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Cipher {
    /// CBC with HMAC-SHA256, Laravel's default.
    #[default]
    Cbc,
    /// GCM.
    Gcm,
}

impl FromStr for Cipher {
    type Err = WrapError;

    /// Reads the value of `app.cipher`: `aes-256-cbc` and so on, in any case
    /// of letters.
    fn from_str(name: &str) -> Result<Self, WrapError> {
        match name.to_ascii_lowercase().as_str() {
            "aes-128-cbc" | "aes-256-cbc" => Ok(Self::Cbc),
            "aes-128-gcm" | "aes-256-gcm" => Ok(Self::Gcm),
            _ => Err(WrapError::Corrupt),
        }
    }
}

/// Encrypts and decrypts as Laravel does, with any of its ciphers.
///
/// As in Laravel, what one cipher encrypted is refused by the other.
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
    cipher: Cipher,
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
            cipher: Cipher::default(),
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

    /// Uses another cipher than CBC.
    #[must_use]
    pub const fn with_cipher(mut self, cipher: Cipher) -> Self {
        self.cipher = cipher;
        self
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
        match self.cipher {
            Cipher::Cbc => self.encrypt_cbc(plain)?,
            Cipher::Gcm => self.encrypt_gcm(plain)?,
        }
        .encode()
    }

    fn encrypt_cbc(&self, plain: &[u8]) -> Result<Payload, WrapError> {
        let iv = random()?;
        let value = STANDARD.encode(self.key.encrypt_cbc(plain, iv));
        let iv = STANDARD.encode(iv);
        Ok(Payload {
            mac: hex(&self.key.mac(&iv, &value)?.finalize().into_bytes()),
            iv,
            value,
            tag: String::new(),
        })
    }

    fn encrypt_gcm(&self, plain: &[u8]) -> Result<Payload, WrapError> {
        let iv = random()?;
        let mut value = plain.to_vec();
        let tag = self.key.encrypt_gcm(&mut value, iv)?;
        Ok(Payload {
            mac: String::new(),
            iv: STANDARD.encode(iv),
            value: STANDARD.encode(value),
            tag: STANDARD.encode(tag),
        })
    }

    /// Decrypts bytes that `Crypt::encryptString` encrypted.
    ///
    /// # Errors
    ///
    /// As [`decrypt`](Self::decrypt).
    pub fn decrypt_string(&self, payload: &[u8]) -> Result<Vec<u8>, WrapError> {
        let payload = Payload::decode(payload)?;
        match self.cipher {
            Cipher::Cbc => self.decrypt_cbc(&payload),
            Cipher::Gcm => self.decrypt_gcm(&payload),
        }
    }

    fn decrypt_cbc(&self, payload: &Payload) -> Result<Vec<u8>, WrapError> {
        if !payload.tag.is_empty() {
            return Err(WrapError::Corrupt);
        }
        let mac = unhex(&payload.mac).ok_or(WrapError::Corrupt)?;
        let iv = exactly(&payload.iv)?;
        let value = unbase64(&payload.value)?;
        for key in self.keys() {
            // Compares in constant time.
            let ours = key.mac(&payload.iv, &payload.value)?;
            if ours.verify_slice(&mac).is_ok() {
                return key.decrypt_cbc(&value, iv);
            }
        }
        Err(WrapError::Forged)
    }

    fn decrypt_gcm(&self, payload: &Payload) -> Result<Vec<u8>, WrapError> {
        let (iv, tag) = (exactly(&payload.iv)?, exactly(&payload.tag)?);
        let value = unbase64(&payload.value)?;
        for key in self.keys() {
            match key.decrypt_gcm(value.clone(), iv, tag) {
                Err(WrapError::Forged) => {}
                decrypted => return decrypted,
            }
        }
        Err(WrapError::Forged)
    }

    fn keys(&self) -> impl Iterator<Item = &AppKey> {
        std::iter::once(&self.key).chain(&self.previous)
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
        for key in self.keys() {
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

impl Payload {
    fn encode(&self) -> Result<String, WrapError> {
        let json = serde_json::to_string(self).map_err(|_| WrapError::Corrupt)?;
        Ok(STANDARD.encode(json))
    }

    fn decode(payload: &[u8]) -> Result<Self, WrapError> {
        let json = STANDARD.decode(payload).map_err(|_| WrapError::Corrupt)?;
        serde_json::from_slice(&json).map_err(|_| WrapError::Corrupt)
    }
}

fn random<const N: usize>() -> Result<[u8; N], WrapError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| WrapError::Random)?;
    Ok(bytes)
}

fn unbase64(text: &str) -> Result<Vec<u8>, WrapError> {
    STANDARD.decode(text).map_err(|_| WrapError::Corrupt)
}

/// Base64 of so many bytes.
fn exactly<const N: usize>(text: &str) -> Result<[u8; N], WrapError> {
    unbase64(text)?.try_into().map_err(|_| WrapError::Corrupt)
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
