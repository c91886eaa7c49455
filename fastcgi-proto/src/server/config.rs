//! How an application connection behaves.

use crate::wire::{MAX_ALIGNED_CONTENT, Role};
use crate::{ConnectionLimits, Values};

/// The settings of a [`Connection`](super::Connection).
///
/// ```
/// use fastcgi_proto::Role;
/// use fastcgi_proto::server::{Config, RoleSet};
///
/// let mut config = Config::default();
/// config.roles = RoleSet::of(&[Role::RESPONDER, Role::FILTER]);
/// config.multiplex = false;
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Whether several requests may be active on the connection at once.
    /// Default: yes. Otherwise a second one is answered `CANT_MPX_CONN`.
    pub multiplex: bool,
    /// The roles that are served; others are answered `UNKNOWN_ROLE`.
    /// Default: the Responder.
    pub roles: RoleSet,
    /// What `FCGI_MAX_CONNS` is answered. Default: not at all.
    pub max_conns: Option<u32>,
    /// What `FCGI_MAX_REQS` is answered. Default: not at all.
    pub max_reqs: Option<u32>,
    /// The most content bytes of a record. Default 65528; 0 counts as 1.
    pub max_content: u16,
    /// Whether records are padded to multiples of 8. Default: yes.
    pub pad: bool,
    /// Whether a peer may close its sending side and wait for its answers
    /// where that looks like its leaving ([`PeerClose::Unknown`]: over TCP).
    /// Default: no, its requests are aborted; no web server waits so. Where
    /// the transport tells (Unix sockets), such a peer gets its answers in
    /// either case.
    ///
    /// [`PeerClose::Unknown`]: super::PeerClose::Unknown
    pub half_close: bool,
    /// Bounds on what is held.
    pub limits: ConnectionLimits,
}

impl Config {
    /// The answer to `GET_VALUES`.
    pub(super) const fn values(&self) -> Values {
        Values {
            max_conns: self.max_conns,
            max_reqs: self.max_reqs,
            mpxs_conns: Some(self.multiplex),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            multiplex: true,
            roles: RoleSet::of(&[Role::RESPONDER]),
            max_conns: None,
            max_reqs: None,
            max_content: MAX_ALIGNED_CONTENT,
            pad: true,
            half_close: false,
            limits: ConnectionLimits::default(),
        }
    }
}

/// A set of the three roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoleSet(u8);

impl RoleSet {
    /// All three roles.
    pub const ALL: Self = Self::of(&[Role::RESPONDER, Role::AUTHORIZER, Role::FILTER]);

    /// The roles in `roles`; those that the specification does not define
    /// are left out.
    #[must_use]
    pub const fn of(roles: &[Role]) -> Self {
        let mut bits = 0;
        let mut rest = roles;
        while let [role, tail @ ..] = rest {
            bits |= Self::bit(*role);
            rest = tail;
        }
        Self(bits)
    }

    /// Whether `role` is in the set.
    #[must_use]
    pub const fn contains(self, role: Role) -> bool {
        self.0 & Self::bit(role) != 0
    }

    const fn bit(role: Role) -> u8 {
        match role {
            Role::RESPONDER => 1,
            Role::AUTHORIZER => 2,
            Role::FILTER => 4,
            _ => 0,
        }
    }
}
