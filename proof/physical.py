"""Boards written from physics, for what the simulated board of the package leaves out.

Each cause is one term of the power, with a strength of its own: what a cold start of some subjects
takes, idle power with a spectrum of 1/f, a die that is hotter than its surroundings and leaks,
memory laid out anew by each launch of the process, work that goes on after it has answered, uploads
whose energy has heavy tails, what the sampler's transfers cost a board that sleeps or works. The
load is integrated exactly between its steps and knows nothing of windows, fits or what is
estimated.

What a real board does and this one does not: clocks that ramp, interrupts that come in trains,
a supply whose ripple beats with the sensor's cycle, causes that depend on each other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import exp, sqrt

import msgspec
import numpy as np

from joulesplit._simulation import draw_world, open_simulated_sensor, without_errors
from joulesplit.calibrate.campaign import (
    QUICK,
    Plan,
    crossing_bits,
    head_blocks,
    run_campaign,
    upload_subjects,
)
from joulesplit.calibrate.estimates import heads_of
from joulesplit.calibrate.profile import Compute, HeadEnergy
from joulesplit.calibrate.sampling._sampler import InlineSampler
from joulesplit.drivers.ina219 import Ina219
from joulesplit.drivers.simulated import SimulatedClock, SimulatedI2cBus
from joulesplit.drivers.simulated._load import Background
from joulesplit.drivers.simulated._segment_sweep import SegmentSweep
from joulesplit.metrology import Array
from proof.campaign import NO_SYSTEMATIC_ERROR, estimates_of, judged
from proof.figures import Estimates, Figure, both, figure
from proof.stage import WorkStage, proof_blocks, proof_network

ORIGIN_NS = 10**9
GRID_S = 1 / 16
"""Idle noise is held so long; what is faster is in the background."""

LONGEST_S = 4096.0
"""Period of the slowest idle noise; over it the noise is nought in the mean."""

ASKED_OVER = 8
"""Conversions of current or voltage that transfers are counted over."""

Subject = tuple[int, int]
"""First and last block of what is run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Physics:
    """A board.

    Attributes:
        idle_w: Idle power with the die at the temperature of its surroundings, W.
        flop_rate_per_s: Arithmetic of an average block, FLOP/s; each block is faster or slower.
        work_w: Power above idle of an average block, W; each takes more or less.
        wake_j: What waking up takes, J, whatever is run.
        cold_j: What the first inference of some subjects takes besides, J.
        start_s: Over which a start is spent, s.
        background_w: Standard deviation of activity with a correlation time of 50 ms, W.
        flicker_w: Standard deviation of idle noise with a spectrum of 1/f from one in
            ``LONGEST_S`` to 8 Hz, W.
        die_k_per_w, die_s: Of the die above the board, K/W and s.
        leakage_w_per_k: What a kelvin of the die costs, W/K.
        launch_u_rel: Of what a block costs from launch to launch, relative.
        late_share: Of the energy of inferences that is drawn late, relative; the sum stays.
        late_upload_share: Of that of uploads likewise.
        late_s: How late, s; in the mean if it fades.
        late_fades: It dies away exponentially, as caches that are written back, in place of being
            all shifted by one time, as by a timer.
        asked_idle_j: What the board spends on each transfer of the sensor's bus while it is idle,
            J: a core wakes up for it. 0.2 mJ are about 50 mW.
        asked_work_j: The same while it works, when the core is awake anyway.
        tail_index: Of the Pareto distribution that an upload's energy is drawn from; 0 for none.
        air_w, bit_j, upload_j: Of uploads, W, J/bit and J.
    """

    idle_w: float = 2.63
    flop_rate_per_s: float = 3.6e9
    work_w: float = 1.3
    wake_j: float = 3e-3
    cold_j: Mapping[Subject, float] = field(default_factory=dict)
    start_s: float = 8e-3
    background_w: float = 8e-3
    flicker_w: float = 0.0
    die_k_per_w: float = 0.0
    die_s: float = 2.0
    leakage_w_per_k: float = 8e-3
    launch_u_rel: float = 0.0
    late_share: float = 0.0
    late_upload_share: float = 0.0
    late_s: float = 1.0
    late_fades: bool = False
    asked_idle_j: float = 0.0
    asked_work_j: float = 0.0
    tail_index: float = 0.0
    air_w: float = 0.6
    bit_j: float = 1.1e-8
    upload_j: float = 5e-3


