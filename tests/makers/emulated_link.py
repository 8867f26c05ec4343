"""A link of stated rate and round trip between two network namespaces of this machine.

Two ways to make one, both the kernel's own network stack at either end:

- ``tbf_link``: a veth pair with the kernel's token bucket at both ends (tc-tbf(8)): a finite rate
  with a queue in front of it. Nothing of ours is in the way of a packet.
- ``relayed_link``: two TUN devices with a relay of ours in between, which holds every packet back
  for half the round trip: for delay, where the kernel has no netem. It can swallow everything for
  a while, as an outage does.

The namespaces have no name and end with this process; no packet leaves the machine.
"""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import itertools
import os
import select
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
CLIENT_ADDRESS, SERVER_ADDRESS = "10.99.0.1", "10.99.0.2"
QUEUE_BYTES = 300_000
BURST_BYTES = 5_000
"""Three frames: so much goes at once after a pause, the least that tbf works well with."""

SO_RCVBUFFORCE = 33
_libc = ctypes.CDLL(None, use_errno=True)


def obstacle() -> str | None:
    """Say why no link can be made here; None if one can."""
    if not (shutil.which("ip") and shutil.which("tc")):
        return "no ip and tc: apt install iproute2"
    try:
        os.close(_new_namespace())
    except OSError as error:
        return f"no network namespace can be made ({error.strerror}): run it as root"
    return None


def _setns(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _new_namespace() -> int:
    """Return a descriptor of a new network namespace; this thread stays where it is."""
    made: list[int | OSError] = []

    def make() -> None:
        if _libc.unshare(CLONE_NEWNET):
            made.append(OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno())))
        else:
            made.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    if isinstance(made[0], OSError):
        raise made[0]
    return made[0]


class Namespace:
    """A network namespace."""

    def __init__(self, stack: ExitStack) -> None:
        self.descriptor = _new_namespace()
        stack.callback(os.close, self.descriptor)

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Let this thread, and the processes it starts, be in the namespace."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        _setns(self.descriptor)
        try:
            yield
        finally:
            _setns(home)
            os.close(home)

    def run(self, command: str) -> None:
        """Run a command in it."""
        with self():
            subprocess.run(command.split(), check=True, capture_output=True, text=True)


class EmulatedLink:
    """Two namespaces with a link in between.

    Attributes:
        client, server: Use them as contexts: ``with link.client(): …``.
        server_address: IP address of the server's end.
    """

    def __init__(self, stack: ExitStack) -> None:
        self.client, self.server = Namespace(stack), Namespace(stack)
        self.server_address = SERVER_ADDRESS
        self._relay: _Relay | None = None

    def shape(self, rate_bit_per_s: float) -> None:
        """Give both directions of a ``tbf_link`` another rate, bit/s."""
        for end in (self.client, self.server):
            end.run(f"tc qdisc replace dev air root tbf rate {rate_bit_per_s:.0f}bit "
                    f"burst {BURST_BYTES} limit {QUEUE_BYTES}")  # fmt: skip

    def cut(self, is_down: bool) -> None:
        """Take the far end's carrier away, or give it back; connections survive."""
        self.server.run(f"ip link set air {'down' if is_down else 'up'}")

    def sent_bytes(self) -> int:
        """Return what the client's end has sent so far, byte."""
        with self.client():
            return int(Path("/proc/thread-self/net/dev").read_text().split("air:")[1].split()[8])


def _address(link: EmulatedLink) -> None:
    for end, own in ((link.client, CLIENT_ADDRESS), (link.server, SERVER_ADDRESS)):
        end.run(f"ip addr add {own}/24 dev air")
        end.run("ip link set air up")
        end.run("ip link set lo up")


@contextmanager
def tbf_link(rate_bit_per_s: float) -> Iterator[EmulatedLink]:
    """Make a link of so many bits per second, headers included, in both directions."""
    with ExitStack() as stack:
        link = EmulatedLink(stack)
        far = f"/proc/{os.getpid()}/fd/{link.server.descriptor}"
        link.client.run(f"ip link add air type veth peer name air netns {far}")
        # Segments as they would be on a link: no bundles of 64 kB, which no token bucket passes.
        for end in (link.client, link.server):
            end.run("ip link set air gso_max_size 1500 gso_max_segs 1")
        _address(link)
        link.shape(rate_bit_per_s)
        yield link


