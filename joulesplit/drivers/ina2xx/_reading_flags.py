"""What is wrong with a chip's readings: flags for one, an error for too many in a row."""

from __future__ import annotations

from joulesplit.drivers.errors import RangeExceededError, StuckReadingsError
from joulesplit.drivers.ina2xx._chip import ChipSettings
from joulesplit.drivers.ina2xx._conversion_tracker import ConversionTracker
from joulesplit.drivers.ina2xx._pacing import ConversionPacer, Words
from joulesplit.drivers.ina2xx._register_link import RegisterLink
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
        link: The chip; for messages.
        settings: What it is set to.
        shunt_ohm: Shunt resistance, ohm; for messages.
    """

    def __init__(self, link: RegisterLink, settings: ChipSettings, shunt_ohm: float) -> None:
        self._settings = settings
        self._shunt_limit = settings.shunt_limit_code
        self._bus_limit = settings.bus_limit_code
        self._shunt_ohm = shunt_ohm
        self._chip = link.chip
        self._place = link.place
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
            code: Signed shunt code.
            bus_code: Bus voltage code.

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
                f"the {self._chip.name} at {self._place} has delivered the same two words "
                f"{STUCK_LIMIT} times in a row; switch its supply off and on, and check the wiring "
                "of the shunt"
            )
        return ReadingFlag.STUCK.value if self._equal_pairs >= STUCK_AFTER else 0

    def _range_exceeded(self, code: int, bus_code: int) -> RangeExceededError:
        chip, settings = self._chip, self._settings
        if bus_code >= self._bus_limit:
            return RangeExceededError(
                f"the bus voltage at the {chip.name} at {self._place} exceeds its range of "
                f"{self._bus_limit * chip.bus_step_v:g} V; {settings.beyond_bus}"
            )
        larger = "no range is larger" if settings.is_widest else "leave out --peak-current-a"
        current_a = abs(code) * chip.shunt_step_v / self._shunt_ohm
        return RangeExceededError(
            f"the current through the shunt of {self._shunt_ohm:g} ohm at {self._place} has been "
            f"above {current_a:g} A, the full scale of {settings.shunt_range}, for "
            f"{CLIPPED_LIMIT} readings in a row; {larger}; read the marking of the shunt "
            "(--shunt-ohm), or use a smaller one"
        )


def flags_since(
    link: RegisterLink,
    tracker: ConversionTracker,
    pacer: ConversionPacer,
    words: Words,
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
