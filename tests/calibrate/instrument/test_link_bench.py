"""A link that drops: waited for, and what was measured meanwhile is given up."""

from __future__ import annotations

import subprocess
import sys

import pytest

from joulesplit.calibrate.errors import WindowError
from joulesplit.calibrate.instrument import LinkBench
from joulesplit.calibrate.instrument._link_bench import PATIENCE_S, payload_of
from joulesplit.calibrate.workloads import RealActivity
from joulesplit.cli._exit_codes import ExitCode, exit_code_of
from joulesplit.edge import EdgeClient
from joulesplit.edge.errors import AuthenticationError, ServerUnreachableError

SERVER = """
import sys
from joulesplit.edge._server import EdgeServer
server = EdgeServer([], port=int(sys.argv[1]), token="word", exit_when_stdin_closes=True)
server.serve(lambda url: print(url, flush=True))
"""
PAYLOAD = bytes(1000)


class Server:
    """A server process that can be gone for a while, on one and the same port."""

    def __init__(self):
        self.url = "http://127.0.0.1:0"
        self.start()

    def start(self):
        port = self.url.rpartition(":")[2]
        self._process = subprocess.Popen(
            [sys.executable, "-c", SERVER, port],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.url = self._process.stdout.readline().strip()

    def stop(self):
        self._process.kill()
        self._process.communicate()


class Clock:
    """Virtual time, in which something happens at one moment."""

    def __init__(self):
        self.t_ns, self.at_ns, self.happens = 0, None, None

    def in_s(self, seconds, happens):
        self.at_ns, self.happens = self.t_ns + round(seconds * 1e9), happens

    def now_ns(self):
        return self.t_ns

    def sleep_until_ns(self, t_ns):
        self.t_ns = max(self.t_ns, t_ns)
        if self.at_ns is not None and self.t_ns >= self.at_ns:
            self.at_ns = None
            self.happens()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def bench(server, clock):
    with EdgeClient(server.url, token="word") as client:
        yield LinkBench(client, clock, RealActivity(), interface=None, link_rate_bit_per_s=None)


CROSSING = {8 * size: bytes(i % 251 for i in range(size)) for size in (10, 100, 40)}


@pytest.mark.parametrize("size", CROSSING)
def test_a_cut_s_own_size_is_sent_as_what_crosses_there(size):
    assert payload_of(size, CROSSING) == CROSSING[size]


@pytest.mark.parametrize(("size", "source"), [(5, 10), (11, 40), (99, 100), (101, 100), (350, 100)])
def test_another_size_holds_the_values_of_the_nearest_larger_cut_or_repeats_the_largest(
    size, source
):
    payload = payload_of(8 * size, CROSSING)

    assert len(payload) == size
    body = CROSSING[8 * source]
    assert all(value == body[i % source] for i, value in enumerate(payload))


EXCHANGES = {
    "upload": lambda bench: bench.send(PAYLOAD, None),
    "download": lambda bench: bench.receive(1000, None),
    "connection": lambda bench: bench.connection().run(1),
}


@pytest.mark.parametrize("kind", EXCHANGES)
def test_a_link_that_comes_back_spoils_the_window_and_no_other(kind, server, bench, clock):
    EXCHANGES[kind](bench)
    server.stop()
    clock.in_s(2.0, server.start)

    with pytest.raises(WindowError, match=r"gone for 2\.0 s and is back"):
        EXCHANGES[kind](bench)

    EXCHANGES[kind](bench)


@pytest.mark.parametrize("kind", EXCHANGES)
def test_a_link_that_stays_away_ends_the_campaign_after_a_while(kind, server, bench, clock):
    server.stop()

    with pytest.raises(ServerUnreachableError, match="joulesplit serve") as told:
        EXCHANGES[kind](bench)

    assert not isinstance(told.value, WindowError)
    assert PATIENCE_S <= clock.t_ns * 1e-9 <= PATIENCE_S + 1


def test_a_link_that_keeps_dropping_is_a_fault_of_the_link(server, bench, clock):
    server.stop()
    clock.in_s(1.0, server.start)

    with pytest.raises(WindowError) as told:
        bench.send(PAYLOAD, None)

    assert exit_code_of(told.value) == ExitCode.EDGE


def test_what_the_server_refuses_is_not_waited_for(server, clock):
    with EdgeClient(server.url, token="another") as client:
        bench = LinkBench(client, clock, RealActivity(), interface=None, link_rate_bit_per_s=None)
        with pytest.raises(AuthenticationError):
            bench.send(PAYLOAD, None)
    assert clock.t_ns == 0
