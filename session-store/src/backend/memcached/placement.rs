//! Which server a key lives on: libmemcached's three distributions, bit for
//! bit, so that PHP and this crate agree without talking to each other.

use md5::{Digest, Md5};

/// How php-memcached spreads keys over servers (`memcached.sess_consistent_hash`
/// and `memcached.sess_consistent_hash_type`).
#[derive(Debug, Clone, Copy, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Distribution {
    /// `sess_consistent_hash_type=ketama`, PHP's default. Ignores weights.
    #[default]
    Ketama,
    /// `sess_consistent_hash_type=ketama_weighted`.
    KetamaWeighted,
    /// `sess_consistent_hash=0`: the hash modulo the number of servers.
    Modula,
}

/// A server's name as it is written in `session.save_path`.
#[derive(Debug, Clone, Eq, PartialEq)]
pub(super) struct ServerName {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) weight: u32,
}

/// The points of a list of servers.
#[derive(Debug, Clone)]
pub(super) struct Placement {
    distribution: Distribution,
    servers: usize,
    /// Sorted by point; the second part is the server's index.
    points: Vec<(u32, usize)>,
}

impl Placement {
    pub(super) fn new(distribution: Distribution, servers: &[ServerName]) -> Self {
        let mut points = match distribution {
            Distribution::Ketama => ketama_points(servers),
            Distribution::KetamaWeighted => weighted_points(servers),
            Distribution::Modula => Vec::new(),
        };
        // Stable, and by point alone: of equal points the first server's wins.
        points.sort_by_key(|&(point, _)| point);
        Self {
            distribution,
            servers: servers.len(),
            points,
        }
    }

    /// The index of the server for `key`, which is without the prefix.
    pub(super) fn server(&self, key: &[u8]) -> usize {
        if self.servers < 2 {
            return 0;
        }
        let hash = match self.distribution {
            Distribution::Ketama => one_at_a_time(key),
            Distribution::KetamaWeighted => md5_words(key)[0],
            Distribution::Modula => return one_at_a_time(key) as usize % self.servers,
        };
        let next = self.points.partition_point(|&(point, _)| point < hash);
        let wrapped = self.points.get(next).or_else(|| self.points.first());
        wrapped.map_or(0, |&(_, server)| server)
    }
}

/// 100 points a server, whatever its weight.
fn ketama_points(servers: &[ServerName]) -> Vec<(u32, usize)> {
    let points = |(index, server): (usize, &ServerName)| {
        let name = server.point_name();
        (0..POINTS).map(move |point| (one_at_a_time(format!("{name}-{point}").as_bytes()), index))
    };
    servers.iter().enumerate().flat_map(points).collect()
}

/// 160 points a server on average, four from each MD5 digest.
fn weighted_points(servers: &[ServerName]) -> Vec<(u32, usize)> {
    let total: u32 = servers.iter().map(|server| server.weight).sum();
    let points = |(index, server): (usize, &ServerName)| {
        let name = server.point_name();
        (0..digests(server.weight, total, servers.len())).flat_map(move |digest| {
            md5_words(format!("{name}-{digest}").as_bytes()).map(|point| (point, index))
        })
    };
    servers.iter().enumerate().flat_map(points).collect()
}

/// libmemcached's rounding: single precision for the share, double at the end.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the arithmetic of libmemcached, whose result is small and positive"
)]
fn digests(weight: u32, total: u32, servers: usize) -> u32 {
    let share = weight as f32 / total as f32;
    let exact = share * 160.0 / 4.0 * servers as f32;
    (f64::from(exact) + 1e-10).floor() as u32
}

impl ServerName {
    /// The default port is left out of the name.
    fn point_name(&self) -> String {
        if self.port == DEFAULT_PORT {
            self.host.clone()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// Jenkins' one-at-a-time hash.
fn one_at_a_time(key: &[u8]) -> u32 {
    let mixed = key.iter().fold(0_u32, |hash, &byte| {
        let hash = hash.wrapping_add(u32::from(byte));
        let hash = hash.wrapping_add(hash << 10);
        hash ^ (hash >> 6)
    });
    let mixed = mixed.wrapping_add(mixed << 3);
    let mixed = mixed ^ (mixed >> 11);
    mixed.wrapping_add(mixed << 15)
}

fn md5_words(key: &[u8]) -> [u32; 4] {
    let digest: [u8; 16] = Md5::digest(key).into();
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(digest.as_chunks::<4>().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    words
}

/// memcached's port.
pub(super) const DEFAULT_PORT: u16 = 11211;
const POINTS: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    /// The ids are `md5("id0")`, `md5("id1")`, …; the expected servers were
    /// where php-memcached 3.2.0 on libmemcached 1.1.4 puts them. (Its session
    /// handler does; the class `Memcached` takes weights into account in plain
    /// ketama too.)
    fn placed(distribution: Distribution) -> String {
        let server = |host: &str, port, weight| ServerName {
            host: host.into(),
            port,
            weight,
        };
        let servers = [
            server("10.0.0.1", 11211, 1),
            server("10.0.0.2", 11212, 1),
            server("cache.example", 11213, 3),
        ];
        let placement = Placement::new(distribution, &servers);
        let id = |number| {
            let digest: [u8; 16] = Md5::digest(format!("id{number}").as_bytes()).into();
            digest.map(|byte| format!("{byte:02x}")).concat()
        };
        (0..20)
            .map(|number| placement.server(id(number).as_bytes()).to_string())
            .collect()
    }

    #[test]
    fn modula_places_like_php() {
        assert_eq!(placed(Distribution::Modula), "11101010200220012211");
    }

    #[test]
    fn ketama_places_like_php() {
        assert_eq!(placed(Distribution::Ketama), "20120101012121222022");
    }

    #[test]
    fn ketama_weighted_places_like_php() {
        assert_eq!(placed(Distribution::KetamaWeighted), "21212002022222222222");
    }

    #[test]
    fn one_server_takes_all() {
        let server = ServerName {
            host: "a".into(),
            port: 1,
            weight: 1,
        };
        let placement = Placement::new(Distribution::Ketama, &[server]);
        assert_eq!(placement.server(b"any"), 0);
    }
}
