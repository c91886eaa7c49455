//! Bytes of strangers, made fit for a log.

use std::fmt::{self, Display, Formatter, Write};

/// Shows bytes as text: UTF-8 stays, what could forge a line or drive a
/// terminal is escaped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Printable<'a>(pub(crate) &'a [u8]);

impl Display for Printable<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for char in chunk.valid().chars() {
                if char.is_control() {
                    Display::fmt(&char.escape_default(), f)?;
                } else {
                    f.write_char(char)?;
                }
            }
            Display::fmt(&chunk.invalid().escape_ascii(), f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_and_control_is_escaped() {
        let shown = Printable(b"caf\xc3\xa9 \"x\"\n\x1b[0m\xff").to_string();
        assert_eq!(shown, "caf\u{e9} \"x\"\\n\\u{1b}[0m\\xff");
    }
}
