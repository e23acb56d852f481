#!/usr/bin/env python3
"""Feeds sockhound many connections through a pipe and samples what it holds while they are idle.

usage: memory.py SOCKHOUND CONNECTIONS-GENERATOR QUERIES NUMBER...

Each number of connections is one run: all are opened, then QUERIES queries go over them. Resident memory is sampled with
everything read and the pipe still open; CPU time is the kernel's own count of the process, by phase.
"""
import subprocess
import sys
import time


def resident(process):
    with open(f"/proc/{process.pid}/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))


def cpu(process):
    with open(f"/proc/{process.pid}/schedstat") as schedule:
        return int(schedule.read().split()[0])


def settle(process):
    """Waits until the process has read everything and sleeps; returns its CPU nanoseconds."""
    before = -1
    while before != (before := cpu(process)):
        time.sleep(0.5)
    return before


def run(sockhound, generator, queries, number):
    options = ["-f", "json", "-o", "/dev/null", "--connections", "none", "--max-connections", "2000000"]
    options += ["--max-memory", "8GiB", "-t", "postgresql://:5432"]
    process = subprocess.Popen([sockhound, "read", "-", *options], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    subprocess.run([generator, "open", str(number)], stdout=process.stdin, check=True)
    opened = settle(process)
    idle = resident(process)
    rounds = max(1, queries // number)
    subprocess.run([generator, "query", str(number), str(rounds)], stdout=process.stdin, check=True)
    queried = settle(process)
    after = resident(process)
    process.stdin.close()
    if process.wait() != 0:
        sys.exit("sockhound failed")
    return idle, after, opened / (6 * number), (queried - opened) / (2 * rounds * number)


def main():
    sockhound, generator, queries = sys.argv[1], sys.argv[2], int(sys.argv[3])
    numbers = [int(number) for number in sys.argv[4:]]
    start = run(sockhound, generator, 1, 1)[1]
    print(f"at the start: {start / 1048576:.1f} MiB resident")
    print(f"{'connections':>12}{'RSS MiB':>10}{'bytes each':>12}{'after queries':>15}{'open ns/pkt':>13}{'query ns/pkt':>14}")
    pace = []
    for number in numbers:
        idle, after, opening, querying = run(sockhound, generator, queries, number)
        pace.append(querying)
        print(
            f"{number:>12}{after / 1048576:>10.1f}{(idle - start) / number:>12.0f}{(after - start) / number:>15.0f}"
            f"{opening:>13.1f}{querying:>14.1f}"
        )
    if len(numbers) > 1:
        print(f"time per packet at {numbers[-1]} over that at {numbers[-2]}: {pace[-1] / pace[-2]:.2f}")


main()
