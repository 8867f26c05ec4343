"""A sensor from its description: the right one, real, corrected, and fit for another process."""

from __future__ import annotations

import pickle
from functools import partial
from pathlib import Path
from typing import get_type_hints

import pytest

import joulesplit as js
from joulesplit._sensors import own_records, sensor_factory, sensor_request
from joulesplit.drivers import (
    SENSOR_KINDS,
    SIMULATED_KINDS,
    MonotonicClock,
    PiIna219,
    ReplaySensor,
    SensorOptions,
    SensorRequest,
    wiring_of,
)
from joulesplit.drivers._opening import _OPENERS
from joulesplit.drivers.errors import SensorRequestError, SensorUnavailableError
from joulesplit.drivers.ina2xx import CorrectionStore, MeanShunt, SensorIdentity, SensorRecords
from joulesplit.drivers.ina219 import Ina219
from joulesplit.drivers.simulated import ChipParameters, SimulatedI2cBus, SimulatedIna219
from joulesplit.drivers.simulated._load import BenchSource

ZERO_V = 60e-6
CURRENT_A = 0.5


def simulated_bus(number):
    chip = SimulatedIna219(
        BenchSource(current_a=CURRENT_A, voltage_v=5.0),
        MonotonicClock(),
        parameters=ChipParameters(shunt_ohm=0.1, offset_v=ZERO_V, noise_v_rms=5e-6),
    )
    return SimulatedI2cBus(number, {0x40: chip}, MonotonicClock())


@pytest.fixture
def chip(monkeypatch):
    """This machine's bus 1 has one INA219, whose offset is 60 µV: 0.6 mA."""
    monkeypatch.setattr("joulesplit.drivers._opening.open_i2c_bus", simulated_bus)


@pytest.fixture
def zeroed(monkeypatch, tmp_path):
    """The user has measured the zero of that chip; in the data directory, as the command does."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    identity = SensorIdentity(kind="ina219", bus=1, address=0x40, shunt_ohm=0.1)
    zero = MeanShunt(
        created="2026-01-02T03:04:05+00:00", gain=8, readings=500, shunt_v=ZERO_V, u_shunt_v=1e-7,
        residual_v=1e-8, bus_v=5.0, u_bus_v=1e-4,
    )  # fmt: skip
    store = CorrectionStore(tmp_path / "joulesplit" / "sensors")
    store.save(SensorRecords(identity=identity, zeros=(zero,)))
    return store.directory


def mean_current_a(sensor, readings=30):
    with sensor:
        return sum(sensor.read().current_a for _ in range(readings)) / readings


def test_an_ina219_is_opened_with_what_the_user_said(chip):
    sensor = js.open_sensor("ina219", shunt_ohm=0.1, rail="battery", expected_peak_a=3.0, grade="B")
    assert isinstance(sensor, Ina219)
    with sensor:
        assert sensor.description.rail == "battery"
        assert not sensor.description.simulated
        assert sensor.read().voltage_v == pytest.approx(5.0, abs=0.004)


def test_a_recorded_zero_is_applied_without_being_asked_for(chip, zeroed):
    assert own_records() == zeroed
    corrected = js.open_sensor("ina219", shunt_ohm=0.1, expected_peak_a=3.0)
    raw = js.open_sensor("ina219", shunt_ohm=0.1, expected_peak_a=3.0, records=None)
    assert mean_current_a(raw) - CURRENT_A == pytest.approx(ZERO_V / 0.1, abs=5e-5)
    assert mean_current_a(corrected) == pytest.approx(CURRENT_A, abs=5e-5)


def test_a_request_is_a_factory_that_another_process_can_be_given(chip, zeroed):
    request = sensor_request("ina219", shunt_ohm=0.1)
    assert request.records == zeroed
    again = pickle.loads(pickle.dumps(request))
    assert again == request
    assert isinstance(again(), Ina219)


def test_every_kind_that_is_listed_can_be_opened_but_the_simulated_one():
    assert {kind.name for kind in SENSOR_KINDS} == {*_OPENERS, *SIMULATED_KINDS}
    for kind in SIMULATED_KINDS:
        with pytest.raises(SensorRequestError, match="never opened"):
            js.open_sensor(kind)


def test_an_ina226_is_wired_and_set_as_it_is_described():
    request = sensor_request("ina226", shunt_ohm=0.01, shunt_samples=64, rail="12 V", records=None)
    said = wiring_of(request)
    assert (said.shunt_ohm, said.settings.cycle_s) == (0.01, pytest.approx(33.536e-3))
    assert (said.rail, said.divider) == ("12 V", 1)


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("ina219", {}, "shunt_ohm"),
        ("pi-ina219", {}, "R100 is 0.1"),
        ("ina219", {"shunt_ohm": 0.0}, "cannot be"),
        ("ina219", {"shunt_ohm": float("nan")}, "cannot be"),
        ("replay", {}, "monitor --record"),
    ],
)
def test_what_a_kind_needs_is_asked_for_before_anything_is_opened(kind, options, said):
    with pytest.raises(SensorRequestError, match=said):
        js.open_sensor(kind, **options)
    with pytest.raises(SensorRequestError, match=said):
        js.EnergyMeter(kind, **options)


def test_a_kind_that_nobody_offers_is_named():
    with pytest.raises(SensorUnavailableError, match="'ina220'"):
        js.open_sensor("ina220")


def test_options_are_those_of_a_request():
    fields = SensorRequest.__dataclass_fields__
    options = get_type_hints(SensorOptions)
    assert set(options) == set(fields) - {"kind"}
    hints = get_type_hints(SensorRequest, localns={"Grade": options["grade"].__args__[0]})
    assert {name: hints[name] for name in options} == options


def test_a_sensor_may_be_given_as_kind_request_factory_or_object():
    request = SensorRequest(kind="rapl")
    made = PiIna219(
        1, shunt_ohm=0.1, shunt_tolerance=0.01, expected_peak_a=1.0, clock=MonotonicClock()
    )
    factory = partial(ReplaySensor, Path("trace.csv"), clock=MonotonicClock())
    assert sensor_factory("rapl").kind == "rapl"
    assert sensor_factory(request) is request
    assert sensor_factory(factory) is factory
    assert sensor_factory(made)() is made
    with pytest.raises(SensorRequestError, match="shunt_ohm, bus would describe"):
        sensor_factory(request, shunt_ohm=0.1, bus=1)


def test_an_ina219_on_a_bus_of_this_machine_can_be_given_to_another_process(monkeypatch):
    """What is pickled is the bus's number; the other process opens it anew."""
    opened = []
    monkeypatch.setattr("smbus2.SMBus.open", lambda _, number: opened.append(number))
    sensor = js.open_sensor("ina219", shunt_ohm=0.1, bus=7, records=None)
    pickle.loads(pickle.dumps(sensor))
    assert opened == [7, 7]
