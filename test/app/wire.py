"""wire.py LATENCY LOSS NAMESPACE…: joins network namespaces by a switch that is slow and forgets.

Each namespace gets an interface eth0. A frame reaches the one that has its destination's address
LATENCY seconds later, but for a share LOSS of them. (`tc netem` does that in the kernel, but many
kernels, those of our test machines among them, are built without it.) Says "ready", and at SIGTERM
how many frames it carried and how many of them it lost.
"""

import collections
import ctypes
import fcntl
import os
import random
import select
import signal
import struct
import sys
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
LONGEST_FRAME = 65536


def tap(namespace):
    """The other end of a new interface eth0 there."""
    libc = ctypes.CDLL(None, use_errno=True)
    place = os.open("/run/netns/" + namespace, os.O_RDONLY)
    if libc.setns(place, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns", namespace)
    os.close(place)
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"eth0", IFF_TAP | IFF_NO_PI))
    return device


class Switch:
    def __init__(self, latency, loss, ports):
        self.latency, self.loss, self.ports = latency, loss, ports
        self.chance = random.Random(1)
        self.homes = {}  # which port an address is behind
        self.under_way = collections.deque()  # (when, port, frame), the earliest first
        self.carried = self.lost = 0

    def take(self, port):
        """All frames that are there."""
        while True:
            try:
                frame = os.read(port, LONGEST_FRAME)
            except OSError:  # no more, or the interface is down
                return
            self.homes[frame[6:12]] = port
            home = self.homes.get(frame[:6])
            self.carried += 1
            if self.chance.random() < self.loss:
                self.lost += 1
                continue
            for other in [home] if home else self.ports:
                if other != port:
                    self.under_way.append((time.monotonic() + self.latency, other, frame))

    def deliver(self):
        """Frames that are due; returns the seconds until the next, or None."""
        while self.under_way:
            wait = self.under_way[0][0] - time.monotonic()
            if wait > 0:
                return wait
            _, port, frame = self.under_way.popleft()
            try:
                os.write(port, frame)
            except OSError:  # nobody hears it
                self.lost += 1
        return None

    def run(self):
        while True:
            for port in select.select(self.ports, [], [], self.deliver())[0]:
                self.take(port)


def main():
    switch = Switch(float(sys.argv[1]), float(sys.argv[2]), [tap(name) for name in sys.argv[3:]])

    def end(*_):
        print(switch.carried, switch.lost, flush=True)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    print("ready", flush=True)
    switch.run()


if __name__ == "__main__":
    main()
