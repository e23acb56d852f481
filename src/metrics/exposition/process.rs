//! This process itself, under the names that every Prometheus client uses.

use nix::unistd::{SysconfVar, sysconf};

use super::family::Definition;

/// What the kernel says of this process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Process {
    cpu_seconds: f64,
    resident_bytes: f64,
    virtual_bytes: f64,
}

/// As of now; `None` where `/proc` can't be read.
pub(super) fn now() -> Option<Process> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    of(
        &stat,
        constant(SysconfVar::CLK_TCK)?,
        constant(SysconfVar::PAGE_SIZE)?,
    )
}

fn constant(name: SysconfVar) -> Option<f64> {
    sysconf(name).ok()?.map(|value| value as f64)
}

/// `proc_pid_stat(5)`: the command's name may hold anything, so fields are counted from its closing bracket.
fn of(stat: &str, ticks: f64, page: f64) -> Option<Process> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    // The state, field 3, is the first after the bracket.
    let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
    Some(Process {
        cpu_seconds: (field(14)? + field(15)?) / ticks,
        virtual_bytes: field(23)?,
        resident_bytes: field(24)? * page,
    })
}

type Metric = Definition<Process>;

pub(super) const METRICS: &[Metric] = &[
    Metric::counter(
        "process_cpu_seconds_total",
        "CPU time that sockhound used, in user and system mode.",
        |process, values| values.number(process.cpu_seconds),
    ),
    Metric::gauge(
        "process_resident_memory_bytes",
        "Memory of sockhound that is resident, rings included.",
        |process, values| values.number(process.resident_bytes),
    ),
    Metric::gauge(
        "process_virtual_memory_bytes",
        "Address space of sockhound.",
        |process, values| values.number(process.virtual_bytes),
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_of_a_command_is_read_over() {
        let stat = "42 (a b) 9) c) S 1 1 1 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 1 0 99 4096000 25 184";
        let process = of(stat, 100.0, 4096.0).unwrap();
        assert_eq!(
            process,
            Process {
                cpu_seconds: 2.0,
                resident_bytes: 102_400.0,
                virtual_bytes: 4_096_000.0
            }
        );
        assert_eq!(of("42 (a", 100.0, 4096.0), None);
    }

    #[test]
    fn this_process_has_memory() {
        assert!(now().unwrap().resident_bytes > 1e6);
    }
}
