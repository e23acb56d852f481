"""A wire between two interfaces of this network namespace that loses and delays frames on purpose.

wire.py INTERFACE INTERFACE [drop=SERVER/ONE_IN/AT_MOST | delay=SERVER/SECONDS]...
"""

import heapq
import select
import socket
import sys
import time

PACKET_OUTGOING = 4
ALL_PROTOCOLS = socket.htons(3)


def opened(interface):
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, ALL_PROTOCOLS)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    end.bind((interface, 0))
    return end


class Wire:
    def __init__(self, rules):
        self.drops, self.delays, self.seen = {}, {}, {}
        for rule in rules:
            kind, what = rule.split("=")
            server, *numbers = what.split("/")
            if kind == "drop":
                self.drops[socket.inet_aton(server)] = [int(number) for number in numbers]
            else:
                self.delays[socket.inet_aton(server)] = float(numbers[0])

    def loses(self, frame):
        """Whether to lose this one: only frames from the server that carry data count."""
        server = frame[26:30]
        if server not in self.drops or frame[12:14] != b"\x08\x00" or len(frame) <= 100:
            return False
        one_in, left = self.drops[server]
        self.seen[server] = self.seen.get(server, 0) + 1
        if left == 0 or self.seen[server] % one_in:
            return False
        self.drops[server][1] -= 1
        return True

    def delay(self, frame):
        return self.delays.get(frame[26:30], self.delays.get(frame[30:34], 0))


def main(one, other, *rules):
    wire, late, count = Wire(rules), [], 0
    ends = [opened(one), opened(other)]
    to = {ends[0]: ends[1], ends[1]: ends[0]}
    while True:
        wait = max(0, late[0][0] - time.monotonic()) if late else None
        for end in select.select(ends, [], [], wait)[0]:
            frame, source = end.recvfrom(1 << 16)
            if source[2] == PACKET_OUTGOING or wire.loses(frame):
                continue
            delay = wire.delay(frame)
            if delay == 0:
                to[end].send(frame)
            else:
                count += 1
                heapq.heappush(late, (time.monotonic() + delay, count, frame, to[end]))
        while late and late[0][0] <= time.monotonic():
            _, _, frame, end = heapq.heappop(late)
            end.send(frame)


main(*sys.argv[1:])
