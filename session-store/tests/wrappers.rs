//! Wrapped values, with real php-redis and php-memcached on the other side.

#![cfg(feature = "compression")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Command;

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
    let mut compressed = BTreeSet::new();
    for (number, plain) in samples().iter().enumerate() {
        for (name, _) in kinds {
            let (flags, stored) = get(&mut connection, &format!("theirs-{name}-{number}"));
            if flags & 0x10 != 0 {
                compressed.insert(name);
            }
            assert_eq!(
                unwrap(flags, &stored, LIMIT).unwrap(),
                &plain[..],
                "{name} {number}"
            );
        }
    }
    // What it finds worth compressing is its own affair.
    assert_eq!(compressed.len(), kinds.len(), "{compressed:?}");
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
