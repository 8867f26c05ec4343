"""A register-level INA219, declared from the data sheet (TI SBOS448G) and nothing else.

Conversions run against the clock: a register read computes the latest finished cycle, so that
results nobody reads are overwritten, as on the chip. An averaged result is the mean of 12-bit
samples, each of which was quantised and stood at full scale by itself: a mean below full scale may
hold samples that did not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from joulesplit.drivers.protocols import Clock
from joulesplit.drivers.simulated._load import Load, means_over

CONFIGURATION, SHUNT, BUS, POWER, CURRENT, CALIBRATION = range(6)
POWER_ON_WORD = 0x399F
RESET = 1 << 15
CONFIGURATION_BITS = 0x3FFF  # RST clears itself, bit 14 is unused
CONVERSION_READY = 1 << 1
OVERFLOW = 1 << 0
SHUNT_STEP_V = 10e-6
BUS_STEP_V = 4e-3
SHUNT_RANGE_CODES = (4000, 8000, 16000, 32000)  # by PG bits, table 7
BUS_RANGE_CODES = (4000, 8000)  # by BRNG bit: 16 V, 32 V
WAKE_NS = 40_000  # recovery from power-down, section 8.4.1
SINGLE_NS = (84_000, 148_000, 276_000, 532_000)  # 9 to 12 bit, table 5
AVERAGED_NS = (
    532_000,
    1_060_000,
    2_130_000,
    4_260_000,
    8_510_000,
    17_020_000,
    34_050_000,
    68_100_000,
)
NOISE_BLOCK = 4096
WHOLE = 1.5 * 2**52
"""Added and taken off again it leaves the whole number that is nearest, the even one of two, as
``round`` does, in a quarter of the time: between 2^52 and 2^53 a double has no other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipParameters:
    """One specimen of the chip and its shunt; the defaults are a perfect one.

    Attributes:
        shunt_ohm: True resistance of the shunt when it is as cool as without current, ohm.
        shunt_heating_per_w: How much of itself the shunt grows by its own heat, 1/W; it is
            small, so it heats up at once.
        gain_error: Relative error of the shunt measurement.
        bus_gain_error: Relative error of the bus measurement.
        offset_v: Offset of the shunt measurement, V.
        noise_v_rms: Shunt noise of one 12-bit sample, V; averaging divides it by √n.
        sample_step_grows: One 12-bit sample steps by 10 µV times the divider of the gain, as of a
            converter with 4000 steps a side, and not by the register's 10 µV at every gain; the
            data sheet does not say.
        bus_noise_v_rms: Bus noise of one 12-bit sample, V.
        conversion_time_scale: Conversion time over the typical one; the data sheet allows 1.10.
        cnvr_clears: Which read clears the conversion-ready bit. The data sheet says
            ``power-read``; the chip was observed to follow ``bus-read``; TI support told the
            Linux developers ``any-read``.
        shunt_latch: When register 0x01 takes the new result; the data sheet does not say.
    """

    shunt_ohm: float
    shunt_heating_per_w: float = 0.0
    gain_error: float = 0.0
    bus_gain_error: float = 0.0
    offset_v: float = 0.0
    noise_v_rms: float = 0.0
    sample_step_grows: bool = False
    bus_noise_v_rms: float = 0.0
    conversion_time_scale: float = 1.0
    cnvr_clears: Literal["bus-read", "power-read", "any-read"] = "bus-read"
    shunt_latch: Literal["cycle-end", "shunt-end"] = "cycle-end"


_CLEARING_READS = {
    "bus-read": {BUS},
    "power-read": {POWER},
    "any-read": {SHUNT, BUS, POWER, CURRENT},
}


def _conversion(code: int) -> tuple[int, int, int]:
    """Return (typical time in ns, averaged samples, step relative to 12 bit) of an ADC code."""
    if code & 8:
        return AVERAGED_NS[code & 7], 1 << (code & 7), 1
    return SINGLE_NS[code & 3], 1, 1 << (3 - (code & 3))


