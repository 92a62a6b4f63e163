//! Users and groups: looking them up, and becoming one of them for good.

use std::ffi::{CStr, CString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::call::check;

/// What the system knows of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The user's number.
    pub uid: u32,
    /// The number of the user's own group.
    pub gid: u32,
    /// The user's name.
    pub name: CString,
}

/// Whom to become.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The user; None stays what it is.
    pub user: Option<u32>,
    /// The group; None stays what it is.
    pub group: Option<u32>,
    /// The name whose supplementary groups are taken; None takes none but `groups`.
    pub groups_of: Option<CString>,
    /// More supplementary groups.
    pub groups: Vec<u32>,
}

/// The user with this name; None when there is none.
pub fn user_by_name(name: &str) -> io::Result<Option<User>> {
    let name = c_string(name)?;
    // SAFETY: the name is a C string; the other arguments are the buffers of `user_entry`.
    user_entry(|entry, buffer, len, found| unsafe {
        libc::getpwnam_r(name.as_ptr(), entry, buffer, len, found)
    })
}

/// The user with this number; None when the system has no name for it.
pub fn user_by_number(uid: u32) -> io::Result<Option<User>> {
    // SAFETY: the arguments are the buffers of `user_entry`.
    user_entry(|entry, buffer, len, found| unsafe {
        libc::getpwuid_r(uid, entry, buffer, len, found)
    })
}

/// The number of the group with this name; None when there is none.
pub fn group_by_name(name: &str) -> io::Result<Option<u32>> {
    let name = c_string(name)?;
    // SAFETY: an all-zero group is valid to be overwritten (null pointers, zero).
    let mut entry: libc::group = unsafe { std::mem::zeroed() };
    lookup(|buffer| {
        let mut found = std::ptr::null_mut();
        // SAFETY: the entry and the buffer are writable for as long as said and outlive the result,
        // of which only the number is kept.
        let error = unsafe {
            libc::getgrnam_r(
                name.as_ptr(),
                &raw mut entry,
                buffer.as_mut_ptr(),
                buffer.len(),
                &raw mut found,
            )
        };
        (error, (!found.is_null()).then_some(entry.gr_gid))
    })
}

fn user_entry(
    call: impl Fn(*mut libc::passwd, *mut libc::c_char, usize, *mut *mut libc::passwd) -> libc::c_int,
) -> io::Result<Option<User>> {
    // SAFETY: an all-zero passwd is valid to be overwritten (null pointers, zeros).
    let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
    lookup(|buffer| {
        let mut found = std::ptr::null_mut();
        let error = call(
            &raw mut entry,
            buffer.as_mut_ptr(),
            buffer.len(),
            &raw mut found,
        );
        if found.is_null() {
            return (error, None);
        }
        // SAFETY: the call has succeeded, so the name points to a C string in `buffer`.
        let name = unsafe { CStr::from_ptr(entry.pw_name) }.to_owned();
        (
            error,
            Some(User {
                uid: entry.pw_uid,
                gid: entry.pw_gid,
                name,
            }),
        )
    })
}

/// Calls with growing buffers for as long as the entry does not fit (`ERANGE`).
fn lookup<T>(
    mut call: impl FnMut(&mut [libc::c_char]) -> (libc::c_int, Option<T>),
) -> io::Result<Option<T>> {
    const LARGEST: usize = 1 << 20;
    let mut buffer = vec![0; 4096];
    loop {
        match call(&mut buffer) {
            (_, Some(found)) => return Ok(Some(found)),
            (libc::ERANGE, None) if buffer.len() < LARGEST => buffer.resize(buffer.len() * 4, 0),
            // The manual lists these as ways to say that there is no such entry.
            (0 | libc::ENOENT | libc::ESRCH | libc::EBADF | libc::EPERM, None) => return Ok(None),
            (error, None) => return Err(io::Error::from_raw_os_error(error)),
        }
    }
}

