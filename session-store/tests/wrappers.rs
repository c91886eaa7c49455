//! Wrapped values, with real php-redis and php-memcached on the other side.

#![cfg(all(feature = "compression", feature = "laravel"))]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Command;

use session_store::SessionId;
use session_store::wrap::laravel::{self, Encrypter};
use session_store::wrap::memcached::{self, unwrap, wrap};
use session_store::wrap::phpredis::Compression;
use session_store::wrap::{WrapError, symfony::Bags};
use session_store::{Document, Limits, SerializeHandler::Php};

const LIMIT: usize = 1 << 20;

/// Plain texts: empty, short, repetitive, noise.
fn samples() -> Vec<Vec<u8>> {
    let mut state = 1_u32;
    let noise = (0..5000).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    });
    vec![
        Vec::new(),
        b"a|i:1;".to_vec(),
        b"abcabcabd".repeat(20),
        b"user|i:7;cart|a:2:{i:0;s:3:\"cup\";i:1;s:3:\"cup\";}".repeat(200),
        vec![0; 100_000],
        noise.collect(),
    ]
}

#[track_caller]
fn php(script: &str, arguments: &[String]) -> String {
    let mut command = Command::new(peers::tool("php", "php-cli php-redis php-memcached"));
    let output = command
        .arg("-r")
        .arg(script)
        .args(arguments)
        .output()
        .expect("php starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("php prints text")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex");
    (0..text.len()).step_by(2).map(digit).collect()
}

#[test]
fn phpredis_and_we_read_each_others_compression() {
    let redis = peers::Redis::start();
    let script = r#"
        $redis = new Redis();
        $redis->connect('127.0.0.1', (int) $argv[1]);
        foreach (['LZF', 'ZSTD', 'LZ4'] as $kind) {
            $redis->setOption(Redis::OPT_COMPRESSION, constant("Redis::COMPRESSION_$kind"));
            foreach (array_slice($argv, 2) as $pair) {
                [$wanted, $plain, $stored] = explode(':', $pair);
                if ($wanted !== $kind) continue;
                if ($plain !== '' && $redis->_uncompress(hex2bin($stored)) !== hex2bin($plain)) { echo "cannot read our $kind of $plain\n"; }
                echo $kind, ':', $plain, ':', bin2hex($redis->_compress(hex2bin($plain))), "\n";
            }
        }
    "#;
    let kinds = [
        ("LZF", Compression::Lzf),
        ("ZSTD", Compression::Zstd),
        ("LZ4", Compression::Lz4),
    ];
    let mut arguments = vec![redis.port.to_string()];
    // An argument holds 128 KiB.
    let samples: Vec<_> = samples()
        .into_iter()
        .map(|plain| plain[..plain.len().min(20_000)].to_vec())
        .collect();
    for (name, kind) in kinds {
        for plain in &samples {
            arguments.push(format!(
                "{name}:{}:{}",
                hex(plain),
                hex(&kind.compress(plain, 3).unwrap())
            ));
        }
    }
    let answer = php(script, &arguments);
    let mut read = 0;
    for line in answer.lines() {
        let mut parts = line.split(':');
        let (name, plain, stored) = (
            parts.next().unwrap(),
            parts.next().unwrap_or_else(|| panic!("{line}")),
            parts.next().unwrap(),
        );
        let kind = kinds.iter().find(|(known, _)| *known == name).unwrap().1;
        assert_eq!(
            kind.decompress(&unhex(stored), LIMIT).unwrap(),
            unhex(plain),
            "{name}"
        );
        read += 1;
    }
    assert_eq!(read, kinds.len() * samples.len());
}

#[test]
fn values_from_before_compression_stay_readable() {
    for kind in [Compression::Lzf, Compression::Zstd, Compression::Lz4] {
        assert_eq!(
            kind.decompress(b"user|i:7;", LIMIT).unwrap(),
            &b"user|i:7;"[..]
        );
        let bomb = kind.compress(&vec![0; 100_000], 3).unwrap();
        assert_eq!(
            kind.decompress(&bomb, 1000),
            Err(WrapError::TooLong { limit: 1000 })
        );
    }
}

