//! What this host permits and how it is set up, as far as files tell.

use std::fs;
use std::path::{Path, PathBuf};

use super::cgroup::Cgroups;
use super::sandbox::{Privilege, effective};

/// What this host permits to this process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permits {
    /// The kernel's release (`uname -r`).
    pub kernel: String,
    /// The effective user id.
    pub uid: u32,
    /// What it may do.
    pub privileges: Vec<Privilege>,
    /// What kind of container this is; none on a host.
    pub container: Option<String>,
    /// Whether `/proc` hides the processes of others (`hidepid=`).
    pub processes_hidden: bool,
    /// Whether cgroups of version 2 are mounted.
    pub cgroups: bool,
    /// What the kernel takes the time from.
    pub clock: Option<String>,
    /// Whether the processor's own counter could be used instead.
    pub clock_alternative: Option<String>,
    /// Whether the kernel compiles packet filters; unknown where only root may ask.
    pub filters_compiled: Option<bool>,
    /// Available memory in bytes.
    pub memory: Option<u64>,
}

/// The inode number of the first pid namespace (`PROC_PID_INIT_INO`).
const FIRST_PID_NAMESPACE: &str = "pid:[4026531836]";
const CLOCKS: &str = "sys/devices/system/clocksource/clocksource0";

impl Permits {
    /// Reads this host's files.
    #[must_use]
    pub fn read() -> Self {
        Self {
            kernel: nix::sys::utsname::uname()
                .map(|it| it.release().to_string_lossy().into_owned())
                .unwrap_or_default(),
            uid: nix::unistd::geteuid().as_raw(),
            privileges: effective(),
            ..Files(PathBuf::from("/")).permits()
        }
    }

    /// Whether it may.
    #[must_use]
    pub fn may(&self, privilege: Privilege) -> bool {
        self.privileges.contains(&privilege)
    }
}

struct Files(PathBuf);

impl Files {
    fn permits(&self) -> Permits {
        let clock = self.word(&format!("{CLOCKS}/current_clocksource"));
        let clocks = self.text(&format!("{CLOCKS}/available_clocksource"));
        let better = clocks
            .split_whitespace()
            .find(|it| is_fast(it))
            .map(str::to_owned);
        Permits {
            container: self.container(),
            processes_hidden: hides_processes(&self.text("proc/self/mounts")),
            cgroups: Cgroups::new(&self.text("proc/self/mountinfo")).is_mounted(),
            clock_alternative: better.filter(|_| !clock.as_deref().is_some_and(is_fast)),
            clock,
            filters_compiled: self.word("proc/sys/net/core/bpf_jit_enable").map(|it| it != "0"),
            memory: available(&self.text("proc/meminfo")),
            ..Permits::default()
        }
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.0.join(path)).unwrap_or_default()
    }

    fn word(&self, path: &str) -> Option<String> {
        Some(self.text(path).trim().to_owned()).filter(|it| !it.is_empty())
    }

    /// A pid namespace that is not the first, called as systemd's note, docker's or podman's mark has it. Such a mark alone says little:
    /// machines are made from containers' images too.
    fn container(&self) -> Option<String> {
        let namespace = fs::read_link(self.0.join("proc/self/ns/pid")).ok()?;
        let marked = |mark: &str, kind: &str| self.0.join(mark).exists().then(|| kind.to_owned());
        let kind = self
            .word("run/systemd/container")
            .or_else(|| marked(".dockerenv", "docker"))
            .or_else(|| marked("run/.containerenv", "podman"))
            .unwrap_or_else(|| "a pid namespace of its own".to_owned());
        (namespace != Path::new(FIRST_PID_NAMESPACE)).then_some(kind)
    }
}

/// Clocks that are read without asking the hardware.
fn is_fast(clock: &str) -> bool {
    let fast = [
        "tsc",
        "kvm-clock",
        "arch_sys_counter",
        "xen",
        "hyperv",
        "timebase",
        "tod",
    ];
    fast.iter().any(|it| clock.starts_with(it))
}

fn hides_processes(mounts: &str) -> bool {
    let proc = mounts
        .lines()
        .rfind(|line| line.split(' ').nth(1) == Some("/proc"));
    let options = proc.and_then(|line| line.split(' ').nth(3)).unwrap_or_default();
    let hidden = options
        .split(',')
        .find_map(|option| option.strip_prefix("hidepid="));
    hidden.is_some_and(|level| !matches!(level, "0" | "off"))
}

fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(files: &[(&str, &str)]) -> (tempfile::TempDir, Permits) {
        let root = tempfile::tempdir().expect("a directory");
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, text).expect("written");
        }
        let permits = Files(root.path().to_owned()).permits();
        (root, permits)
    }

    #[test]
    fn a_plain_host() {
        let (_root, permits) = files(&[
            ("proc/self/mounts", "proc /proc proc rw,nosuid,relatime 0 0\n"),
            (
                "proc/self/mountinfo",
                "41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
            ),
            ("proc/meminfo", "MemTotal: 100 kB\nMemAvailable:     50 kB\n"),
            ("proc/sys/net/core/bpf_jit_enable", "1\n"),
            (
                "sys/devices/system/clocksource/clocksource0/current_clocksource",
                "tsc\n",
            ),
        ]);
        let expected = Permits {
            cgroups: true,
            clock: Some("tsc".to_owned()),
            filters_compiled: Some(true),
            memory: Some(51_200),
            ..Permits::default()
        };
        assert_eq!(permits, expected);
    }

    #[test]
    fn a_host_in_bad_shape() {
        let (_root, permits) = files(&[
            ("proc/self/mounts", "proc /proc proc rw,hidepid=invisible 0 0\n"),
            ("proc/sys/net/core/bpf_jit_enable", "0\n"),
            (
                "sys/devices/system/clocksource/clocksource0/current_clocksource",
                "acpi_pm\n",
            ),
            (
                "sys/devices/system/clocksource/clocksource0/available_clocksource",
                "tsc acpi_pm\n",
            ),
        ]);
        assert!(permits.processes_hidden && !permits.cgroups);
        assert_eq!(permits.clock_alternative.as_deref(), Some("tsc"));
        assert_eq!(permits.filters_compiled, Some(false));
    }

    #[test]
    fn a_container_has_a_pid_namespace_of_its_own() {
        let (root, _) = files(&[("proc/self/ns/net", ""), (".dockerenv", "")]);
        let link = root.path().join("proc/self/ns/pid");
        let container = || Files(root.path().to_owned()).container();
        std::os::unix::fs::symlink(FIRST_PID_NAMESPACE, &link).expect("linked");
        assert_eq!(container(), None, "a machine made from docker's image");
        fs::remove_file(&link).expect("removed");
        std::os::unix::fs::symlink("pid:[4026532171]", &link).expect("linked");
        assert_eq!(container().as_deref(), Some("docker"));
    }

    #[test]
    fn hidepid_in_all_its_spellings() {
        let hides = |options: &str| hides_processes(&format!("proc /proc proc {options} 0 0"));
        assert!(hides("rw,hidepid=2") && hides("hidepid=ptraceable,rw") && hides("hidepid=noaccess"));
        assert!(!hides("rw") && !hides("rw,hidepid=0") && !hides("hidepid=off"));
    }

    #[test]
    fn this_host_is_read() {
        let permits = Permits::read();
        assert!(permits.kernel.contains('.') && permits.memory.is_some());
    }
}
