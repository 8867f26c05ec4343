"""Does a power sensor keep its promises? A suite that its author runs with pytest.

    from joulesplit.drivers.conformance import SensorConformance

    class TestMyMeter(SensorConformance):
        def make_sensor(self):
            return MyMeter(...)

``make_sensor`` returns a new sensor, not yet open, each time. Override ``clock`` where the sensor
lives in other than real time, ``readings`` where it delivers fewer, ``counts_on`` for an energy
counter, and ``break_source`` if a failing source can be had. The suite needs nothing but Python:
each method may also be called by hand.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import pairwise
from statistics import median

from joulesplit.drivers._clock import NS_PER_S, MonotonicClock
from joulesplit.drivers.errors import SensorError
from joulesplit.drivers.protocols import Clock, PowerSensor
from joulesplit.drivers.readings import Reading, ReadingFlag

PACE_TOLERANCE = 0.25
"""Relative deviation of the median step from the stated cycle."""
HELD_UP_CYCLES = 6
"""Cycles for which the reader does not read."""
LOST_STEP = 1.5
"""A step of so many cycles leaves out a reading."""
UNTIL_IT_SHOWS = 200
"""Readings that a failed source may still deliver, from a buffer for instance."""
KNOWN_FLAGS = sum(ReadingFlag)


class SensorConformance:
    """The tests of one sensor; inherit and say how to make it."""

    readings = 20
    """How many readings the sensor can deliver in one go."""

    counts_on = False
    """A late reading is a longer mean and leaves nothing out, as an energy counter's."""

    def make_sensor(self) -> PowerSensor:
        """Return a new sensor, not yet open."""
        raise NotImplementedError("say in make_sensor how to make the sensor under test")

    def clock(self) -> Clock:
        """Return the clock the sensor's times are on, after ``make_sensor``."""
        return MonotonicClock()

    def break_source(self) -> bool:
        """Make the source of the open sensor fail; return False where that cannot be done."""
        return False

    def _take(self) -> tuple[PowerSensor, list[Reading]]:
        with self.make_sensor() as sensor:
            return sensor, [sensor.read() for _ in range(self.readings)]

    def test_times_increase_and_lie_between_opening_and_now(self) -> None:
        """No reading is older than the opening, in the future, or as old as the one before."""
        sensor = self.make_sensor()
        begin_ns = self.clock().now_ns()
        with sensor:
            times_ns = [sensor.read().t_ns for _ in range(self.readings)]
            now_ns = self.clock().now_ns()
        assert all(isinstance(t_ns, int) for t_ns in times_ns), "t_ns is an int"
        assert all(later > earlier for earlier, later in pairwise(times_ns)), (
            "each conversion is delivered once, in order of time"
        )
        assert begin_ns <= times_ns[0], "a reading from before the opening was delivered"
        assert times_ns[-1] <= now_ns, "a reading lies in the future: is t_ns CLOCK_MONOTONIC?"

    def test_readings_keep_the_pace_that_the_description_states(self) -> None:
        """``cycle_s`` is the time from one reading to the next."""
        sensor, taken = self._take()
        steps_s = [(later.t_ns - earlier.t_ns) * 1e-9 for earlier, later in pairwise(taken)]
        cycle_s = sensor.description.cycle_s
        assert math.isclose(median(steps_s), cycle_s, rel_tol=PACE_TOLERANCE), (
            f"readings come every {median(steps_s):.4g} s, the description says {cycle_s:.4g} s"
        )

    def test_readings_are_numbers_with_known_flags(self) -> None:
        """Nothing is nan or infinite; what is wrong is a flag."""
        _, taken = self._take()
        for reading in taken:
            assert math.isfinite(reading.voltage_v), "voltage_v is finite"
            assert math.isfinite(reading.current_a), "current_a is finite"
            assert all(isinstance(word, int) for word in reading.raw), "raw words are integers"
            assert isinstance(reading.flags, ReadingFlag), "flags is a ReadingFlag"
            assert not int(reading.flags) & ~KNOWN_FLAGS, "flags has no bit of its own"
        assert len({len(reading.raw) for reading in taken}) == 1, "raw has always as many words"

    def test_a_reader_that_was_held_up_is_told_what_it_missed(self) -> None:
        """A longer step carries ``GAP_BEFORE``, and the readings from then on come in order."""
        clock, taken = self.clock, []
        with self.make_sensor() as sensor:
            cycle_s = sensor.description.cycle_s
            for number in range(self.readings):
                if number == self.readings // 2:
                    wait_ns = round(HELD_UP_CYCLES * cycle_s * NS_PER_S)
                    clock().sleep_until_ns(clock().now_ns() + wait_ns)
                taken.append(sensor.read())
        for earlier, later in pairwise(taken):
            cycles = (later.t_ns - earlier.t_ns) / NS_PER_S / cycle_s
            assert cycles > 0, "each conversion is delivered once, in order of time"
            if cycles > LOST_STEP and not self.counts_on:
                assert later.flags & ReadingFlag.GAP_BEFORE, (
                    f"a step of {cycles:.1f} cycles has no GAP_BEFORE: was it lost in silence?"
                )

    def test_a_source_that_fails_is_a_sensor_error(self) -> None:
        """Not a number, and no error of another kind."""
        with self.make_sensor() as sensor:
            sensor.read()
            if not self.break_source():
                return
            with _refused("read() of a source that has failed"):
                for _ in range(UNTIL_IT_SHOWS):
                    sensor.read()

    def test_the_description_is_complete(self) -> None:
        """It says what is measured, how good it is, and can be written down."""
        with self.make_sensor() as sensor:
            said = sensor.description
        for text in (said.kind, said.name, said.rail, said.includes):
            assert text.strip(), "kind, name, rail and includes say something"
        assert said.cycle_s > 0, "cycle_s is positive"
        assert 0 <= said.observed_fraction <= 1, "observed_fraction is a share"
        assert said.voltage_resolution_v > 0, "voltage_resolution_v is positive"
        assert said.current_resolution_a > 0, "current_resolution_a is positive"
        assert said.full_scale_a > 0, "full_scale_a is positive"
        assert said.accuracy, "there is at least one systematic term: no sensor is perfect"
        for term in said.accuracy:
            assert term.half_width >= 0, f"half_width of {term.name} is not negative"
            assert term.source.strip(), f"{term.name} says where its bound comes from"
        settings = asdict(said)["settings"]
        assert json.loads(json.dumps(settings, allow_nan=False)) == settings, "settings are JSON"

    def test_the_description_is_final_once_open(self) -> None:
        """Reading does not change it."""
        with self.make_sensor() as sensor:
            before = sensor.description
            for _ in range(min(self.readings, 5)):
                sensor.read()
            assert sensor.description == before, "the description changed while measuring"

    def test_a_sensor_that_is_not_open_refuses_to_read(self) -> None:
        """Before the block and after it, an error says so."""
        sensor = self.make_sensor()
        with _refused("read() before the with block"):
            sensor.read()
        with sensor:
            sensor.read()
        with _refused("read() after the with block"):
            sensor.read()

    def test_closing_twice_is_no_error(self) -> None:
        """``close`` may be called again, inside the block and after it."""
        with self.make_sensor() as sensor:
            sensor.read()
            sensor.close()
            sensor.close()
        sensor.close()

    def test_a_sensor_that_was_closed_can_be_opened_again(self) -> None:
        """It starts afresh, also after an exception inside the block."""
        sensor = self.make_sensor()
        for _ in range(2):
            try:
                with sensor:
                    sensor.read()
                    raise _WorkFailedError
            except _WorkFailedError:
                continue
            raise AssertionError("__exit__ swallowed the exception of the block")


class _WorkFailedError(Exception):
    """The block under test failed."""


@contextmanager
def _refused(what: str) -> Iterator[None]:
    try:
        yield
    except SensorError:
        return
    raise AssertionError(f"{what} raises a SensorError")
