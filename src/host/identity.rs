//! What a cgroup's path says of the processes in it: systemd unit, container, Kubernetes pod.

/// What a cgroup's path says.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The innermost systemd service or scope that is no container's: `postgresql@15-main.service`.
    pub unit: Option<String>,
    /// The container.
    pub container: Option<Container>,
    /// The Kubernetes pod's uid, with dashes where it has any.
    pub pod: Option<String>,
}

/// A container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Container {
    /// Who runs it, where the path tells: `docker`, `containerd`, `cri-o`, `podman`, `lxc`, `nspawn`.
    pub runtime: Option<&'static str>,
    /// Its full id, or its name with LXC and nspawn.
    pub id: String,
}

impl Container {
    /// The id as the runtimes' own listings print it: 12 characters of a hexadecimal one, or the name.
    #[must_use]
    pub fn short(&self) -> &str {
        if is_id(&self.id) {
            self.id.get(..12).unwrap_or(&self.id)
        } else {
            &self.id
        }
    }
}

impl Identity {
    /// Reads the path of a cgroup as `/proc/PID/cgroup` and the file system have it. Understands systemd's naming, and docker, containerd,
    /// CRI-O, podman, LXC and nspawn under both the systemd and the cgroupfs driver.
    #[must_use]
    pub fn of(path: &str) -> Self {
        let mut identity = Self::default();
        let mut above = "";
        for name in path.split(['/', ':']).filter(|name| !name.is_empty()) {
            identity.learn(above, name);
            above = name;
        }
        identity
    }

    /// Whether the path said nothing, as the root's does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn learn(&mut self, above: &str, name: &str) {
        if let Some(pod) = pod(name) {
            self.pod = Some(pod);
        } else if let Some(container) = container(above, name) {
            // What is around a container is its runtime's, not its own.
            self.unit = None;
            self.container = Some(container);
        } else if is_unit(name) {
            // systemd puts an underscore before names that would clash with the kernel's files.
            self.unit = Some(name.strip_prefix('_').unwrap_or(name).to_string());
        }
    }
}

fn is_unit(name: &str) -> bool {
    let kind = name.rsplit_once('.').map(|(_, kind)| kind);
    // systemd's own process is no service.
    matches!(kind, Some("service" | "scope")) && name != "init.scope"
}

/// `kubepods-burstable-pod0b1c_….slice` (systemd driver) or `pod0b1c-…` (cgroupfs driver).
fn pod(name: &str) -> Option<String> {
    let leaf = name
        .strip_suffix(".slice")
        .and_then(|it| it.strip_prefix("kubepods-"));
    let uid = match leaf {
        Some(leaf) => leaf.rsplit_once("pod").map(|(_, uid)| uid),
        None => name.strip_prefix("pod"),
    }?;
    let uid = uid.replace('_', "-");
    let plausible = uid.len() >= 32 && uid.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    plausible.then_some(uid)
}

fn container(above: &str, name: &str) -> Option<Container> {
    by_prefix(name)
        .or_else(|| lxc(above, name))
        .or_else(|| machine(name))
        .or_else(|| bare(above, name))
}

/// `docker-ID.scope`, `cri-containerd-ID.scope`, `crio-ID`, `libpod-ID`. The monitors (`crio-conmon-ID`) are none.
fn by_prefix(name: &str) -> Option<Container> {
    const PREFIXES: [(&str, &str); 6] = [
        ("docker-", "docker"),
        ("cri-containerd-", "containerd"),
        ("nerdctl-", "containerd"),
        ("crio-", "cri-o"),
        ("libpod-", "podman"),
        ("podman-", "podman"),
    ];
    let name = name.strip_suffix(".scope").unwrap_or(name);
    PREFIXES.iter().find_map(|&(prefix, runtime)| {
        let id = name.strip_prefix(prefix).filter(|id| is_id(id))?;
        Some(Container {
            runtime: Some(runtime),
            id: id.to_string(),
        })
    })
}

/// `lxc/NAME`, `lxc.payload/NAME`, `lxc.payload.NAME`.
fn lxc(above: &str, name: &str) -> Option<Container> {
    let named = match above {
        "lxc" | "lxc.payload" => Some(name),
        _ => name.strip_prefix("lxc.payload."),
    }?;
    Some(Container {
        runtime: Some("lxc"),
        id: named.to_string(),
    })
}

/// `systemd-nspawn@NAME.service`, or `machine-NAME.scope`: what else is registered with systemd-machined.
fn machine(name: &str) -> Option<Container> {
    let nspawn = name
        .strip_prefix("systemd-nspawn@")
        .and_then(|it| it.strip_suffix(".service"));
    let other = || {
        name.strip_prefix("machine-")
            .and_then(|it| it.strip_suffix(".scope"))
    };
    Some(Container {
        runtime: nspawn.map(|_| "nspawn"),
        id: unescape(nspawn.or_else(other)?),
    })
}

/// `docker/ID`, `cri-containerd:ID`, `podUID/ID`, `ecs/TASK/ID`: a bare id, and whoever is named above.
fn bare(above: &str, name: &str) -> Option<Container> {
    if !is_id(name) {
        return None;
    }
    let runtime = match above {
        "docker" => Some("docker"),
        "cri-containerd" | "containerd" | "default" | "k8s.io" => Some("containerd"),
        "crio" => Some("cri-o"),
        "libpod_parent" => Some("podman"),
        _ => None,
    };
    Some(Container {
        runtime,
        id: name.to_string(),
    })
}

