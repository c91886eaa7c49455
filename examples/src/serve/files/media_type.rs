//! Media types of files, and which of them are worth compressing.

use std::path::Path;

use http::HeaderValue;

/// The `Content-Type` of a file, by its name.
pub(super) fn of(path: &Path) -> HeaderValue {
    let guess = mime_guess::from_path(path).first_raw();
    let name = match guess {
        // RFC 9239: one name for scripts, which are always UTF-8 text.
        Some("application/javascript" | "application/x-javascript" | "text/javascript") => {
            "text/javascript; charset=utf-8"
        }
        Some("text/html") => "text/html; charset=utf-8",
        Some("text/css") => "text/css; charset=utf-8",
        Some("text/plain") => "text/plain; charset=utf-8",
        Some("text/csv") => "text/csv; charset=utf-8",
        Some("text/markdown") => "text/markdown; charset=utf-8",
        Some("text/xml") => "text/xml",
        Some(other) => other,
        None => "application/octet-stream",
    };
    HeaderValue::from_static(name)
}

/// Whether content of this type becomes much smaller.
pub(super) fn is_compressible(media_type: &HeaderValue) -> bool {
    let name = media_type.to_str().unwrap_or("");
    let name = name.split(';').next().unwrap_or(name);
    name.starts_with("text/")
        || name.ends_with("+xml")
        || name.ends_with("+json")
        || matches!(
            name,
            "application/json"
                | "application/xml"
                | "application/wasm"
                | "application/manifest+json"
                | "application/rtf"
                | "font/ttf"
                | "font/otf"
                | "application/vnd.ms-fontobject"
                | "image/bmp"
                | "image/x-icon"
                | "image/vnd.microsoft.icon"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_names_have_their_types() {
        for (name, expected) in [
            ("a.html", "text/html; charset=utf-8"),
            ("a.css", "text/css; charset=utf-8"),
            ("a.js", "text/javascript; charset=utf-8"),
            ("a.mjs", "text/javascript; charset=utf-8"),
            ("a.json", "application/json"),
            ("a.svg", "image/svg+xml"),
            ("a.png", "image/png"),
            ("a.JPG", "image/jpeg"),
            ("a.webp", "image/webp"),
            ("a.avif", "image/avif"),
            ("a.woff2", "font/woff2"),
            ("a.wasm", "application/wasm"),
            ("a.pdf", "application/pdf"),
            ("a.mp4", "video/mp4"),
            ("a.txt", "text/plain; charset=utf-8"),
            ("a.xml", "text/xml"),
            ("a.ico", "image/x-icon"),
            ("a.webmanifest", "application/manifest+json"),
            ("a.unknown-ending", "application/octet-stream"),
            ("LICENSE", "application/octet-stream"),
        ] {
            assert_eq!(of(Path::new(name)), expected, "{name}");
        }
    }

    #[test]
    fn text_is_compressible_and_images_are_not() {
        for (name, expected) in [
            ("a.css", true),
            ("a.svg", true),
            ("a.json", true),
            ("a.png", false),
            ("a.woff2", false),
            ("a.zip", false),
        ] {
            assert_eq!(is_compressible(&of(Path::new(name))), expected, "{name}");
        }
    }
}