#[test]
fn php_memcached_and_we_read_each_others_items() {
    let server = peers::Memcached::start();
    let mut connection = BufReader::new(TcpStream::connect(("127.0.0.1", server.port)).unwrap());
    let kinds = [
        ("fastlz", memcached::Compression::FastLz),
        ("zlib", memcached::Compression::Zlib),
    ];
    for (number, plain) in samples().iter().enumerate() {
        for (name, kind) in kinds {
            let (flags, stored) = wrap(plain, kind);
            let key = format!("ours-{name}-{number}");
            write!(
                connection.get_mut(),
                "set {key} {flags} 0 {}\r\n",
                stored.len()
            )
            .unwrap();
            connection
                .get_mut()
                .write_all(&[&stored[..], b"\r\n"].concat())
                .unwrap();
            let mut answer = String::new();
            connection.read_line(&mut answer).unwrap();
            assert_eq!(answer, "STORED\r\n");
        }
    }
    let script = r#"
        $cache = new Memcached();
        $cache->addServer('127.0.0.1', (int) $argv[1]);
        for ($number = 0; $number < (int) $argv[2]; $number++) {
            foreach (['fastlz' => Memcached::COMPRESSION_FASTLZ, 'zlib' => Memcached::COMPRESSION_ZLIB] as $name => $type) {
                $cache->setOption(Memcached::OPT_COMPRESSION_TYPE, $type);
                $plain = $cache->get("ours-$name-$number");
                echo md5($plain), "\n";
                $cache->set("theirs-$name-$number", $plain) or exit(1);
            }
        }
    "#;
    let arguments = [server.port.to_string(), samples().len().to_string()];
    let answer = php(script, &arguments);
    assert_eq!(answer.lines().count(), samples().len() * 2);
    let mut compressed = 0;
    for (number, plain) in samples().iter().enumerate() {
        for (name, _) in kinds {
            let (flags, stored) = get(&mut connection, &format!("theirs-{name}-{number}"));
            compressed += usize::from(flags & 0x10 != 0);
            assert_eq!(
                unwrap(flags, &stored, LIMIT).unwrap(),
                &plain[..],
                "{name} {number}"
            );
        }
    }
    assert_eq!(compressed, 4, "both kinds, two samples");
}

fn get(connection: &mut BufReader<TcpStream>, key: &str) -> (u32, Vec<u8>) {
    write!(connection.get_mut(), "get {key}\r\n").unwrap();
    let mut line = String::new();
    connection.read_line(&mut line).unwrap();
    let mut words = line.split_whitespace().skip(2);
    let flags = words.next().unwrap().parse().unwrap();
    let len: usize = words.next().unwrap().parse().unwrap();
    let mut rest = vec![0; len + "\r\nEND\r\n".len()];
    connection.read_exact(&mut rest).unwrap();
    rest.truncate(len);
    (flags, rest)
}

#[test]
fn damaged_items_are_refused() {
    for (flags, stored) in [
        (0x50, &b""[..]),
        (0x50, b"\x05\0\0\0\x05ab"),
        (0x30, b"\x05\0\0\0abcde"),
        (0x90, b"\x05\0\0\0abcde"),
    ] {
        assert_eq!(
            unwrap(flags, stored, LIMIT),
            Err(WrapError::Corrupt),
            "{flags:#x}"
        );
    }
    assert_eq!(
        unwrap(0x50, b"\xff\xff\xff\xff\x00a", LIMIT),
        Err(WrapError::TooLong { limit: LIMIT })
    );
    assert_eq!(
        unwrap(4, b"a:0:{}", LIMIT),
        Err(WrapError::Flags { flags: 4 })
    );
    let (flags, stored) = wrap(&[7; 5000], memcached::Compression::Zstd);
    assert_eq!(
        (flags, unwrap(flags, &stored, LIMIT).unwrap().len()),
        (0x90, 5000)
    );
}

/// Laravel's `Illuminate\Encryption\Encrypter`, in the steps it takes.
const LARAVEL: &str = r#"
    $key = base64_decode($argv[1]);
    $encrypt = function (string $plain) use ($key) {
        $iv = random_bytes(16);
        $value = openssl_encrypt($plain, 'aes-256-cbc', $key, 0, $iv, $tag);
        $iv = base64_encode($iv);
        $mac = hash_hmac('sha256', $iv . $value, $key);
        return base64_encode(json_encode(['iv' => $iv, 'value' => $value, 'mac' => $mac, 'tag' => ''], JSON_UNESCAPED_SLASHES));
    };
    $decrypt = function (string $payload) use ($key) {
        $payload = json_decode(base64_decode($payload), true);
        hash_equals(hash_hmac('sha256', $payload['iv'] . $payload['value'], $key), $payload['mac']) or exit(1);
        return openssl_decrypt($payload['value'], 'aes-256-cbc', $key, 0, base64_decode($payload['iv']));
    };
    $prefix = hash_hmac('sha1', 'laravel_session' . 'v2', $key) . '|';
    echo $encrypt($prefix . $argv[2]), "\n", $encrypt(serialize($argv[3])), "\n";
    echo $decrypt($argv[4]) === $prefix . $argv[2] ? 'same' : 'other', "\n";
    echo unserialize($decrypt($argv[5])) === $argv[3] ? 'same' : 'other', "\n";
