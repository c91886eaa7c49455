//! Files: validators, ranges, compression, indexes, methods.

use std::io::Read;

use flate2::read::GzDecoder;

use crate::support::{Serve, Site, request};

fn site() -> Site {
    let site = Site::new(&[
        ("page.html", "<p>hello</p>"),
        ("digits.txt", "0123456789"),
        ("docs/index.html", "<h1>docs</h1>"),
        ("empty.txt", ""),
    ]);
    site.write("image.png", [0x89, b'P', b'N', b'G', 0, 255]);
    site.write("big.css", "a { color: red }\n".repeat(1000));
    site.write("pre.js", "let plain = 1;".repeat(100));
    site.write("pre.js.br", "brotli bytes");
    site.write("pre.js.gz", "gzip bytes");
    site.write("pre.js.zst", "zstd bytes");
    site
}

fn serve(site: &Site) -> Serve {
    Serve::start([site.path()])
}

#[test]
fn files_have_type_length_and_validators() {
    let site = site();
    let serve = serve(&site);
    for (path, media_type, length) in [
        ("/page.html", "text/html; charset=utf-8", "12"),
        ("/digits.txt", "text/plain; charset=utf-8", "10"),
        ("/image.png", "image/png", "6"),
        ("/empty.txt", "text/plain; charset=utf-8", "0"),
    ] {
        let answer = serve.get(path);
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.field("content-type"), Some(media_type));
        assert_eq!(answer.field("content-length"), Some(length));
        assert!(
            answer
                .field("etag")
                .is_some_and(|etag| etag.starts_with('"'))
        );
        assert!(
            answer
                .field("last-modified")
                .is_some_and(|date| date.ends_with("GMT"))
        );
        assert_eq!(answer.field("accept-ranges"), Some("bytes"));
        let head = serve.send(request("HEAD", path, &[], b""));
        assert_eq!(head.status, 200);
        assert_eq!(head.field("content-length"), Some(length));
        assert!(head.body.is_empty());
    }
    assert_eq!(
        serve.get("/image.png").body,
        [0x89, b'P', b'N', b'G', 0, 255]
    );
}

#[test]
fn unchanged_file_is_not_sent_again() {
    let site = site();
    let serve = serve(&site);
    let first = serve.get("/digits.txt");
    let (etag, date) = (
        first.field("etag").unwrap(),
        first.field("last-modified").unwrap(),
    );
    for fields in [[("If-None-Match", etag)], [("If-Modified-Since", date)]] {
        let answer = serve.get_with("/digits.txt", &fields);
        assert_eq!(answer.status, 304, "{fields:?}");
        assert_eq!(answer.field("etag"), Some(etag));
        assert!(answer.body.is_empty());
    }
    let answer = serve.get_with("/digits.txt", &[("If-None-Match", "\"other\"")]);
    assert_eq!((answer.status, &*answer.text()), (200, "0123456789"));
    let answer = serve.get_with("/digits.txt", &[("If-Match", "\"other\"")]);
    assert_eq!(answer.status, 412);
    site.write("digits.txt", "changed");
    let answer = serve.get_with("/digits.txt", &[("If-None-Match", etag)]);
    assert_eq!((answer.status, &*answer.text()), (200, "changed"));
}

#[test]
fn ranges_are_sent_in_part() {
    let site = site();
    let serve = serve(&site);
    for (range, content, content_range) in [
        ("bytes=0-3", "0123", "bytes 0-3/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-2", "89", "bytes 8-9/10"),
        ("bytes=5-99", "56789", "bytes 5-9/10"),
    ] {
        let answer = serve.get_with("/digits.txt", &[("Range", range)]);
        assert_eq!((answer.status, &*answer.text()), (206, content), "{range}");
        assert_eq!(answer.field("content-range"), Some(content_range));
    }
    let answer = serve.get_with("/digits.txt", &[("Range", "bytes=10-")]);
    assert_eq!(answer.status, 416);
    assert_eq!(answer.field("content-range"), Some("bytes */10"));
    let answer = serve.get_with("/digits.txt", &[("Range", "bytes=9-1")]);
    assert_eq!((answer.status, &*answer.text()), (200, "0123456789"));
    let stale = [("Range", "bytes=0-3"), ("If-Range", "\"other\"")];
    assert_eq!(serve.get_with("/digits.txt", &stale).status, 200);
}

#[test]
fn several_ranges_are_sent_as_multipart() {
    let site = site();
    let serve = serve(&site);
    let answer = serve.get_with("/digits.txt", &[("Range", "bytes=0-1,8-9")]);
    assert_eq!(answer.status, 206);
    let media_type = answer.field("content-type").unwrap();
    let boundary = media_type
        .strip_prefix("multipart/byteranges; boundary=")
        .unwrap();
    let boundary = boundary.trim_matches('"');
    let text = answer.text();
    let parts: Vec<&str> = text.split(&format!("--{boundary}")).collect();
    assert_eq!(parts.len(), 4, "{text}");
    assert!(
        parts[1].contains("content-range: bytes 0-1/10\r\n\r\n01\r\n"),
        "{text}"
    );
    assert!(
        parts[2].contains("content-range: bytes 8-9/10\r\n\r\n89\r\n"),
        "{text}"
    );
    assert_eq!(parts[3], "--\r\n");
}

