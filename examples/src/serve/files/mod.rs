//! Static files: representations, preconditions, ranges.

mod body;
mod coding;
mod conditional;
mod content;
mod gzip;
mod media_type;
mod range;

use std::convert::Infallible;
use std::fs::{File, Metadata, OpenOptions};
use std::future::{Ready, ready};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::task::{Context, Poll};

use bytes::Bytes;
use fpm_pool::http::Found;
use http::header::{
    ACCEPT_RANGES, ALLOW, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    HeaderMap, HeaderValue, LAST_MODIFIED, RANGE, VARY,
};
use http::{Method, Request, Response, StatusCode};
use nix::libc::{O_CLOEXEC, O_NOFOLLOW, O_NONBLOCK};
use tower_service::Service;

pub(crate) use content::FileContent;

use self::body::{FileBody, Piece};

use self::coding::Coding;
use self::conditional::{Validators, Verdict};
use self::range::Ranges;
use super::pages;

/// Smaller files do not become smaller on the wire.
const COMPRESS_FROM_BYTES: u64 = 1024;

/// Sends the files of all sites.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Files;

impl Service<Request<Found>> for Files {
    type Response = Response<FileContent>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Found>) -> Self::Future {
        let (head, found) = request.into_parts();
        let response = respond(found, &head.method, &head.headers);
        let status = response.status();
        ready(Ok(match status.is_client_error() {
            true => pages::dressed(status, response.headers()).map(FileContent::from),
            false => response,
        }))
    }
}

/// The answer to a request for a file.
///
/// Methods other than GET and HEAD are answered with 405.
fn respond(found: Found, method: &Method, headers: &HeaderMap) -> Response<FileContent> {
    if method != Method::GET && method != Method::HEAD {
        let mut response = Response::new(FileContent::empty());
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        let allowed = HeaderValue::from_static("GET, HEAD");
        response.headers_mut().insert(ALLOW, allowed);
        return response;
    }
    let file = Representation::choose(found, headers);
    match file.validators.judge(headers) {
        Verdict::NotModified => file.without_content(StatusCode::NOT_MODIFIED),
        Verdict::Failed => file.without_content(StatusCode::PRECONDITION_FAILED),
        Verdict::Send => file.send(method == Method::HEAD, headers),
    }
}

/// A file in the form that is sent.
struct Representation {
    file: File,
    size: u64,
    media_type: HeaderValue,
    validators: Validators,
    form: Form,
    /// Other clients may get other forms of it.
    varies: bool,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Form {
    Plain,
    /// Compressed beforehand, beside the file.
    Packed(Coding),
    /// Compressed with gzip as it is sent.
    Gzip,
}

impl Representation {
    fn choose(found: Found, headers: &HeaderMap) -> Self {
        let (file, metadata, path) = found.into_parts();
        let media_type = media_type::of(&path);
        let varies = media_type::is_compressible(&media_type);
        // Ranges count the bytes of the file itself.
        if varies && !headers.contains_key(RANGE) {
            for coding in coding::accepted(headers) {
                if let Some((file, metadata)) = packed(&path, coding) {
                    let validators = Validators::new(&metadata, coding.suffix(), false);
                    let form = Form::Packed(coding);
                    return Self::new(file, &metadata, media_type, validators, form, varies);
                }
                if coding == Coding::Gzip && metadata.len() >= COMPRESS_FROM_BYTES {
                    let validators = Validators::new(&metadata, "-gzip", true);
                    return Self::new(file, &metadata, media_type, validators, Form::Gzip, varies);
                }
            }
        }
        let validators = Validators::new(&metadata, "", false);
        Self::new(file, &metadata, media_type, validators, Form::Plain, varies)
    }

    fn new(
        file: File,
        metadata: &Metadata,
        media_type: HeaderValue,
        validators: Validators,
        form: Form,
        varies: bool,
    ) -> Self {
        Self {
            file,
            size: metadata.len(),
            media_type,
            validators,
            form,
            varies,
        }
    }

