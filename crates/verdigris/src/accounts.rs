//! Users and groups of the configuration, by name or number, as the system knows them.

use options::config::{Account, Owner, Process};
use options::{Config, Problem};
use os::users::{Identity, User, group_by_name, user_by_name, user_by_number};

/// Whom the server becomes; None when nothing was said about it.
pub(crate) fn identity(config: &Config) -> Result<Option<Identity>, Problem> {
    let Process {
        uid,
        gid,
        additional_gids,
        initgroups,
        ..
    } = &config.process;
    if uid.is_none() && gid.is_none() && additional_gids.is_empty() {
        return Ok(None);
    }
    let user = uid
        .as_ref()
        .map(|account| user(account).map_err(|problem| problem.at(config.origin("uid"))));
    let user = user.transpose()?;
    let own_group = user
        .as_ref()
        .and_then(|user| user.known.as_ref())
        .map(|known| known.gid);
    let chosen = gid
        .as_ref()
        .map(|account| group(account).map_err(|problem| problem.at(config.origin("gid"))));
    let more = additional_gids
        .iter()
        .map(|account| group(account).map_err(|problem| problem.at(config.origin("add-gid"))));
    let groups_of = user
        .as_ref()
        .and_then(|user| user.known.as_ref())
        .map(|known| known.name.clone());
    Ok(Some(Identity {
        // uWSGI leaves the group as it is when only a user is named; that keeps root's group, which nobody wants.
        group: chosen.transpose()?.or(own_group),
        user: user.map(|user| user.uid),
        groups_of: groups_of.filter(|_| *initgroups),
        groups: more.collect::<Result<_, _>>()?,
    }))
}

/// A user's and a group's number; None leaves that half.
pub(crate) type SocketOwner = (Option<u32>, Option<u32>);

/// Who owns the unix sockets: whom the configuration names, else whom the server becomes.
pub(crate) fn socket_owner(
    owner: Option<&Owner>,
    identity: Option<&Identity>,
) -> Result<Option<SocketOwner>, Problem> {
    match owner {
        Some(Owner {
            user: of,
            group: with,
        }) => {
            let uid = of
                .as_ref()
                .map(|account| user(account).map(|user| user.uid))
                .transpose()?;
            let gid = with.as_ref().map(group).transpose()?;
            Ok(Some((uid, gid)))
        }
        None => Ok(identity.map(|identity| (identity.user, identity.group))),
    }
}

/// A user, and what the system knows of them; a number need not have a name.
struct Found {
    uid: u32,
    known: Option<User>,
}

fn user(account: &Account) -> Result<Found, Problem> {
    let looked_up = match account {
        Account::Name(name) => user_by_name(name),
        Account::Number(number) => user_by_number(*number),
    };
    let known =
        looked_up.map_err(|error| Problem::new(format!("cannot look up users: {error}")))?;
    match (account, known) {
        (Account::Number(uid), known) => Ok(Found { uid: *uid, known }),
        (Account::Name(_), Some(known)) => Ok(Found {
            uid: known.uid,
            known: Some(known),
        }),
        (Account::Name(name), None) => {
            let hint =
                format!("`getent passwd` lists the users; `useradd --system {name}` makes one");
            Err(Problem::new(format!("there is no user `{name}`")).hint(hint))
        }
    }
}

fn group(account: &Account) -> Result<u32, Problem> {
    match account {
        Account::Number(number) => Ok(*number),
        Account::Name(name) => match group_by_name(name) {
            Ok(Some(number)) => Ok(number),
            Ok(None) => {
                let hint = format!(
                    "`getent group` lists the groups; `groupadd --system {name}` makes one"
                );
                Err(Problem::new(format!("there is no group `{name}`")).hint(hint))
            }
            Err(error) => Err(Problem::new(format!("cannot look up groups: {error}"))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_looked_up() {
        let root = user(&Account::Name("root".into()))
            .map_err(|problem| problem.what)
            .unwrap();
        assert_eq!((root.uid, root.known.map(|known| known.gid)), (0, Some(0)));
        let nameless = user(&Account::Number(4_000_000_000))
            .map_err(|problem| problem.what)
            .unwrap();
        assert_eq!((nameless.uid, nameless.known), (4_000_000_000, None));
        assert_eq!(group(&Account::Name("root".into())), Ok(0));
    }

    #[test]
    fn a_name_that_nobody_has_comes_with_a_hint() {
        let problem = group(&Account::Name("no-such-group-here".into())).unwrap_err();
        assert_eq!(problem.what, "there is no group `no-such-group-here`");
        assert!(problem.hint.unwrap().contains("groupadd"));
        assert!(user(&Account::Name("no-such-user-here".into())).is_err());
    }

    #[test]
    fn sockets_belong_to_whom_the_server_becomes() {
        let identity = Identity {
            user: Some(7),
            group: Some(8),
            ..Identity::default()
        };
        assert_eq!(
            socket_owner(None, Some(&identity)),
            Ok(Some((Some(7), Some(8))))
        );
        assert_eq!(socket_owner(None, None), Ok(None));
        let owner = Owner {
            user: None,
            group: Some(Account::Number(9)),
        };
        assert_eq!(
            socket_owner(Some(&owner), Some(&identity)),
            Ok(Some((None, Some(9))))
        );
    }
}