/// The ids of all runtimes of the Open Container Initiative: 64 hexadecimal digits.
fn is_id(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// systemd writes a dash inside a name as `\x2d` (systemd.unit(5)).
fn unescape(name: &str) -> String {
    name.replace("\\x2d", "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "5f0b6d2e9a1c4b7d8e3f0a2b4c6d8e0f1a3b5c7d9e1f2a4b6c8d0e2f4a6b8c0d";
    const POD: &str = "0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0";

    fn expect(
        path: &str,
        unit: Option<&str>,
        container: Option<(Option<&'static str>, &str)>,
        pod: Option<&str>,
    ) {
        let expected = Identity {
            unit: unit.map(str::to_string),
            container: container.map(|(runtime, id)| Container {
                runtime,
                id: id.to_string(),
            }),
            pod: pod.map(str::to_string),
        };
        assert_eq!(Identity::of(path), expected, "{path}");
    }

    #[test]
    fn units() {
        expect("/", None, None, None);
        expect("/init.scope", None, None, None);
        expect(
            "/system.slice/redis-server.service",
            Some("redis-server.service"),
            None,
            None,
        );
        let instance = "/system.slice/system-postgresql.slice/postgresql@15-main.service";
        expect(instance, Some("postgresql@15-main.service"), None, None);
        let user = "/user.slice/user-1000.slice/user@1000.service/app.slice/shop.service";
        expect(user, Some("shop.service"), None, None);
        expect(
            "/user.slice/user-0.slice/session-4.scope",
            Some("session-4.scope"),
            None,
            None,
        );
        expect(
            "/system.slice/_cgroup.service/worker",
            Some("cgroup.service"),
            None,
            None,
        );
    }

    #[test]
    fn containers_of_every_runtime_and_driver() {
        let docker = Some((Some("docker"), ID));
        let containerd = Some((Some("containerd"), ID));
        let podman = Some((Some("podman"), ID));
        expect(&format!("/docker/{ID}"), None, docker, None);
        expect(&format!("/system.slice/docker-{ID}.scope"), None, docker, None);
        expect(
            &format!("/system.slice/docker-{ID}.scope/nested"),
            None,
            docker,
            None,
        );
        expect(&format!("/default/{ID}"), None, containerd, None);
        expect(
            &format!("/system.slice/nerdctl-{ID}.scope"),
            None,
            containerd,
            None,
        );
        expect(
            &format!("/machine.slice/libpod-{ID}.scope/container"),
            None,
            podman,
            None,
        );
        expect(&format!("/libpod_parent/libpod-{ID}"), None, podman, None);
        let rootless = format!("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope");
        expect(&rootless, None, podman, None);
        let crio = Some((Some("cri-o"), ID));
        expect(&format!("/machine.slice/crio-{ID}.scope"), None, crio, None);
        expect(&format!("/ecs/0123/{ID}"), None, Some((None, ID)), None);
        let monitor = format!("crio-conmon-{ID}.scope");
        expect(&format!("/machine.slice/{monitor}"), Some(&monitor), None, None);
    }

    #[test]
    fn pods_of_every_driver() {
        let containerd = Some((Some("containerd"), ID));
        let escaped = POD.replace('-', "_");
        let slice = format!("kubepods-burstable-pod{escaped}.slice");
        let systemd = format!("/kubepods.slice/kubepods-burstable.slice/{slice}/cri-containerd-{ID}.scope");
        expect(&systemd, None, containerd, Some(POD));
        let guaranteed = format!("/kubepods.slice/kubepods-pod{escaped}.slice/crio-{ID}.scope");
        expect(&guaranteed, None, Some((Some("cri-o"), ID)), Some(POD));
        let nested = format!("/system.slice/containerd.service/{slice}:cri-containerd:{ID}");
        expect(&nested, None, containerd, Some(POD));
        expect(
            &format!("/kubepods/besteffort/pod{POD}/{ID}"),
            None,
            Some((None, ID)),
            Some(POD),
        );
        let of_file = "f2a6b8c0d5f0b6d2e9a1c4b7d8e3f0a2";
        expect(
            &format!("/kubepods/pod{of_file}/{ID}"),
            None,
            Some((None, ID)),
            Some(of_file),
        );
        expect(
            "/podman.slice/podcast.service",
            Some("podcast.service"),
            None,
            None,
        );
    }

    #[test]
    fn system_containers_have_units_of_their_own() {
        let lxc = Some((Some("lxc"), "web"));
        expect("/lxc/web", None, lxc, None);
        expect("/lxc.payload/web/init.scope", None, lxc, None);
        expect(
            "/lxc.payload.web/system.slice/mariadb.service",
            Some("mariadb.service"),
            lxc,
            None,
        );
        expect("/lxc.monitor.web", None, None, None);
        let nspawn = "/machine.slice/systemd-nspawn@my\\x2ddb.service/payload/system.slice/redis.service";
        expect(
            nspawn,
            Some("redis.service"),
            Some((Some("nspawn"), "my-db")),
            None,
        );
        expect(
            "/machine.slice/machine-old.scope",
            None,
            Some((None, "old")),
            None,
        );
    }

    #[test]
    fn short_ids_are_as_in_listings() {
        let docker = Container {
            runtime: None,
            id: ID.into(),
        };
        assert_eq!(docker.short(), "5f0b6d2e9a1c");
        let named = Container {
            runtime: None,
            id: "web".into(),
        };
        assert_eq!(named.short(), "web");
    }
}
