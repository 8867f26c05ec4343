"""The simulated world: a board with known costs on a simulated chip behind the real driver."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from joulesplit.calibrate.environment import Machine
from joulesplit.calibrate.workloads import BoardCosts, Governor, SimulatedBoard, truth_of
from joulesplit.drivers.simulated import (
    ChipParameters,
    EventfulClock,
    Ina226Parameters,
    Load,
    LoadLog,
    LoadModel,
    LoadParameters,
    Mishap,
    Pulses,
    RadioParameters,
    SharedProcessor,
    SimulatedClock,
    SimulatedIna219,
    SimulatedIna226,
    SimulatedRadio,
    ThermalGovernor,
    Visit,
    reader_clock,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joulesplit.calibrate.profile import SimulatedTruth, TunedSetting
    from joulesplit.calibrate.sampling import SensorFactory
    from joulesplit.drivers.ina2xx import Grade
    from joulesplit.drivers.protocols import Clock, I2cBus, PowerSensor
    from joulesplit.partition import Block

BUS_NUMBER = 1
ADDRESS = 0x40
SHUNT_OHM = 0.1
SHUNT_TOLERANCE = 0.01
INA226_SHUNT_OHM = 0.05
EXPECTED_PEAK_A = 1.2
GRADE: Grade = "B"

GAIN_BOUND = 0.003
"""Current measurement error of an INA219B (TI SBOS448G, electrical characteristics)."""

BUS_GAIN_BOUND = 0.005
"""Bus voltage error (TI SBOS448G, electrical characteristics)."""

OFFSET_BOUND_V = 75e-6
"""Shunt offset of an INA219B at gain /4 (TI SBOS448G, electrical characteristics)."""

COMMON_MODE_BOUND_V = 70e-6
"""Common-mode rejection of 100 dB from the 12 V of the offset to the 5 V of the rail (same)."""

SUPPLY_BOUND_V = 17e-6
"""Supply rejection of 10 µV/V from the 3.3 V of the offset to 5 V (same)."""

TEMPERATURE_SPAN_K = 20.0
SHUNT_DRIFT_PER_K = 100e-6
GAIN_DRIFT_PER_K = 10e-6
OFFSET_DRIFT_V_PER_K = 0.1e-6
"""Chip and shunt are anywhere within the span around 25 °C; the shunt drifts like a thick-film
part, the chip as its data sheet says (TI SBOS448G, electrical characteristics)."""

SENSE_PATH_BOUND_OHM = 0.3e-3
"""What the place of the sense taps makes of the shunt, at most, either way."""

SHUNT_HEATING_PER_W = 0.01
"""Growth of the shunt by its own heat, at most: 100 ppm/K times 100 K/W, 1/W."""

LINK_RATE_BIT_PER_S = 40e6
"""The simulated radio takes no more than this, as a Raspberry Pi's on 2.4 GHz; an assumption."""

COLD_SHARE = 0.06
"""A block inside a network takes so much longer than alone on the simulated board, because the
others drive it out of the caches; an assumption. One x86-64 machine with LiteRT 2.3 showed 0 to
3 % for the first eight blocks of the float32 network and 25 % for all twenty."""

LOG_SEGMENTS = 1 << 16
NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldSetup:
    """One simulated world; everything in it is an assumption, and known.

    Attributes:
        seed: Of the world's noise.
        costs: What the board truly costs.
        load: Idle power, drift, background, supply.
        chip: The specimen of the INA219 and its shunt.
        ina226: That of an INA226 and its shunt that measures in its place; None for the INA219.
        origin_ns: When the world begins, ns.
        radio: What uploads cost besides their bits; None for a radio without wake-ups and tail.
        mishaps: What befalls the sensor and its reader; in virtual time only.
        visits: What other programs do.
        link_rate_bit_per_s: What its radio takes at most, bit/s.
        corrupt_share: Share of the words read from the chip that arrive as all ones.
        bus_held_ms: Period in which another device has the bus, and for how long of it, ms.
        pulses: How the power of work comes and goes; None for power that is steady.
    """

    seed: int
    costs: BoardCosts
    load: LoadParameters
    chip: ChipParameters
    origin_ns: int
    radio: RadioParameters | None = None
    mishaps: tuple[Mishap, ...] = ()
    visits: tuple[Visit, ...] = ()
    link_rate_bit_per_s: float = LINK_RATE_BIT_PER_S
    pulses: Pulses | None = None
    corrupt_share: float = 0.0
    bus_held_ms: tuple[int, int] = (0, 0)
    ina226: Ina226Parameters | None = None


