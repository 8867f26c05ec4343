"""A register-level INA226, declared from the data sheet (TI SBOS547B) and nothing else.

Conversions of shunt and bus voltage alternate, pairs of them are averaged, and both means go into
their registers at once when the last is done. A conversion is taken as the mean of pieces as long
as the shortest one, each of which stands at full scale by itself: a mean below full scale may hold
pieces that did not.

Left out: the modulator inside a piece (peaks of less than 140 µs are averaged before they are cut
off), the input filter, the ALERT pin and the alert functions (their bits are kept and do nothing),
triggered modes, drift with temperature, and the time that the arithmetic takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from joulesplit.drivers.protocols import Clock
from joulesplit.drivers.simulated._load import Load, means_over

TIMES_NS = (140_000, 204_000, 332_000, 588_000, 1_100_000, 2_116_000, 4_156_000, 8_244_000)
MEANS = (1, 4, 16, 64, 128, 256, 512, 1024)
FIRST_WORDS = {0: 0x4127, 5: 0, 6: 0, 7: 0}
FIXED_WORDS = {0xFE: 0x5449, 0xFF: 0x2260}
KEPT_BITS = {0: 0x0FFF, 5: 0x7FFF, 6: 0xFC03, 7: 0xFFFF}
ALWAYS_SET = 0x4000  # of the configuration, as after power-on
READY_FLAG = 1 << 3
OVERFLOW_FLAG = 1 << 2
SHUNT_LSB, BUS_LSB = 2.5e-6, 1.25e-3
LOWEST, HIGHEST = -32768, 32767


@dataclass(frozen=True, slots=True, kw_only=True)
class Ina226Parameters:
    """One specimen of the chip and its shunt; the defaults are a perfect one.

    Attributes:
        shunt_ohm: True resistance of the shunt when it is as cool as without current, ohm.
        shunt_heating_per_w: How much of itself the shunt grows by its own heat, 1/W.
        gain_error: Relative error of the shunt measurement.
        bus_gain_error: Relative error of the bus measurement.
        offset_v: Offset of the shunt measurement, V.
        bus_offset_v: Offset of the bus measurement, V.
        noise_v_rms: Shunt noise of the shortest conversion, V; longer ones have less by √t.
        bus_noise_v_rms: Bus noise of the shortest conversion, V.
        conversion_time_scale: Conversion time over the typical one; the data sheet allows 1.10.
        shunt_latch: When register 0x01 takes the result of a conversion that is not averaged; of
            averaged ones the data sheet says that both are loaded at the end.
        ready_clears: Which read clears the ready flag. The data sheet says ``mask-read``.
        latch_bit_is_kept: LEN can be set, as the data sheet says.
    """

    shunt_ohm: float
    shunt_heating_per_w: float = 0.0
    gain_error: float = 0.0
    bus_gain_error: float = 0.0
    offset_v: float = 0.0
    bus_offset_v: float = 0.0
    noise_v_rms: float = 0.0
    bus_noise_v_rms: float = 0.0
    conversion_time_scale: float = 1.0
    shunt_latch: Literal["cycle-end", "shunt-end"] = "cycle-end"
    ready_clears: Literal["mask-read", "power-read"] = "mask-read"
    latch_bit_is_kept: bool = True


class SimulatedIna226:
    """The chip: registers towards the bus, and a world side to put it into trouble.

    Args:
        load: What flows through the shunt.
        clock: Time that conversions run against.
        seed: Of the noise.
        parameters: The specimen.
    """

    def __init__(
        self, load: Load, clock: Clock, *, seed: int = 0, parameters: Ina226Parameters
    ) -> None:
        self._load = load
        self._clock = clock
        self._parameters = parameters
        self._random = np.random.default_rng(seed)
        self._clearing_pointer = {"mask-read": 6, "power-read": 3}[parameters.ready_clears]
        self._is_frozen = False
        self._overload_v: float | None = None
        self._is_held_in_reset = False
        self._last: int | None = None
        self._power_on()

    def read_register(self, pointer: int) -> int:
        """Return a register word as it stands now; undefined registers read 0."""
        self._convert_what_is_done()
        word = self._word_of(pointer)
        if pointer == self._clearing_pointer:
            self._is_ready = False
        return word

    def write_register(self, pointer: int, word: int) -> None:
        """Write a register word; result and identity registers ignore it."""
        if self._is_held_in_reset or pointer not in KEPT_BITS:
            return
        self._convert_what_is_done()
        if pointer == 0 and word & 0x8000:
            self._power_on()
            return
        kept = word & KEPT_BITS[pointer]
        if pointer == 6 and not self._parameters.latch_bit_is_kept:
            kept &= ~1
        self._kept[pointer] = kept | (ALWAYS_SET if pointer == 0 else 0)
        if pointer == 0:
            self._begin()

    def finished_conversions(self) -> int:
        """World side: return how many results have been finished since the last configuration."""
        return self._finished(self._clock.now_ns())

    def conversion_end_ns(self, number: int) -> float:
        """World side: return when the result of this number (from 1) is ready, ns."""
        return self._origin_ns + number * self._cycle_ns

    def brown_out(self, *, persistent: bool = False) -> None:
        """World side: reset the chip as a supply dip does; a persistent one ignores writes."""
        self._power_on()
        self._is_held_in_reset = persistent

    def freeze(self, *, frozen: bool = True) -> None:
        """World side: keep the results as they are while conversions go on (or let go)."""
        self._convert_what_is_done()
        self._is_frozen = frozen

    def overload(self, shunt_v: float | None) -> None:
        """World side: put this voltage over the shunt whatever the load draws; None lets go."""
        self._convert_what_is_done()
        self._overload_v = shunt_v

    def stop_converting(self) -> None:
        """World side: finish no further result until the next configuration."""
        self._last = self.finished_conversions()

    def _power_on(self) -> None:
        self._kept = dict(FIRST_WORDS)
        self._shunt_code = self._bus_code = 0
        self._begin()

    def _begin(self) -> None:
        word, scale = self._kept[0], self._parameters.conversion_time_scale
        self._means = MEANS[word >> 9 & 7]
        self._bus_ns = TIMES_NS[word >> 6 & 7] * scale
        self._shunt_ns = TIMES_NS[word >> 3 & 7] * scale
        self._cycle_ns = self._means * (self._shunt_ns + self._bus_ns)
        self._origin_ns = self._clock.now_ns()
        # Shunt and bus, continuous, is the one mode that is modelled; in others nothing is done.
        self._last = None if word & 7 == 7 else 0
        self._shunts_done = self._buses_done = 0
        self._is_ready = False

    def _finished(self, t_ns: float) -> int:
        done = max(0, int((t_ns - self._origin_ns) // self._cycle_ns))
        return done if self._last is None else min(done, self._last)

    def _convert_what_is_done(self) -> None:
        now_ns = self._clock.now_ns()
        results = shunts = self._finished(now_ns)
        if self._parameters.shunt_latch == "shunt-end" and self._means == 1:
            shunts = self._finished(now_ns + self._bus_ns)
        if results > self._buses_done:
            self._is_ready = True
            self._buses_done = results
            self._convert(results, shunt=shunts == results)
        if shunts > max(results, self._shunts_done):
            self._shunts_done = shunts
            self._convert_shunt_alone(shunts)

    def _convert(self, number: int, *, shunt: bool) -> None:
        """Convert all pairs of the result of this number."""
        if self._is_frozen:
            return
        start_ns = self.conversion_end_ns(number - 1)
        pair_ns = self._shunt_ns + self._bus_ns
        begins_ns = [start_ns + count * pair_ns for count in range(self._means)]
        found = [self._pair(begin_ns) for begin_ns in begins_ns]
        self._bus_code = round(sum(bus for _, bus in found) / self._means)
        if shunt:
            self._shunts_done = number
            self._shunt_code = round(sum(code for code, _ in found) / self._means)

    def _convert_shunt_alone(self, number: int) -> None:
        if not self._is_frozen:
            self._shunt_code = self._pair(self.conversion_end_ns(number - 1))[0]

    def _pair(self, begin_ns: float) -> tuple[int, int]:
        """Return shunt and bus code of one conversion each."""
        pieces = max(1, round(self._shunt_ns / TIMES_NS[0]))
        piece_ns = self._shunt_ns / pieces
        edges_ns = [int(begin_ns + count * piece_ns) for count in range(pieces + 1)]
        edges_ns.append(int(begin_ns + self._shunt_ns + self._bus_ns))
        currents_a, voltages_v = means_over(self._load, edges_ns, pieces)
        return self._shunt_result(np.array(currents_a)), self._bus_result(voltages_v[0])

    def _shunt_result(self, currents_a: np.ndarray) -> int:
        specimen = self._parameters
        if self._overload_v is None:
            shunt_v = currents_a * specimen.shunt_ohm
            shunt_v *= 1 + specimen.shunt_heating_per_w * currents_a * shunt_v
            shunt_v = shunt_v * (1 + specimen.gain_error) + specimen.offset_v
        else:
            shunt_v = np.full(len(currents_a), self._overload_v)
        if specimen.noise_v_rms:
            shunt_v = shunt_v + self._random.normal(0.0, specimen.noise_v_rms, len(shunt_v))
        pieces = np.clip(shunt_v / SHUNT_LSB, LOWEST, HIGHEST)
        return round(float(pieces.mean()))

    def _bus_result(self, volts: float) -> int:
        specimen = self._parameters
        volts = volts * (1 + specimen.bus_gain_error) + specimen.bus_offset_v
        if specimen.bus_noise_v_rms:
            share = (TIMES_NS[0] / self._bus_ns) ** 0.5
            volts += float(self._random.normal(0.0, specimen.bus_noise_v_rms * share))
        return max(0, min(HIGHEST, round(volts / BUS_LSB)))

    def _word_of(self, pointer: int) -> int:
        if pointer == 1:
            return self._shunt_code & 0xFFFF
        if pointer == 2:
            return self._bus_code
        if pointer == 3:
            return min(0xFFFF, abs(self._current_code()) * self._bus_code // 20_000)
        if pointer == 4:
            return self._current_code() & 0xFFFF
        if pointer == 6:
            overflows = abs(self._current_code()) > HIGHEST
            return self._kept[6] | READY_FLAG * self._is_ready | OVERFLOW_FLAG * overflows
        return self._kept.get(pointer, FIXED_WORDS.get(pointer, 0))

    def _current_code(self) -> int:
        return int(self._shunt_code * self._kept[5] / 2048)
