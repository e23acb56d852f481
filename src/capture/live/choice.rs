//! Which interfaces are to be watched.

use super::{ANY, LiveError};
use crate::capture::interfaces::Interface;

/// So many interfaces get a ring each; where there are more, all share one, which sees those to come as well.
const MAX_SEPARATE: usize = 8;

/// Which interfaces are to be watched, whenever they are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// All in one ring.
    Any,
    /// A ring for each that is up.
    EachUp,
    /// A ring for each of these.
    Named(Vec<String>),
}

impl Choice {
    /// From the names asked for (none: every interface that is up) and the interfaces that are here.
    pub(super) fn of(names: &[String], all: &[Interface]) -> Result<Self, LiveError> {
        if names.is_empty() {
            return match all.iter().filter(|it| it.up).count() {
                0 => Err(LiveError::AllDown {
                    names: all.iter().map(|it| it.name.clone()).collect(),
                }),
                1..=MAX_SEPARATE => Ok(Self::EachUp),
                _ => Ok(Self::Any),
            };
        }
        let found = |name: &String| all.iter().find(|it| it.name == *name);
        if let Some(name) = names.iter().find(|name| *name != ANY && found(name).is_none()) {
            return Err(LiveError::NoSuchInterface {
                name: name.clone(),
                there: all.iter().map(|it| it.name.clone()).collect(),
            });
        }
        if names.iter().any(|name| name == ANY) {
            return Ok(Self::Any);
        }
        if !names.iter().filter_map(found).any(|it| it.up) {
            return Err(LiveError::AllDown {
                names: names.to_vec(),
            });
        }
        Ok(Self::Named(names.to_vec()))
    }

    /// Those of `all` that are to be watched.
    pub(super) fn among(&self, mut all: Vec<Interface>) -> Vec<Interface> {
        match self {
            Self::Any => return vec![any()],
            Self::EachUp => all.retain(|it| it.up),
            Self::Named(names) => all.retain(|it| names.contains(&it.name)),
        }
        all
    }
}

/// All interfaces at once.
fn any() -> Interface {
    Interface {
        name: ANY.to_owned(),
        index: 0,
        up: true,
        loopback: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(index: u32, up: bool) -> Interface {
        Interface {
            name: format!("eth{index}"),
            index,
            up,
            loopback: false,
        }
    }

    fn chosen(names: &[&str], all: &[Interface]) -> Result<Vec<String>, String> {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let choice = Choice::of(&names, all).map_err(|error| error.to_string())?;
        Ok(choice.among(all.to_vec()).into_iter().map(|it| it.name).collect())
    }

    #[test]
    fn without_names_it_is_all_that_are_up() {
        let all = [interface(1, true), interface(2, false), interface(3, true)];
        assert_eq!(chosen(&[], &all).unwrap(), ["eth1", "eth3"]);
        let many: Vec<_> = (1..20).map(|index| interface(index, true)).collect();
        assert_eq!(chosen(&[], &many).unwrap(), ["any"]);
    }

    #[test]
    fn names_are_taken_once_and_must_exist() {
        let all = [interface(1, true), interface(2, false)];
        assert_eq!(chosen(&["eth2", "eth1", "eth1"], &all).unwrap(), ["eth1", "eth2"]);
        assert_eq!(chosen(&["any", "eth1"], &all).unwrap(), ["any"]);
        let missing = chosen(&["eth1", "wlan0"], &all).unwrap_err();
        assert_eq!(
            missing,
            "no interface is called wlan0; there are: eth1, eth2, any"
        );
        let down = chosen(&["eth2"], &all).unwrap_err();
        assert!(down.ends_with("sudo ip link set eth2 up"), "{down}");
        assert!(chosen(&[], &all[1..]).is_err());
    }
}
