#!/usr/bin/env python3
"""Watches the same load with sockhound and with tcpdump's default ring, one after the other, and tells what each lost.

usage: drops.py SOCKHOUND SYSTEM PORT SECONDS
"""
import json
import re
import signal
import subprocess
import sys
import tempfile
import time


def ours(sockhound, system, port, seconds):
    with tempfile.NamedTemporaryFile() as summary:
        subprocess.run(
            [sockhound, "capture", "-i", "lo", "-d", f"{seconds}s", "-f", "json", "-o", summary.name]
            + ["--connections", "none", "-t", f"{system}://127.0.0.1:{port}"],
            check=True,
        )
        source = json.load(open(summary.name))["source"]
    print(
        f"sockhound: {source['packets']} packets of {source['bytes'] / max(source['packets'], 1):.0f} bytes on average, "
        f"{source['dropped']} dropped, {source['gaps']} gaps"
    )


def theirs(port, seconds):
    command = ["tcpdump", "-i", "lo", "-w", "/dev/null", f"tcp port {port}"]
    with tempfile.TemporaryFile("w+") as report:
        process = subprocess.Popen(command, stderr=report)
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        process.wait()
        report.seek(0)
        captured, dropped = re.findall(r"(\d+) packets (?:captured|dropped by kernel)", report.read())
    print(f"tcpdump:   {captured} packets, {dropped} dropped")


def main():
    sockhound, system, port, seconds = sys.argv[1:4] + [int(sys.argv[4])]
    ours(sockhound, system, port, seconds)
    theirs(port, seconds)


main()
