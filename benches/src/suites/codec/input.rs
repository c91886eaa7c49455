//! The inputs, the same for every contender.

/// What a web server sends for a usual page: 25 params, 992 bytes.
pub(super) const PARAMS: [(&str, &str); 25] = [
    ("QUERY_STRING", "page=3&sort=date&filter=all"),
    ("REQUEST_METHOD", "GET"),
    ("CONTENT_LENGTH", "0"),
    ("SCRIPT_FILENAME", "/srv/www/example.org/public/index.php"),
    ("SCRIPT_NAME", "/index.php"),
    ("REQUEST_URI", "/articles/list?page=3&sort=date&filter=all"),
    ("DOCUMENT_URI", "/index.php"),
    ("DOCUMENT_ROOT", "/srv/www/example.org/public"),
    ("SERVER_PROTOCOL", "HTTP/1.1"),
    ("REQUEST_SCHEME", "https"),
    ("HTTPS", "on"),
    ("GATEWAY_INTERFACE", "CGI/1.1"),
    ("SERVER_SOFTWARE", "nginx/1.22.1"),
    ("REMOTE_ADDR", "203.0.113.77"),
    ("REMOTE_PORT", "51342"),
    ("SERVER_ADDR", "198.51.100.12"),
    ("SERVER_PORT", "443"),
    ("SERVER_NAME", "example.org"),
    ("REDIRECT_STATUS", "200"),
    ("HTTP_HOST", "example.org"),
    (
        "HTTP_USER_AGENT",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    ),
    (
        "HTTP_ACCEPT",
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    ),
    ("HTTP_ACCEPT_ENCODING", "gzip, deflate, br, zstd"),
    (
        "HTTP_COOKIE",
        "PHPSESSID=8f2k1l0vq3m5n7p9r1t3v5x7z9; theme=dark; consent=1; _ga=GA1.1.1234567890.1700000000.1234567890.170",
    ),
    (
        "HTTP_REFERER",
        "https://example.org/articles/list?page=2&sort=date&filter=all",
    ),
];

/// The same with the length of a body of 64 KiB.
pub(super) fn params_for_64k() -> [(&'static str, &'static str); 25] {
    PARAMS.map(|(name, value)| match name {
        "CONTENT_LENGTH" => (name, "65536"),
        "REQUEST_METHOD" => (name, "POST"),
        _ => (name, value),
    })
}

/// The pairs as the content of `PARAMS`.
pub(super) fn encoded_params() -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in PARAMS {
        // All are short.
        out.extend([name, value].map(|text| u8::try_from(text.len()).unwrap_or(0x7f)));
        out.extend(name.bytes().chain(value.bytes()));
    }
    out
}

/// A record of request 1, padded to a multiple of 8.
pub(super) fn record(record_type: u8, content: &[u8]) -> Vec<u8> {
    let padding = content.len().wrapping_neg() % 8;
    let [len1, len0] = u16::try_from(content.len())
        .unwrap_or(u16::MAX)
        .to_be_bytes();
    let mut out = vec![1, record_type, 0, 1, len1, len0];
    out.extend([u8::try_from(padding).unwrap_or(0), 0]);
    out.extend(content);
    out.resize(out.len() + padding, 0);
    out
}

/// `END_REQUEST` of request 1.
pub(super) fn end() -> Vec<u8> {
    record(3, &[0; 8])
}

/// An answer of 100 bytes.
pub(super) fn answer_100b() -> Vec<u8> {
    [record(6, &[b'x'; 100]), end()].concat()
}

/// An answer of 8 MiB, in the records that php-fpm makes of 64 KiB echoes:
/// 65528 and 8 bytes in turn.
pub(super) fn answer_8m() -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..128 {
        out.extend(record(6, &[b'x'; 65_528]));
        out.extend(record(6, &[b'x'; 8]));
    }
    out.extend(end());
    out
}

/// An answer of 8 MiB, in the records that php-fpm makes of small echoes:
/// 8184 bytes each.
pub(super) fn answer_8m_small() -> Vec<u8> {
    let mut out: Vec<u8> = record(6, &[b'x'; 8184]).repeat(1025);
    out.extend(record(6, &[b'x'; 8]));
    out.extend(end());
    out
}

/// How much a read brings.
pub(super) const READ_BYTES: usize = 128 * 1024;
