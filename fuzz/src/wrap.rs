//! What is put around session data: compression, flags, Laravel's forms,
//! Symfony's bags.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use session_store::wrap::laravel::{self, Cipher, Encrypter};
use session_store::wrap::memcached;
use session_store::wrap::phpredis::Compression;
use session_store::wrap::symfony::Bags;
use session_store::wrap::{LaravelJson, ValueWrap, WrapError};
use session_store::{Document, Limits, SerializeHandler};

/// Plain bytes that any stored value may give.
const LIMIT: usize = 64 * 1024;

/// phpredis's LZF.
pub fn wrap_lzf(data: &[u8]) {
    check_phpredis(Compression::Lzf, data);
}

/// phpredis's zstd.
pub fn wrap_zstd(data: &[u8]) {
    check_phpredis(Compression::Zstd, data);
}

/// phpredis's LZ4.
pub fn wrap_lz4(data: &[u8]) {
    check_phpredis(Compression::Lz4, data);
}

/// What is no compressed value is the data itself; what we compress comes
/// back.
fn check_phpredis(kind: Compression, data: &[u8]) {
    match kind.decompress(data, LIMIT) {
        Ok(plain) => assert!(plain.len() <= LIMIT || plain == data),
        Err(error) => assert_eq!(error, WrapError::TooLong { limit: LIMIT }),
    }
    let data = &data[..data.len().min(LIMIT)];
    let stored = kind
        .compress(data, 0)
        .expect("short data can be compressed");
    let plain = kind.decompress(&stored, data.len());
    assert_eq!(plain.as_deref(), Ok(data));
}

/// FastLZ, as php-memcached stores it.
pub fn wrap_fastlz(data: &[u8]) {
    check_memcached(0x50, data);
}

/// The first byte is the item's flags.
pub fn wrap_memcached(data: &[u8]) {
    let (flags, stored) = data.split_first().unwrap_or((&0, &[]));
    check_memcached(u32::from(*flags), stored);
}

fn check_memcached(flags: u32, stored: &[u8]) {
    if let Ok(plain) = memcached::unwrap(flags, stored, LIMIT) {
        assert!(plain.len() <= LIMIT || plain == stored);
    }
    let plain = &stored[..stored.len().min(LIMIT)];
    for kind in [
        memcached::Compression::FastLz,
        memcached::Compression::Zlib,
        memcached::Compression::Zstd,
    ] {
        let (flags, stored) = memcached::wrap(plain, kind);
        let back = memcached::unwrap(flags, &stored, plain.len());
        assert_eq!(back.as_deref(), Ok(plain));
    }
}

/// Every form that Laravel gives a session or its cookie.
pub fn wrap_laravel(data: &[u8]) {
    if let Ok(attributes) = laravel::from_cache(data) {
        assert_eq!(laravel::to_cache(attributes), data);
    }
    if let Ok(attributes) = laravel::from_database(data) {
        assert_eq!(laravel::to_database(&attributes).as_bytes(), data);
    }
    let encrypter = Encrypter::new(&[7; 16]).expect("16 bytes are a key");
    for cipher in [Cipher::Cbc, Cipher::Gcm] {
        let encrypter = encrypter.clone().with_cipher(cipher);
        let _ = encrypter.decrypt(data);
        if let Ok(cookie) = std::str::from_utf8(data) {
            let _ = encrypter.session_id("laravel_session", cookie);
        }
        let payload = encrypter.encrypt(data).expect("random bytes");
        assert_eq!(encrypter.decrypt(payload.as_bytes()).as_deref(), Ok(data));
    }
}

/// `session.serialization = json`: what is read is written so that it reads
/// as the same.
pub fn wrap_laravel_json(data: &[u8]) {
    let limits = limits();
    if let Ok(session) = laravel::from_json(data, &limits)
        && let Ok(once) = laravel::to_json(&session, &limits)
    {
        let again = laravel::from_json(&once, &limits).expect("our JSON is JSON");
        assert_eq!(laravel::to_json(&again, &limits), Ok(once));
        let encode = |session: &Document| session.encode(SerializeHandler::PhpSerialize, &limits);
        assert_eq!(encode(&again), encode(&session));
    }
    let _ = LaravelJson.wrap(Bytes::copy_from_slice(data));
    let _ = LaravelJson.unwrap(Bytes::copy_from_slice(data));
}

/// Symfony's bags in any session of the `php` format.
pub fn wrap_symfony(data: &[u8]) {
    let (php, limits) = (SerializeHandler::Php, limits());
    let Ok(mut session) = Document::decode(php, Bytes::copy_from_slice(data), &limits) else {
        return;
    };
    let mut bags = Bags::of(&mut session);
    let _ = bags.metadata();
    let _ = bags.attribute("user");
    bags.take_flashes("error");
    bags.add_flash("notice", "saved");
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    let _ = bags.stamp(now, Duration::from_secs(60), Duration::ZERO);
    // A bag that is no array takes nothing.
    if bags.insert("user", &7).is_ok() {
        assert_eq!(bags.get::<i64>("user"), Ok(Some(7)));
        assert!(bags.remove("user"));
    }
    let flashes = bags.take_flashes("notice");
    assert_eq!(flashes.last().map(String::as_str), Some("saved"));
    bags.trim();
    if let Ok(written) = session.encode(php, &limits) {
        let again = Document::decode(php, written, &limits).expect("bags are readable");
        assert_eq!(again.len(), session.len());
    }
}

/// Small ones, so that what they stop is found soon.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_depth = 64;
    limits.max_nodes = 5_000;
    limits.max_session_bytes = LIMIT;
    limits
}