LATE_PARTS = 4
"""What fades comes in so many equal parts, each at the middle of its part of the time."""


def late_physics(seed: int) -> Physics:
    """Return a board whose work comes late: 0.1 to 3 % of it by 0.2 to 8 s, fading or at once."""
    random = np.random.default_rng([seed, 3])
    share, late_s = np.exp(random.uniform(np.log([0.001, 0.2]), np.log([0.03, 8.0])))
    return Physics(
        late_share=float(share), late_s=float(late_s), late_fades=bool(random.integers(2))
    )


def flicker(sd_w: float, random: np.random.Generator) -> Array:
    """Return idle noise with a spectrum of 1/f over ``LONGEST_S``, W, one value per ``GRID_S``."""
    count = round(LONGEST_S / GRID_S)
    frequency = np.fft.rfftfreq(count, GRID_S)[1:]
    phases = random.standard_normal((2, len(frequency)))
    spectrum = np.concatenate([[0.0], (phases[0] + 1j * phases[1]) / np.sqrt(frequency)])
    path = np.fft.irfft(spectrum, count)
    scaled: Array = path * (sd_w / path.std())
    return scaled


class PhysicalLoad:
    """What flows into the board; a ``Load`` of the simulated chip.

    Args:
        physics: The board.
        seed: Of its noise.
    """

    supply_v = 5.1
    source_ohm = 0.05

    def __init__(self, physics: Physics, seed: int) -> None:
        random = np.random.default_rng([seed, 1])
        self._physics = physics
        self._background = Background(sd_w=physics.background_w, tau_s=0.05, seed=seed)
        noise = flicker(physics.flicker_w, random)
        self._noise_w = np.roll(noise, random.integers(len(noise)))
        self._noise_j = np.concatenate([[0.0], np.cumsum(self._noise_w) * GRID_S])
        self._sweep = SegmentSweep()
        self._known_ns, self._die_k = ORIGIN_NS, 0.0
        self._busy = SegmentSweep()
        self._asked: Callable[[], int] = lambda: 0
        self._known_asked: deque[tuple[int, int]] = deque(maxlen=ASKED_OVER)
        self.leakage_j = 0.0
        """World side: what the die's heat has cost so far, J."""

    def announce(self, start_ns: int, end_ns: int, power_w: float) -> None:
        """Draw so much above idle from start to end; it lies in the future of what was read."""
        self._sweep.add((start_ns, end_ns, power_w))

    def asked_by(self, transfers: Callable[[], int]) -> None:
        """Spend something on each transfer of a bus.

        Args:
            transfers: Returns how many there were.
        """
        self._asked = transfers

    def works(self, start_ns: int, end_ns: int) -> None:
        """Be at work from start to end, which is in the future of what was read."""
        if self._physics.asked_idle_j:
            self._busy.add((start_ns, end_ns, 1.0))

    def means_over(self, edges_ns: Sequence[int], currents: int) -> tuple[list[float], list[float]]:
        """Return mean currents, A, of so many intervals, and mean voltages, V, of the others."""
        powers_w = self._powers_w(edges_ns)
        half_v = self.supply_v / 2
        voltages_v = [half_v + sqrt(half_v**2 - self.source_ohm * power_w) for power_w in powers_w]
        currents_a = [powers_w[number] / voltages_v[number] for number in range(currents)]
        return currents_a, voltages_v[currents:]

    def mean_current_a(self, t0_ns: int, t1_ns: int) -> float:
        """Return the mean current of an interval, A."""
        return self.means_over((t0_ns, t1_ns), 1)[0][0]

    def mean_voltage_v(self, t0_ns: int, t1_ns: int) -> float:
        """Return the mean voltage of an interval, V."""
        return self.means_over((t0_ns, t1_ns), 0)[1][0]

    def _powers_w(self, edges_ns: Sequence[int]) -> list[float]:
        works_w_ns = self._sweep.energies_w_ns(edges_ns)
        times_s = [(t_ns - ORIGIN_NS) * 1e-9 for t_ns in edges_ns]
        background_j = self._background.energies_j(times_s)
        flicker_j = [self._flicker_j(x_s) for x_s in times_s]
        asked_w = self._asked_w(edges_ns)
        powers_w = []
        for before, work_w_ns in enumerate(works_w_ns):
            after = before + 1
            t0_ns, t1_ns = edges_ns[before], edges_ns[after]
            wandering_j = background_j[after] - background_j[before]
            wandering_j += flicker_j[after] - flicker_j[before]
            work_w = work_w_ns / (t1_ns - t0_ns)
            leak_w = self._leak_w(t0_ns, t1_ns, work_w)
            steady_w = self._physics.idle_w + work_w + leak_w + asked_w[before]
            powers_w.append(steady_w + wandering_j / (times_s[after] - times_s[before]))
        return powers_w

    def _asked_w(self, edges_ns: Sequence[int]) -> list[float]:
        """Return what transfers cost, W, as often as they come over some conversions."""
        if not self._physics.asked_idle_j:
            return [0.0] * (len(edges_ns) - 1)
        busy_ns = self._busy.energies_w_ns(edges_ns)
        return [
            self._asked_in(t1_ns, busy / (t1_ns - t0_ns))
            for busy, (t0_ns, t1_ns) in zip(busy_ns, pairwise(edges_ns), strict=True)
        ]

    def _asked_in(self, end_ns: int, busy: float) -> float:
        """Return the mean power of transfers, W, in an interval of which a share is busy."""
        self._known_asked.append((end_ns, self._asked()))
        (first_ns, first), (last_ns, last) = self._known_asked[0], self._known_asked[-1]
        if last_ns <= first_ns:
            return 0.0
        each_j = self._physics.asked_idle_j * (1 - busy) + self._physics.asked_work_j * busy
        return each_j * (last - first) / (last_ns - first_ns) * 1e9

    def _flicker_j(self, x_s: float) -> float:
        cell, rest = divmod(x_s / GRID_S, 1.0)
        index = int(cell) % len(self._noise_w)
        return float(self._noise_j[index] + rest * GRID_S * self._noise_w[index])

    def _leak_w(self, t0_ns: int, t1_ns: int, work_w: float) -> float:
        """Return the leakage of the interval, W, and let the die follow its power."""
        physics = self._physics
        if not physics.die_k_per_w:
            return 0.0
        final_k = physics.die_k_per_w * work_w
        # What lies between two intervals was idle, or is short.
        for until_ns, towards_k in ((t0_ns, 0.0), (t1_ns, final_k)):
            decay = exp(-max(0, until_ns - self._known_ns) * 1e-9 / physics.die_s)
            before_k = self._die_k
            self._die_k = towards_k + (self._die_k - towards_k) * decay
            self._known_ns = max(self._known_ns, until_ns)
        power_w = physics.leakage_w_per_k * (before_k + self._die_k) / 2
        self.leakage_j += power_w * (t1_ns - t0_ns) * 1e-9
        return power_w


