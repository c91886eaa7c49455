//! The lines of the access log.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Version};
use jiff::Zoned;
use serde::Serialize;

use super::entry::Entry;

/// How a request becomes a line.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Format {
    /// The combined format of Apache and nginx.
    #[default]
    Combined,
    /// One JSON object.
    Json,
}

impl Format {
    /// Appends the line for `entry`, with its end.
    pub(super) fn write(self, entry: &Entry, line: &mut Vec<u8>) {
        match self {
            Self::Combined => combined(entry, line),
            Self::Json => json(entry, line),
        }
        line.push(b'\n');
    }
}

/// `client - user [time] "request" status bytes "referer" "user agent"`.
fn combined(entry: &Entry, line: &mut Vec<u8>) {
    match entry.client {
        Some(client) => {
            // Writing to memory cannot fail.
            let _ = write!(line, "{}", client.to_canonical());
        }
        None => line.extend_from_slice(b"unix:"),
    }
    line.extend_from_slice(b" - ");
    match user(entry) {
        Some(user) => escape(&user.replace(' ', "%20"), line),
        None => line.push(b'-'),
    }
    let time = local_time(entry)
        .strftime("%d/%b/%Y:%H:%M:%S %z")
        .to_string();
    let _ = write!(line, " [{time}] \"{} ", entry.method);
    escape(target(entry), line);
    let _ = write!(
        line,
        " {}\" {} {} ",
        version(entry.version),
        entry.status.as_u16(),
        entry.body_bytes
    );
    quoted(entry.referer.as_ref(), line);
    line.push(b' ');
    quoted(entry.user_agent.as_ref(), line);
}

fn quoted(value: Option<&HeaderValue>, line: &mut Vec<u8>) {
    line.push(b'"');
    match value {
        Some(value) => escape(&String::from_utf8_lossy(value.as_bytes()), line),
        None => line.push(b'-'),
    }
    line.push(b'"');
}

/// Nothing that a client sends may end a line or a quoted field.
fn escape(text: &str, line: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => line.extend_from_slice(&[b'\\', byte]),
            0x20..=0x7e | 0x80.. => line.push(byte),
            control => {
                let _ = write!(line, "\\x{control:02X}");
            }
        }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    id: u64,
    client: Option<String>,
    user: Option<String>,
    scheme: &'static str,
    host: Option<&'a str>,
    method: &'a str,
    uri: &'a str,
    protocol: &'static str,
    status: u16,
    body_bytes: u64,
    duration_seconds: f64,
    queued_seconds: Option<f64>,
    worker: Option<u32>,
    aborted: bool,
    referer: Option<&'a str>,
    user_agent: Option<&'a str>,
}

fn json(entry: &Entry, line: &mut Vec<u8>) {
    let text = |value: &'_ Option<HeaderValue>| {
        value
            .as_ref()
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let (host, referer, user_agent) = (
        text(&entry.host),
        text(&entry.referer),
        text(&entry.user_agent),
    );
    let object = Line {
        time: local_time(entry)
            .strftime("%Y-%m-%dT%H:%M:%S%.3f%:z")
            .to_string(),
        id: entry.id,
        client: entry.client.map(|client| client.to_canonical().to_string()),
        user: user(entry),
        scheme: if entry.https { "https" } else { "http" },
        host: host.as_deref(),
        method: entry.method.as_str(),
        uri: target(entry),
        protocol: version(entry.version),
        status: entry.status.as_u16(),
        body_bytes: entry.body_bytes,
        duration_seconds: entry.duration.as_secs_f64(),
        queued_seconds: entry.queued.map(|queued| queued.as_secs_f64()),
        worker: entry.worker,
        aborted: entry.aborted,
        referer: referer.as_deref(),
        user_agent: user_agent.as_deref(),
    };
    // Strings and numbers always have a JSON form, and memory takes it.
    let _ = serde_json::to_writer(line, &object);
}

fn local_time(entry: &Entry) -> Zoned {
    Zoned::try_from(entry.time).unwrap_or_default()
}

fn target(entry: &Entry) -> &str {
    entry
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str())
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        _ => "HTTP/1.1",
    }
}

/// The name in Basic credentials, believed by nobody but the log.
fn user(entry: &Entry) -> Option<String> {
    let value = entry.authorization.as_ref()?.to_str().ok()?;
    let (scheme, credentials) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = STANDARD.decode(credentials.trim()).ok()?;
    let end = decoded.iter().position(|&byte| byte == b':')?;
    let name = String::from_utf8_lossy(&decoded[..end]).into_owned();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use http::StatusCode;
    use http::header::{AUTHORIZATION, HOST, REFERER, USER_AGENT};

    use super::*;

    fn entry() -> Entry {
        let request = http::Request::get("/a.php?x=1")
            .header(HOST, "localhost")
            .header(REFERER, "http://localhost/\"quoted\"")
            .header(USER_AGENT, "test\tagent")
            .header(AUTHORIZATION, "Basic YWRhOnB3")
            .body(());
        let (parts, ()) = request.unwrap().into_parts();
        let mut entry = Entry::new(7, &parts, &fpm_pool::http::Origin::unix());
        entry.time = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        entry.client = Some("192.0.2.7".parse().unwrap());
        entry.status = StatusCode::NOT_FOUND;
        entry.body_bytes = 12;
        entry.duration = Duration::from_millis(250);
        entry
    }

    fn line(format: Format) -> String {
        let mut line = Vec::new();
        format.write(&entry(), &mut line);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn combined_line_has_the_usual_fields_escaped() {
        let line = line(Format::Combined);
        assert!(line.starts_with("192.0.2.7 - ada [1"), "{line}");
        let rest = "] \"GET /a.php?x=1 HTTP/1.1\" 404 12 \
                    \"http://localhost/\\\"quoted\\\"\" \"test\\x09agent\"\n";
        assert!(line.ends_with(rest), "{line}");
    }

    #[test]
    fn json_line_is_one_object() {
        let line: serde_json::Value = serde_json::from_str(&line(Format::Json)).unwrap();
        assert_eq!(line["status"], 404);
        assert_eq!(line["uri"], "/a.php?x=1");
        assert_eq!(line["user"], "ada");
        assert_eq!(line["user_agent"], "test\tagent");
        assert_eq!(line["duration_seconds"], 0.25);
        assert!(line["worker"].is_null());
    }
}
