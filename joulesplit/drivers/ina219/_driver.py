"""The INA219 over I2C: one reading per conversion, and nothing wrong passed over in silence.

The chip converts on its own, shunt then bus voltage, cycle after cycle. ``read`` sleeps through
most of a cycle, polls the conversion-ready bit of the bus register, and takes the voltage from
the very word that showed it and the current from the shunt register: two transfers, and every
fourth time a third that looks just before the end. Current and power are computed here: the
chip's own arithmetic truncates and forgets its factor when it resets, by which the reset shows.
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
from joulesplit.drivers.ina219._conversion_tracker import ConversionTracker
from joulesplit.drivers.ina219._correction import Correction
from joulesplit.drivers.ina219._datasheet import Grade
from joulesplit.drivers.ina219._description import Ina219Wiring, describe
from joulesplit.drivers.ina219._link import Ina219Link
from joulesplit.drivers.ina219._pacing import ConversionPacer
from joulesplit.drivers.ina219._peak_probe import PROBE_EVERY, PeakProbe
from joulesplit.drivers.ina219._phase_lock import POWER_READ, Lock, LockFinder
from joulesplit.drivers.ina219._reading_flags import ReadingMarks, flags_since
from joulesplit.drivers.ina219._registers import (
    BUS_LSB_V,
    BUS_VOLTAGE_REGISTER,
    SHUNT_LSB_V,
    SHUNT_VOLTAGE_REGISTER,
    Configuration,
    Register,
)
from joulesplit.drivers.ina219._reset_watch import ResetWatch
from joulesplit.drivers.ina219._suspension import SuspensionWatch
from joulesplit.drivers.ina219._word_check import WordCheck
from joulesplit.drivers.protocols import Clock, I2cBus
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
# Plain numbers, since to look an enumeration up costs as much as to read a register.
REHEARSED = Register.CONFIGURATION.value
POWER = Register.POWER.value
NO_FLAG = ReadingFlag.NONE
NEW_TUPLE = tuple.__new__


class Ina219:
    """A wired INA219 as a power sensor.

    ``Reading.t_ns`` is the estimated end of the conversion: the previous end plus whole measured
    periods, kept between the last poll that was not ready and the one that was. ``Reading.raw``
    is (shunt word of register 0x01, bus word of 0x02); ``ina219_registers.convert_words`` converts
    recorded words again.

    A chip that resets itself keeps measuring on the same scale at its power-on settings. Above
    21 mV over the shunt its own words give that away, and nothing measured so is delivered; below,
    one such reading may be. The reading after recovery carries ``CHIP_RESET`` and ``GAP_BEFORE``.

    Args:
        bus: The bus; it stays the caller's and is not closed here.
        address: 7-bit address, 0x40 to 0x4F.
        shunt_ohm: Shunt resistance, ohm; printed on the resistor (R100 is 0.1 ohm).
        shunt_tolerance: Its relative tolerance (0.01 for 1 %), or the relative half-width that a
            calibration left.
        expected_peak_a: Largest current to expect, A; chooses the gain. None takes the coarsest:
            at 111 means a second its step costs nothing, and too fine a range costs the truth.
        bus_range_v: Range of the bus voltage, 16 or 32 V.
        probe_every: Conversions from one look at single samples to the next; 0 for none.
        grade: ``A`` or ``B`` as printed on the chip, None if unknown.
        shunt_samples: Shunt samples averaged per conversion: 1, 2, 4 … 128.
        clock: Time.
        simulated: True if no physical chip is behind the bus.
        correction: What comparisons with references found out about this chip and its shunt.
        rail: What the shunt is wired into.

    Raises:
        SensorConfigurationError: A parameter no INA219 could work with.
    """

    def __init__(  # noqa: PLR0913 - one keyword per fact that only the user knows
        self,
        bus: I2cBus,
        *,
        address: int = 0x40,
        shunt_ohm: float,
        shunt_tolerance: float,
        expected_peak_a: float | None = None,
        bus_range_v: int = 16,
        probe_every: int = PROBE_EVERY,
        grade: Grade | None = None,
        shunt_samples: int = 16,
        clock: Clock,
        simulated: bool = False,
        correction: Correction | None = None,
        rail: str = "5 V supply",
    ) -> None:
        self._wiring = Ina219Wiring(
            address=address,
            shunt_ohm=shunt_ohm,
            shunt_tolerance=shunt_tolerance,
            expected_peak_a=expected_peak_a,
            bus_range_v=bus_range_v,
            grade=grade,
            shunt_samples=shunt_samples,
            rail=rail,
            simulated=simulated,
            correction=correction,
        )
        self._configuration = self._wiring.configuration
        self._ampere_per_code = SHUNT_LSB_V / self._wiring.effective_shunt_ohm
        self._offset_codes = self._wiring.offset_v / SHUNT_LSB_V
        self._volt_per_code = BUS_LSB_V * self._wiring.bus_factor
        self._clock = clock
        self._probe_every = probe_every
        self._link = Ina219Link(bus, address, clock)
        self._probe = PeakProbe(self._link, clock, self._configuration, probe_every)
        self._marks = ReadingMarks(self._configuration, shunt_ohm, self._link.place)
        self._suspension = SuspensionWatch(clock)
        self._words = WordCheck(self._link, self._configuration)
        self._lock: Lock | None = None
        self._is_lost = False
        self._rehearsed = 0
        self._description = self._describe()
        self.missed_conversions = 0
        """Conversions since opening that were overwritten before they were read."""

    @property
    def configuration(self) -> Configuration:
        """The fields written to the chip."""
        return self._configuration

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
            WrongDeviceError: It is not a working INA219.
            ConversionTimeoutError: It does not convert at a steady pace.
            SensorConfigurationError: The bus is too slow for the chosen averaging.
            BusError: The bus failed.
        """
        self._link.claim()
        try:
            self._found = self._link.identify()
            self._link.reset_and_check()
            self._probe = PeakProbe(self._link, self._clock, self._configuration, self._probe_every)
            self._start()
            self._link.refuse_lost_ground(self._wiring.shunt_ohm)
        except SensorError:
            self._link.release()
            raise
        self._description = self._describe()
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
            raise SensorError("the INA219 is not open; read it inside a with block")
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
            f"the reader is too slow for the INA219 at {self._link.place}: {MAX_DROPS} results in "
            "a row were overwritten; average more samples or give the reader a core of its own"
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
            raise SensorError("the INA219 is not open; read it inside a with block")
        link, tracker = self._link, self._tracker
        step_ns = REHEARSED_PART * tracker.period_ns / times
        for number in range(times):
            wake_ns = round(tracker.end_ns + (number + 0.5) * step_ns)
            if self._clock.now_ns() <= wake_ns:
                self._clock.sleep_until_ns(wake_ns)
                self._rehearsed += 1
                for _ in range(self._lock.reads + (self._rehearsed % EARLY_POLL_EVERY == 0)):
                    link.read(REHEARSED)

    def _start(self) -> None:
        word = self._configuration.word
        self._link.configure(word)
        lock = LockFinder(self._link, self._clock, self._configuration).find()
        self._link.mark()
        self._tracker = ConversionTracker(
            end_ns=lock.end_ns,
            period_ns=lock.period_ns,
            shunt_share=self._configuration.shunt_duty,
            transaction_ns=lock.transaction_ns,
            reads=lock.reads,
            late_ns=lock.late_ns,
        )
        self._lock = lock
        self._watch = ResetWatch(self._link, word, lock)
        self._pacer = ConversionPacer(
            self._link, self._clock, self._tracker, self._watch, self._words
        )
        self._is_cleared_by_power = lock.cleared_by == POWER_READ
        self._is_lost = False
        self._marks.restart()
        self._words.restart()

    def _look_for_peaks(self) -> None:
        """Look at single samples; one at full scale means that the means hold more of them."""
        clearing = POWER if self._is_cleared_by_power else BUS_VOLTAGE_REGISTER
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
                f"the INA219 at {self._link.place} finished no conversion in {LATE_CYCLES} cycles "
                "although its configuration is intact; check its supply voltage (3 V to 5.5 V)"
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
            if not self._link.holds(self._configuration.word):
                raise failed() from error
            # It keeps what was written: what is wrong now is what the error says.
            before = "another program had configured it" if is_foreign else "it had reset itself"
            raise type(error)(f"{error} ({before}, and holds its configuration again)") from error
        found = ReadingFlag.FOREIGN_WRITER if is_foreign else ReadingFlag.CHIP_RESET
        self._marks.pending |= int(found | ReadingFlag.GAP_BEFORE)

    def _take(self, word: int) -> Reading | None:
        """Read the shunt of a located conversion; None if it may be another conversion's."""
        link, tracker, watch, words = self._link, self._tracker, self._watch, self._words
        polled_ns = link.started_ns
        first = link.read(SHUNT_VOLTAGE_REGISTER)
        took_ns = link.ended_ns - polled_ns
        if self._is_cleared_by_power:
            link.read(POWER)
        if not self._pacer.is_located:
            return None
        shunt = words.settle(word, first, watch.is_marked)
        if shunt is None:
            tracker.give_up()
            self._is_lost = not watch.reads_back()
            return None
        if not watch.is_intact(word, words.code, took_ns, tracker.is_off_pace):
            self._is_lost = True
            return None
        missed = tracker.accept(link.ended_ns)
        if missed is None:
            return None
        return self._reading(word, shunt, missed)

    def _reading(self, word: int, shunt: int, missed: int) -> Reading:
        link, tracker, pacer, words = self._link, self._tracker, self._pacer, self._words
        code, bus_code = words.code, words.bus_code
        flags = self._marks.flags_of(code, bus_code)
        was_suspended = self._suspension.has_happened()
        slipped = pacer.has_clock_stepped or tracker.has_slipped
        told = link.retried or words.has_changed or tracker.is_too_late
        if told or slipped or was_suspended:
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
                (shunt, word),
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

    def _describe(self) -> SensorDescription:
        return describe(self._wiring, self._configuration, self._link.place, self._lock)