def draw_world(
    seed: int, origin_ns: int, *, costs: BoardCosts | None = None, chip: str = "ina219"
) -> WorldSetup:
    """Draw a world whose sensor has errors anywhere inside its stated bounds.

    Args:
        seed: The same seed gives the same world.
        origin_ns: When it begins, CLOCK_MONOTONIC, ns.
        costs: The board; None for the default one.
        chip: Which is simulated, ``ina219`` or ``ina226``; the board is the same.
    """
    random = np.random.default_rng([seed, 219])
    costs = costs or BoardCosts()
    return WorldSetup(
        seed=seed,
        costs=costs,
        load=LoadParameters(
            idle_power_w=costs.resting_power_w,
            background_sd_w=0.008,
            background_tau_s=0.05,
            supply_voltage_v=5.1,
            source_resistance_ohm=0.15,
        ),
        chip=_specimen(random),
        origin_ns=origin_ns,
        ina226=_ina226_specimen(seed) if chip == "ina226" else None,
    )


def _within(random: np.random.Generator, *bounds: float) -> float:
    """Draw a sum of errors, each anywhere within its bound."""
    return float(sum(random.uniform(-bound, bound) for bound in bounds))


def _specimen(random: np.random.Generator) -> ChipParameters:
    """Draw a chip and its shunt from everything that the budget of an INA219B allows."""
    span_k = TEMPERATURE_SPAN_K
    shunt_rel = _within(random, SHUNT_TOLERANCE, SHUNT_DRIFT_PER_K * span_k)
    return ChipParameters(
        shunt_ohm=SHUNT_OHM * (1 + shunt_rel) + _within(random, SENSE_PATH_BOUND_OHM),
        shunt_heating_per_w=float(random.uniform(0.0, SHUNT_HEATING_PER_W)),
        gain_error=_within(random, GAIN_BOUND, GAIN_DRIFT_PER_K * span_k),
        bus_gain_error=_within(random, BUS_GAIN_BOUND),
        offset_v=_within(
            random,
            OFFSET_BOUND_V,
            COMMON_MODE_BOUND_V,
            SUPPLY_BOUND_V,
            OFFSET_DRIFT_V_PER_K * span_k,
        ),
        noise_v_rms=20e-6,
        bus_noise_v_rms=2e-3,
        conversion_time_scale=float(random.uniform(1.0, 1.1)),
    )


def _ina226_specimen(seed: int) -> Ina226Parameters:
    """Draw an INA226 and its shunt from everything that its budget allows.

    TI SBOS547B, section 5.5: gains and their drift; offset, 126 dB of 7 V, 2.5 µV/V of 1.7 V and
    drift; bus offset, its drift and 0.5 mV/V of 1.7 V.
    """
    random = np.random.default_rng([seed, 226])
    span_k = TEMPERATURE_SPAN_K
    shunt_rel = _within(random, SHUNT_TOLERANCE, SHUNT_DRIFT_PER_K * span_k)
    return Ina226Parameters(
        shunt_ohm=INA226_SHUNT_OHM * (1 + shunt_rel) + _within(random, SENSE_PATH_BOUND_OHM),
        shunt_heating_per_w=float(random.uniform(0.0, SHUNT_HEATING_PER_W)),
        gain_error=_within(random, 0.001, 50e-6 * span_k),
        bus_gain_error=_within(random, 0.001, 50e-6 * span_k),
        offset_v=_within(random, 10e-6, 3.5e-6, 4.25e-6, 0.1e-6 * span_k),
        bus_offset_v=_within(random, 7.5e-3, 0.8e-3, 0.85e-3),
        noise_v_rms=15e-6,
        bus_noise_v_rms=2e-3,
        conversion_time_scale=float(random.uniform(1.0, 1.1)),
    )