class PhysicalBoard:
    """The board that does the work; a ``DeviceActivity``.

    Args:
        physics: The board.
        load: Where its power goes.
        clock: Of the workloads.
        seed: Of what is drawn.
    """

    def __init__(
        self, physics: Physics, load: PhysicalLoad, clock: SimulatedClock, seed: int
    ) -> None:
        self._physics, self._load, self._clock = physics, load, clock
        self._random = np.random.default_rng([seed, 2])
        blocks = proof_blocks()
        speed = physics.flop_rate_per_s * self._random.uniform(0.6, 1.4, len(blocks))
        self.times_s = np.array([block.flop for block in blocks]) / speed
        self.powers_w = physics.work_w * self._random.uniform(0.8, 1.2, len(blocks))
        self._layout = np.ones(len(blocks))
        self.launch()
        self._begins = False
        self._free_ns = clock.now_ns()

    def launch(self) -> None:
        """Lay the memory of the process out anew."""
        spread = self._physics.launch_u_rel
        self._layout = 1 + spread * self._random.standard_normal(len(self._layout))

    def energy_j(self, first_block: int, last_block: int) -> float:
        """World side: return what one more inference takes above idle, over all launches, J."""
        span = slice(first_block - 1, last_block)
        return float(self.times_s[span] @ self.powers_w[span])

    def start_j(self, first_block: int, last_block: int) -> float:
        """World side: return what the first inference takes besides, J."""
        return self._physics.wake_j + self._physics.cold_j.get((first_block, last_block), 0.0)

    def window_begins(self) -> None:
        """Be cold again."""
        self._begins, self._free_ns = True, self._clock.now_ns()

    @contextmanager
    def inference(self, first_block: int, last_block: int) -> Iterator[None]:
        """Spend the energy of some blocks."""
        if self._begins:
            start_s = self._physics.start_s
            self._compute(start_s, self.start_j(first_block, last_block) / start_s)
            self._begins = False
        span = slice(first_block - 1, last_block)
        duration_s = float(self.times_s[span] @ self._layout[span])
        energy_j = float((self.times_s[span] * self._layout[span]) @ self.powers_w[span])
        self._compute(duration_s, energy_j / duration_s)
        yield
        self._clock.sleep_until_ns(self._free_ns)

    @contextmanager
    def encoding(self, bits: int) -> Iterator[None]:
        """Spend nothing: its campaigns encode nothing."""
        del bits
        yield

    def upload_begins(self) -> None:
        """Spend what an upload takes whatever its size."""
        self._free_ns = self._clock.now_ns()
        power_w = self._physics.upload_j / self._physics.start_s
        self._draw(self._physics.start_s, power_w, self._physics.late_upload_share)
        self._clock.sleep_until_ns(self._free_ns)

    def on_air(self, bits: int, duration_s: float) -> None:
        """Spend what sending takes; it is sent again as often as chance has it."""
        energy_j = (self._physics.air_w * duration_s + self._physics.bit_j * bits) * self._again()
        self._draw(duration_s, energy_j / duration_s, self._physics.late_upload_share)

    def _again(self) -> float:
        index = self._physics.tail_index
        if not index:
            return 1.0
        # Pareto's law from 1 on has the mean index/(index − 1); one in the mean, a half at least.
        return float(0.5 + 0.5 * (1 + self._random.pareto(index)) * (index - 1) / index)

    def _compute(self, duration_s: float, power_w: float) -> None:
        self._draw(duration_s, power_w, self._physics.late_share)

    def _draw(self, duration_s: float, power_w: float, late_share: float) -> None:
        """Spend energy, a share of it late."""
        physics = self._physics
        self._load.works(self._free_ns, self._free_ns + round(duration_s * 1e9))
        self._spend(duration_s, power_w * (1 - late_share))
        if not late_share:
            return
        lags_s = [physics.late_s]
        if physics.late_fades:
            middles = (np.arange(LATE_PARTS) + 0.5) / LATE_PARTS
            lags_s = (-physics.late_s * np.log1p(-middles)).tolist()
        for lag_s in lags_s:
            end_ns = self._free_ns + round(lag_s * 1e9)
            start_ns = end_ns - round(duration_s * 1e9)
            self._load.announce(start_ns, end_ns, power_w * late_share / len(lags_s))

    def _spend(self, duration_s: float, power_w: float) -> None:
        start_ns = self._free_ns
        self._free_ns = start_ns + round(duration_s * 1e9)
        self._load.announce(start_ns, self._free_ns, power_w)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhysicalStage:
    """A board of physics under a real driver, in virtual time."""

    stage: WorkStage
    board: PhysicalBoard
    load: PhysicalLoad


