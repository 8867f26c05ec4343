"""A board whose true costs are known: it turns the news of what is done into load."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from joulesplit.calibrate.profile import SimulatedTruth
from joulesplit.drivers.protocols import Clock
from joulesplit.partition import Block

AnnounceLoad = Callable[[int, int, float], None]
"""Tells the simulated world: from [ns], until [ns], power above idle [W]."""

OVERDUE_NS = 20_000_000
"""A step that comes later than this after the last one starts afresh. One that comes sooner was
only held up by the host, and the board goes on as if it had come in time; the world has converted
the time between and draws that energy as much later, which must stay inside the settling time
(30 ms in the quickest plan) of the window it belongs to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardCosts:
    """What the simulated board truly costs; every figure is an assumption of the simulation.

    Attributes:
        idle_power_w: P_0, W.
        flop_rate_per_s: FLOP per second of arithmetic.
        memory_rate_bit_per_s: Bits of block output per second, added to the arithmetic.
        compute_power_w: Power above idle while computing, W.
        window_cost_j: Net energy of starting to compute after idle, J.
        air_power_w: P_air, W above idle while sending.
        bit_energy_j: e_bit, J/bit.
        upload_cost_j: E_0, J per upload.
        encode_rate_bit_per_s: Bits of tensors that are made what is sent of them, per second.
        encode_power_w: Power above idle meanwhile, W: one core's, which is less than an
            inference's.
        sampler_power_w: What the sampler itself takes all the time, W; part of P_0.
        compute_drift_per_s: Relative growth of the power while computing, 1/s from the start.
        air_drift_per_s: Relative growth of the power while sending, bits included, 1/s from the
            start.
        retransmitted_share: Mean number of times a frame is sent again; its energy per bit
            counts as often.
        cold_share: Relative extra time of a block that runs after others instead of after
            itself: they have driven its weights and its input out of the caches.
        inside_shares: The same of each block by itself, l = 1 … L, added to ``cold_share``; empty
            where blocks do not differ in it.
        invoke_s: Time of running a network whatever it holds: a block alone pays it, and so does
            a head, once.
    """

    idle_power_w: float = 2.6
    flop_rate_per_s: float = 4.4e9
    memory_rate_bit_per_s: float = 1.6e9
    compute_power_w: float = 1.35
    window_cost_j: float = 4e-3
    air_power_w: float = 0.55
    bit_energy_j: float = 1.2e-8
    upload_cost_j: float = 5e-3
    encode_rate_bit_per_s: float = 4e8
    encode_power_w: float = 0.8
    sampler_power_w: float = 0.0
    compute_drift_per_s: float = 0.0
    air_drift_per_s: float = 0.0
    retransmitted_share: float = 0.0
    cold_share: float = 0.0
    inside_shares: tuple[float, ...] = ()
    invoke_s: float = 0.0

    start_s: float = 0.01
    """Time the start costs (window and upload) are spent over, s."""

    @property
    def resting_power_w(self) -> float:
        """P_0 of a device at its reference temperature, the sampler running, W."""
        return self.idle_power_w + self.sampler_power_w

    @property
    def sent_bit_energy_j(self) -> float:
        """Mean energy of a payload bit, with the times it is sent again, J/bit."""
        return self.bit_energy_j * (1 + self.retransmitted_share)


def block_latency_s(costs: BoardCosts, block: Block) -> float:
    """Return the true time of one inference of a block, s."""
    return costs.invoke_s + _working_s(costs, block)


def _working_s(costs: BoardCosts, block: Block) -> float:
    return block.flop / costs.flop_rate_per_s + block.output_bits / costs.memory_rate_bit_per_s


def run_latency_s(costs: BoardCosts, blocks: Sequence[Block]) -> float:
    """Return the true time of one inference of neighbouring blocks as one network, s."""
    if len(blocks) == 1:
        return block_latency_s(costs, blocks[0])
    own = costs.inside_shares
    shares = [costs.cold_share + (own[block.index - 1] if own else 0.0) for block in blocks]
    works_s = [_working_s(costs, block) for block in blocks]
    return costs.invoke_s + sum(
        work_s * (1 + share) for work_s, share in zip(works_s, shares, strict=True)
    )


def truth_of(
    costs: BoardCosts,
    blocks: tuple[Block, ...],
    rate_bit_per_s: float,
    *,
    leakage_w: float = 0.0,
) -> SimulatedTruth:
    """Return what a perfect calibration of the board would find.

    Args:
        costs: The board.
        blocks: Of the calibrated network.
        rate_bit_per_s: Rate that E_c is stated at, bit/s.
        leakage_w: Mean power that heat drove through the device, W. It flows whether or not
            there is work, so it is billed to idle: gross figures have it, net ones do not.
    """
    idle_w = costs.resting_power_w + leakage_w
    flop = sum(block.flop for block in blocks)
    latency = [block_latency_s(costs, block) for block in blocks]
    net_j = [costs.compute_power_w * seconds for seconds in latency]
    per_bit = costs.air_power_w / rate_bit_per_s + costs.sent_bit_energy_j
    return SimulatedTruth(
        idle_power_w=idle_w,
        e_d_flop_per_j={
            "net": flop / sum(net_j),
            "gross": flop / (sum(net_j) + idle_w * sum(latency)),
        },
        e_c_bit_per_j={
            "net": 1 / per_bit,
            "gross": 1 / (per_bit + idle_w / rate_bit_per_s),
        },
        block_energy_j=tuple(net_j),
        head_energy_j=tuple(
            costs.compute_power_w * run_latency_s(costs, blocks[:last])
            for last in range(1, len(blocks) + 1)
        ),
    )


