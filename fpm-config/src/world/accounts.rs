//! Users and groups.

/// A user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Account {
    /// User id.
    pub uid: u32,
    /// Id of the primary group.
    pub gid: u32,
}

impl Account {
    /// An account of both ids.
    #[must_use]
    pub const fn new(uid: u32, gid: u32) -> Self {
        Self { uid, gid }
    }
}

/// A group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Group {
    /// Group id.
    pub gid: u32,
}

impl Group {
    /// A group of this id.
    #[must_use]
    pub const fn new(gid: u32) -> Self {
        Self { gid }
    }
}

/// Looks up users and groups.
pub trait Accounts {
    /// The user of a name.
    fn user(&self, name: &[u8]) -> Option<Account>;
    /// The user of a number.
    fn user_by_id(&self, uid: u32) -> Option<Account>;
    /// The group of a name.
    fn group(&self, name: &[u8]) -> Option<Group>;
}