fn c_string(name: &str) -> io::Result<CString> {
    CString::new(name).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))
}

/// The user that this process acts as.
pub fn effective_user() -> u32 {
    // SAFETY: no memory is involved; the call cannot fail.
    unsafe { libc::geteuid() }
}

/// The group that this process acts as.
pub fn effective_group() -> u32 {
    // SAFETY: no memory is involved; the call cannot fail.
    unsafe { libc::getegid() }
}

/// Becomes another user and group for good: groups first (a plain user may not change them), then
/// the user, then a look at whether there is a way back. To be called before any thread is started.
pub fn become_identity(identity: &Identity) -> io::Result<()> {
    if identity.user.is_none() && identity.group.is_none() {
        return add_groups(&identity.groups);
    }
    let group = identity.group.unwrap_or_else(effective_group);
    match &identity.groups_of {
        // SAFETY: the name is a C string.
        Some(name) => check(unsafe { libc::initgroups(name.as_ptr(), group) })?,
        // SAFETY: no groups are given, so none are read.
        None => check(unsafe { libc::setgroups(0, std::ptr::null()) })?,
    };
    add_groups(&identity.groups)?;
    // SAFETY: no memory is involved.
    check(unsafe { libc::setresgid(group, group, group) })?;
    let Some(user) = identity.user else {
        return Ok(());
    };
    // SAFETY: no memory is involved.
    check(unsafe { libc::setresuid(user, user, user) })?;
    // SAFETY: no memory is involved.
    let way_back = user != 0 && unsafe { libc::setuid(0) } == 0;
    if way_back || effective_user() != user || effective_group() != group {
        return Err(io::Error::other("the kernel did not give up the old user"));
    }
    Ok(())
}

/// Adds supplementary groups to those that the process has.
fn add_groups(more: &[u32]) -> io::Result<()> {
    if more.is_empty() {
        return Ok(());
    }
    let mut all = supplementary_groups()?;
    all.extend(more);
    all.sort_unstable();
    all.dedup();
    // SAFETY: as many groups are read as there are.
    check(unsafe { libc::setgroups(all.len(), all.as_ptr()) }).map(|_| ())
}

fn supplementary_groups() -> io::Result<Vec<u32>> {
    // SAFETY: with 0 the call only counts.
    let count = check(unsafe { libc::getgroups(0, std::ptr::null_mut()) })?;
    let mut groups = vec![0; count as usize];
    // SAFETY: room for `count` groups.
    check(unsafe { libc::getgroups(count, groups.as_mut_ptr()) })?;
    Ok(groups)
}

/// Sets which permissions new files do not get; what was set before.
pub fn set_umask(mask: u32) -> u32 {
    // SAFETY: no memory is involved; the call cannot fail.
    unsafe { libc::umask(mask) }
}

/// Changes who owns a file; None leaves that half.
pub fn change_owner(path: &Path, user: Option<u32>, group: Option<u32>) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes())
        .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    // SAFETY: the path is a C string; -1 leaves a half as it is.
    check(unsafe {
        libc::chown(
            path.as_ptr(),
            user.unwrap_or(u32::MAX),
            group.unwrap_or(u32::MAX),
        )
    })
    .map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_found_by_name_and_number() {
        let root = user_by_name("root").unwrap().unwrap();
        assert_eq!((root.uid, root.gid), (0, 0));
        assert_eq!(user_by_number(0).unwrap(), Some(root));
        assert_eq!(group_by_name("root").unwrap(), Some(0));
    }

    #[test]
    fn nobody_has_a_name_like_this() {
        assert_eq!(user_by_name("no-such-user-here").unwrap(), None);
        assert_eq!(group_by_name("no-such-group-here").unwrap(), None);
        assert!(user_by_name("nul\0inside").is_err());
    }

    #[test]
    fn becoming_oneself_changes_nothing() {
        become_identity(&Identity::default()).unwrap();
    }
}
