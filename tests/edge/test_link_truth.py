"""What an upload did on an emulated link, held against a witness on the link itself.

The witness sees the packets; the bounds are those of physics (bits over rate). How long the host
kept either of them waiting shows in both, so that a busy machine does not matter.
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

import emulated_link
from emulated_link import BURST_BYTES, EmulatedLink, Witness, relayed_link, tbf_link
from joulesplit.calibrate.campaign import STANDARD, PredictedTimes, validate_split
from joulesplit.calibrate.errors import LinkDroppedError
from joulesplit.calibrate.instrument import EdgeAddress, Instrument, LinkBench, RealDevice
from joulesplit.calibrate.workloads import RealActivity
from joulesplit.cli._plan_options import link_line
from joulesplit.cli._resources import paper_network
from joulesplit.drivers import MonotonicClock
from joulesplit.edge import EdgeClient, Pacer, TransferMethod, probe_link, require_carried
from joulesplit.edge._pacing import HostClock
from joulesplit.edge.errors import RateNotCarriedError
from link_driven_sensor import SENT_BIT_J, LinkDrivenSensor

pytestmark = pytest.mark.live

SERVER = """
from joulesplit.edge._server import EdgeServer
import sys
from pathlib import Path
models = [Path(path) for path in sys.argv[1:]]
server = EdgeServer(models, host="0.0.0.0", port=0, token="word", exit_when_stdin_closes=True)
server.serve(lambda url: print(url, flush=True))
"""
LINK_BIT_PER_S = 2e6
STATED_BIT_PER_S = 24e6
SEGMENT_BYTES, SEGMENT_ON_LINK_BYTES = 1448, 1514
HOST_S = 20e-3
"""The client's clock starts before the first packet is made, the witness's when it leaves: in
between a busy host may run something else for some of its time slices."""


@pytest.fixture(scope="module", autouse=True)
def _can_emulate(cannot):
    if reason := emulated_link.obstacle():
        cannot(reason)


@contextmanager
def server_over(link: EmulatedLink, *models: Path) -> Iterator[str]:
    """A server process at the other end, of these networks; its address."""
    with (
        link.server(),
        subprocess.Popen(
            [sys.executable, "-c", SERVER, *map(str, models)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        ) as process,
    ):
        port = process.stdout.readline().strip().rpartition(":")[2]
        try:
            yield f"http://{link.server_address}:{port}"
        finally:
            process.kill()


@contextmanager
def client_over(link: EmulatedLink) -> Iterator[EdgeClient]:
    """A client at one end, a server at the other, and a connection that has been used."""
    with server_over(link) as url, link.client(), EdgeClient(url, token="word") as client:
        client.upload(b"first")
        yield client


def uploading(client):
    """What sends over a client's link, for the probe."""

    def upload(payload, rate):
        return client.upload(payload, pacer=rate and Pacer(rate, clock=HostClock())).facts

    return upload


@pytest.fixture(scope="module")
def slow_link():
    with tbf_link(LINK_BIT_PER_S) as link, client_over(link) as client:
        witness = Witness(link, has_ethernet=True)
        yield client, witness
        witness.close()


def on_link_s(size_bytes: int) -> float:
    """Return the least time in which so many bytes pass the slow link's token bucket, s."""
    whole = size_bytes / SEGMENT_BYTES * SEGMENT_ON_LINK_BYTES
    return 8 * (whole - BURST_BYTES) / LINK_BIT_PER_S


@pytest.mark.parametrize("rate", [STATED_BIT_PER_S, None])
@pytest.mark.parametrize("size_bytes", [100_000, 602_112])
def test_a_transfer_takes_what_the_link_takes_whatever_the_schedule_says(
    slow_link, size_bytes, rate
):
    client, witness = slow_link
    witness.forget()
    receipt = client.upload(bytes(size_bytes), pacer=rate and Pacer(rate, clock=HostClock()))
    facts, truth_s = receipt.facts, witness.upload_s()
    assert truth_s > on_link_s(size_bytes) - HOST_S
    assert facts.method is TransferMethod.ACKNOWLEDGEMENT
    assert facts.transfer_s == pytest.approx(truth_s, abs=HOST_S)
    assert facts.busy_s == pytest.approx(truth_s, abs=2 * 0.01 + HOST_S)
    assert facts.rate_bit_per_s < LINK_BIT_PER_S * 1.05
    assert receipt.transfer_s == facts.transfer_s
    assert facts.unacknowledged_bytes == 0


