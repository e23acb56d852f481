#!/usr/bin/env python3
"""Runs commands in turn, round after round, and prints how they compare.

usage: alternate.py ROUNDS PACKETS NAME=COMMAND...

The first command is the yardstick. A ratio above 1 means faster than it; ratios are taken within a round, so that what
else the machine does hits both, and their median is printed. CPU is user and system time of the process.
"""
import os
import shlex
import statistics
import sys
import time


def run(command):
    """Wall and CPU seconds of one run."""
    words = shlex.split(command)
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        os.execvp(words[0], words)
    _, status, usage = os.wait4(child, 0)
    wall = time.monotonic() - start
    if status != 0:
        sys.exit(f"failed ({status}): {command}")
    return wall, usage.ru_utime + usage.ru_stime


def main():
    rounds, packets = int(sys.argv[1]), int(sys.argv[2])
    commands = [argument.split("=", 1) for argument in sys.argv[3:]]
    times = {name: [] for name, _ in commands}
    for name, command in commands:
        run(command)  # once unmeasured: files and programs are in the page cache then
    for _ in range(rounds):
        for name, command in commands:
            times[name].append(run(command))
    base = times[commands[0][0]]
    print(f"{packets} packets, median of {rounds}; ratio: {commands[0][0]}'s time over this one's (higher is faster)")
    print(f"{'':<18}{'wall ms':>10}{'CPU ms':>10}{'ns/packet':>11}{'wall ratio':>12}{'CPU ratio':>11}")
    for name, _ in commands:
        own = times[name]
        wall = statistics.median(wall for wall, _ in own)
        cpu = statistics.median(cpu for _, cpu in own)
        wall_ratio = statistics.median(b[0] / o[0] for b, o in zip(base, own))
        cpu_ratio = statistics.median(b[1] / max(o[1], 1e-6) for b, o in zip(base, own))
        print(
            f"{name:<18}{wall * 1e3:>10.1f}{cpu * 1e3:>10.1f}{cpu * 1e9 / packets:>11.1f}"
            f"{wall_ratio:>12.4f}{cpu_ratio:>11.4f}"
        )


main()