class Governor(Protocol):
    """The part of the board that decides how fast it may compute."""

    def speed_and_power(self, t_ns: int) -> tuple[float, float]:
        """Return the relative speed and power for work that begins at ``t_ns``."""

    def spent(self, end_ns: int, power_w: float) -> None:
        """Take note of ``power_w`` above idle until ``end_ns``."""


class Radio(Protocol):
    """The part of the board that knows what uploads cost beyond their bits."""

    def wake(self, now_ns: int) -> int:
        """Wake up if asleep; return when the radio is ready, ns."""

    def on_air(self, start_ns: int, end_ns: int, bits: int) -> None:
        """Spend what sending ``bits`` from start to end costs beyond their own energy."""


class SimulatedBoard:
    """A ``DeviceActivity`` that spends known energies in the simulated world.

    The host really runs each step; the board decides how long it takes and what it costs.

    Args:
        costs: What the board truly costs.
        blocks: Of the network it runs.
        announce: Puts a stretch of load into the world.
        clock: The world's time.
        governor: Slows it down when it is hot; None for a board that never is.
        radio: What uploads cost besides; None for a radio without wake-ups and tail.
    """

    def __init__(
        self,
        costs: BoardCosts,
        blocks: tuple[Block, ...],
        announce: AnnounceLoad,
        clock: Clock,
        *,
        governor: Governor | None = None,
        radio: Radio | None = None,
    ) -> None:
        self._costs = costs
        self._governor = governor
        self._radio = radio
        self._blocks = blocks
        self._latency_s: dict[tuple[int, int], float] = {}
        self._announce = announce
        self._clock = clock
        self._free_ns = self._origin_ns = clock.now_ns()

    def window_begins(self) -> None:
        """Spend the window's fixed cost."""
        self._free_ns = self._clock.now_ns()
        self._start(self._costs.window_cost_j)

    def upload_begins(self) -> None:
        """Wake the radio if it sleeps, and spend the fixed cost of an upload."""
        if self._radio is not None:
            self._clock.sleep_until_ns(self._radio.wake(self._clock.now_ns()))
        self._free_ns = self._clock.now_ns()
        self._start(self._costs.upload_cost_j)

    def _start(self, energy_j: float) -> None:
        duration_s = self._costs.start_s
        self._clock.sleep_until_ns(self._spend(duration_s, energy_j / duration_s))

    @contextmanager
    def inference(self, first_block: int, last_block: int) -> Iterator[None]:
        """Spend the energy of the blocks, and return when the board would be done."""
        run = first_block, last_block
        duration_s = self._latency_s.get(run)
        if duration_s is None:
            duration_s = run_latency_s(self._costs, self._blocks[first_block - 1 : last_block])
            self._latency_s[run] = duration_s
        with self._computing(duration_s, self._costs.compute_power_w):
            yield

    @contextmanager
    def encoding(self, bits: int) -> Iterator[None]:
        """Spend the energy of making what is sent of tensors, and return when it would be done."""
        costs = self._costs
        with self._computing(bits / costs.encode_rate_bit_per_s, costs.encode_power_w):
            yield

    @contextmanager
    def _computing(self, duration_s: float, power_w: float) -> Iterator[None]:
        power_w *= self._grown(self._costs.compute_drift_per_s)
        if self._governor is not None:
            speed, power = self._governor.speed_and_power(self._clock.now_ns())
            duration_s, power_w = duration_s / speed, power_w * power
        done_ns = self._spend(duration_s, power_w)
        yield
        self._clock.sleep_until_ns(done_ns)

    def on_air(self, bits: int, duration_s: float) -> None:
        """Spend the energy of sending; whoever paces the upload does the waiting."""
        power_w = self._costs.air_power_w + self._costs.bit_energy_j * bits / duration_s
        end_ns = self._spend(duration_s, power_w * self._grown(self._costs.air_drift_per_s))
        if self._radio is not None:
            self._radio.on_air(end_ns - round(duration_s * 1e9), end_ns, bits)

    def _grown(self, drift_per_s: float) -> float:
        """Return what a cost has become by now, relative to what it was at the start."""
        return 1 + drift_per_s * (self._clock.now_ns() - self._origin_ns) * 1e-9

    def _spend(self, duration_s: float, power_w: float) -> int:
        now_ns = self._clock.now_ns()
        start_ns = self._free_ns if now_ns - self._free_ns < OVERDUE_NS else now_ns
        self._free_ns = start_ns + round(duration_s * 1e9)
        self._announce(start_ns, self._free_ns, power_w)
        if self._governor is not None:
            self._governor.spent(self._free_ns, power_w)
        return self._free_ns
