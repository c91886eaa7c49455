//! Numbers and addresses as text, without an allocation.

use core::fmt::{self, Write};

/// A short text on the stack.
pub(super) struct Text {
    bytes: [u8; Self::LEN],
    len: usize,
}

impl Text {
    /// Room for the longest IPv6 address (45), and so for any `u64` (20).
    const LEN: usize = 48;

    /// `value` as it displays; the caller passes only what fits.
    pub(super) fn of(value: impl fmt::Display) -> Self {
        let mut text = Self {
            bytes: [0; Self::LEN],
            len: 0,
        };
        let fits = write!(text, "{value}");
        debug_assert!(fits.is_ok(), "longer than any address or number");
        text
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl Write for Text {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let end = self.len + part.len();
        let room = self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?;
        room.copy_from_slice(part.as_bytes());
        self.len = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::IpAddr;

    #[test]
    fn longest_values_fit() {
        assert_eq!(Text::of(u64::MAX).as_bytes(), b"18446744073709551615");
        for longest in [
            "1111:2222:3333:4444:5555:6666:7777:8888",
            "::ffff:255.255.255.255",
        ] {
            let address: IpAddr = longest.parse().unwrap();
            assert_eq!(Text::of(address).as_bytes(), longest.as_bytes());
        }
    }
}
