//! Which files may be opened (Landlock, landlock(7)).

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, CompatLevel, Compatible as _, PathBeneath, PathFd, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetStatus,
};

use super::Policy;

/// Read by all that the daemon does: processes, cgroups, interfaces, names of hosts and users, time zones.
const ALWAYS_READ: [&str; 4] = ["/proc", "/sys", "/run", "/etc"];
/// The newest rules that this program knows; older kernels apply what they have.
const RULES: ABI = ABI::V5;

/// Forbids every file but those of the policy.
pub(super) fn restrict(policy: &Policy) -> Result<(), String> {
    if policy.look_into_processes {
        return Err("left out: they would hide the processes that hold sockets".to_owned());
    }
    let always = ALWAYS_READ.iter().map(PathBuf::from);
    let read: Vec<PathBuf> = always.chain(policy.read.iter().cloned()).collect();
    let status = apply(&read, &policy.write).map_err(|error| error.to_string())?;
    match status {
        RulesetStatus::NotEnforced => {
            Err("this kernel has no Landlock (5.13), or it is switched off".to_owned())
        }
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
    }
}

fn apply(read: &[PathBuf], write: &[PathBuf]) -> Result<RulesetStatus, landlock::RulesetError> {
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(RULES))?
        .create()?;
    for path in read {
        rules = allow(rules, path, AccessFs::from_read(RULES))?;
    }
    for path in write {
        rules = allow(rules, path, AccessFs::from_all(RULES) & !AccessFs::Execute)?;
    }
    // The reports' output, wherever it is.
    rules = allow(rules, Path::new("/dev/null"), AccessFs::from_file(RULES))?;
    Ok(rules.restrict_self()?.ruleset)
}

/// A path that is not there needs no rule.
fn allow(
    rules: landlock::RulesetCreated,
    path: &Path,
    access: landlock::BitFlags<AccessFs>,
) -> Result<landlock::RulesetCreated, landlock::RulesetError> {
    let Ok(directory) = PathFd::new(path) else {
        return Ok(rules);
    };
    let access = if path.is_dir() {
        access
    } else {
        access & AccessFs::from_file(RULES)
    };
    rules.add_rule(PathBeneath::new(directory, access))
}
