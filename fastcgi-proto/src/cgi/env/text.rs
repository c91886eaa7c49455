//! Numbers and addresses as text, without an allocation.

use core::fmt::{self, Write};
use core::net::IpAddr;

/// A short text on the stack.
pub(super) struct Text {
    bytes: [u8; Self::LEN],
    len: usize,
}

impl Text {
    /// Room for the longest IPv6 address (45), and so for any `u64` (20).
    const LEN: usize = 48;

    const EMPTY: Self = Self {
        bytes: [0; Self::LEN],
        len: 0,
    };

    /// `number` in decimal.
    pub(super) fn of(number: impl Into<u64>) -> Self {
        let mut text = Self::EMPTY;
        text.push_number(number.into());
        text
    }

    /// `address` in its usual form; IPv4 without the detour of `fmt`.
    pub(super) fn of_ip(address: IpAddr) -> Self {
        let mut text = Self::EMPTY;
        match address {
            IpAddr::V4(address) => {
                for (at, octet) in address.octets().into_iter().enumerate() {
                    if at > 0 {
                        text.push(b'.');
                    }
                    text.push_number(octet.into());
                }
            }
            IpAddr::V6(address) => {
                let fits = write!(text, "{address}");
                debug_assert!(fits.is_ok(), "longer than any address");
            }
        }
        text
    }

    fn push_number(&mut self, number: u64) {
        if number >= 10 {
            self.push_number(number / 10);
        }
        // Below 10, so nothing is cut.
        let [digit, ..] = (number % 10).to_le_bytes();
        self.push(b'0' + digit);
    }

    fn push(&mut self, byte: u8) {
        if let Some(room) = self.bytes.get_mut(self.len) {
            *room = byte;
            self.len += 1;
        }
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
    use std::string::ToString;

    #[test]
    fn numbers_are_decimal() {
        for number in [0, 9, 10, 65535, u64::MAX] {
            assert_eq!(Text::of(number).as_bytes(), number.to_string().as_bytes());
        }
    }

    #[test]
    fn addresses_read_as_they_display() {
        for text in [
            "0.0.0.0",
            "127.0.0.1",
            "255.255.255.255",
            "::1",
            "1111:2222:3333:4444:5555:6666:7777:8888",
            "::ffff:255.255.255.255",
        ] {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(Text::of_ip(address).as_bytes(), text.as_bytes());
        }
    }
}