"#;

#[test]
fn laravel_and_we_decrypt_each_other() {
    let app_key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let encrypter = Encrypter::from_app_key(&format!("base64:{app_key}")).unwrap();
    let id = SessionId::parse(&"0aZ9".repeat(10)).unwrap();
    let attributes = r#"a:1:{s:6:"_token";s:4:"ab/+";}"#;
    let arguments = [
        app_key.to_owned(),
        id.as_str().to_owned(),
        attributes.to_owned(),
        encrypter.cookie("laravel_session", &id).unwrap(),
        encrypter.encrypt(attributes.as_bytes()).unwrap(),
    ];
    let answer = php(LARAVEL, &arguments);
    let lines: Vec<_> = answer.lines().collect();
    assert_eq!(
        encrypter.session_id("laravel_session", lines[0]).unwrap(),
        id
    );
    assert_eq!(
        encrypter.decrypt(lines[1].as_bytes()).unwrap(),
        attributes.as_bytes()
    );
    assert_eq!(lines[2..], ["same", "same"]);

    let other = Encrypter::new(&[1; 32]).unwrap();
    assert_eq!(other.decrypt(lines[1].as_bytes()), Err(WrapError::Forged));
    let rotated = other.with_previous(&(0..32).collect::<Vec<u8>>()).unwrap();
    assert_eq!(rotated.session_id("laravel_session", lines[0]).unwrap(), id);
    assert_eq!(
        Encrypter::new(&[0; 24]).unwrap_err(),
        WrapError::Key { got: 24 }
    );
}

#[test]
fn changed_payloads_are_refused_at_every_byte() {
    let encrypter = Encrypter::new(&[7; 16]).unwrap();
    let payload = encrypter.encrypt(b"a:0:{}").unwrap();
    for at in 0..payload.len() {
        let mut changed = payload.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let read = encrypter.decrypt(&changed);
        assert!(
            read.is_err() || read.as_deref() == Ok(b"a:0:{}"),
            "byte {at}"
        );
        assert!(encrypter.decrypt(&payload.as_bytes()[..at]).is_err());
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

#[test]
fn symfonys_bags_follow_symfonys_rules() {
    use std::time::{Duration, SystemTime};
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let limits = Limits::default();
    let mut session = Document::new();
    let mut bags = Bags::of(&mut session);
    bags.stamp(at(100), Duration::from_secs(0), Duration::ZERO)
        .unwrap();
    assert!(
        bags.trim(),
        "a session with nothing but bookkeeping is not saved"
    );

    bags.insert("user", &7).unwrap();
    bags.add_flash("notice", "saved");
    bags.add_flash("notice", "twice");
    bags.stamp(at(100), Duration::from_secs(60), Duration::ZERO)
        .unwrap();
    bags.stamp(at(130), Duration::from_secs(60), Duration::from_secs(31))
        .unwrap();
    bags.stamp(at(132), Duration::from_secs(60), Duration::from_secs(31))
        .unwrap();
    assert!(!bags.trim());
    assert_eq!(
        session.encode(Php, &limits).unwrap(),
        "_sf2_attributes|a:1:{s:4:\"user\";i:7;}\
         _symfony_flashes|a:1:{s:6:\"notice\";a:2:{i:0;s:5:\"saved\";i:1;s:5:\"twice\";}}\
         _sf2_meta|a:3:{s:1:\"u\";i:132;s:1:\"c\";i:100;s:1:\"l\";i:60;}"
    );
    let mut bags = Bags::of(&mut session);
    assert_eq!(bags.take_flashes("notice"), ["saved", "twice"]);
    assert!(bags.take_flashes("notice").is_empty());
    assert!(bags.remove("user") && !bags.remove("user"));
    assert!(bags.trim() && session.is_empty());
}
