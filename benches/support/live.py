#!/usr/bin/env python3
"""Runs sockhound and tcpdump on the same live packets and compares their CPU time per packet.

usage: live.py SOCKHOUND SYSTEM PORT SECONDS ROUNDS
"""
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time


def finish(process):
    """Waits for a process; returns its CPU seconds."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def round_of(sockhound, system, port, seconds):
    with tempfile.NamedTemporaryFile() as summary, tempfile.TemporaryFile("w+") as report:
        ours = subprocess.Popen(
            [sockhound, "capture", "-i", "lo", "-d", f"{seconds}s", "-f", "json", "-o", summary.name]
            + ["--connections", "none", "-t", f"{system}://127.0.0.1:{port}"]
        )
        theirs = subprocess.Popen(
            ["tcpdump", "-i", "lo", "-w", "/dev/null", f"tcp port {port}"], stdout=subprocess.DEVNULL, stderr=report
        )
        time.sleep(seconds)
        our_cpu = finish(ours)
        theirs.send_signal(signal.SIGINT)
        their_cpu = finish(theirs)
        report.seek(0)
        counts = [int(number) for number in re.findall(r"(\d+) packets (?:captured|dropped)", report.read())]
        source = json.load(open(summary.name))["source"]
    packets = source["packets"]
    if packets == 0 or counts[0] == 0:
        sys.exit("live: no packets were seen")
    return our_cpu / packets * 1e6, their_cpu / counts[0] * 1e6, packets / seconds, source["dropped"], counts[1]


def main():
    sockhound, system, port, seconds, rounds = sys.argv[1:4] + [int(number) for number in sys.argv[4:6]]
    every = [round_of(sockhound, system, port, seconds) for _ in range(rounds)]
    ours, theirs, pace = (statistics.median(column) for column in list(zip(*every))[:3])
    ratio = statistics.median(one[0] / one[1] for one in every)
    print(f"{pace:.0f} packets/s, median of {rounds} rounds of {seconds} s")
    print(f"CPU seconds per million packets: sockhound {ours:.3f}, tcpdump {theirs:.3f}, ratio {ratio:.2f} (lower is less)")
    print(f"dropped: sockhound {sum(one[3] for one in every)}, tcpdump {sum(one[4] for one in every)}")


main()
