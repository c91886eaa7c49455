//! Every operation, ours and the peers'.

use super::{MEMCPY, others, ours};

/// An operation as one contender does it.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) operation: &'static str,
    /// The peer's crate; empty for ours.
    pub(super) who: &'static str,
    /// Iterations of the two runs whose difference is taken.
    pub(super) iterations: (u32, u32),
    /// Does the operation that often.
    pub(super) run: fn(u32),
}

impl Case {
    pub(super) const fn label(&self) -> &'static str {
        if self.who.is_empty() {
            "fastcgi-proto"
        } else {
            self.who
        }
    }
}

/// The most iterations of any run.
pub(super) const MOST_ITERATIONS: u32 = 250;

const SMALL: (u32, u32) = (50, MOST_ITERATIONS);
const LARGE: (u32, u32) = (2, 6);
const SLOW: (u32, u32) = (1, 2);

const fn case(
    operation: &'static str,
    who: &'static str,
    iterations: (u32, u32),
    run: fn(u32),
) -> Case {
    Case {
        operation,
        who,
        iterations,
        run,
    }
}

const FASTCGI_CLIENT: &str = "fastcgi-client";
const CEGLA: &str = "cegla-fcgi";
const TOKIO_FASTCGI: &str = "tokio-fastcgi";

/// All cases; the memcpy that others are compared with comes first.
pub(super) const ALL: &[Case] = &[
    case("decode_8m", MEMCPY, LARGE, ours::memcpy_8m),
    case("encode_head", "", SMALL, ours::encode_head),
    case(
        "encode_head",
        FASTCGI_CLIENT,
        SMALL,
        others::client_encode_head,
    ),
    case("encode_head", CEGLA, SMALL, others::cegla_encode_head),
    case("encode_64k", "", SMALL, ours::encode_64k),
    case(
        "encode_64k",
        FASTCGI_CLIENT,
        SMALL,
        others::client_encode_64k,
    ),
    case("encode_64k", CEGLA, SMALL, others::cegla_encode_64k),
    case("decode_8m", "", LARGE, ours::decode_8m),
    case("decode_8m", FASTCGI_CLIENT, LARGE, others::client_decode_8m),
    case("decode_8m", CEGLA, SLOW, others::cegla_decode_8m),
    case("decode_8m_small_records", "", LARGE, ours::decode_8m_small),
    case("decode_100b", "", SMALL, ours::decode_100b),
    case(
        "decode_100b",
        FASTCGI_CLIENT,
        SMALL,
        others::client_decode_100b,
    ),
    case("decode_100b", CEGLA, SMALL, others::cegla_decode_100b),
    case("params_iter", "", SMALL, ours::params_iter),
    case("params_iter", CEGLA, SMALL, others::cegla_params),
    case(
        "params_iter",
        TOKIO_FASTCGI,
        SMALL,
        others::tokio_fastcgi_params,
    ),
];