    /// The fields that 304 and 200 share (RFC 9110, section 15.4.5).
    fn without_content(&self, status: StatusCode) -> Response<FileContent> {
        let mut response = Response::new(FileContent::empty());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        if let Ok(etag) = HeaderValue::try_from(&*self.validators.etag) {
            headers.insert(ETAG, etag);
        }
        headers.insert(LAST_MODIFIED, self.validators.last_modified());
        if self.varies {
            headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        }
        response
    }

    fn send(self, head: bool, request: &HeaderMap) -> Response<FileContent> {
        let mut response = self.without_content(StatusCode::OK);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, self.media_type.clone());
        let size = self.size;
        match self.form {
            Form::Gzip => {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                if !head {
                    *response.body_mut() = FileContent::Gzip(gzip::start(self.file));
                }
                return response;
            }
            Form::Packed(coding) => {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
            }
            Form::Plain => {
                headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
                let wanted = match request.get(RANGE).map(HeaderValue::to_str) {
                    Some(Ok(value)) if self.validators.range_applies(request) => {
                        Ranges::parse(value, size)
                    }
                    _ => Ranges::All,
                };
                match wanted {
                    Ranges::All => {}
                    Ranges::Unsatisfiable => return unsatisfiable(response, size),
                    Ranges::Parts(parts) => return self.send_parts(response, head, &parts),
                }
            }
        }
        finish(&mut response, self.file, head, vec![Piece::File(0..size)]);
        response
    }

    fn send_parts(
        self,
        mut response: Response<FileContent>,
        head: bool,
        parts: &[Range<u64>],
    ) -> Response<FileContent> {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let pieces = match parts {
            [part] => {
                let content_range = content_range(part, self.size);
                if let Ok(value) = HeaderValue::try_from(content_range) {
                    response.headers_mut().insert(CONTENT_RANGE, value);
                }
                vec![Piece::File(part.clone())]
            }
            parts => {
                let boundary = format!("part-{}", self.validators.etag.trim_matches('"'));
                let media_type = format!("multipart/byteranges; boundary=\"{boundary}\"");
                if let Ok(value) = HeaderValue::try_from(media_type) {
                    response.headers_mut().insert(CONTENT_TYPE, value);
                }
                self.multipart(&boundary, parts)
            }
        };
        finish(&mut response, self.file, head, pieces);
        response
    }

    fn multipart(&self, boundary: &str, parts: &[Range<u64>]) -> Vec<Piece> {
        let media_type = self.media_type.to_str().unwrap_or_default();
        let mut pieces = Vec::with_capacity(2 * parts.len() + 1);
        for part in parts {
            let content_range = content_range(part, self.size);
            let head = format!(
                "\r\n--{boundary}\r\ncontent-type: {media_type}\r\ncontent-range: {content_range}\r\n\r\n"
            );
            pieces.push(Piece::Bytes(head.into()));
            pieces.push(Piece::File(part.clone()));
        }
        pieces.push(Piece::Bytes(Bytes::from(format!("\r\n--{boundary}--\r\n"))));
        pieces
    }
}

/// The file compressed beforehand, when there is one.
fn packed(path: &Path, coding: Coding) -> Option<(File, Metadata)> {
    let mut name = path.as_os_str().to_owned();
    name.push(coding.suffix());
    // A link could lead out of the root, a named pipe would block.
    let flags = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(name)
        .ok()?;
    let metadata = file.metadata().ok()?;
    metadata.is_file().then_some((file, metadata))
}

fn finish(response: &mut Response<FileContent>, file: File, head: bool, pieces: Vec<Piece>) {
    let body = FileBody::new(file, pieces);
    let length = HeaderValue::from(body.remaining());
    response.headers_mut().insert(CONTENT_LENGTH, length);
    if !head {
        *response.body_mut() = FileContent::File(body);
    }
}

fn content_range(part: &Range<u64>, size: u64) -> String {
    format!("bytes {}-{}/{size}", part.start, part.end - 1)
}

fn unsatisfiable(mut response: Response<FileContent>, size: u64) -> Response<FileContent> {
    *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
    let headers = response.headers_mut();
    headers.remove(CONTENT_TYPE);
    if let Ok(value) = HeaderValue::try_from(format!("bytes */{size}")) {
        headers.insert(CONTENT_RANGE, value);
    }
    response
}
