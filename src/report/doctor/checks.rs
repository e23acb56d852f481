//! From facts to what they mean.

use super::{Capture, Check, Facts, Verdict};
use crate::host::sandbox::Privilege;

/// Everything that is checked, in the order of what is wanted most.
#[must_use]
pub fn checks(facts: &Facts) -> Vec<Check> {
    let always = [capture, sockets, owners, namespaces, cgroups, traffic];
    let sometimes = [processes, private, container, clock, filters];
    let mut checks: Vec<Check> = always.iter().map(|check| check(facts)).collect();
    checks.extend(sometimes.iter().filter_map(|check| check(facts)));
    checks.extend(merging(facts));
    checks
}

fn ok(code: &'static str, found: impl Into<String>) -> Check {
    Check {
        code,
        verdict: Verdict::Ok,
        found: found.into(),
        missed: None,
        fix: None,
    }
}

fn limited(
    code: &'static str,
    found: impl Into<String>,
    missed: impl Into<String>,
    fix: impl Into<String>,
) -> Check {
    Check {
        code,
        verdict: Verdict::Limited,
        found: found.into(),
        missed: Some(missed.into()),
        fix: Some(fix.into()),
    }
}

/// The command that grants `more` on top of what the program has.
fn grant(facts: &Facts, more: &[Privilege]) -> String {
    let mut names: Vec<&str> = vec![Privilege::Capture.name()];
    let had = &facts.permits.privileges;
    names.extend(
        had.iter()
            .chain(more)
            .map(|it| it.name())
            .filter(|&name| name != Privilege::Capture.name()),
    );
    names.dedup();
    format!("sudo setcap {}+ep {}", names.join(","), facts.program)
}

fn capture(facts: &Facts) -> Check {
    let everything =
        "latencies, statements, demand: all that packets tell (sockhound sockets works as it is)";
    let blocked = |found: String, fix: Option<String>| Check {
        code: "capture",
        verdict: Verdict::Blocked,
        found,
        missed: Some(everything.to_owned()),
        fix,
    };
    match &facts.capture {
        Capture::Works => ok(
            "capture",
            "packets can be captured, by a TPACKET_V3 ring of 16 to 32 MiB an interface, stamped by the kernel",
        ),
        Capture::NotPermitted => {
            let fix = match &facts.permits.container {
                Some(_) => "docker run --network=host --cap-add=NET_RAW ...".to_owned(),
                None => grant(facts, &[]),
            };
            blocked(
                "capturing packets is not permitted to this user".to_owned(),
                Some(fix),
            )
        }
        Capture::Fails(why) => blocked(why.clone(), None),
    }
}

fn sockets(facts: &Facts) -> Check {
    match &facts.sockets {
        None => ok(
            "sockets",
            "the kernel lists sockets with idle times, timers and traffic",
        ),
        Some(why) => limited(
            "sockets",
            why,
            "idle times of connections opened before the watch",
            "sudo modprobe tcp_diag",
        ),
    }
}

fn owners(facts: &Facts) -> Check {
    if facts.permits.may(Privilege::LookIntoProcesses) {
        ok("owners", "the processes that hold sockets can be named")
    } else {
        let missed = "which process holds a connection, where it is another user's (its unit or container is told all the same)";
        let fix = grant(facts, &[Privilege::LookIntoProcesses]);
        limited(
            "owners",
            "processes of other users can't be looked into",
            missed,
            fix,
        )
    }
}

fn processes(facts: &Facts) -> Option<Check> {
    facts.permits.processes_hidden.then(|| {
        let missed = "which process holds a connection, and containers on this host";
        limited(
            "processes",
            "/proc hides the processes of others",
            missed,
            "sudo mount -o remount,hidepid=0 /proc",
        )
    })
}