#[test]
fn best_precompressed_file_is_chosen() {
    let site = site();
    let serve = serve(&site);
    for (accept, coding, content) in [
        ("gzip, br, zstd", Some("br"), "brotli bytes"),
        ("gzip;q=1, br;q=0.2", Some("gzip"), "gzip bytes"),
        ("zstd", Some("zstd"), "zstd bytes"),
        ("gzip;q=0", None, "let plain = 1;"),
    ] {
        let answer = serve.get_with("/pre.js", &[("Accept-Encoding", accept)]);
        assert_eq!(answer.field("content-encoding"), coding, "{accept}");
        assert!(answer.text().starts_with(content), "{accept}");
        assert_eq!(
            answer.field("content-type"),
            Some("text/javascript; charset=utf-8")
        );
        assert_eq!(answer.field("vary"), Some("accept-encoding"));
    }
}

#[test]
fn text_is_compressed_on_the_fly() {
    let site = site();
    let serve = serve(&site);
    let answer = serve.get_with("/big.css", &[("Accept-Encoding", "gzip")]);
    assert_eq!(answer.field("content-encoding"), Some("gzip"));
    let mut unpacked = String::new();
    GzDecoder::new(&*answer.body)
        .read_to_string(&mut unpacked)
        .unwrap();
    assert_eq!(unpacked, site.read("big.css"));
    let etag = answer.field("etag").unwrap();
    assert!(etag.starts_with("W/"), "{etag}");
    let fields = [("Accept-Encoding", "gzip"), ("If-None-Match", etag)];
    assert_eq!(serve.get_with("/big.css", &fields).status, 304);
    let plain = serve.get("/big.css");
    assert_eq!(
        (plain.field("content-encoding"), plain.body.len()),
        (None, 17_000)
    );
    let image = serve.get_with("/image.png", &[("Accept-Encoding", "gzip")]);
    assert_eq!(image.field("content-encoding"), None);
}

#[test]
fn other_methods_are_refused_with_the_allowed_ones() {
    let site = site();
    let serve = serve(&site);
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"] {
        let answer = serve.send(request(method, "/digits.txt", &[], b""));
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.field("allow"), Some("GET, HEAD"), "{method}");
    }
}

#[test]
fn folders_lead_to_their_index() {
    let site = site();
    let serve = serve(&site);
    let answer = serve.get("/docs?a=1");
    assert_eq!(answer.status, 301);
    assert_eq!(answer.field("location"), Some("/docs/?a=1"));
    let answer = serve.get("/docs/");
    assert_eq!((answer.status, &*answer.text()), (200, "<h1>docs</h1>"));
    assert_eq!(serve.get("/").status, 404);
}

#[test]
fn large_file_arrives_unchanged() {
    let site = site();
    let content: Vec<u8> = (0..4_000_000_u32).flat_map(u32::to_le_bytes).collect();
    site.write("large.bin", &content);
    let serve = serve(&site);
    assert!(serve.get("/large.bin").body == content);
    let answer = serve.get_with("/large.bin", &[("Range", "bytes=1000000-8999999")]);
    assert!(answer.body == content[1_000_000..9_000_000]);
}

#[test]
fn files_and_pages_of_one_connection_come_in_order() {
    let site = site();
    let content: Vec<u8> = (0..500_000_u32).flat_map(u32::to_le_bytes).collect();
    site.write("large.bin", &content);
    let serve = serve(&site);
    let mut connection = serve.connect();
    let get = |path, fields: &[(&str, &str)]| request("GET", path, fields, b"");
    // Two distant parts, each long enough for the kernel to send.
    let parts = ("Range", "bytes=0-299999,1000000-1999999");
    let requests = [
        get("/large.bin", &[]),
        get("/page.html", &[]),
        get("/large.bin", &[parts]),
        get("/missing", &[]),
        get("/large.bin", &[("Range", "bytes=-100000")]),
    ];
    connection.send(requests.concat());
    assert!(connection.answer().body == content);
    assert_eq!(connection.answer().text(), "<p>hello</p>");
    let multipart = connection.answer();
    assert_eq!(multipart.status, 206);
    for part in [&content[..300_000], &content[1_000_000..]] {
        let mut places = multipart.body.windows(part.len());
        assert!(places.any(|place| place == part));
    }
    assert_eq!(connection.answer().status, 404);
    assert!(connection.answer().body == content[1_900_000..]);
}

#[test]
fn a_file_cut_while_it_is_sent_ends_the_connection() {
    let site = site();
    site.write("large.bin", vec![b'x'; 64 << 20]);
    let serve = serve(&site);
    let mut connection = serve.connect();
    connection.send(request("GET", "/large.bin", &[], b""));
    assert_eq!(connection.head().status, 200);
    site.write("large.bin", "short");
    let mut rest = 0;
    while !connection.is_closed() {
        rest += 1;
    }
    assert!(rest < 64 << 20, "all {rest} bytes came");
}