def without_errors(chip: ChipParameters) -> ChipParameters:
    """Return a specimen with its noise and its own pace, but without systematic errors."""
    return replace(
        chip,
        shunt_ohm=SHUNT_OHM,
        shunt_heating_per_w=0.0,
        gain_error=0.0,
        bus_gain_error=0.0,
        offset_v=0.0,
    )


def load_of(setup: WorldSetup, buffer: Any) -> LoadModel:
    """Return the load of a world: what its chip measures; the log's one reader."""
    return LoadModel(LoadLog(buffer), setup.load, setup.seed, origin_ns=setup.origin_ns)


def virtual_sensor_clock(setup: WorldSetup) -> SimulatedClock:
    """Return virtual time for a world's sensor, in which its mishaps can happen."""
    # The one that knows events takes a third longer over a campaign.
    clock = EventfulClock if setup.mishaps else SimulatedClock
    return clock(start_ns=setup.origin_ns)


def open_simulated_sensor(
    setup: WorldSetup, buffer: Any, clock: Clock | None = None, *, load: Load | None = None
) -> PowerSensor:
    """Return the real driver on the simulated chip of a world.

    Args:
        setup: The world.
        buffer: Memory of its load log; this sensor is the log's one reader.
        clock: Time; None for real time.
        load: The world's load, for whoever also wants to ask it for the truth.
    """
    from joulesplit.drivers import MonotonicClock
    from joulesplit.drivers.simulated import SimulatedI2cBus

    clock = clock or MonotonicClock()
    load = load or load_of(setup, buffer)
    chip = _chip_of(setup, load, clock)
    bus = SimulatedI2cBus(BUS_NUMBER, {ADDRESS: chip}, clock)
    bus.corrupt_words(setup.corrupt_share)
    bus.share_with_another(*(held_ms * NS_PER_MS for held_ms in setup.bus_held_ms))
    seen = reader_clock(setup.mishaps, chip, clock, origin_ns=setup.origin_ns)
    return _open_ina219(bus, seen) if setup.ina226 is None else _open_ina226(bus, seen)


def _chip_of(setup: WorldSetup, load: Load, clock: Clock) -> SimulatedIna219 | SimulatedIna226:
    if setup.ina226 is not None:
        return SimulatedIna226(load, clock, seed=setup.seed, parameters=setup.ina226)
    return SimulatedIna219(load, clock, seed=setup.seed, parameters=setup.chip)


def _open_ina219(bus: I2cBus, clock: Clock) -> PowerSensor:
    from joulesplit.drivers.ina219 import Ina219

    return Ina219(
        bus,
        address=ADDRESS,
        shunt_ohm=SHUNT_OHM,
        shunt_tolerance=SHUNT_TOLERANCE,
        expected_peak_a=EXPECTED_PEAK_A,
        grade=GRADE,
        clock=clock,
        simulated=True,
    )


def _open_ina226(bus: I2cBus, clock: Clock) -> PowerSensor:
    from joulesplit.drivers.ina226 import Ina226

    return Ina226(
        bus,
        address=ADDRESS,
        shunt_ohm=INA226_SHUNT_OHM,
        shunt_tolerance=SHUNT_TOLERANCE,
        expected_peak_a=EXPECTED_PEAK_A,
        clock=clock,
        simulated=True,
    )


