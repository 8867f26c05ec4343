"""What does the processor do for an upload, beside a bare ``sendall`` and ``recv``?

    python -m benchmarks.uploading [--uploads 400] [--rounds 9]

CPU time of the sending thread for uploads to a sink of this machine, each kind by turns in every
round, so that whatever else the machine does meets all of them. Three kinds for each size:

    bare    one ``sendall`` of a request that was put together before, one ``recv``
    ours    ``EdgeClient.upload``, unpaced: the same request, checked, with the kernel's facts
    paced   ``EdgeClient.upload`` at 24 Mbit/s

Figures are medians over the rounds, with the smallest and the largest; the ratios are to the bare
one of the same round. The kernel's own part, copying on loopback, is in all of them.
"""

from __future__ import annotations

import argparse
import gc
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import thread_time_ns
from urllib.parse import urlsplit

from joulesplit.edge import EdgeClient, Pacer
from joulesplit.edge._pacing import HostClock

ROOT = Path(__file__).parents[1]
SIZES_BYTES = (1_000, 100_000, 602_112)
PACED_BIT_PER_S = 24e6
PACED_PER_ROUND = 10
GOAL, GOAL_BYTES = 3.0, 100_000

# Not the edge server: a sink that answers at once costs the sender as little as can be, and the
# same for every kind.
SINK = """
import re, socket, sys, threading, zlib
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
answers = {}
def answer_to(body):
    head = f"X-JouleSplit-Received-Bytes: {len(body)}\\r\\n"
    head += f"X-JouleSplit-Received-CRC32: {zlib.crc32(body):08x}\\r\\n"
    head += "X-JouleSplit-Protocol: 1\\r\\nContent-Length: 0\\r\\n"
    return f"HTTP/1.1 200 OK\\r\\n{head}\\r\\n".encode()
def serve(connection):
    while True:
        received = b""
        while (end := received.find(b"\\r\\n\\r\\n")) < 0:
            more = connection.recv(1 << 20)
            if not more:
                return
            received += more
        length = int(re.search(rb"(?i)content-length: (\\d+)", received)[1])
        body = bytearray(received[end + 4:])
        while len(body) < length:
            body += connection.recv(1 << 20)
        if length not in answers:
            answers[length] = answer_to(body)
        connection.sendall(answers[length])
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""


def cpu_us(upload: Callable[[], object], count: int) -> float:
    """Return the CPU time of this thread per call, µs."""
    upload()
    began_ns = thread_time_ns()
    for _ in range(count):
        upload()
    return (thread_time_ns() - began_ns) / count / 1e3


def bare(url: str, payload: bytes) -> Callable[[], object]:
    """Return the least that sends a payload and waits for the answer."""
    parts = urlsplit(url)
    connection = socket.create_connection((parts.hostname or "", parts.port or 80))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    head = f"POST /v1/sink HTTP/1.1\r\nHost: x\r\nContent-Length: {len(payload)}\r\n\r\n"
    request = head.encode() + payload

    def upload() -> None:
        connection.sendall(request)
        connection.recv(65536)

    return upload


def kinds(url: str, payload: bytes) -> dict[str, tuple[Callable[[], object], bool]]:
    """Return the ways to upload a payload, and whether each is slow on purpose."""
    client = EdgeClient(url)
    pacer = Pacer(PACED_BIT_PER_S, clock=HostClock())
    return {
        "bare": (bare(url, payload), False),
        "ours": (lambda: client.upload(payload), False),
        "paced": (lambda: client.upload(payload, pacer=pacer), True),
    }


def measured(url: str, size: int, uploads: int, rounds: int) -> dict[str, list[float]]:
    """Return CPU time per upload of a size by each kind, one figure per round, µs."""
    ways = kinds(url, bytes(size))
    figures: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (upload, slow) in ways.items():
            figures[name].append(cpu_us(upload, PACED_PER_ROUND if slow else uploads))
    return figures


def main() -> int:
    """Print the table; return 1 if an upload costs more than the goal."""
    parser = argparse.ArgumentParser(description="CPU time of an upload beside a bare one's")
    parser.add_argument("--uploads", type=int, default=400, help="per kind, size and round")
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    gc.disable()
    ratio_at_goal = 0.0
    with subprocess.Popen([sys.executable, "-c", SINK], stdout=subprocess.PIPE, text=True) as sink:
        assert sink.stdout is not None
        url = f"http://127.0.0.1:{sink.stdout.readline().strip()}"
        print(f"{'size':>8}  {'kind':6}{'CPU, µs':>10}  {'× bare':>7}   least to most")
        for size in SIZES_BYTES:
            figures = measured(url, size, arguments.uploads, arguments.rounds)
            for kind, used in figures.items():
                ratios = [one / base for one, base in zip(used, figures["bare"], strict=True)]
                print(
                    f"{size:8}  {kind:6}{median(used):10.1f}  {median(ratios):7.2f}   "
                    f"{min(ratios):.2f} to {max(ratios):.2f}"
                )
                if (kind, size) == ("ours", GOAL_BYTES):
                    ratio_at_goal = median(ratios)
        sink.kill()
    print(f"goal at {GOAL_BYTES} bytes, unpaced: at most {GOAL} ×; found {ratio_at_goal:.2f} ×")
    return int(ratio_at_goal > GOAL)


if __name__ == "__main__":
    sys.exit(main())
