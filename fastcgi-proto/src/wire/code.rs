//! Numbers with names. All are open sets: a value nobody defined survives
//! decoding, so that the connection decides what to do with it.

use core::fmt;

macro_rules! code {
    ($(#[$doc:meta])* $name:ident($int:ty) { $($(#[$const_doc:meta])* $const:ident = $value:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub $int);

        impl $name {
            $($(#[$const_doc])* pub const $const: Self = Self($value);)+

            /// The name the specification gives it, if it gives one.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$const => Some(stringify!($const)),)+
                    _ => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, "{}", self.0),
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }
    };
}

code! {
    /// The type of a record (FastCGI 1.0, section 8).
    RecordType(u8) {
        /// Starts a request; web server to application.
        BEGIN_REQUEST = 1,
        /// Asks to stop a request; web server to application.
        ABORT_REQUEST = 2,
        /// Ends a request; application to web server.
        END_REQUEST = 3,
        /// Stream of name-value pairs; web server to application.
        PARAMS = 4,
        /// Stream of the request's body; web server to application.
        STDIN = 5,
        /// Stream of the CGI response; application to web server.
        STDOUT = 6,
        /// Stream of messages for the log; application to web server.
        STDERR = 7,
        /// Second input stream of the Filter role; web server to application.
        DATA = 8,
        /// Management: asks for the application's limits.
        GET_VALUES = 9,
        /// Management: the answer to [`GET_VALUES`](Self::GET_VALUES).
        GET_VALUES_RESULT = 10,
        /// Management: a record of an unknown type was received.
        UNKNOWN_TYPE = 11,
    }
}

code! {
    /// What the web server asks of the application (FastCGI 1.0, section 6).
    Role(u16) {
        /// Answers an HTTP request, as a CGI program does.
        RESPONDER = 1,
        /// Decides whether an HTTP request is allowed.
        AUTHORIZER = 2,
        /// Answers with a transformed version of a file, sent as `DATA`.
        FILTER = 3,
    }
}

code! {
    /// How the application took a request (FastCGI 1.0, section 5.5).
    ProtocolStatus(u8) {
        /// The request ended normally; its outcome is the app status.
        REQUEST_COMPLETE = 0,
        /// Refused: the application serves one request per connection.
        CANT_MPX_CONN = 1,
        /// Refused: the application is out of some resource.
        OVERLOADED = 2,
        /// Refused: the application does not know the role.
        UNKNOWN_ROLE = 3,
    }
}

/// The flags of a `BEGIN_REQUEST` (FastCGI 1.0, section 5.1). Undefined bits
/// are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct BeginFlags(pub u8);

impl BeginFlags {
    /// The web server keeps responsibility for the connection: the
    /// application does not close it after this request.
    pub const KEEP_CONN: Self = Self(1);

    /// `KEEP_CONN` if `keep`, no flag otherwise.
    #[must_use]
    pub const fn keep_conn(keep: bool) -> Self {
        Self(keep as u8)
    }

    /// Whether `KEEP_CONN` is set.
    #[must_use]
    pub const fn is_keep_conn(self) -> bool {
        self.0 & Self::KEEP_CONN.0 != 0
    }
}

impl RecordType {
    /// Whether records of this type form a stream that an empty record ends.
    #[must_use]
    pub const fn is_stream(self) -> bool {
        matches!(
            self,
            Self::PARAMS | Self::STDIN | Self::STDOUT | Self::STDERR | Self::DATA
        )
    }

    /// Whether the type is one of the three management types, which carry
    /// request id 0.
    #[must_use]
    pub const fn is_management(self) -> bool {
        matches!(
            self,
            Self::GET_VALUES | Self::GET_VALUES_RESULT | Self::UNKNOWN_TYPE
        )
    }

    /// Whether the specification defines the type.
    #[must_use]
    pub const fn is_known(self) -> bool {
        matches!(self.0, 1..=11)
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn unknown_numbers_survive_and_print_as_numbers() {
        assert_eq!(RecordType::STDOUT.name(), Some("STDOUT"));
        assert_eq!(format!("{}", RecordType(42)), "42");
        assert_eq!(format!("{:?}", Role(9)), "Role(9)");
        assert_eq!(
            format!("{:?}", ProtocolStatus::OVERLOADED),
            "ProtocolStatus(OVERLOADED)"
        );
        assert!(!RecordType(0).is_known() && !RecordType(12).is_known());
    }

    #[test]
    fn undefined_flag_bits_do_not_change_keep_conn() {
        assert!(BeginFlags(0xff).is_keep_conn());
        assert!(!BeginFlags(0xfe).is_keep_conn());
    }
}
