"""A chip of the family over I2C: one reading per conversion, nothing wrong passed over in silence.

The chip converts on its own, cycle after cycle. ``read`` sleeps through most of a cycle, polls the
conversion-ready bit, and reads the conversion; every fourth time it also looks just before the end.
Current and power are computed here: the chip's own arithmetic truncates and forgets its factor when
it resets.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Self

from joulesplit.drivers._clock import NS_PER_S
from joulesplit.drivers._polling import LATE_CYCLES
from joulesplit.drivers.errors import (
    BusError,
    ConversionTimeoutError,
    SensorError,
    WrongDeviceError,
)
from joulesplit.drivers.ina2xx._chip import (
    BUS_REGISTER,
    CONFIGURATION_REGISTER,
    POWER_REGISTER,
    SHUNT_REGISTER,
    Chip,
)
from joulesplit.drivers.ina2xx._conversion_tracker import ConversionTracker
from joulesplit.drivers.ina2xx._pacing import ConversionPacer, Words
from joulesplit.drivers.ina2xx._peak_probe import PeakProbe
from joulesplit.drivers.ina2xx._phase_lock import POWER_READ, Lock, LockFinder
from joulesplit.drivers.ina2xx._reading_flags import ReadingMarks, flags_since
from joulesplit.drivers.ina2xx._register_link import RegisterLink
from joulesplit.drivers.ina2xx._reset_watch import ResetWatch
from joulesplit.drivers.ina2xx._suspension import SuspensionWatch
from joulesplit.drivers.ina2xx._wiring import Wiring, describe
from joulesplit.drivers.protocols import Clock
from joulesplit.drivers.readings import Reading, ReadingFlag, SensorDescription

MAX_RESETS_IN_A_ROW = 3
MAX_DROPS = 20
EARLY_POLL_EVERY = 4
"""Of so many readings one is rehearsed as having been looked for before its conversion ended."""
REHEARSED_PART = 0.8
"""Share of a cycle that rehearsals are spread over; after it the next conversion is waited for."""
DROPS_PER_LOOK = 5
"""Results given up in a row until the configuration is looked at: a chip that was reset converts at
a pace of its own, at which every poll finds a result and none can be told from the next."""
NO_FLAG = ReadingFlag.NONE
NEW_TUPLE = tuple.__new__


class Ina2xx:
    """A wired chip of the family as a power sensor; a subclass says which, and how it is made.

    ``Reading.t_ns`` is the estimated end of the conversion: the previous end plus whole measured
    periods, kept between the last poll that was not ready and the one that was. ``Reading.raw``
    is (shunt word of register 0x01, bus word of 0x02); ``convert_words`` converts recorded words
    again.

    A chip that resets itself keeps measuring on at its power-on settings. Where its mark shows,
    nothing measured so is delivered; else one such reading may be. The reading after recovery
    carries ``CHIP_RESET`` and ``GAP_BEFORE``.

    Args:
        link: The chip.
        words: Whether its words may be believed.
        wiring: Facts about its board.
        clock: Time.
        probe_every: Conversions from one look at single samples to the next; 0 for none.
    """

    def __init__(
        self, link: RegisterLink, words: Words, wiring: Wiring, clock: Clock, probe_every: int
    ) -> None:
        self._wiring = wiring
        self._settings = wiring.settings
        self._ampere_per_code = link.chip.shunt_step_v / wiring.effective_shunt_ohm
        self._offset_codes = wiring.offset_v / link.chip.shunt_step_v
        self._volt_per_code = link.chip.bus_step_v * wiring.bus_factor
        self._clock = clock
        self._probe_every = probe_every
        self._link = link
        self._probe = PeakProbe(link, clock, self._settings, probe_every)
        self._marks = ReadingMarks(link, self._settings, wiring.shunt_ohm)
        self._suspension = SuspensionWatch(clock)
        self._words = words
        self._reads_bus = link.chip.ready.register != BUS_REGISTER
        self._lock: Lock | None = None
        self._is_lost = False
        self._rehearsed = 0
        self._description = describe(wiring, link.place, None)
        self.missed_conversions = 0
        """Conversions since opening that were overwritten before they were read."""

    @property
    def chip(self) -> Chip:
        """Which chip it is."""
        return self._link.chip

    @property
    def gain_divider(self) -> int:
        """Divider of the shunt amplifier; 1 of a chip without one."""
        return self._wiring.divider

    @property
    def description(self) -> SensorDescription:
        """What the sensor measures and how good it is; final once the sensor is open."""
        return self._description

    @property
    def period_s(self) -> float:
        """Measured time from one conversion to the next, s; only while open."""
        return self._tracker.period_ns / NS_PER_S

    @property
    def peak_a(self) -> float | None:
        """Largest single sample of the current so far, A; None before the first was looked at."""
        if not self._probe.samples:
            return None
        return self._probe.peak_code * self._ampere_per_code

    def __enter__(self) -> Self:
        """Identify the chip by reading, then reset and configure it, and find its phase.

        Raises:
            BusBusyError: Another program holds it.
            WrongDeviceError: It is another chip, or not a working one.
            ConversionTimeoutError: It does not convert at a steady pace.
            SensorConfigurationError: The bus is too slow for the chosen averaging.
            BusError: The bus failed.
        """
        self._link.claim()
        try:
            self._found = self._link.identify()
            self._link.reset_and_check()
            self._probe = PeakProbe(self._link, self._clock, self._settings, self._probe_every)
            self._start()
            bus_v = self._link.refuse_lost_ground(self._wiring.shunt_ohm)
        except SensorError:
            self._link.release()
            raise
        self._description = describe(self._wiring, self._link.place, self._lock, bus_v)
        self._marks.pending = 0
        self._has_delivered = False
        self.missed_conversions = 0
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop reading; the chip goes on as it was found."""
        self.close()

    def close(self) -> None:
        """Stop reading and leave the chip as it was found; calling it again does nothing."""
        lock, self._lock = self._lock, None
        if lock is not None:
            with suppress(BusError):  # one that is gone by now is as it is
                self._link.put_back(self._found)
            self._link.release()

    def read(self) -> Reading:
        """Wait for the next conversion and return it; never returns one conversion twice.

        Raises:
            ChipResetError: The chip keeps losing its configuration.
            ForeignWriterError: Another program keeps configuring it.
            RangeExceededError: The range has been too small for many readings in a row.
            StuckReadingsError: The chip has delivered the same words for too long.
            ConversionTimeoutError: No conversion in time, or the bus is too slow to follow.
            BusError: The bus failed more often than tries are allowed.
            SensorError: The sensor is not open.
        """
        if self._lock is None:
            raise self._not_open()
        probe = self._probe
        probe.due_in -= 1
        if probe.due_in <= 0 and probe.is_due(self._tracker):
            self._look_for_peaks()
        resets = drops = 0
        while drops < MAX_DROPS:
            word = self._pacer.wait()
            if word is None:
                self._look_into_silence()
            elif (reading := self._take(word)) is not None:
                return reading
            if not self._is_lost:
                drops += 1
                self._is_lost = drops % DROPS_PER_LOOK == 0 and not self._watch.reads_back()
            if self._is_lost:
                resets += 1
                self._recover(resets)
        raise ConversionTimeoutError(
            f"the reader is too slow for the {self.chip.name} at {self._link.place}: {MAX_DROPS} "
            "results in a row were overwritten; average more samples or give the reader a core of "
            "its own"
        )

    def rehearse(self, times: int) -> None:
        """Wake up so often before the next conversion ends and read as for it, for nothing.

        What is read is the configuration: no conversion changes it, and reading it clears nothing.
        Every fourth time it is read once more, as a conversion is looked at before its end.

        Args:
            times: How often; what the cycle has no time left for is left out.

        Raises:
            BusError: The bus failed more often than tries are allowed.
            SensorError: The sensor is not open.
        """
        if self._lock is None:
            raise self._not_open()
        link, tracker = self._link, self._tracker
        step_ns = REHEARSED_PART * tracker.period_ns / times
        for number in range(times):
            wake_ns = round(tracker.end_ns + (number + 0.5) * step_ns)
            if self._clock.now_ns() <= wake_ns:
                self._clock.sleep_until_ns(wake_ns)
                self._rehearsed += 1
                for _ in range(self._lock.reads + (self._rehearsed % EARLY_POLL_EVERY == 0)):
                    link.read(CONFIGURATION_REGISTER)

    def _start(self) -> None:
        settings = self._settings
        self._link.configure(settings.word)
        lock = LockFinder(self._link, self._clock, settings).find()
        self._link.mark()
        self._tracker = ConversionTracker(
            end_ns=lock.end_ns,
            period_ns=lock.period_ns,
            shunt_share=settings.kept_s / settings.cycle_s,
            transaction_ns=lock.transaction_ns,
            reads=lock.reads,
            late_ns=lock.late_ns,
        )
        self._lock = lock
        self._watch = ResetWatch(self._link, settings.word, lock)
        self._pacer = ConversionPacer(
            self._link, self._clock, self._tracker, self._watch, self._words
        )
        self._is_cleared_by_power = lock.cleared_by == POWER_READ
        self._is_lost = False
        self._marks.restart()
        self._words.restart()

    def _look_for_peaks(self) -> None:
        """Look at single samples; one at full scale means that the means hold more of them."""
        clearing = POWER_REGISTER if self._is_cleared_by_power else self.chip.ready.register
        # To configure it for a look would hide that the reading before may be spoilt.
        is_intact = self._watch.reads_back()
        flags = self._probe.look(self._tracker, clearing) if is_intact else None
        if flags is None:
            self._recover(1)
            return
        self._marks.pending |= flags
        self.missed_conversions += bool(flags & ReadingFlag.GAP_BEFORE)

    def _look_into_silence(self) -> None:
        """Find out why no conversion comes; a chip that lost its configuration may have stopped."""
        if self._watch.reads_back():
            raise ConversionTimeoutError(
                f"the {self.chip.name} at {self._link.place} finished no conversion in "
                f"{LATE_CYCLES} cycles although its configuration is intact; check its supply "
                f"voltage ({self.chip.supply})"
            )
        self._is_lost = True

    def _recover(self, resets: int) -> None:
        is_foreign = self._link.is_written_to(*self._probe.words)
        failed = self._link.written_to if is_foreign else self._link.supply_dips
        if resets > MAX_RESETS_IN_A_ROW:
            raise failed()
        try:
            self._start()
        except (WrongDeviceError, ConversionTimeoutError) as error:
            if not self._link.holds(self._settings.word):
                raise failed() from error
            # It keeps what was written: what is wrong now is what the error says.
            before = "another program had configured it" if is_foreign else "it had reset itself"
            raise type(error)(f"{error} ({before}, and holds its configuration again)") from error
        found = ReadingFlag.FOREIGN_WRITER if is_foreign else ReadingFlag.CHIP_RESET
        self._marks.pending |= int(found | ReadingFlag.GAP_BEFORE)

    def _take(self, word: int) -> Reading | None:
        """Read the rest of a located conversion; None if it may be another conversion's."""
        link, tracker, watch, words = self._link, self._tracker, self._watch, self._words
        polled_ns = link.started_ns
        shunt = link.read(SHUNT_REGISTER)
        bus = link.read(BUS_REGISTER) if self._reads_bus else word
        took_ns = link.ended_ns - polled_ns
        if self._is_cleared_by_power:
            link.read(POWER_REGISTER)
        if not self._pacer.is_located:
            return None
        raw = words.settle(bus, shunt, watch.is_marked)
        if raw is None:
            tracker.give_up()
            self._is_lost = not watch.reads_back()
            return None
        if not watch.is_intact(word, words.code, took_ns, tracker.is_off_pace):
            self._is_lost = True
            return None
        missed = tracker.accept(link.ended_ns)
        if missed is None:
            return None
        return self._reading(raw, missed)

    def _reading(self, raw: tuple[int, int], missed: int) -> Reading:
        link, tracker, pacer, words = self._link, self._tracker, self._pacer, self._words
        code, bus_code = words.code, words.bus_code
        flags = self._marks.flags_of(code, bus_code)
        was_suspended = self._suspension.has_happened()
        has_slipped = pacer.has_clock_stepped or tracker.has_slipped or tracker.is_too_late
        if was_suspended or has_slipped or link.retried or words.has_changed:
            flags |= self._trouble(was_suspended)
        if missed and self._has_delivered:
            flags |= ReadingFlag.GAP_BEFORE.value
            self.missed_conversions += missed
        self._has_delivered = True
        # What ``Reading(...)`` comes to; by way of the class it takes three times as long.
        return NEW_TUPLE(
            Reading,
            (
                int(tracker.end_ns),
                raw,
                bus_code * self._volt_per_code,
                (code - self._offset_codes) * self._ampere_per_code,
                ReadingFlag(flags) if flags else NO_FLAG,
            ),
        )

    def _trouble(self, was_suspended: bool) -> int:
        return flags_since(
            self._link,
            self._tracker,
            self._pacer,
            self._words,
            was_suspended=was_suspended,
            suspension_is_known=self._suspension.is_known,
        )

    def _not_open(self) -> SensorError:
        return SensorError(f"the {self.chip.name} is not open; read it inside a with block")
