"""The PyPI library ``pi-ina219`` and its own I2C code, on the same chip; in umockdev's child."""

from __future__ import annotations

import errno
import itertools
from dataclasses import replace

import pytest

from joulesplit.drivers import PiIna219
from joulesplit.drivers.errors import (
    BusNotFoundError,
    BusTransferError,
    DeviceNotRespondingError,
    RangeExceededError,
)
from joulesplit.drivers.ina2xx import MeanShunt, SpanPoint
from joulesplit.drivers.ina2xx._correction import correction_of
from joulesplit.drivers.readings import ReadingFlag

pytest.importorskip(
    "ina219",
    reason="no pi-ina219 and its I2C code in .venv/peers: see tests/contract/test_on_umockdev.py",
)

BREAKS = [
    (errno.EREMOTEIO, DeviceNotRespondingError, "nothing acknowledges at 0x40"),
    (errno.EIO, BusTransferError, "broke off"),
    (errno.ETIMEDOUT, BusTransferError, "held up"),
]


def library_sensor(bench, **changes) -> PiIna219:
    settings = {
        "address": bench.address,
        "shunt_ohm": bench.shunt_ohm,
        "shunt_tolerance": 0.01,
        "expected_peak_a": 1.5,
        "clock": bench.clock,
    }
    return PiIna219(bench.bus.number, **{**settings, **changes})


@pytest.mark.parametrize(
    ("current_a", "voltage_v"), [(0.61234, 5.0217), (-0.25, 5.0), (0.0, 3.3), (1.598, 15.9)]
)
def test_its_numbers_are_ours(bench, world, current_a, voltage_v):
    world.source.current_a, world.source.voltage_v = current_a, voltage_v
    with bench.sensor() as ours:
        mine = ours.read()
    with library_sensor(bench) as theirs:
        reading = theirs.read()
    assert reading.current_a == pytest.approx(mine.current_a)
    assert reading.voltage_v == pytest.approx(mine.voltage_v)
    assert (
        theirs.description.settings["configuration"] == (ours.description.settings["configuration"])
    )


def test_a_correction_means_the_same_to_both(bench, world):
    """A specimen with an offset behind a shunt that is 1 % too large, and what a span would say."""
    world.source.current_a, world.source.voltage_v = 0.7, 5.02
    mean = MeanShunt(
        shunt_v=40e-6, u_shunt_v=1e-7, bus_v=5.0, u_bus_v=1e-4, residual_v=0.0, readings=256,
        gain=4, created="2026-11-22T10:00:00+00:00",
    )  # fmt: skip
    point = SpanPoint(
        mean=replace(mean, shunt_v=0.101), current_a=1.0, u_current_rel=0.001, voltage_v=5.01,
        u_voltage_rel=0.001, reference="DMM",
    )  # fmt: skip
    correction = correction_of(mean, (point,), unknown_offset_v=0.0, bus_error=0.005)
    with bench.sensor(correction=correction) as ours:
        mine = ours.read()
    with library_sensor(bench, correction=correction) as theirs:
        reading = theirs.read()
    assert reading.current_a == pytest.approx(mine.current_a)
    assert reading.voltage_v == pytest.approx(mine.voltage_v)
    assert mine.current_a == pytest.approx((0.07 - 40e-6) / (0.101 - 40e-6), abs=1e-4)
    sources = [[term.source for term in one.description.accuracy] for one in (theirs, ours)]
    assert sources[0] == sources[1]


@pytest.mark.parametrize("clears", ["bus-read", "power-read", "any-read"])
def test_every_conversion_is_read_once(open_bench, clears):
    bench = open_bench(cnvr_clears=clears)
    numbers = []
    with library_sensor(bench) as sensor:
        for _ in range(20):
            assert sensor.read().flags == ReadingFlag.NONE
            numbers.append(bench.world.chip.finished_conversions())
    assert {later - earlier for earlier, later in itertools.pairwise(numbers)} == {1}


def test_a_current_beyond_its_range_is_an_error(bench, world):
    world.source.current_a = 2.0
    with pytest.raises(RangeExceededError, match="smaller shunt"), library_sensor(bench) as sensor:
        sensor.read()


@pytest.mark.parametrize(("code", "kind", "message"), BREAKS)
def test_its_failures_are_those_of_our_own_driver(bench, break_transfer, code, kind, message):
    with library_sensor(bench) as sensor:
        sensor.read()
        break_transfer(code, 1)
        with pytest.raises(kind, match=message) as caught:
            sensor.read()
    assert type(caught.value) is kind
    assert (caught.value.bus, caught.value.address, caught.value.errno) == (1, 0x40, code)
    assert "\n" not in str(caught.value)


def test_a_bus_that_is_not_there_is_the_same_error_as_ours(bench):
    sensor = PiIna219(
        7, shunt_ohm=0.1, shunt_tolerance=0.01, expected_peak_a=1.5, clock=bench.clock
    )
    with pytest.raises(BusNotFoundError, match=r"no I2C bus 7 \(/dev/i2c-7\)"):
        sensor.__enter__()
