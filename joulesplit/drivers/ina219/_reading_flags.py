"""What is wrong with an INA219's readings: flags for one, an error for too many in a row."""

from __future__ import annotations

from joulesplit.drivers.errors import RangeExceededError, StuckReadingsError
from joulesplit.drivers.ina219._conversion_tracker import ConversionTracker
from joulesplit.drivers.ina219._link import Ina219Link
from joulesplit.drivers.ina219._pacing import ConversionPacer
from joulesplit.drivers.ina219._registers import BUS_LSB_V, SHUNT_LSB_V, Configuration, Gain
from joulesplit.drivers.ina219._word_check import WordCheck
from joulesplit.drivers.readings import ReadingFlag

STUCK_AFTER = 100
"""Equal raw pairs in a row. With noise of a third of a step, 100 in a row do not happen."""
STUCK_LIMIT = 10_000
"""Equal raw pairs in a row, 90 s at the usual settings, that are no measurement any more."""
CLIPPED_LIMIT = 100
"""Readings at full scale in a row, 0.9 s at the usual settings, that end the measurement."""


class ReadingMarks:
    """The history of one chip's raw words.

    Args:
        configuration: What the chip is set to.
        shunt_ohm: Shunt resistance, ohm; for messages.
        place: Where the chip is; for messages.
    """

    def __init__(self, configuration: Configuration, shunt_ohm: float, place: str) -> None:
        self._gain = configuration.gain
        self._shunt_limit = configuration.gain.full_scale_code
        self._bus_limit = configuration.bus_range.full_scale_code
        self._shunt_ohm = shunt_ohm
        self._place = place
        self.pending = 0
        """Flags that the next reading will carry besides its own."""
        self.restart()

    def restart(self) -> None:
        """Forget the readings before: the chip was configured again."""
        self._last_code = self._last_bus_code = -1
        self._equal_pairs = 0
        self._clipped = 0

    def flags_of(self, code: int, bus_code: int) -> int:
        """Return the flags of a pair of codes as an integer, those pending included.

        Args:
            code: Signed shunt code, steps of 10 µV.
            bus_code: Bus voltage code, steps of 4 mV.

        Raises:
            RangeExceededError: The range has been too small for ``CLIPPED_LIMIT`` readings.
            StuckReadingsError: The words have not changed for ``STUCK_LIMIT`` readings.
        """
        flags, self.pending = self.pending, 0
        if code == self._last_code and bus_code == self._last_bus_code:
            flags |= self._equal_again()
        else:
            self._last_code, self._last_bus_code = code, bus_code
            self._equal_pairs = 0
        if abs(code) < self._shunt_limit and bus_code < self._bus_limit:
            self._clipped = 0
            return flags
        return flags | self._clipped_again(code, bus_code)

    def _clipped_again(self, code: int, bus_code: int) -> int:
        self._clipped += 1
        if self._clipped >= CLIPPED_LIMIT:
            raise self._range_exceeded(code, bus_code)
        is_shunt = abs(code) >= self._shunt_limit
        flags = ReadingFlag.SHUNT_CLIPPED.value if is_shunt else 0
        return flags | (ReadingFlag.BUS_CLIPPED.value if bus_code >= self._bus_limit else 0)

    def _equal_again(self) -> int:
        self._equal_pairs += 1
        if self._equal_pairs >= STUCK_LIMIT:
            raise StuckReadingsError(
                f"the INA219 at {self._place} has delivered the same two words {STUCK_LIMIT} times "
                "in a row; switch its supply off and on, and check the wiring of the shunt"
            )
        return ReadingFlag.STUCK.value if self._equal_pairs >= STUCK_AFTER else 0

    def _range_exceeded(self, code: int, bus_code: int) -> RangeExceededError:
        if bus_code >= self._bus_limit:
            return RangeExceededError(
                f"the bus voltage at the INA219 at {self._place} exceeds its range of "
                f"{self._bus_limit * BUS_LSB_V:g} V; choose --bus-range 32, and keep to the 26 V "
                "that its pins take"
            )
        is_coarsest = self._gain is Gain.DIV_8
        larger = "no range is larger" if is_coarsest else "leave out --peak-current-a"
        current_a = abs(code) * SHUNT_LSB_V / self._shunt_ohm
        return RangeExceededError(
            f"the current through the shunt of {self._shunt_ohm:g} ohm at {self._place} has been "
            f"above {current_a:g} A, the full scale of gain /{self._gain.divider}, for "
            f"{CLIPPED_LIMIT} readings in a row; {larger}; read the marking of the shunt "
            "(--shunt-ohm), or use a smaller one"
        )


def flags_since(
    link: Ina219Link,
    tracker: ConversionTracker,
    pacer: ConversionPacer,
    words: WordCheck,
    *,
    was_suspended: bool,
    suspension_is_known: bool,
) -> int:
    """Return what has gone wrong around the words since the last reading, as an integer.

    A phase that slipped although the machine was not suspended is a reader's that was late: how
    many conversions it missed shows in the time stamps.
    """
    flags = 0
    if link.retried:
        flags |= ReadingFlag.RETRIED.value
        link.retried = False
    if words.has_changed:
        flags |= ReadingFlag.DOUBTFUL_WORDS.value
        words.has_changed = False
    if was_suspended or pacer.has_clock_stepped:
        flags |= ReadingFlag.CLOCK_STEP.value
        pacer.has_clock_stepped = False
        tracker.break_off()
    elif tracker.has_slipped and not suspension_is_known:
        flags |= ReadingFlag.CLOCK_STEP.value
    if tracker.is_too_late:
        flags |= ReadingFlag.LATE_READER.value
    return flags