@contextmanager
def relayed_link(round_trip_s: float) -> Iterator[EmulatedLink]:
    """Make a link with a round trip, as fast as a relay in Python is."""
    with ExitStack() as stack:
        link = EmulatedLink(stack)
        tuns = []
        for end in (link.client, link.server):
            with end():
                tun = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
                stack.callback(os.close, tun)
                fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH", b"air", IFF_TUN | IFF_NO_PI))
            tuns.append(tun)
        _address(link)
        relay = _Relay(tuns[0], tuns[1], round_trip_s / 2)
        stack.callback(relay.stop)
        relay.start()
        yield link


class _Relay(threading.Thread):
    """Carries packets from one TUN device to the other, each so much later."""

    def __init__(self, near: int, far: int, delay_s: float) -> None:
        super().__init__(daemon=True)
        self._other = {near: far, far: near}
        self._delay_s = delay_s
        self._waiting: list[tuple[float, int, int, bytes]] = []
        self._number = itertools.count()
        self._wake = os.pipe()

    def stop(self) -> None:
        os.write(self._wake[1], b".")
        self.join()
        for descriptor in self._wake:
            os.close(descriptor)

    def run(self) -> None:
        while True:
            wait_s = max(0.0, self._waiting[0][0] - time.monotonic()) if self._waiting else None
            ready, _, _ = select.select([*self._other, self._wake[0]], [], [], wait_s)
            if self._wake[0] in ready:
                return
            for tun in ready:
                due = time.monotonic() + self._delay_s
                packet = os.read(tun, 65536)
                heapq.heappush(self._waiting, (due, next(self._number), self._other[tun], packet))
            while self._waiting and self._waiting[0][0] <= time.monotonic():
                _, _, tun, packet = heapq.heappop(self._waiting)
                os.write(tun, packet)


class Witness:
    """Watches the client's end of a link, and knows when an upload was on it.

    A packet socket (packet(7)) sees every packet as it leaves the queue and as it arrives, with
    the kernel's time of that: nothing of the client's, and nothing of TCP's own counting.
    """

    ALL_PROTOCOLS, SO_TIMESTAMPNS = 0x0003, 35
    SEEN_BYTES = 128

    def __init__(self, link: EmulatedLink, *, has_ethernet: bool) -> None:
        self._ip_at = 14 if has_ethernet else 0
        with link.client():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64_000_000)
        self._socket.setsockopt(socket.SOL_SOCKET, self.SO_TIMESTAMPNS, 1)
        self._socket.bind(("air", self.ALL_PROTOCOLS))
        self._socket.setblocking(False)

    def close(self) -> None:
        self._socket.close()

    def forget(self) -> None:
        """Start with the next packet."""
        list(self._packets())

    def upload_s(self) -> float:
        """Return the time from the first byte sent until the last one was acknowledged, s."""
        sent: list[tuple[int, float]] = []
        confirmed: list[tuple[int, float]] = []
        for outgoing, sequence, acknowledged, length, t_s in self._packets():
            if outgoing and length:
                sent.append(((sequence + length) % 2**32, t_s))
            elif not outgoing:
                confirmed.append((acknowledged, t_s))
        last = max((end for end, _ in sent), key=lambda end: (end - sent[0][0]) % 2**32)
        return next(t for number, t in confirmed if number == last) - sent[0][1]

    def _packets(self) -> Iterator[tuple[bool, int, int, int, float]]:
        """Yield each TCP packet: outgoing, sequence and acknowledged number, payload, time [s]."""
        while True:
            try:
                data, ancillary, _, address = self._socket.recvmsg(self.SEEN_BYTES, 128)
            except BlockingIOError:
                return
            packet = data[self._ip_at :]
            if len(packet) < 40 or packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_TCP:
                continue
            head = 4 * (packet[0] & 15)
            sequence, acknowledged = struct.unpack_from("!II", packet, head + 4)
            options = 4 * (packet[head + 12] >> 4)
            length = int.from_bytes(packet[2:4], "big") - head - options
            seconds, nanoseconds = struct.unpack("@2l", ancillary[0][2][:16])
            outgoing = address[2] == socket.PACKET_OUTGOING
            yield outgoing, sequence, acknowledged, length, seconds + nanoseconds * 1e-9
