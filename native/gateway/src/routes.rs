//! Chooses the pool of a session by its user or by the server name that its client sent in TLS.

use super::place::Place;
use super::user_name::bare;

/// The routes; the first that fits decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Routes(pub(super) Vec<Route>);

/// A pool for some sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) by: By,
    pub(super) place: Place,
}

/// The sessions that a route is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum By {
    /// By the name of the user, or its beginning where the pattern ends with `%`.
    User(String),
    /// By the host name that the client sent (SNI), in any case; `*.` at the beginning stands for one label.
    ServerName(String),
}

impl Routes {
    /// The place of a session; `None` if the listener's holds.
    pub(super) fn find(&self, user: &str, server_name: Option<&str>) -> Option<Place> {
        self.0.iter().find(|route| route.by.fits(user, server_name)).map(|route| route.place)
    }
}

impl By {
    fn fits(&self, user: &str, server_name: Option<&str>) -> bool {
        match self {
            Self::User(pattern) => {
                let user = bare(user);
                match pattern.strip_suffix('%') {
                    Some(beginning) => user.starts_with(beginning),
                    None => user == pattern,
                }
            }
            Self::ServerName(pattern) => server_name.is_some_and(|name| {
                let domain = pattern.strip_prefix("*.").zip(name.split_once('.'));
                match domain {
                    Some((domain, (_, rest))) => rest.eq_ignore_ascii_case(domain),
                    None => name.eq_ignore_ascii_case(pattern),
                }
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::Role;

    #[test]
    fn the_first_route_that_fits_decides() {
        let route = |by, pool| Route { by, place: Place { pool, role: Role::Any } };
        let routes = Routes(vec![
            route(By::User("report%".into()), 1),
            route(By::User("app".into()), 2),
            route(By::ServerName("*.eu.example.com".into()), 3),
            route(By::ServerName("db.example.com".into()), 4),
        ]);
        for (user, name, pool) in [
            ("report_daily", None, Some(1)),
            ("report_daily", Some("db.example.com"), Some(1)),
            ("app", None, Some(2)),
            ("apple", None, None),
            ("'app'", None, Some(2)),
            ("other", Some("DB.example.com"), Some(4)),
            ("other", Some("one.eu.example.com"), Some(3)),
            ("other", Some("a.one.eu.example.com"), None),
            ("other", Some("eu.example.com"), None),
            ("other", None, None),
        ] {
            assert_eq!(routes.find(user, name).map(|place| place.pool), pool, "{user} {name:?}");
        }
    }
}
