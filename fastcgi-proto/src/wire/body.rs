//! The 8-byte contents of `BEGIN_REQUEST` and `END_REQUEST`.

use super::{BeginFlags, ProtocolStatus, Role};

/// The content of a `BEGIN_REQUEST` record (FastCGI 1.0, section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BeginBody {
    /// What is asked of the application.
    pub role: Role,
    /// Who closes the connection.
    pub flags: BeginFlags,
}

impl BeginBody {
    /// The length of the encoded body.
    pub const LEN: usize = 8;

    /// Reads a body; the 5 reserved bytes are ignored.
    #[must_use]
    pub const fn decode(bytes: [u8; Self::LEN]) -> Self {
        let [role1, role0, flags, ..] = bytes;
        Self {
            role: Role(u16::from_be_bytes([role1, role0])),
            flags: BeginFlags(flags),
        }
    }

    /// Writes the body.
    ///
    /// ```
    /// use fastcgi_proto::{BeginBody, BeginFlags, Role};
    ///
    /// let body = BeginBody { role: Role::RESPONDER, flags: BeginFlags::KEEP_CONN };
    /// assert_eq!(body.encode(), [0, 1, 1, 0, 0, 0, 0, 0]);
    /// assert_eq!(BeginBody::decode(body.encode()), body);
    /// ```
    #[must_use]
    pub const fn encode(self) -> [u8; Self::LEN] {
        let [role1, role0] = self.role.0.to_be_bytes();
        [role1, role0, self.flags.0, 0, 0, 0, 0, 0]
    }
}

/// The content of an `END_REQUEST` record (FastCGI 1.0, section 5.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndBody {
    /// For a Responder what `exit` would return in a CGI program. php-fpm
    /// always sends 0.
    pub app_status: u32,
    /// Whether the application took the request at all.
    pub protocol_status: ProtocolStatus,
}

impl EndBody {
    /// The length of the encoded body.
    pub const LEN: usize = 8;

    /// Reads a body. The 3 reserved bytes are ignored, whatever they hold:
    /// php-fpm leaves old bytes there.
    #[must_use]
    pub const fn decode(bytes: [u8; Self::LEN]) -> Self {
        let [a3, a2, a1, a0, status, ..] = bytes;
        Self {
            app_status: u32::from_be_bytes([a3, a2, a1, a0]),
            protocol_status: ProtocolStatus(status),
        }
    }

    /// Writes the body.
    #[must_use]
    pub const fn encode(self) -> [u8; Self::LEN] {
        let [a3, a2, a1, a0] = self.app_status.to_be_bytes();
        [a3, a2, a1, a0, self.protocol_status.0, 0, 0, 0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn app_status_keeps_its_top_bit() {
        let body = EndBody {
            app_status: 0x8000_0001,
            protocol_status: ProtocolStatus(77),
        };
        assert_eq!(EndBody::decode(body.encode()), body);
    }

    #[test]
    fn bytes_that_php_leaves_in_the_reserved_field_are_ignored() {
        let body = EndBody::decode(*b"\0\0\0\0\0 cl");
        assert_eq!(body.app_status, 0);
        assert_eq!(body.protocol_status, ProtocolStatus::REQUEST_COMPLETE);
    }
}
