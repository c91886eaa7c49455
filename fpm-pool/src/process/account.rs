//! Users and groups by name or number.

use std::ffi::CString;
use std::io;

use nix::unistd::{Gid, Group, Uid, User, getgrouplist};

/// The user, group and groups that a worker runs as.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) uid: Option<Uid>,
    pub(super) gid: Option<Gid>,
    pub(super) groups: Option<Vec<Gid>>,
    /// Name and home folder, for the environment.
    pub(super) user: Option<User>,
}

impl Account {
    /// Looks the names up.
    pub(super) fn find(
        user: Option<&str>,
        group: Option<&str>,
        supplementary: Option<&[String]>,
    ) -> io::Result<Self> {
        let mut this = Self::default();
        if let Some(name) = user {
            let entry = find_user(name)?;
            this.uid = match &entry {
                Some(entry) => Some(entry.uid),
                None => Some(
                    number(name)
                        .map(Uid::from_raw)
                        .ok_or_else(|| missing("user", name))?,
                ),
            };
            this.gid = entry.as_ref().map(|entry| entry.gid);
            this.user = entry;
        }
        if let Some(name) = group {
            this.gid = Some(find_group(name)?);
        }
        this.groups = match supplementary {
            Some(names) => Some(
                names
                    .iter()
                    .map(|name| find_group(name))
                    .collect::<Result<_, _>>()?,
            ),
            None => this.system_groups()?,
        };
        Ok(this)
    }

    /// The groups that the system lists for the user; only the own one for a
    /// number without a name.
    fn system_groups(&self) -> io::Result<Option<Vec<Gid>>> {
        match (&self.user, self.uid, self.gid) {
            (Some(user), _, Some(gid)) => {
                let name = CString::new(user.name.as_bytes())?;
                Ok(Some(getgrouplist(&name, gid)?))
            }
            (None, Some(_), gid) => Ok(Some(gid.into_iter().collect())),
            _ => Ok(None),
        }
    }
}

fn find_user(name: &str) -> io::Result<Option<User>> {
    match number(name) {
        Some(id) => Ok(User::from_uid(Uid::from_raw(id))?),
        None => Ok(User::from_name(name)?),
    }
}

fn find_group(name: &str) -> io::Result<Gid> {
    if let Some(id) = number(name) {
        return Ok(Gid::from_raw(id));
    }
    let group = Group::from_name(name)?;
    group
        .map(|group| group.gid)
        .ok_or_else(|| missing("group", name))
}

fn number(name: &str) -> Option<u32> {
    name.parse().ok()
}

fn missing(what: &str, name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("no {what} {name:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_own_group_and_the_systems_list_are_the_default() {
        let account = Account::find(Some("root"), None, None).unwrap();
        assert_eq!(account.uid, Some(Uid::from_raw(0)));
        assert_eq!(account.gid, Some(Gid::from_raw(0)));
        assert!(account.groups.unwrap().contains(&Gid::from_raw(0)));
    }

    #[test]
    fn numbers_need_no_entry_and_names_do() {
        let account = Account::find(Some("54321"), Some("54322"), None).unwrap();
        assert_eq!(account.uid, Some(Uid::from_raw(54321)));
        assert_eq!(account.groups, Some(vec![Gid::from_raw(54322)]));
        let error = Account::find(Some("no such user"), None, None).unwrap_err();
        assert_eq!(error.to_string(), "no user \"no such user\"");
    }
}