class SimulatedIna219:
    """The chip: registers towards the bus, and a world side to put it into trouble.

    Args:
        load: What flows through the shunt.
        clock: Time that conversions run against.
        seed: Of the noise.
        parameters: The specimen.
    """

    def __init__(
        self, load: Load, clock: Clock, *, seed: int = 0, parameters: ChipParameters
    ) -> None:
        self._load = load
        self._clock = clock
        self._parameters = parameters
        self._random = np.random.default_rng(seed)
        self._noise: list[float] = []
        self._clearing = _CLEARING_READS[parameters.cnvr_clears]
        self._frozen = False
        self._overload_v: float | None = None
        self._held_in_reset = False
        self._last_cycle: int | None = None
        self._power_on()

    def read_register(self, pointer: int) -> int:
        """Return a register word as it stands now; undefined registers read 0."""
        self._refresh(self._clock.now_ns())
        word = self._register_word(pointer)
        if pointer in self._clearing:
            self._ready = False
        return word

    def write_register(self, pointer: int, word: int) -> None:
        """Write a register word; result registers ignore it."""
        if self._held_in_reset:
            return
        self._refresh(self._clock.now_ns())
        if pointer == CONFIGURATION and word & RESET:
            self._power_on()
        elif pointer == CONFIGURATION:
            self._configure(word & CONFIGURATION_BITS)
        elif pointer == CALIBRATION:
            self._calibration = word & 0xFFFE

    def finished_conversions(self) -> int:
        """World side: return how many cycles have finished since the last configuration."""
        return self._finished(self._clock.now_ns())

    def conversion_end_ns(self, number: int) -> float:
        """World side: return when the cycle of this number (from 1) ends, ns."""
        return self._origin_ns + number * self._cycle_ns

    def brown_out(self, *, persistent: bool = False) -> None:
        """World side: reset the chip as a supply dip does; a persistent one ignores writes."""
        self._power_on()
        self._held_in_reset = persistent

    def freeze(self, *, frozen: bool = True) -> None:
        """World side: keep the results as they are while conversions go on (or let go)."""
        self._refresh(self._clock.now_ns())
        self._frozen = frozen

    def overload(self, shunt_v: float | None) -> None:
        """World side: put this voltage over the shunt whatever the load draws; None lets go."""
        self._refresh(self._clock.now_ns())
        self._overload_v = shunt_v

    def stop_converting(self) -> None:
        """World side: finish no further cycle until the next configuration."""
        self._last_cycle = self.finished_conversions()

    def _power_on(self) -> None:
        self._shunt_code = 0
        self._bus_code = 0
        self._calibration = 0
        self._mode = 7
        self._ready = False
        self._configure(POWER_ON_WORD)

    def _configure(self, word: int) -> None:
        was_down = self._mode in (0, 4)
        self._configuration = word
        self._mode = word & 7
        specimen = self._parameters
        scale = specimen.conversion_time_scale
        shunt_ns, self._shunt_samples, self._shunt_step = _conversion(word >> 3 & 15)
        bus_ns, bus_samples, self._bus_step = _conversion(word >> 7 & 15)
        self._bus_noise_v = specimen.bus_noise_v_rms / bus_samples**0.5
        self._shunt_ns = shunt_ns * scale if self._mode & 1 else 0.0
        self._bus_ns = bus_ns * scale if self._mode & 2 else 0.0
        self._cycle_ns = self._shunt_ns + self._bus_ns
        gain = word >> 11 & 3
        self._shunt_limit = SHUNT_RANGE_CODES[gain]
        if specimen.sample_step_grows:
            self._shunt_step <<= gain
        self._bus_limit = BUS_RANGE_CODES[word >> 13 & 1]
        self._origin_ns = self._clock.now_ns() + (WAKE_NS if was_down else 0)
        # A triggered mode (1 to 3) runs one cycle, a continuous one (5 to 7) goes on.
        self._last_cycle = None if self._mode & 4 else 1
        self._shunt_done = self._bus_done = 0
        self._quiet_until_ns = 0.0
        if self._mode & 3:
            self._ready = False

    def _finished(self, t_ns: float) -> int:
        if not self._cycle_ns or t_ns < self._origin_ns:
            return 0
        cycles = int((t_ns - self._origin_ns) // self._cycle_ns)
        return cycles if self._last_cycle is None else min(cycles, self._last_cycle)

    def _refresh(self, t_ns: int) -> None:
        # Most reads come while nothing new has been converted.
        if t_ns < self._quiet_until_ns:
            return
        cycles = shunts = self._finished(t_ns)
        next_ns = self.conversion_end_ns(cycles + 1)
        if self._parameters.shunt_latch == "shunt-end":
            shunts = self._finished(t_ns + self._bus_ns)
            next_ns -= self._bus_ns
        self._quiet_until_ns = next_ns - 1
        shunt_is_new, bus_is_new = shunts > self._shunt_done, cycles > self._bus_done
        if shunts == cycles:
            self._convert(cycles, shunt=shunt_is_new, bus=bus_is_new)
        else:  # in order of time: the next cycle's shunt part follows this cycle's bus part
            self._convert(cycles, shunt=False, bus=bus_is_new)
            self._convert(shunts, shunt=shunt_is_new, bus=False)

    def _convert(self, number: int, *, shunt: bool, bus: bool) -> None:
        """Convert parts of the cycle of this number; the load is asked once for all of it."""
        if shunt:
            self._shunt_done = number
        if bus:
            self._bus_done, self._ready = number, True
        samples = self._shunt_samples if shunt and self._shunt_ns else 0
        bus = bus and self._bus_ns > 0
        if self._frozen or not (samples or bus):
            return
        end_ns = self._origin_ns + number * self._cycle_ns
        edges_ns = self._sample_edges_ns(number) if samples else [int(end_ns - self._bus_ns)]
        if bus:
            edges_ns.append(int(end_ns))
        currents_a, voltages_v = means_over(self._load, edges_ns, samples)
        if samples:
            self._convert_shunt(currents_a)
        if bus:
            self._convert_bus(voltages_v[0])

    def _sample_edges_ns(self, number: int) -> list[int]:
        start_ns = self._origin_ns + (number - 1) * self._cycle_ns
        sample_ns = self._shunt_ns / self._shunt_samples
        return [int(start_ns + count * sample_ns) for count in range(self._shunt_samples + 1)]

    def _convert_shunt(self, currents_a: Sequence[float]) -> None:
        step, limit = self._shunt_step, self._shunt_limit
        step_v = SHUNT_STEP_V * step
        total = 0.0
        for sample_v in self._shunt_volts(currents_a):
            code = (sample_v / step_v + WHOLE - WHOLE) * step
            # Full scale stops each sample by itself.
            total += limit if code > limit else -limit if code < -limit else code
        self._shunt_code = round(total / len(currents_a))

    def _shunt_volts(self, currents_a: Sequence[float]) -> list[float]:
        """Return what the converter is given of samples of the current, V."""
        specimen = self._parameters
        ohm, heating_per_w = specimen.shunt_ohm, specimen.shunt_heating_per_w
        gain, offset_v = 1 + specimen.gain_error, specimen.offset_v
        noise_v, count = specimen.noise_v_rms, len(currents_a)
        normals = self._normals(count) if noise_v else [0.0] * count
        if (overload_v := self._overload_v) is not None:
            return [overload_v + normal * noise_v for normal in normals]
        return [
            (shunt_v := current_a * ohm) * (1 + heating_per_w * current_a * shunt_v) * gain
            + offset_v
            + normal * noise_v
            for current_a, normal in zip(currents_a, normals, strict=True)
        ]

    def _convert_bus(self, volts: float) -> None:
        volts *= 1 + self._parameters.bus_gain_error
        if self._bus_noise_v:
            volts += self._normals(1)[0] * self._bus_noise_v
        step = self._bus_step
        self._bus_code = max(0, min(self._bus_limit, round(volts / (BUS_STEP_V * step)) * step))

    def _normals(self, count: int) -> list[float]:
        while len(self._noise) < count:
            # They are taken from the end, and what is left of the last block before the next.
            self._noise[:0] = self._random.standard_normal(NOISE_BLOCK).tolist()
        taken = self._noise[-count:]
        del self._noise[-count:]
        taken.reverse()
        return taken

    def _register_word(self, pointer: int) -> int:
        if pointer == BUS:
            ready = CONVERSION_READY if self._ready else 0
            return self._bus_code << 3 | ready | (OVERFLOW if self._overflows() else 0)
        if pointer == SHUNT:
            return self._shunt_code & 0xFFFF
        if pointer == CONFIGURATION:
            return self._configuration
        if pointer == CURRENT:
            return self._current_code() & 0xFFFF
        if pointer == POWER:
            return self._power_code() & 0xFFFF
        return self._calibration if pointer == CALIBRATION else 0

    def _current_code(self) -> int:
        return int(self._shunt_code * self._calibration / 4096)  # equation 4, truncated

    def _power_code(self) -> int:
        return abs(self._current_code()) * self._bus_code // 5000  # equation 5, truncated

    def _overflows(self) -> bool:
        if not self._calibration:
            return False
        return abs(self._current_code()) > 0x7FFF or self._power_code() > 0xFFFF
