"""What a power reading costs and what it is worth: ours beside the libraries people use.

Run it from the top folder; peers that are not installed are left out:

    pip install pi-ina219 Adafruit-GPIO Adafruit-PureIO adafruit-circuitpython-ina219
    python -m benchmarks.sensing
"""

from __future__ import annotations

import argparse
import itertools
import platform
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks import sensing_peers
from joulesplit.calibrate.sampling import SamplerProcess
from joulesplit.cli._choices import SensorChoice
from joulesplit.cli._wiring import sensor_factory
from joulesplit.drivers import MonotonicClock
from joulesplit.drivers.ina219 import Ina219
from joulesplit.drivers.readings import ReadingFlag
from joulesplit.drivers.simulated import (
    ChipParameters,
    LoadLog,
    LoadModel,
    LoadParameters,
    SimulatedClock,
    SimulatedI2cBus,
    SimulatedIna219,
)
from joulesplit.drivers.simulated._load import BenchSource

NS_PER_S = 1_000_000_000
ROUNDS = 25
READINGS = 1000
"""In a row, of each library in turn."""
CYCLE_S = 9.042e-3
PEERS: tuple[tuple[str, str], ...] = (
    ("ours", "joulesplit, V and I of one conversion"),
    ("ina226", "joulesplit, the same of an INA226"),
    ("pi_ina219", "pi-ina219, V+I+P"),
    ("adafruit", "adafruit-circuitpython-ina219, V+I+P"),
)