fn namespaces(facts: &Facts) -> Check {
    let count = facts.namespaces;
    let plural = if count == 1 {
        "network namespace"
    } else {
        "network namespaces"
    };
    if count == 0 {
        return ok("namespaces", "there are no other network namespaces");
    }
    if facts.permits.may(Privilege::EnterNamespaces) {
        ok(
            "namespaces",
            format!("the sockets of {count} other {plural} are seen"),
        )
    } else {
        let missed = "idle times of containers' connections (their states, queues and timers are told)";
        let fix = grant(facts, &[Privilege::EnterNamespaces]);
        limited(
            "namespaces",
            format!("{count} other {plural} can't be entered"),
            missed,
            fix,
        )
    }
}

fn private(facts: &Facts) -> Option<Check> {
    let pid = facts.namespace_pid.filter(|_| facts.private_connections > 0)?;
    let found = format!(
        "{} connections stay on the loopback of other network namespaces",
        facts.private_connections
    );
    let fix = format!("sudo nsenter -t {pid} -n {} capture", facts.program);
    Some(limited(
        "private_traffic",
        found,
        "their packets: no interface here carries them",
        fix,
    ))
}

fn cgroups(facts: &Facts) -> Check {
    if facts.permits.cgroups {
        ok(
            "cgroups",
            "cgroups of version 2 tell the unit or container of each socket",
        )
    } else {
        let missed = "the unit or container of a socket whose process can't be looked into";
        let fix =
            "sudo mkdir -p /sys/fs/cgroup/unified && sudo mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified";
        limited("cgroups", "cgroups of version 2 are not mounted", missed, fix)
    }
}

fn container(facts: &Facts) -> Option<Check> {
    let kind = facts.permits.container.as_ref()?;
    let missed = "processes and interfaces of the host around it";
    Some(limited(
        "container",
        format!("this is a container ({kind})"),
        missed,
        "docker run --network=host --pid=host ...",
    ))
}

fn traffic(facts: &Facts) -> Check {
    let unwatched = facts
        .interfaces
        .iter()
        .find(|it| !it.watched && it.connections > 0);
    match (facts.connections, unwatched) {
        (0, _) => {
            let found = "the kernel knows no connection to a well-known port of a database";
            let missed = "connections to other ports";
            limited("traffic", found, missed, "sockhound capture --target PORT")
        }
        (_, Some(interface)) => {
            let name = &interface.name;
            let found = format!(
                "{} connections to databases go over {name}, which is not watched",
                interface.connections
            );
            limited(
                "traffic",
                found,
                "their packets",
                format!("sockhound capture --interface {name}"),
            )
        }
        (count, None) => ok(
            "traffic",
            format!("{count} connections to databases are there to be watched"),
        ),
    }
}

fn clock(facts: &Facts) -> Option<Check> {
    let current = facts.permits.clock.as_ref()?;
    Some(match &facts.permits.clock_alternative {
        None => ok("clock", format!("the kernel stamps frames from {current}")),
        Some(better) => {
            let file = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
            let missed = "nothing, but each packet's stamp costs a microsecond";
            let fix = format!("echo {better} | sudo tee {file}");
            limited(
                "clock",
                format!("the kernel stamps frames from {current}, which is slow"),
                missed,
                fix,
            )
        }
    })
}

fn filters(facts: &Facts) -> Option<Check> {
    let interpreted = facts.permits.filters_compiled == Some(false);
    interpreted.then(|| {
        let missed = "nothing, but other traffic costs more than it should";
        limited(
            "filters",
            "the kernel interprets packet filters",
            missed,
            "sudo sysctl -w net.core.bpf_jit_enable=1",
        )
    })
}

fn merging(facts: &Facts) -> impl Iterator<Item = Check> {
    let merging = facts
        .interfaces
        .iter()
        .filter(|it| it.watched && it.merges_segments == Some(true));
    merging.map(|interface| {
        let name = &interface.name;
        let missed = "microseconds: merged segments share one time stamp";
        let fix = format!("sudo ethtool -K {name} lro off");
        limited(
            "merging",
            format!("{name} merges segments by itself (LRO)"),
            missed,
            fix,
        )
    })
}
