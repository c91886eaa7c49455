//! Content codings: which one a client takes (RFC 9110, section 12.5.3).

use http::header::{ACCEPT_ENCODING, HeaderMap};

/// A compressed representation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Coding {
    Brotli,
    Zstd,
    Gzip,
}

impl Coding {
    /// Best compression first.
    pub(super) const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// The name in `Content-Encoding`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// What the name of a file compressed beforehand ends with.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Zstd => ".zst",
            Self::Gzip => ".gz",
        }
    }
}

/// The codings that a client takes, best first.
pub(super) fn accepted(headers: &HeaderMap) -> impl Iterator<Item = Coding> {
    let mut weights = [0.0_f32; 3];
    for (weight, coding) in weights.iter_mut().zip(Coding::ALL) {
        *weight = weight_of(headers, coding);
    }
    // A stable sort keeps our own order between equals.
    let mut order = [0, 1, 2];
    order.sort_by(|&a: &usize, &b: &usize| weights[b].total_cmp(&weights[a]));
    order
        .into_iter()
        .filter(move |&at| weights[at] > 0.0)
        .map(|at| Coding::ALL[at])
}

/// The weight from 0 to 1; 0 when it is not taken.
fn weight_of(headers: &HeaderMap, coding: Coding) -> f32 {
    let mut any = 0.0;
    let values = headers.get_all(ACCEPT_ENCODING).iter();
    for item in values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|v| v.split(','))
    {
        let (name, weight) = match item.split_once(';') {
            Some((name, weight)) => (name.trim(), parse_weight(weight)),
            None => (item.trim(), 1.0),
        };
        let x_gzip = coding == Coding::Gzip && name.eq_ignore_ascii_case("x-gzip");
        if name.eq_ignore_ascii_case(coding.name()) || x_gzip {
            return weight;
        }
        if name == "*" {
            any = weight;
        }
    }
    any
}

fn parse_weight(parameter: &str) -> f32 {
    parameter
        .split_once('=')
        .and_then(|(name, value)| {
            name.trim()
                .eq_ignore_ascii_case("q")
                .then_some(value.trim())
        })
        .and_then(|value| value.parse::<f32>().ok())
        .map_or(1.0, |weight| weight.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn order(value: &'static str) -> Vec<&'static str> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(value));
        accepted(&headers).map(Coding::name).collect()
    }

    #[test]
    fn weights_decide_then_our_order() {
        assert_eq!(order("gzip, deflate, br, zstd"), ["br", "zstd", "gzip"]);
        assert_eq!(order("gzip;q=1.0, br;q=0.4"), ["gzip", "br"]);
        assert_eq!(order("br;q=0, *"), ["zstd", "gzip"]);
        assert_eq!(order("GZIP"), ["gzip"]);
        assert_eq!(order("identity"), [""; 0]);
        assert_eq!(order("gzip;q=0"), [""; 0]);
        assert_eq!(accepted(&HeaderMap::new()).count(), 0);
    }
}
