//! From a cgroup's id to its path: a version 2 cgroup's id is the inode number of its directory (cgroups(7)).

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::DirEntryExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Hosts that run thousands of containers have some ten thousand.
const MAX_CGROUPS: usize = 1 << 16;
const MAX_DEPTH: usize = 32;

/// The version 2 cgroups of this host, walked when an unknown id is asked for, at most once a round.
#[derive(Debug)]
pub(super) struct Cgroups {
    mount: Option<PathBuf>,
    paths: HashMap<u64, Arc<str>>,
    walked: bool,
}

impl Cgroups {
    /// Finds the mount in the text of `/proc/self/mountinfo`.
    pub(super) fn new(mountinfo: &str) -> Self {
        Self {
            mount: mount(mountinfo),
            paths: HashMap::new(),
            walked: false,
        }
    }

    /// Whether version 2 is mounted at all, possibly beside version 1.
    pub(super) fn is_mounted(&self) -> bool {
        self.mount.is_some()
    }

    /// Allows another walk.
    pub(super) fn begin_round(&mut self) {
        self.walked = false;
    }

    /// The path of a cgroup below the mount, as `/proc/PID/cgroup` has it; `None` for the root, which says nothing.
    pub(super) fn path(&mut self, id: u64) -> Option<Arc<str>> {
        if !self.paths.contains_key(&id) && !self.walked {
            self.walk();
        }
        self.paths.get(&id).filter(|path| !path.is_empty()).cloned()
    }

    /// The processes in a cgroup.
    pub(super) fn pids(&self, path: &str) -> Vec<u32> {
        let Some(mount) = &self.mount else {
            return Vec::new();
        };
        let file = mount.join(path.trim_start_matches('/')).join("cgroup.procs");
        let pids = fs::read_to_string(file).unwrap_or_default();
        pids.lines().filter_map(|pid| pid.parse().ok()).collect()
    }

    fn walk(&mut self) {
        self.walked = true;
        self.paths.clear();
        if let Some(mount) = self.mount.clone() {
            // The root's own number; it is 1 on every kernel there is.
            self.paths.insert(1, Arc::from(""));
            self.walk_into(&mount, "", 0);
        }
    }

    fn walk_into(&mut self, directory: &Path, path: &str, depth: usize) {
        let Ok(entries) = fs::read_dir(directory) else {
            return;
        };
        for entry in entries.filter_map(Result::ok) {
            let is_cgroup = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if !is_cgroup || depth >= MAX_DEPTH || self.paths.len() >= MAX_CGROUPS {
                continue;
            }
            let path = format!("{path}/{}", entry.file_name().to_string_lossy());
            self.walk_into(&entry.path(), &path, depth + 1);
            self.paths.insert(entry.ino(), path.into());
        }
    }
}

/// A line is `ID PARENT DEVICE ROOT MOUNTPOINT OPTIONS [TAGS…] - TYPE SOURCE OPTIONS`.
fn mount(mountinfo: &str) -> Option<PathBuf> {
    mountinfo.lines().find_map(|line| {
        let (mount, filesystem) = line.split_once(" - ")?;
        let is_version_2 = filesystem.split(' ').next() == Some("cgroup2");
        let point = mount.split(' ').nth(4).filter(|_| is_version_2)?;
        Some(PathBuf::from(unescape(point)))
    })
}

/// Blanks in names are written as octal numbers.
fn unescape(name: &str) -> String {
    name.replace("\\040", " ")
        .replace("\\011", "\t")
        .replace("\\134", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt as _;

    const HYBRID: &str = "31 24 0:28 / /sys/fs/cgroup ro,nosuid shared:9 - tmpfs tmpfs ro,mode=755\n\
        32 31 0:29 / /sys/fs/cgroup/systemd rw shared:10 - cgroup cgroup rw,name=systemd\n\
        41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

    #[test]
    fn the_mount_is_found() {
        assert_eq!(mount(HYBRID), Some("/sys/fs/cgroup/unified".into()));
        assert_eq!(
            mount("1 2 0:3 / /my\\040cgroups rw - cgroup2 c rw"),
            Some("/my cgroups".into())
        );
        assert_eq!(mount("32 31 0:29 / /c rw - cgroup cgroup rw"), None);
        assert_eq!(mount("- cgroup2"), None);
    }

    #[test]
    fn an_id_is_the_directory_s_inode() {
        let root = tempfile::tempdir().expect("a directory");
        let service = root.path().join("system.slice/redis.service");
        fs::create_dir_all(&service).expect("made");
        fs::write(service.join("cgroup.procs"), "17\n18\n").expect("written");
        let mountinfo = format!("1 2 0:3 / {} rw - cgroup2 c rw", root.path().display());
        let mut cgroups = Cgroups::new(&mountinfo);
        let id = fs::metadata(&service).expect("there").ino();
        let path = cgroups.path(id).expect("found");
        assert_eq!(&*path, "/system.slice/redis.service");
        assert_eq!(cgroups.pids(&path), [17, 18]);
        assert_eq!(cgroups.path(1), None);
    }

    #[test]
    fn a_new_cgroup_is_found_in_the_next_round() {
        let root = tempfile::tempdir().expect("a directory");
        let mountinfo = format!("1 2 0:3 / {} rw - cgroup2 c rw", root.path().display());
        let mut cgroups = Cgroups::new(&mountinfo);
        assert_eq!(cgroups.path(u64::MAX), None);
        let later = root.path().join("later.service");
        fs::create_dir(&later).expect("made");
        let id = fs::metadata(&later).expect("there").ino();
        assert_eq!(cgroups.path(id), None, "one walk a round");
        cgroups.begin_round();
        assert_eq!(cgroups.path(id).as_deref(), Some("/later.service"));
    }

    #[test]
    fn without_version_2_nothing_is_known() {
        let mut cgroups = Cgroups::new("");
        assert!(!cgroups.is_mounted());
        assert_eq!(cgroups.path(1), None);
        assert!(cgroups.pids("/").is_empty());
    }
}