class SimulatedWorld:
    """A world with both its sides: the sensor to read and the board to do the work.

    It is a ``joulesplit.calibrate.instrument.DeviceUnderTest``.

    Args:
        setup: The world.
        buffer: Zeroed memory of ``LoadLog.bytes_needed(LOG_SEGMENTS)`` bytes; shared memory
            joins two processes.
        clock: Time of the board.
        machine: That computes what the board is said to compute; None for this one as it is.
        tuned: What was set on it.
    """

    temperature_c = None
    """A board that cannot be touched has no thermometer."""

    def __init__(
        self,
        setup: WorldSetup,
        buffer: Any,
        clock: Clock,
        *,
        machine: Machine | None = None,
        tuned: tuple[TunedSetting, ...] = (),
    ) -> None:
        self.setup, self.clock = setup, clock
        self.machine, self.tuned = machine or Machine(), tuned
        self._buffer = buffer
        self._log = LoadLog(buffer)

    @classmethod
    def shared(
        cls,
        setup: WorldSetup,
        clock: Clock,
        *,
        machine: Machine | None = None,
        tuned: tuple[TunedSetting, ...] = (),
    ) -> SimulatedWorld:
        """Return a world whose sensor may live in a spawned process."""
        import multiprocessing

        size = LoadLog.bytes_needed(LOG_SEGMENTS)
        buffer = multiprocessing.get_context("spawn").RawArray("B", size)
        return cls(setup, buffer, clock, machine=machine, tuned=tuned)

    @property
    def sensor_factory(self) -> SensorFactory:
        """The maker of the sensor, in real time; picklable while a process is spawned."""
        return partial(open_simulated_sensor, self.setup, self._buffer)

    @property
    def link_rate_bit_per_s(self) -> float:
        """What its radio takes at most, bit/s."""
        return self.setup.link_rate_bit_per_s

    def announce(self, start_ns: int, end_ns: int, power_w: float) -> None:
        """Draw ``power_w`` above idle from start to end, ns."""
        if self.setup.pulses is None:
            self._log.announce(start_ns, end_ns, power_w)
            return
        for segment in self.setup.pulses.of(start_ns, end_ns, power_w):
            self._log.announce(*segment)

    def conditions(self, interface: str | None, *, thorough: bool) -> None:
        """Return None: the machine that computes is not the one that the sensor sees."""
        del interface, thorough

    def truth(self, blocks: Sequence[Block], rate_bit_per_s: float) -> SimulatedTruth:
        """Return what the board really costs, E_c at a rate."""
        return truth_of(self.setup.costs, tuple(blocks), rate_bit_per_s)

    def activity(self, blocks: Sequence[Block]) -> SimulatedBoard:
        """Return the board that runs a network's blocks."""
        setup, heat, radio = self.setup, None, None
        if setup.load.thermal is not None:
            heat = ThermalGovernor(
                setup.load.thermal,
                idle_power_w=setup.load.idle_power_w,
                origin_ns=setup.origin_ns,
            )
        governor: Governor | None = heat
        if setup.visits:
            governor = SharedProcessor(
                setup.visits, self.announce, origin_ns=setup.origin_ns, alone=heat
            )
        if setup.radio is not None:
            radio = SimulatedRadio(setup.radio, self.announce, seed=setup.seed)
        return SimulatedBoard(
            setup.costs, tuple(blocks), self.announce, self.clock, governor=governor, radio=radio
        )


def world_from_now(
    seed: int,
    clock: Clock,
    *,
    machine: Machine | None = None,
    tuned: tuple[TunedSetting, ...] = (),
    chip: str = "ina219",
) -> SimulatedWorld:
    """Return a simulated world that begins now, in real time; its board costs what it costs.

    Args:
        seed: Of everything that is drawn in it.
        clock: Real time.
        machine: The machine that the work runs on; None for this one as it is.
        tuned: What was set on it for the measurement.
        chip: Which is simulated, ``ina219`` or ``ina226``.
    """
    costs = BoardCosts(cold_share=COLD_SHARE)
    setup = draw_world(seed, clock.now_ns(), costs=costs, chip=chip)
    return SimulatedWorld.shared(setup, clock, machine=machine, tuned=tuned)
