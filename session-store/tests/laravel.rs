//! Laravel's forms, with PHP doing what Laravel does on the other side.

#![cfg(feature = "laravel")]

use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use session_store::wrap::laravel::{self, Cipher, Encrypter};
use session_store::wrap::{LaravelJson, ValueWrap, WrapError};
use session_store::{
    Document, ErrorKind, Limits, SerializeHandler::PhpSerialize, SessionId, Store,
};

#[track_caller]
fn php(script: &str, arguments: &[String]) -> String {
    let mut command = Command::new(peers::tool("php", "php-cli"));
    let output = command.arg("-r").arg(script).args(arguments).output();
    let output = output.expect("php starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("php prints text")
}

/// Laravel's `Illuminate\Encryption\Encrypter`, in the steps it takes.
const LARAVEL: &str = r#"
    $key = base64_decode($argv[1]);
    $cipher = $argv[6];
    $aead = str_ends_with($cipher, 'gcm');
    $encrypt = function (string $plain) use ($key, $cipher, $aead) {
        $iv = random_bytes(openssl_cipher_iv_length($cipher));
        $value = $aead ? openssl_encrypt($plain, $cipher, $key, 0, $iv, $tag) : openssl_encrypt($plain, $cipher, $key, 0, $iv);
        $iv = base64_encode($iv);
        $tag = base64_encode($tag ?? '');
        $mac = $aead ? '' : hash_hmac('sha256', $iv . $value, $key);
        return base64_encode(json_encode(compact('iv', 'value', 'mac', 'tag'), JSON_UNESCAPED_SLASHES));
    };
    $decrypt = function (string $payload) use ($key, $cipher, $aead) {
        $payload = json_decode(base64_decode($payload), true);
        $aead or hash_equals(hash_hmac('sha256', $payload['iv'] . $payload['value'], $key), $payload['mac']) or exit(1);
        $tag = base64_decode($payload['tag']);
        return openssl_decrypt($payload['value'], $cipher, $key, 0, base64_decode($payload['iv']), $tag);
    };
    $prefix = hash_hmac('sha1', 'laravel_session' . 'v2', $key) . '|';
    echo $encrypt($prefix . $argv[2]), "\n", $encrypt(serialize($argv[3])), "\n";
    echo $decrypt($argv[4]) === $prefix . $argv[2] ? 'same' : 'other', "\n";
    echo unserialize($decrypt($argv[5])) === $argv[3] ? 'same' : 'other', "\n";
"#;

/// Keys of AES-256 and AES-128.
const KEYS: [(&str, &str); 2] = [
    ("256", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
    ("128", "AAECAwQFBgcICQoLDA0ODw=="),
];

#[test]
fn laravel_and_we_decrypt_each_other() {
    for (bits, app_key) in KEYS {
        for mode in ["cbc", "gcm"] {
            assert_decrypt_each_other(app_key, &format!("aes-{bits}-{mode}"));
        }
    }
}

#[track_caller]
fn assert_decrypt_each_other(app_key: &str, name: &str) {
    let cipher: Cipher = name.parse().unwrap();
    let encrypter = Encrypter::from_app_key(&format!("base64:{app_key}"))
        .unwrap()
        .with_cipher(cipher);
    let id = SessionId::parse(&"0aZ9".repeat(10)).unwrap();
    let attributes = r#"a:1:{s:6:"_token";s:4:"ab/+";}"#;
    let arguments = [
        app_key.to_owned(),
        id.as_str().to_owned(),
        attributes.to_owned(),
        encrypter.cookie("laravel_session", &id).unwrap(),
        encrypter.encrypt(attributes.as_bytes()).unwrap(),
        name.to_owned(),
    ];
    let answer = php(LARAVEL, &arguments);
    let lines: Vec<_> = answer.lines().collect();
    let cookie = |encrypter: &Encrypter| encrypter.session_id("laravel_session", lines[0]);
    assert_eq!(cookie(&encrypter).unwrap(), id, "{name}");
    assert_eq!(
        encrypter.decrypt(lines[1].as_bytes()).unwrap(),
        attributes.as_bytes()
    );
    assert_eq!(lines[2..], ["same", "same"], "{name}");

    let other = Encrypter::new(&[1; 32]).unwrap().with_cipher(cipher);
    let forged = Err(WrapError::Forged);
    assert_eq!(other.decrypt(lines[1].as_bytes()), forged, "{name}");
    let key = STANDARD.decode(app_key).unwrap();
    assert_eq!(cookie(&other.with_previous(&key).unwrap()).unwrap(), id);
    let wrong = match cipher {
        Cipher::Cbc => Cipher::Gcm,
        _ => Cipher::Cbc,
    };
    assert_eq!(
        encrypter.with_cipher(wrong).decrypt(lines[1].as_bytes()),
        Err(WrapError::Corrupt),
        "{name}"
    );
}

#[test]
fn keys_of_another_length_are_refused() {
    let refused = Encrypter::new(&[0; 24]).unwrap_err();
    assert_eq!(refused, WrapError::Key { got: 24 });
    assert!("aes-256-ctr".parse::<Cipher>().is_err());
    assert_eq!("AES-256-GCM".parse(), Ok(Cipher::Gcm));
}

#[test]
fn changed_payloads_are_refused_at_every_byte() {
    for cipher in [Cipher::Cbc, Cipher::Gcm] {
        let encrypter = Encrypter::new(&[7; 16]).unwrap().with_cipher(cipher);
        let payload = encrypter.encrypt(b"a:0:{}").unwrap();
        for at in 0..payload.len() {
            let mut changed = payload.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let read = encrypter.decrypt(&changed);
            assert!(
                read.is_err() || read.as_deref() == Ok(b"a:0:{}"),
                "{cipher:?}, byte {at}"
            );
            assert!(encrypter.decrypt(&payload.as_bytes()[..at]).is_err());
        }
    }
}

#[test]
fn laravels_drivers_wrap_once_more() {
    assert_eq!(laravel::from_cache(b"s:6:\"a:0:{}\";").unwrap(), b"a:0:{}");
    for damaged in [
        &b"s:5:\"a:0:{}\";"[..],
        b"s:6:\"a:0:{}\"",
        b"a:0:{}",
        b"s:06:\"a:0:{}\";",
        b"",
    ] {
        assert_eq!(laravel::from_cache(damaged), Err(WrapError::Corrupt));
    }
    assert_eq!(
        laravel::from_database(laravel::to_database(b"a:0:{}").as_bytes()).unwrap(),
        b"a:0:{}"
    );
}

/// Attributes as `json_encode` writes them, and what PHP makes of ours.
const JSON: &str = r#"
    mt_srand(7);
    $value = function (int $depth) use (&$value) {
        switch (mt_rand(0, $depth < 4 ? 8 : 5)) {
            case 0: return null;
            case 1: return (bool) mt_rand(0, 1);
            case 2: return [0, -1, PHP_INT_MAX, PHP_INT_MIN, mt_rand()][mt_rand(0, 4)];
            case 3: return mt_rand() / mt_rand(1, 1000) * 10 ** mt_rand(-30, 30);
            case 4: return ['', 'a/b', "q\"\\\n\x7f", 'Zoë', '😀', "\u{2028}", '5'][mt_rand(0, 6)];
            case 5: return [];
            default:
                $array = [];
                for ($left = mt_rand(0, 5); $left > 0; $left--) {
                    $key = mt_rand(0, 1) ? count($array) : ['', 'k', '5', 'ü', '-1', 'a/b'][mt_rand(0, 5)];
                    $array[$key] = $value($depth + 1);
                }
                return $array;
        }
    };
    if ($argv[1] === 'write') {
        for ($left = 2000; $left > 0; $left--) {
            echo json_encode($attributes = ['_token' => 'x', 'v' => $value(0)]), "\t", base64_encode(serialize($attributes)), "\n";
        }
    } else {
        foreach (file($argv[2]) as $line) echo base64_encode(serialize(json_decode($line, true))), "\n";
    }
"#;

/// Our JSON of Laravel's is the same to the byte; PHP reads ours as what the
/// serialized form says.
#[test]
fn json_sessions_survive() {
    let limits = Limits::default();
    let mut ours = String::new();
    let mut wanted = String::new();
    for line in php(JSON, &["write".into()]).lines() {
        let (json, serialized) = line.split_once('\t').unwrap();
        let session = laravel::from_json(json.as_bytes(), &limits).unwrap();
        let again = laravel::to_json(&session, &limits).unwrap();
        assert_eq!(String::from_utf8(again).unwrap(), json);

        let bytes = STANDARD.decode(serialized).unwrap();
        let session = Document::decode(PhpSerialize, bytes, &limits).unwrap();
        let json = laravel::to_json(&session, &limits).unwrap();
        ours.push_str(&String::from_utf8(json).unwrap());
        ours.push('\n');
        wanted.push_str(serialized);
        wanted.push('\n');
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), ours).unwrap();
    let found = php(JSON, &["read".into(), file.path().display().to_string()]);
    assert_eq!(found, wanted);
}

#[test]
fn what_json_cannot_hold_is_refused() {
    for (session, says) in [
        (r#"a:1:{s:1:"a";O:8:"stdClass":0:{}}"#, "an object"),
        (r#"a:1:{s:1:"a";E:11:"Suit:Hearts";}"#, "enum"),
        (r#"a:1:{s:1:"a";d:NAN;}"#, "infinite float"),
    ] {
        let refused = LaravelJson.wrap(session.into()).unwrap_err();
        assert!(refused.to_string().contains(says), "{refused}");
    }
    let raw = b"a:1:{s:1:\"a\";s:1:\"\xff\";}";
    assert!(LaravelJson.wrap(raw.to_vec().into()).is_err());
    let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let limits = Limits::default();
    let session = laravel::from_json(deep(127).as_bytes(), &limits).unwrap();
    assert_eq!(
        laravel::to_json(&session, &limits).unwrap(),
        deep(127).as_bytes()
    );
    for damaged in ["{", "[1]x", "5", "null", "{\"a\":1e999}", &deep(128)] {
        let refused = laravel::from_json(damaged.as_bytes(), &limits).unwrap_err();
        assert_eq!(refused, WrapError::Corrupt, "{damaged}");
    }
    assert!(laravel::from_json(b"", &limits).unwrap().is_empty());
    // Arrays inside themselves end somewhere.
    let inside = "a:1:{s:1:\"a\";a:1:{i:0;R:2;}}";
    assert!(LaravelJson.wrap(inside.into()).is_err());
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn a_store_url_names_laravels_forms() {
    let folder = tempfile::tempdir().unwrap();
    let url = |query: &str| {
        format!(
            "sqlite:{}/app.db?preset=laravel&{query}",
            folder.path().display()
        )
    };
    let (_, app_key) = KEYS[0];
    let form = format!("serialization=json&app_key=base64:{app_key}&cipher=AES-256-GCM");
    let store = Store::open(&url(&form)).await.unwrap();
    let id = store.create("a:1:{s:6:\"_token\";d:1;}").await.unwrap();
    let read = store.read(&id).await.unwrap().unwrap();
    assert_eq!(read.bytes, "a:1:{s:6:\"_token\";d:1;}");

    let plain = Store::open(&url("")).await.unwrap();
    let stored = plain.read(&id).await.unwrap().unwrap();
    let key = format!("base64:{app_key}");
    let encrypter = Encrypter::from_app_key(&key).unwrap();
    let json = encrypter
        .with_cipher(Cipher::Gcm)
        .decrypt(&stored.bytes)
        .unwrap();
    assert_eq!(json, br#"{"_token":1.0}"#);

    let other = format!("serialization=json&app_key={}", "k".repeat(32));
    let other = Store::open(&url(&other)).await.unwrap();
    let refused = other.read(&id).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Corrupt);
    for wrong in ["serialization=xml", "app_key=short", "cipher=aes-256-gcm"] {
        let refused = Store::open(&url(wrong)).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Config, "{wrong}");
    }
    let refused = Store::open("memory:?serialization=json").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Config);
}
