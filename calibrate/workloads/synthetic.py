"""A board whose true costs are known: it turns the news of what is done into load."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from calibrate.profile import SimulatedTruth
from drivers.protocols import Clock
from partition.network import Block

Announce = Callable[[int, int, float], None]
"""Tells the simulated world: from [ns], until [ns], power above idle [W]."""

LATE_NS = 50_000_000
"""A step that comes later than this after the last one starts afresh; one that comes sooner was
only held up by the host, and the board goes on as if it had come in time."""


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
    """

    idle_power_w: float = 2.6
    flop_rate_per_s: float = 4.4e9
    memory_rate_bit_per_s: float = 1.6e9
    compute_power_w: float = 1.35
    window_cost_j: float = 4e-3
    air_power_w: float = 0.55
    bit_energy_j: float = 1.2e-8
    upload_cost_j: float = 5e-3

    start_s: float = 0.01
    """Time the start costs (window and upload) are spent over, s."""


def block_latency_s(costs: BoardCosts, block: Block) -> float:
    """Return the true time of one inference of a block, s."""
    return block.flop / costs.flop_rate_per_s + block.output_bits / costs.memory_rate_bit_per_s


def truth_of(costs: BoardCosts, blocks: tuple[Block, ...], rate_bit_per_s: float) -> SimulatedTruth:
    """Return what a perfect calibration of the board would find.

    Args:
        costs: The board.
        blocks: Of the calibrated network.
        rate_bit_per_s: Rate that E_c is stated at, bit/s.
    """
    flop = sum(block.flop for block in blocks)
    latency = [block_latency_s(costs, block) for block in blocks]
    net_j = [costs.compute_power_w * seconds for seconds in latency]
    per_bit = costs.air_power_w / rate_bit_per_s + costs.bit_energy_j
    return SimulatedTruth(
        idle_power_w=costs.idle_power_w,
        e_d_flop_per_j={
            "net": flop / sum(net_j),
            "gross": flop / (sum(net_j) + costs.idle_power_w * sum(latency)),
        },
        e_c_bit_per_j={
            "net": 1 / per_bit,
            "gross": 1 / (per_bit + costs.idle_power_w / rate_bit_per_s),
        },
        block_energy_j=tuple(net_j),
    )


class SimulatedBoard:
    """A ``DeviceActivity`` that spends known energies in the simulated world.

    The host really runs each step; the board decides how long it takes and what it costs.

    Args:
        costs: What the board truly costs.
        blocks: Of the network it runs.
        announce: Puts a stretch of load into the world.
        clock: The world's time.
    """

    def __init__(
        self, costs: BoardCosts, blocks: tuple[Block, ...], announce: Announce, clock: Clock
    ) -> None:
        self._costs = costs
        self._latency_s = [block_latency_s(costs, block) for block in blocks]
        self._announce = announce
        self._clock = clock
        self._free_ns = clock.now_ns()

    def window_begins(self) -> None:
        """Spend the window's fixed cost."""
        self._free_ns = self._clock.now_ns()
        self._start(self._costs.window_cost_j)

    def upload_begins(self) -> None:
        """Spend the fixed cost of an upload."""
        self._free_ns = self._clock.now_ns()
        self._start(self._costs.upload_cost_j)

    def _start(self, energy_j: float) -> None:
        duration_s = self._costs.start_s
        self._clock.sleep_until_ns(self._spend(duration_s, energy_j / duration_s))

    @contextmanager
    def inference(self, first_block: int, last_block: int) -> Iterator[None]:
        """Spend the energy of the blocks, and return when the board would be done."""
        duration_s = sum(self._latency_s[first_block - 1 : last_block])
        done_ns = self._spend(duration_s, self._costs.compute_power_w)
        yield
        self._clock.sleep_until_ns(done_ns)

    def on_air(self, bits: int, duration_s: float) -> None:
        """Spend the energy of sending; whoever paces the upload does the waiting."""
        self._spend(
            duration_s, self._costs.air_power_w + self._costs.bit_energy_j * bits / duration_s
        )

    def _spend(self, duration_s: float, power_w: float) -> int:
        now_ns = self._clock.now_ns()
        start_ns = self._free_ns if now_ns - self._free_ns < LATE_NS else now_ns
        self._free_ns = start_ns + round(duration_s * 1e9)
        self._announce(start_ns, self._free_ns, power_w)
        return self._free_ns
