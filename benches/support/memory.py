#!/usr/bin/env python3
"""Feeds sockhound many connections through pipes: what it holds while they are idle, and what a packet takes.

usage: memory.py SOCKHOUND CONNECTIONS-GENERATOR QUERIES ROUNDS NUMBER...

Each number of connections is a process of its own. In all of them the connections are opened first: resident memory is sampled
with everything read and the pipe still open. Then the processes are fed in turn, round after round: at least QUERIES queries each,
spread over all connections, which are 2 packets each. All of it stays on one core, as a live watch does: what the other ones do would
change the time that a miss of the caches takes. A packet's time is CPU time by the kernel's count, from the first packet of a feed
until everything is read. The least of the rounds is shown, and the median: what else runs can only make a round slower.
"""
import array
import fcntl
import glob
import os
import statistics
import subprocess
import sys
import termios
import time


class Watch:
    """A sockhound that reads from a pipe."""

    def __init__(self, sockhound, generator, number):
        options = ["-f", "json", "-o", "/dev/null", "--connections", "none", "--max-connections", "2000000"]
        options += ["--max-memory", "8GiB", "-t", "postgresql://:5432"]
        command = [sockhound, "read", "-", *options]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.generator, self.number, self.fed = generator, number, 0
        self.settle()

    def resident(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))

    def cpu(self):
        """Nanoseconds of all threads."""
        spent = 0
        for name in glob.glob(f"/proc/{self.process.pid}/task/*/schedstat"):
            with open(name) as schedule:
                spent += int(schedule.read().split()[0])
        return spent

    def unread(self):
        size = array.array("i", [0])
        fcntl.ioctl(self.process.stdin, termios.FIONREAD, size)
        return size[0]

    def settle(self):
        """Waits until everything is read and the process sleeps; its CPU nanoseconds."""
        before = None
        while self.unread() or before != (before := self.cpu()):
            time.sleep(0.1)
        return before

    def feed(self, packets, *what):
        """Nanoseconds a packet."""
        before = self.cpu()
        subprocess.run([self.generator, *map(str, what)], stdout=self.process.stdin, check=True)
        return (self.settle() - before) / packets

    def open(self):
        return self.feed(6 * self.number, "open", self.number)

    def query(self, queries):
        rounds = max(1, queries // self.number)
        self.fed += rounds
        return self.feed(2 * rounds * self.number, "query", self.number, rounds, self.fed - rounds)

    def end(self):
        self.process.stdin.close()
        if self.process.wait() != 0:
            sys.exit("sockhound failed")


def main():
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    sockhound, generator, queries, rounds = *sys.argv[1:3], int(sys.argv[3]), int(sys.argv[4])
    numbers = [int(number) for number in sys.argv[5:]]
    alone = Watch(sockhound, generator, 1)
    alone.open(), alone.query(1)
    start = alone.resident()
    alone.end()
    watches = [Watch(sockhound, generator, number) for number in numbers]
    opening = [watch.open() for watch in watches]
    idle = [watch.resident() for watch in watches]
    querying = [[watch.query(queries) for watch in watches] for _ in range(rounds)]
    after = [watch.resident() for watch in watches]
    for watch in watches:
        watch.end()
    print(f"CPU nanoseconds on one core; querying: the least of {rounds} rounds, the numbers in turn (median, most)")
    print(f"{'connections':>12}{'RSS MiB':>10}{'bytes each':>12}{'after queries':>15}{'open ns/pkt':>13}{'query ns/pkt':>14}")
    print(f"{1:>12}{start / 1048576:>10.1f}")
    for at, number in enumerate(numbers):
        pace = [one[at] for one in querying]
        print(
            f"{number:>12}{after[at] / 1048576:>10.1f}{(idle[at] - start) / number:>12.0f}"
            f"{(after[at] - start) / number:>15.0f}{opening[at]:>13.1f}{min(pace):>14.1f}"
            f"  ({statistics.median(pace):.1f}, {max(pace):.1f})"
        )
    if len(numbers) > 1:
        few, many = ([one[at] for one in querying] for at in (-2, -1))
        medians = statistics.median(many) / statistics.median(few)
        print(
            f"time per packet at {numbers[-1]} over that at {numbers[-2]}: {min(many) / min(few):.2f}"
            f" (by medians {medians:.2f})"
        )


main()