def test_a_rate_that_the_link_carries_is_reached(slow_link):
    client, _ = slow_link
    facts = client.upload(bytes(100_000), pacer=Pacer(0.5e6, clock=HostClock())).facts
    assert facts.method is TransferMethod.ACKNOWLEDGEMENT
    assert facts.transfer_s == pytest.approx(1.6, rel=0.05)


def test_a_paced_transfer_keeps_to_the_link_s_pace_and_not_to_the_socket_s(slow_link):
    """A socket that swallows what the link cannot take would end the schedule in 201 ms."""
    client, _ = slow_link
    receipt = client.upload(bytes(602_112), pacer=Pacer(STATED_BIT_PER_S, clock=HostClock()))
    assert receipt.duration_s > 0.5 * on_link_s(602_112)


def test_the_round_trip_is_told_apart_from_the_bits():
    with relayed_link(round_trip_s=0.05) as link, client_over(link) as client:
        witness = Witness(link, has_ethernet=False)
        facts = client.upload(bytes(10_000)).facts
        truth_s = witness.upload_s()
        witness.close()
    assert facts.transfer_s == pytest.approx(truth_s, abs=HOST_S)
    assert 0.05 <= facts.min_rtt_s <= facts.transfer_s
    assert facts.sending_s == facts.transfer_s - facts.min_rtt_s


def test_an_outage_that_tcp_survives_is_told_and_its_window_given_up():
    with tbf_link(12e6) as link, client_over(link) as client:
        bench = LinkBench(
            client, HostClock(), RealActivity(), interface=None, link_rate_bit_per_s=None
        )
        bench.send(bytes(100_000), None)
        cut = threading.Timer(0.1, link.cut, [True])
        back = threading.Timer(8.1, link.cut, [False])
        for timer in (cut, back):
            timer.start()
        with pytest.raises(LinkDroppedError, match=r"stood still for \d+\.\d s"):
            bench.send(bytes(1_000_000), None)
        *_, facts = bench.count().transfers
        assert facts.stalled_s > 6
        assert facts.transfer_s > 8
        assert facts.retransmitted_bytes > 0
        bench.send(bytes(100_000), None)
        assert bench.count().transfers[-1].stalled_s == 0


def test_a_window_of_uploads_keeps_what_each_did(slow_link):
    client, _ = slow_link
    bench = LinkBench(client, HostClock(), RealActivity(), interface=None, link_rate_bit_per_s=None)
    before = bench.count()
    times_s = [bench.send(bytes(size), STATED_BIT_PER_S) for size in (20_000, 40_000)]
    transfers = bench.count().since(before).transfers
    assert [facts.transfer_s for facts in transfers] == times_s
    assert [facts.payload_bits for facts in transfers] == [160_000, 320_000]


def test_the_probe_finds_rate_and_queue_of_a_link(slow_link):
    client, _ = slow_link
    probe = probe_link(uploading(client), 4_000_000)
    # What a burst after the pause adds is in the first of the uploads alone.
    payload_rate = LINK_BIT_PER_S * SEGMENT_BYTES / SEGMENT_ON_LINK_BYTES
    assert probe.rate_bit_per_s.value == pytest.approx(payload_rate, rel=0.05)
    assert probe.rate_bit_per_s.u < 0.02 * payload_rate
    assert probe.rate_bit_per_s.n == 5
    assert probe.loss_share.value < 0.02 < 10 * probe.loss_share.u
    assert 0 < probe.queue_bytes.value < emulated_link.QUEUE_BYTES
    assert probe.longest_stall_s == 0