def physical_stage(physics: Physics, seed: int) -> PhysicalStage:
    """Return a board under a chip without systematic errors; its sensor is open."""
    setup = draw_world(seed, ORIGIN_NS)
    setup = replace(setup, chip=without_errors(setup.chip))
    load, clock = PhysicalLoad(physics, seed), SimulatedClock(start_ns=ORIGIN_NS)
    sensor_clock = SimulatedClock(start_ns=ORIGIN_NS)
    sensor = open_simulated_sensor(setup, b"", sensor_clock, load=load)
    sampler = InlineSampler(sensor.__enter__())
    assert isinstance(sensor, Ina219)
    bus = sensor._link.bus  # what the world knows, no seam of the sensor tells
    assert isinstance(bus, SimulatedI2cBus)
    load.asked_by(lambda: bus.transactions)
    clock.sleep_until_ns(sensor_clock.now_ns())
    board = PhysicalBoard(physics, load, clock, seed)
    stage = WorkStage(setup=setup, clock=clock, board=board, sampler=sampler, blocks=proof_blocks())
    return PhysicalStage(stage=stage, board=board, load=load)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhysicalRun:
    """What a campaign on a board of physics gave, beside the truth.

    Attributes:
        figures: By name: E_d, E_c, E_d/E_c by both accounts, P_0, every e_l, head and start.
        verdict: Of the checks.
        warned: Names of those that did not pass.
        compute: As a profile would have it.
    """

    figures: dict[str, Figure]
    verdict: str
    warned: tuple[str, ...]
    compute: Compute


