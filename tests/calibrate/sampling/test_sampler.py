"""What a sampler reports of itself, and the ring between the processes."""

from __future__ import annotations

import math
import multiprocessing
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from joulesplit.calibrate.errors import SamplerError
from joulesplit.calibrate.sampling import Trace
from joulesplit.calibrate.sampling._ring import ReadingRing
from joulesplit.calibrate.sampling._ring_writer import PACKED_RECORD
from joulesplit.calibrate.sampling._sampler import InlineSampler, Tally
from joulesplit.calibrate.sampling._trace import RECORD, trace_of
from joulesplit.drivers.errors import NoNumberError
from joulesplit.drivers.readings import Reading, ReadingFlag


def reading(number, raw=(7, 9)):
    return Reading(
        t_ns=number * 10_000_000, raw=raw, voltage_v=5.0 + number, current_a=-0.5,
        flags=ReadingFlag.GAP_BEFORE | ReadingFlag.RETRIED,
    )  # fmt: skip


@pytest.fixture
def make_ring():
    return lambda capacity: ReadingRing(multiprocessing.get_context("spawn"), capacity)


def test_a_reading_comes_out_of_the_ring_as_it_went_in(make_ring):
    ring = make_ring(8)
    writer = ring.writer()
    for number, raw in enumerate([(7, 9), (), (5,), (1, 2, 3)]):
        writer.append(reading(number, raw), late_us=40 + number)
    records = ring.copy(0, ring.written())
    assert records["raw0"].tolist() == [7, 0, 5, 1]
    assert records["raw1"].tolist() == [9, 0, 0, 2]
    assert records["late_us"].tolist() == [40, 41, 42, 43]
    assert records["voltage_v"].tolist() == [5.0, 6.0, 7.0, 8.0]
    assert set(records["flags"].tolist()) == {int(reading(0).flags)}
    assert records["t_ns"].tolist() == [0, 10_000_000, 20_000_000, 30_000_000]


def test_the_ring_packs_what_numpy_unpacks():
    assert PACKED_RECORD.size == RECORD.itemsize


def test_readings_that_were_overwritten_are_an_error(make_ring):
    ring = make_ring(8)
    writer = ring.writer()
    for number in range(20):
        writer.append(reading(number), late_us=0)
    assert ring.copy(14, 20)["t_ns"][0] == 140_000_000
    with pytest.raises(SamplerError, match="not collected in time"):
        ring.copy(5, 12)


def test_rate_jitter_and_latest_are_those_of_the_readings():
    tally = Tally()
    delays = np.array([100, 300, 200, 600])
    for part in (slice(0, 2), slice(2, 4)):
        trace = trace_of(part.start * 10_000_000, [reading(n + 1) for n in range(4)[part]])
        trace.records["late_us"] = delays[part]
        tally.add(trace)
    found = tally.statistics(cpu_fraction=0.02)
    assert found.rate_hz == pytest.approx(100.0)
    assert found.jitter_s == pytest.approx(delays.std() * 1e-6)
    assert found.latest_s == pytest.approx(600e-6)
    assert tally.statistics(cpu_fraction=None).jitter_s is None


def test_what_went_wrong_is_counted_by_its_flag():
    marks = [ReadingFlag.CHIP_RESET | ReadingFlag.GAP_BEFORE, ReadingFlag.STUCK, ReadingFlag.STUCK,
             ReadingFlag.CLOCK_STEP, ReadingFlag.SHUNT_CLIPPED, ReadingFlag.NONE,
             ReadingFlag.LATE_READER, ReadingFlag.LATE_READER]  # fmt: skip
    tally = Tally()
    tally.add(trace_of(0, [reading(n + 1)._replace(flags=flag) for n, flag in enumerate(marks)]))
    found = tally.statistics(cpu_fraction=None)
    assert (found.resets, found.stuck, found.clock_steps, found.clipped) == (1, 2, 1, 1)
    assert found.late == 2


def test_nothing_sampled_has_no_rate():
    tally = Tally()
    tally.add(Trace(start_ns=5, records=np.zeros(0, dtype=RECORD)))
    assert tally.statistics(cpu_fraction=0.1).rate_hz is None


class Broken:
    """A source that gives numbers, and then something else."""

    description = SimpleNamespace(name="meter of a plug-in", cycle_s=0.01)

    def __init__(self, value):
        self._values = iter([0.5, 0.5, value])
        self._number = 0

    def read(self):
        self._number += 1
        return Reading(self._number * 10_000_000, (), 5.0, next(self._values))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_an_error_of_the_source_and_no_power(value):
    sampler = InlineSampler(Broken(value))
    sampler.trace_until(20_000_000)
    with pytest.raises(NoNumberError, match=r"meter of a plug-in delivered 5\.0 V and (nan|inf) A"):
        sampler.trace_until(30_000_000)


WITHOUT_NUMPY = """
import sys
from joulesplit.calibrate.sampling import _sampling_loop
from joulesplit.drivers import SensorRequest
from joulesplit.drivers import _hwmon, _opening, _pmic, _rapl
from joulesplit.drivers.ina219 import _driver
print("numpy" in sys.modules)
"""


def test_the_sampler_process_loads_no_numpy():
    """It took 20 MB with it, beside its share of the ring, and takes 12 without."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_NUMPY], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
