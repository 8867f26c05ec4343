"""Transfers to a real edge server on loopback, in real time; no bound on how late they end."""

from __future__ import annotations

import pytest

from joulesplit.calibrate.campaign import UNLIMITED, UploadSubject
from joulesplit.calibrate.instrument import LinkBench
from joulesplit.calibrate.workloads import RealActivity
from joulesplit.cli._server_process import loopback_server
from joulesplit.drivers import MonotonicClock
from joulesplit.edge import EdgeClient

pytestmark = pytest.mark.live

BITS, RATE_BIT_PER_S = 400_000, 8e6


class Heard(RealActivity):
    def __init__(self):
        self.on_the_air = []

    def on_air(self, bits, duration_s):
        self.on_the_air.append((bits, duration_s))


@pytest.fixture(scope="module")
def client(model):
    with loopback_server(model) as url, EdgeClient(url) as connected:
        yield connected


def downloaded(client, rate, link_rate_bit_per_s):
    """Return one window of two downloads, and what a radio would have heard."""
    heard = Heard()
    link = LinkBench(
        client, MonotonicClock(), heard, interface=None, link_rate_bit_per_s=link_rate_bit_per_s
    )
    subject = UploadSubject(key="d", payload_bits=BITS, rate_bit_per_s=rate)
    return link.downloads([subject])["d"].run(2), heard.on_the_air


def test_a_paced_download_is_on_the_air_as_long_as_its_schedule(client):
    done, heard = downloaded(client, RATE_BIT_PER_S, None)
    assert done.payload_bits == 2 * BITS
    assert done.airtime_s >= 2 * BITS / RATE_BIT_PER_S
    assert done.ended_ns - done.started_ns >= 2 * BITS / RATE_BIT_PER_S * 1e9
    assert heard == [(BITS, BITS / RATE_BIT_PER_S)] * 2


def test_an_unpaced_download_has_no_schedule(client):
    done, heard = downloaded(client, UNLIMITED, None)
    assert done.payload_bits == 2 * BITS
    assert done.airtime_s > 0
    assert heard == []


def test_a_simulated_link_takes_its_own_time_for_what_comes_without_a_rate(client):
    done, heard = downloaded(client, UNLIMITED, 4e7)
    assert done.airtime_s >= 2 * BITS / 4e7
    assert heard == [(BITS, BITS / 4e7)] * 2