def run_physical(physics: Physics, seed: int, plan: Plan = QUICK) -> PhysicalRun:
    """Run a campaign on a board and hold its figures against the truth.

    Raises:
        CalibrationError: The windows do not give the figures.
    """
    stage = physical_stage(physics, seed)
    plan = msgspec.structs.replace(plan, order_seed=seed)
    blocks = proof_blocks()
    uploads = upload_subjects(plan, crossing_bits(proof_network().input_bits, blocks))
    heads = (*head_blocks(plan, blocks), *((len(blocks),) if plan.whole else ()))
    bench = replace(stage.stage.bench(uploads, heads=heads), lay_out_anew=stage.board.launch)
    records = run_campaign(plan, bench, uploads).records
    sent = plan.sent_rate_bit_per_s(stage.stage.setup.link_rate_bit_per_s)
    found = estimates_of(records, blocks, plan.stated_rate_bit_per_s, NO_SYSTEMATIC_ERROR)
    measured = heads_of(records, len(blocks), NO_SYSTEMATIC_ERROR)
    quality = judged(stage.stage, records, found)
    return PhysicalRun(
        figures={
            **_figures(found, stage.board, physics, sent),
            **_head_figures(measured.energies if measured else (), stage.board),
        },
        verdict=quality.verdict,
        warned=tuple(check.name for check in quality.checks if check.outcome != "pass"),
        compute=found.compute,
    )


def _figures(
    found: Estimates, board: PhysicalBoard, physics: Physics, rate_bit_per_s: float
) -> dict[str, Figure]:
    blocks = found.compute.blocks
    flop = sum(block.flop for block in blocks)
    work_j, work_s = board.energy_j(1, len(blocks)), float(board.times_s.sum())
    e_d = {"net": flop / work_j, "gross": flop / (work_j + physics.idle_w * work_s)}
    bit_j = physics.air_w / rate_bit_per_s + physics.bit_j
    e_c = {"net": 1 / bit_j, "gross": 1 / (bit_j + physics.idle_w / rate_bit_per_s)}
    ratio = {account: e_d[account] / e_c[account] for account in e_d}
    figures = {
        **both("E_d", found.compute.e_d_flop_per_j, e_d),
        **both("E_c", found.uplink.e_c_bit_per_j, e_c),
        **both("E_d/E_c", found.ratio, ratio),
        "P_0": figure(found.idle, physics.idle_w),
    }
    for block in blocks:
        index = block.index
        assert block.energy_j.net is not None
        assert block.start_cost_j is not None
        figures[f"e_{index}"] = figure(block.energy_j.net, board.energy_j(index, index))
        figures[f"E_start e_{index}"] = figure(block.start_cost_j, board.start_j(index, index))
    return figures


def _head_figures(heads: Sequence[HeadEnergy], board: PhysicalBoard) -> dict[str, Figure]:
    figures = {}
    for head in heads:
        last = head.last_block
        assert head.energy_j.net is not None
        assert head.start_cost_j is not None
        figures[f"head_{last}"] = figure(head.energy_j.net, board.energy_j(1, last))
        figures[f"E_start head_{last}"] = figure(head.start_cost_j, board.start_j(1, last))
    return figures