CHIPS = {"ina226": sensing_peers.InstantIna226}
"""Where it is another than an INA219."""


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--cycles", type=int, default=100_000, help="simulated, beside a busy machine"
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="of the sampler in real time")
    arguments = parser.parse_args()
    print(f"Python {platform.python_version()}, {platform.machine()}\n")
    sections = (
        cost_table(),
        loss_table(arguments.cycles),
        sampler_table(arguments.seconds),
        energy_table(),
    )
    for section in sections:
        for line in section:
            print(line)
        print()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a power reading costs through one library.

    Attributes:
        name: The library and what it reads.
        transfers: On the bus, on average.
        cpu_us: CPU time, the bus answering at once, µs.
        ours_over_it: CPU time of our reading over that of this one.
    """

    name: str
    transfers: float
    cpu_us: float
    ours_over_it: float


def costs() -> tuple[dict[str, Cost], dict[str, str]]:
    """Return the cost by library, and why others could not be tried."""
    makers: dict[str, Callable[[Any], Callable[[], Any]]] = vars(sensing_peers)
    found, missing = {}, {}
    for key, name in PEERS:
        chip = CHIPS.get(key, sensing_peers.InstantChip)()
        try:
            found[key] = (chip, makers[key](chip))
        except ImportError as error:
            missing[name] = str(error)
    # In turns, and the ratio of neighbours: a machine that changes its pace changes it for both.
    rounds_us = [{key: _cpu_us(*one) for key, one in found.items()} for _ in range(ROUNDS)]
    names = dict(PEERS)
    return {
        key: Cost(
            name=names[key],
            transfers=chip.transfers / READINGS,
            cpu_us=median(times_us[key] for times_us in rounds_us),
            ours_over_it=median(times_us["ours"] / times_us[key] for times_us in rounds_us),
        )
        for key, (chip, _) in found.items()
    }, missing


def cost_table() -> Iterator[str]:
    """CPU time and transfers per power reading, the bus answering at once."""
    found, missing = costs()
    for name, why in missing.items():
        yield f"{name}: not installed ({why})\n"
    yield "| power reading | transfers | CPU time | ours over it |"
    yield "|---|---|---|---|"
    for cost in found.values():
        yield (
            f"| {cost.name} | {cost.transfers:.2f} | {cost.cpu_us:.1f} µs "
            f"| {cost.ours_over_it:.2f} |"
        )


def _cpu_us(chip: sensing_peers.InstantChip, take: Callable[[], Any]) -> float:
    chip.transfers = 0
    begin_ns = time.process_time_ns()
    for _ in range(READINGS):
        take()
    return (time.process_time_ns() - begin_ns) / READINGS / 1000


class BusyMachineBus(SimulatedI2cBus):
    """One transaction in two hundred waits up to four cycles."""

    def __init__(self, chip: SimulatedIna219, clock: SimulatedClock) -> None:
        super().__init__(1, {0x40: chip}, clock)
        self._clock_to_move = clock
        self._random = random.Random(5)

    def read_word(self, address: int, register: int) -> int:
        """Return a register word, sometimes late."""
        if self._random.random() < 0.005:
            self._clock_to_move.advance_ns(int(self._random.random() * 4 * CYCLE_S * NS_PER_S))
        return super().read_word(address, register)


def loss_table(cycles: int) -> Iterator[str]:
    """Duplicates and losses, counted by the simulated world itself."""
    clock = SimulatedClock()
    specimen = ChipParameters(shunt_ohm=0.1, noise_v_rms=50e-6, conversion_time_scale=1.03)
    source = BenchSource(current_a=0.6, voltage_v=5.0)
    chip = SimulatedIna219(source, clock, parameters=specimen)
    with _driver(BusyMachineBus(chip, clock), clock) as sensor:
        sensor.read()
        reported = sensor.missed_conversions
        origin_ns = chip.conversion_end_ns(0)
        period_ns = chip.conversion_end_ns(1) - origin_ns
        numbers, flagged = [], 0
        for _ in range(cycles):
            reading = sensor.read()
            numbers.append(round((reading.t_ns - origin_ns) / period_ns))
            flagged += bool(reading.flags & ReadingFlag.GAP_BEFORE)
        reported = sensor.missed_conversions - reported
    steps = [later - earlier for earlier, later in itertools.pairwise(numbers)]
    lost = sum(steps) - len(steps)
    yield "| simulated cycles beside a busy machine | |"
    yield "|---|---|"
    yield f"| readings | {cycles:,} |"
    yield f"| duplicates | {sum(step < 1 for step in steps)} |"
    yield f"| conversions lost while the reader was held up | {lost:,} |"
    yield f"| of them unreported | {lost - reported} |"


def sampler_table(seconds: float) -> Iterator[str]:
    """Run the sampler process in real time; the simulated chip runs inside it and counts too."""
    clock = MonotonicClock()
    with SamplerProcess(sensor_factory(SensorChoice(kind="simulated")), clock) as sampler:
        sampler.trace_until(clock.now_ns() + round(seconds * NS_PER_S))
        found = sampler.statistics()
    yield f"| sampler process, {seconds:g} s | |"
    yield "|---|---|"
    yield f"| readings per second | {found.rate_hz or 0:.1f} |"
    yield f"| CPU of one core, simulated chip included | {100 * (found.cpu_fraction or 0):.2f} % |"
    at_111 = 100 * (found.cpu_fraction or 0) / (found.rate_hz or 1) * 111
    yield f"| the same at 111 readings per second | {at_111:.2f} % |"
    yield f"| of that the simulated chip, measured alone | {_chip_us() * 111e-4:.2f} % |"
    yield f"| jitter (standard deviation of the delay) | {1e6 * (found.jitter_s or 0):.0f} µs |"
    yield f"| latest reading | {1e3 * (found.latest_s or 0):.2f} ms |"
    yield f"| lost, all reported | {found.lost} of {found.readings + found.lost} |"


def _chip_us() -> float:
    """Return what the simulated chip itself costs per reading, µs, woken as seldom as in use."""
    from joulesplit._simulation import LOG_SEGMENTS, draw_world, load_of

    clock = MonotonicClock()
    setup = draw_world(1, clock.now_ns())
    load = load_of(setup, bytearray(LoadLog.bytes_needed(LOG_SEGMENTS)))
    chip = SimulatedIna219(load, clock, parameters=setup.chip)
    chip.write_register(0, 0x11E7)
    used_ns = 0
    for _ in range(200):
        clock.sleep_until_ns(clock.now_ns() + 9_500_000)
        begin_ns = time.process_time_ns()
        chip.read_register(2)
        chip.read_register(1)
        used_ns += time.process_time_ns() - begin_ns
    return used_ns / 200 / 1000


def energy_table() -> Iterator[str]:
    """Largest error of the energy of 2 s of a bursty load, over start phases."""
    yield "| burst period | ours, worst of 8 | polling every 100 ms, worst of 8 |"
    yield "|---|---|---|"
    for period_ms in (5, 7.3, 9.1, 13, 20, 33, 50):
        errors = [_energy_errors(period_ms, phase / 8) for phase in range(8)]
        ours, polled = (max(abs(error) for error in side) for side in zip(*errors, strict=True))
        yield f"| {period_ms:g} ms | {100 * ours:.3f} % | {100 * polled:.1f} % |"


def _energy_errors(period_ms: float, phase: float) -> tuple[float, float]:
    """Return our relative error and that of polling, for 60 % duty, 3 W on 3 W."""
    clock, load, chip = _bursty(period_ms, phase)
    with _driver(SimulatedI2cBus(1, {0x40: chip}, clock), clock) as sensor:
        readings = [sensor.read()]
        while readings[-1].t_ns < readings[0].t_ns + 2 * NS_PER_S:
            readings.append(sensor.read())
    energy_j = sum(
        later.power_w * (later.t_ns - earlier.t_ns) * 1e-9
        for earlier, later in itertools.pairwise(readings)
    )
    ours = energy_j / load.true_energy_j(readings[0].t_ns, readings[-1].t_ns) - 1

    clock, load, chip = _bursty(period_ms, phase)
    bus = SimulatedI2cBus(1, {0x40: chip}, clock)
    bus.write_word(0x40, 0, 0x119F)  # as the peers configure it: one 12-bit sample of each
    clock.advance_ns(NS_PER_S // 20)
    begin_ns, powers_w = clock.now_ns(), []
    for number in range(20):
        clock.sleep_until_ns(begin_ns + number * NS_PER_S // 10)
        volts = (bus.read_word(0x40, 2) >> 3) * 4e-3
        powers_w.append(volts * bus.read_word(0x40, 1) * 10e-6 / 0.1)
    clock.sleep_until_ns(begin_ns + 2 * NS_PER_S)
    bus.read_word(0x40, 1)
    truth_j = load.true_energy_j(begin_ns, begin_ns + 2 * NS_PER_S)
    return ours, 2 * sum(powers_w) / len(powers_w) / truth_j - 1


def _bursty(period_ms: float, phase: float) -> tuple[SimulatedClock, LoadModel, SimulatedIna219]:
    clock, log = SimulatedClock(), LoadLog.in_memory()
    load = LoadModel(log, LoadParameters(idle_power_w=3.0), 1, origin_ns=clock.now_ns())
    period_ns = int(period_ms * 1e6)
    start_ns = clock.now_ns() + int(phase * period_ns)
    for begin_ns in range(start_ns, start_ns + 3 * NS_PER_S, period_ns):
        log.announce(begin_ns, begin_ns + int(0.6 * period_ns), 3.0)
    specimen = ChipParameters(shunt_ohm=0.1, noise_v_rms=20e-6, conversion_time_scale=1.02)
    return clock, load, SimulatedIna219(load, clock, parameters=specimen)


def _driver(bus: SimulatedI2cBus, clock: SimulatedClock) -> Ina219:
    return Ina219(bus, shunt_ohm=0.1, shunt_tolerance=0.01, expected_peak_a=1.5, clock=clock)


if __name__ == "__main__":
    main()
