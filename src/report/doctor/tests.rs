use super::*;
use crate::host::sandbox::Privilege;

/// A host on which nothing is wrong.
fn healthy() -> Facts {
    Facts {
        permits: Permits {
            kernel: "6.1.0".to_owned(),
            privileges: Privilege::ALL.to_vec(),
            cgroups: true,
            clock: Some("tsc".to_owned()),
            filters_compiled: Some(true),
            ..Permits::default()
        },
        program: "/usr/bin/sockhound".to_owned(),
        capture: Capture::Works,
        sockets: None,
        connections: 3,
        private_connections: 0,
        namespaces: 2,
        namespace_pid: Some(4711),
        interfaces: vec![InterfaceLine {
            name: "eth0".to_owned(),
            up: true,
            watched: true,
            connections: 3,
            merges_segments: Some(false),
        }],
    }
}

fn found(change: impl FnOnce(&mut Facts)) -> Vec<Check> {
    let mut facts = healthy();
    change(&mut facts);
    Diagnosis::new(facts, None)
        .checks
        .into_iter()
        .filter(|it| it.verdict != Verdict::Ok)
        .collect()
}

/// The one thing wrong after `change`, and the command that mends it.
fn only(change: impl FnOnce(&mut Facts)) -> (&'static str, String) {
    let checks = found(change);
    let [check] = checks.as_slice() else {
        panic!("{checks:?}")
    };
    assert!(check.missed.is_some());
    (check.code, check.fix.clone().unwrap_or_default())
}

#[test]
fn a_healthy_host_has_nothing_to_mend() {
    assert_eq!(found(|_| ()), []);
}

#[test]
fn each_lack_has_its_own_command() {
    let may = |privileges: &[Privilege]| {
        let privileges = privileges.to_vec();
        move |facts: &mut Facts| facts.permits.privileges = privileges
    };
    let (capture, namespaces) = (Privilege::Capture, Privilege::EnterNamespaces);
    let (code, fix) = only(may(&[capture, namespaces]));
    assert_eq!(code, "owners");
    assert_eq!(
        fix,
        "sudo setcap cap_net_raw,cap_sys_admin,cap_sys_ptrace+ep /usr/bin/sockhound"
    );
    let (code, fix) = only(may(&[capture, Privilege::LookIntoProcesses]));
    assert_eq!(code, "namespaces");
    assert_eq!(
        fix,
        "sudo setcap cap_net_raw,cap_sys_ptrace,cap_sys_admin+ep /usr/bin/sockhound"
    );
    assert_eq!(only(|it| it.permits.processes_hidden = true).0, "processes");
    assert_eq!(only(|it| it.permits.cgroups = false).0, "cgroups");
    assert_eq!(
        only(|it| it.sockets = Some("no".to_owned())).1,
        "sudo modprobe tcp_diag"
    );
    assert_eq!(only(|it| it.permits.filters_compiled = Some(false)).0, "filters");
    let slow = only(|it| it.permits.clock_alternative = Some("tsc".to_owned()));
    assert!(slow.1.starts_with("echo tsc | sudo tee /sys/"), "{slow:?}");
    let private = only(|it| it.private_connections = 2);
    assert_eq!(private.1, "sudo nsenter -t 4711 -n /usr/bin/sockhound capture");
    let merging = only(|it| it.interfaces[0].merges_segments = Some(true));
    assert_eq!(merging, ("merging", "sudo ethtool -K eth0 lro off".to_owned()));
    assert_eq!(
        only(|it| it.interfaces[0].watched = false).1,
        "sockhound capture --interface eth0"
    );
    assert_eq!(only(|it| it.connections = 0).0, "traffic");
}

#[test]
fn what_blocks_comes_first_with_the_command_for_where_it_runs() {
    let on_host = found(|it| {
        it.capture = Capture::NotPermitted;
        it.permits.privileges.clear();
    });
    assert_eq!(
        (on_host[0].code, on_host[0].verdict),
        ("capture", Verdict::Blocked)
    );
    assert_eq!(
        on_host[0].fix.as_deref(),
        Some("sudo setcap cap_net_raw+ep /usr/bin/sockhound")
    );
    let inside = found(|it| {
        it.capture = Capture::NotPermitted;
        it.permits.container = Some("docker".to_owned());
    });
    assert_eq!(
        inside[0].fix.as_deref(),
        Some("docker run --network=host --cap-add=NET_RAW ...")
    );
    assert!(inside.iter().any(|it| it.code == "container"));
}

#[test]
fn commands_are_never_broken() {
    let mut facts = healthy();
    facts.permits.cgroups = false;
    let mut out = anstream::StripStream::new(Vec::new());
    draw(&Diagnosis::new(facts, Some("app-3".to_owned())), 80, &mut out).expect("drawn");
    let text = String::from_utf8(out.into_inner()).expect("text");
    assert!(
        text.starts_with("app-3: Linux 6.1.0, user id 0 with cap_net_raw, "),
        "{text}"
    );
    let fix =
        "→ sudo mkdir -p /sys/fs/cgroup/unified && sudo mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified\n";
    assert!(text.contains(fix), "{text}");
    assert!(
        text.contains("limited  cgroups of version 2 are not mounted\n         missed: "),
        "{text}"
    );
}