@pytest.mark.alone(
    "what an emulated link carries at once is measured, and the relay is a program too"
)
def test_a_stated_rate_that_the_link_does_not_carry_is_refused_before_it_is_measured(slow_link):
    client, _ = slow_link
    bench = LinkBench(client, HostClock(), RealActivity(), interface=None, link_rate_bit_per_s=None)
    with pytest.raises(RateNotCarriedError, match="state a rate that it carries") as told:
        bench.probe([1e6, STATED_BIT_PER_S])
    assert told.value.stated_bit_per_s == STATED_BIT_PER_S
    assert told.value.carried_bit_per_s < LINK_BIT_PER_S * 1.05
    require_carried(uploading(client), 4_000_000, [0.2e6, 1e6])


def test_the_probe_finds_the_round_trip():
    with relayed_link(round_trip_s=0.02) as link, client_over(link) as client:
        probe = probe_link(uploading(client), 30_000)
    assert probe.min_round_trip_s >= 0.02
    assert probe.round_trip_s.value >= probe.min_round_trip_s


@contextmanager
def instrument_over(link: EmulatedLink) -> Iterator[Instrument]:
    """An instrument of this machine at the client's end of a link, whose bits are its power."""
    device = RealDevice(sensor_factory=LinkDrivenSensor, clock=MonotonicClock())
    with server_over(link, paper_network()) as url, link.client():
        address = EdgeAddress(url=url, token="word")
        with Instrument(paper_network(), device, address) as made:
            yield made


@pytest.fixture(scope="module")
def instrument():
    with tbf_link(LINK_BIT_PER_S) as link, instrument_over(link) as made:
        yield made


@pytest.mark.alone(
    "what an emulated link carries at once is measured, and the relay is a program too"
)
def test_a_plan_is_fitted_to_a_real_link_and_one_with_a_stated_rate_refused(instrument):
    fitted, probe = instrument.fit_to_link(STANDARD)
    payload_rate = LINK_BIT_PER_S * SEGMENT_BYTES / SEGMENT_ON_LINK_BYTES
    assert probe.rate_bit_per_s.value == pytest.approx(payload_rate, rel=0.05)
    assert max(fitted.paced_rates_bit_per_s) <= 0.9 * payload_rate
    assert len(fitted.rates_bit_per_s) == len(STANDARD.rates_bit_per_s)
    line = link_line(probe, fitted)
    assert re.match(r"link: takes 1\.9\S* ± .* Mbit/s; round trip .*; paced uploads at ", line)

    stated = msgspec.structs.replace(
        STANDARD, rates_bit_per_s=(1e6, STATED_BIT_PER_S), fit_rates=False
    )
    with pytest.raises(RateNotCarriedError, match=r"the link carried .* of the 2\.4e\+07 bit/s"):
        instrument.fit_to_link(stated)


@dataclass(frozen=True, kw_only=True)
class LinkAlone:
    """What a split costs where bits alone cost anything; a prediction."""

    block: int
    energy_j: float
    u_stat_j: float
    degrees_of_freedom: float | None = None
    by_model_j: Mapping[str, float] = field(default_factory=dict)


@pytest.mark.alone(
    "what an emulated link carries at once is measured, and the relay is a program too"
)
def test_a_split_run_over_a_real_link_agrees_in_energy_and_time(instrument):
    """It did at a schedule of 24 Mbit/s too: 98 ms were predicted, and 468 ms it took."""
    block, link_bits = 8, 401_408 * SEGMENT_ON_LINK_BYTES / SEGMENT_BYTES
    predicted = LinkAlone(
        block=block, energy_j=SENT_BIT_J * link_bits, u_stat_j=0.01 * SENT_BIT_J * link_bits
    )
    times = PredictedTimes(transfer_s=(link_bits - 8 * BURST_BYTES) / LINK_BIT_PER_S)

    found = validate_split(instrument, predicted, None, times=times)

    assert found.agrees
    assert found.transfer.agrees
    assert found.outputs.agree
    assert found.agreement_bound_j < 0.2 * predicted.energy_j
    assert found.transfer.measured_s > 10 * 401_408 / STATED_BIT_PER_S
