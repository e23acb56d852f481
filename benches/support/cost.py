#!/usr/bin/env python3
"""Transactions a second of pgbench with a watcher against those just before and after without one.

usage: cost.py WINDOWS SECONDS NAME=COMMAND...

Windows follow each other: without, with, without, with ... The commands take turns, so that all meet the same weather.
"""
import glob
import shlex
import signal
import statistics
import subprocess
import sys
import time


def wait(seconds):
    """Sleeps; returns when it began and ended, in microseconds of the wall clock, as pgbench's log has them."""
    begin = time.time_ns() // 1000
    time.sleep(seconds)
    return begin, time.time_ns() // 1000


def watched(command, seconds):
    """A window with the command at work, its start-up and its end included."""
    begin = time.time_ns() // 1000
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    if process.poll() is not None:
        sys.exit(f"cost: {command[0]} ended by itself with status {process.returncode}")
    process.send_signal(signal.SIGINT)
    process.wait()
    return begin, time.time_ns() // 1000


def ends(logs):
    """When each transaction ended, in order."""
    every = []
    for log in logs:
        with open(log) as lines:
            for line in lines:
                field = line.split()
                if len(field) < 6:  # the last line may be cut
                    continue
                every.append(int(field[4]) * 1_000_000 + int(field[5]))
    return sorted(every)


def rates(windows, every):
    """Transactions a second of each window; windows and ends are in order."""
    at, found = 0, []
    for begin, end in windows:
        while at < len(every) and every[at] < begin:
            at += 1
        first = at
        while at < len(every) and every[at] < end:
            at += 1
        found.append((at - first) / (end - begin) * 1e6)
    return found


def interval(values):
    """The median's 95% confidence interval by order statistics (binomial, normal approximation)."""
    ordered, count = sorted(values), len(values)
    reach = 0.98 * count**0.5
    low, high = int(count / 2 - reach), int(count / 2 + reach) + 1
    return ordered[max(low, 0)], ordered[min(high, count - 1)]


def main():
    count, seconds = int(sys.argv[1]), float(sys.argv[2])
    commands = [argument.partition("=")[::2] for argument in sys.argv[3:]]
    bench = subprocess.Popen(
        ["pgbench", "-n", "-S", "-c", "4", "-j", "2", "-T", "100000", "-l"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        time.sleep(2)
        windows = [wait(seconds)]
        for _ in range(count):
            for _, command in commands:
                windows += [watched(shlex.split(command), seconds), wait(seconds)]
    finally:
        bench.terminate()
        bench.wait()
    found = rates(windows, ends(glob.glob("pgbench_log.*")))
    print(f"pgbench -S, 4 clients: {statistics.median(found[::2]):.0f} transactions/s unwatched")
    print(f"{count} windows of {seconds} s each; TPS against the neighbours' (1.0: no cost; median [95% interval])")
    for index, (name, _) in enumerate(commands):
        at = range(1 + 2 * index, len(found), 2 * len(commands))
        ratios = [found[i] / ((found[i - 1] + found[i + 1]) / 2) for i in at]
        low, high = interval(ratios)
        print(f"{name:12} {statistics.median(ratios):.3f} [{low:.3f}, {high:.3f}]")


main()
