"""Zero, span and their records from the command line, on a simulated bus in virtual time."""

from __future__ import annotations

import json
import os
import pwd

import pytest

from joulesplit import drivers
from joulesplit.calibrate.environment import Machine
from joulesplit.drivers import SensorRequest, _opening
from joulesplit.drivers.simulated import (
    ChipParameters,
    Ina226Parameters,
    SimulatedClock,
    SimulatedI2cBus,
    SimulatedIna219,
    SimulatedIna226,
)
from joulesplit.drivers.simulated._load import BenchSource

SENSOR = ("--sensor", "ina219", "--board", "adafruit-904")
KEY = "ina219-bus1-0x40-0.1ohm"


@pytest.fixture
def source(monkeypatch):
    """What flows through the one chip of this machine; its offset is 40 µV, its shunt 101 mΩ."""
    bench = BenchSource(current_a=0.0, voltage_v=5.0)
    clock = SimulatedClock()
    specimen = ChipParameters(shunt_ohm=0.101, offset_v=40e-6, noise_v_rms=40e-6)
    chip = SimulatedIna219(bench, clock, parameters=specimen)
    monkeypatch.setattr(drivers.MonotonicClock, "now_ns", lambda _: clock.now_ns())
    monkeypatch.setattr(
        drivers.MonotonicClock, "sleep_until_ns", lambda _, t_ns: clock.sleep_until_ns(t_ns)
    )
    monkeypatch.setattr(
        "joulesplit.drivers._opening.open_i2c_bus",
        lambda number: SimulatedI2cBus(number, {0x40: chip}, clock),
    )
    return bench


@pytest.fixture
def sensor(joulesplit, tmp_path):
    return lambda *arguments: joulesplit("sensor", *arguments, "--store", tmp_path, "--json")


def test_zero_and_span_find_the_specimen_and_the_sensor_uses_them(source, sensor, tmp_path):
    zero = sensor("zero", *SENSOR)
    assert zero.code == 0, zero.err
    assert zero.json["zeros"][0]["shunt_v"] == pytest.approx(40e-6, abs=3e-6)
    assert zero.json["key"] == KEY
    source.current_a = 1.0
    reference = ("--current-a", 1.0, "--current-u", 0.001, "--reference", "DMM 7, certificate 9")
    span = sensor("span", *SENSOR, *reference, "--voltage-v", 5.02, "--voltage-u", 0.0005)
    assert span.code == 0, span.err
    (correction,) = span.json["corrections"]
    assert correction["shunt_ohm"] == pytest.approx(0.101, rel=2e-4)
    assert correction["bus_factor"] == pytest.approx(5.02 / 5.0, rel=1e-3)
    choice = SensorRequest(kind="ina219", shunt_ohm=0.1, records=tmp_path)
    with choice() as opened:
        opened.read()
        assert opened.read().current_a == pytest.approx(1.0, abs=3e-4)
        assert "DMM 7, certificate 9" in opened.description.settings["shunt_source"]


def test_a_second_point_is_added_and_gives_shunt_and_offset(source, sensor):
    for current_a, more in ((0.3, ()), (1.2, ("--add",))):
        source.current_a = current_a
        reference = ("--current-a", current_a, "--current-u", 0.001, "--reference", "DMM")
        outcome = sensor("span", *SENSOR, *reference, *more)
        assert outcome.code == 0, outcome.err
    (correction,) = outcome.json["corrections"]
    assert correction["offset_v"] == pytest.approx(40e-6, abs=4e-6)
    assert correction["shunt_ohm"] == pytest.approx(0.101, rel=2e-4)


def test_a_reference_worse_than_tolerance_and_data_sheet_replaces_nothing(source, sensor):
    """1 % of tolerance, 0.3 mΩ of taps and 0.3 % of gain are 0.63 % (rectangular) together."""
    source.current_a = 1.0
    reference = ("--current-a", 1.01, "--reference", "panel meter", "--voltage-v", 5.02)
    worse = sensor("span", *SENSOR, *reference, "--current-u", 0.01)
    assert (worse.code, "alone to 0.63%" in worse.err) == (4, True), worse.err
    assert sensor("list").json["sensors"] == []
    # Its volts, by default known to 0.5 %, are worse than the data sheet's 0.5 % (rectangular).
    better = sensor("span", *SENSOR, *reference, "--current-u", 0.004)
    (correction,) = better.json["corrections"]
    assert (correction["bus_factor"], better.code) == (None, 0)
    assert "warning" not in better.err


def test_a_span_that_tolerance_and_data_sheet_exclude_is_told(source, sensor):
    source.current_a = 1.0
    reference = ("--current-a", 0.9, "--reference", "meter on its wrong range")
    span = sensor("span", *SENSOR, *reference, "--current-u", 0.002)
    assert (span.code, "+12.3% from 0.1 ohm" in span.err) == (0, True), span.err
    stated = sensor("span", *SENSOR, *reference, "--current-u", 0.002, "--shunt-tolerance", 0.12)
    assert "warning" not in stated.err
    volts = ("--voltage-v", 4.9, "--voltage-u", 0.001, "--shunt-tolerance", 0.12)
    elsewhere = sensor("span", *SENSOR, *reference, "--current-u", 0.002, *volts)
    assert "voltage is -2.0% from the chip's" in elsewhere.err


def test_records_are_listed_shown_and_forgotten(source, sensor, joulesplit, tmp_path):
    assert sensor("list").json["sensors"] == []
    sensor("zero", *SENSOR)
    assert [each["key"] for each in sensor("list").json["sensors"]] == [KEY]
    assert sensor("show", KEY).json["zeros"][0]["readings"] == 256
    page = joulesplit("sensor", "show", KEY, "--store", tmp_path).out
    assert "Zero at gain /8" in page
    assert "Applied at gain /8" in page
    assert KEY in joulesplit("sensor", "list", "--store", tmp_path).out
    assert sensor("forget", KEY).code == 0
    missing = sensor("show", KEY)
    assert missing.code == 4
    assert "sensor list" in missing.err


def test_records_are_kept_in_the_users_data_directory(source, joulesplit, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    outcome = joulesplit("sensor", "zero", *SENSOR)
    assert outcome.code == 0
    # The ending says which file it is; nothing follows it.
    assert " wrote " in outcome.out
    assert "wrote" not in outcome.err
    stored = json.loads((tmp_path / f"joulesplit/sensors/{KEY}.json").read_text())
    assert stored["identity"]["address"] == 0x40


def test_behind_sudo_a_zero_is_the_persons_and_roots_own_is_said_not_to_be_used(
    source, joulesplit, tmp_path, monkeypatch
):
    home, roots = tmp_path / "pi", tmp_path / "root"
    home.mkdir()
    real_root = os.geteuid() == 0
    uid, gid = (12_345, 12_346) if real_root else (os.getuid(), os.getgid())
    person = pwd.struct_passwd(("pi", "x", uid, gid, "", str(home), "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", {uid: person}.__getitem__)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("HOME", str(roots))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert joulesplit("sensor", "zero", *SENSOR).code == 0

    monkeypatch.setenv("SUDO_UID", str(uid))
    outcome = joulesplit("sensor", "zero", *SENSOR)

    kept = home / f".local/share/joulesplit/sensors/{KEY}.json"
    assert outcome.code == 0
    assert kept.stat().st_uid == uid
    assert joulesplit("sensor", "forget", KEY, "--json").json == {"forgotten": str(kept)}
    (said,) = [line for line in outcome.err.splitlines() if "is not used" in line]
    assert str(roots) in said
    assert f"move it to {kept}" in said


def test_a_zero_with_current_is_refused_and_nothing_is_kept(source, sensor):
    source.current_a = 0.5
    outcome = sensor("zero", *SENSOR)
    assert outcome.code == 4
    assert "still flows" in outcome.err
    assert sensor("list").json["sensors"] == []


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("simulated", "only ina219, pi-ina219, ina226 do"),
        ("hwmon", "rounds the shunt voltage to 1 mV"),
    ],
)
def test_other_kinds_apply_no_corrections_and_say_why(sensor, kind, why):
    outcome = sensor("zero", "--sensor", kind)
    assert outcome.code == 2
    assert why in outcome.err


def test_zero_and_span_of_an_ina226_are_its_own(monkeypatch, source, sensor):
    """Its offset is 6 µV, its shunt 10.3 mΩ; the records go by its kind."""
    clock = SimulatedClock()
    specimen = Ina226Parameters(shunt_ohm=0.0103, offset_v=6e-6, noise_v_rms=20e-6)
    chip = SimulatedIna226(source, clock, parameters=specimen)
    monkeypatch.setattr(drivers.MonotonicClock, "now_ns", lambda _: clock.now_ns())
    monkeypatch.setattr(
        drivers.MonotonicClock, "sleep_until_ns", lambda _, t_ns: clock.sleep_until_ns(t_ns)
    )
    monkeypatch.setattr(
        "joulesplit.drivers._opening.open_i2c_bus",
        lambda number: SimulatedI2cBus(number, {0x40: chip}, clock),
    )
    wired = ("--sensor", "ina226", "--shunt-ohm", 0.01)
    zero = sensor("zero", *wired)
    assert zero.code == 0, zero.err
    assert zero.json["zeros"][0]["shunt_v"] == pytest.approx(6e-6, abs=2e-6)
    assert zero.json["key"] == "ina226-bus1-0x40-0.01ohm"
    source.current_a = 1.0
    reference = ("--current-a", 1.0, "--current-u", 0.001, "--reference", "DMM 7, certificate 9")
    span = sensor("span", *wired, *reference)
    assert span.code == 0, span.err
    assert span.json["corrections"][0]["shunt_ohm"] == pytest.approx(0.0103, rel=5e-4)
    refused = sensor("zero", *wired)
    assert refused.code == 4
    assert "still flows" in refused.err


@pytest.fixture
def library(monkeypatch, source):
    """Let the PyPI library's device, reduced to what is used of it, read this machine's chip."""

    class Device:
        def __init__(self, shunt_ohm, peak_a, bus_number, address):
            self._bus = _opening.open_i2c_bus(bus_number)
            self._address = address

        def configure(self, *, voltage_range, gain, bus_adc, shunt_adc):
            word = voltage_range << 13 | gain << 11 | bus_adc << 7 | shunt_adc << 3 | 7
            self._bus.write_word(self._address, 0, word)

        def is_conversion_ready(self):
            return self._bus.read_word(self._address, 2) & 2 == 2

        def voltage(self):
            return (self._bus.read_word(self._address, 2) >> 3) * 4 / 1000

        def shunt_voltage(self):
            return self._bus.read_word(self._address, 1) * 0.01

        def power(self):
            return self._bus.read_word(self._address, 2)

    monkeypatch.setattr(drivers.PiIna219.__init__, "__kwdefaults__", {
        **drivers.PiIna219.__init__.__kwdefaults__, "open_device": Device})  # fmt: skip


def test_both_ways_to_read_a_chip_share_its_records(source, library, sensor, tmp_path):
    """The zero by one, the span by the other, and either is corrected by both."""
    assert sensor("zero", *SENSOR).code == 0
    source.current_a = 1.0
    reference = ("--current-a", 1.0, "--current-u", 0.001, "--reference", "DMM 7")
    span = sensor("span", "--sensor", "pi-ina219", "--board", "adafruit-904", *reference)
    assert span.code == 0, span.err
    assert span.json["key"] == KEY
    for kind in ("ina219", "pi-ina219"):
        choice = SensorRequest(kind=kind, shunt_ohm=0.1, records=tmp_path)
        with choice() as opened:
            opened.read()
            assert opened.read().current_a == pytest.approx(1.0, abs=3e-4)
            assert "DMM 7" in opened.description.settings["shunt_source"]


def test_a_record_keeps_how_warm_the_board_was_and_the_sensor_says_so(
    source, sensor, joulesplit, tmp_path, monkeypatch
):
    zone = tmp_path / "root/sys/class/thermal/thermal_zone0"
    zone.mkdir(parents=True)
    (zone / "temp").write_text("48312\n")
    machine = Machine(root=tmp_path / "root")
    monkeypatch.setattr("joulesplit.cli._sensor_care.this_machine", lambda: machine)
    zero = sensor("zero", *SENSOR)
    assert zero.json["zeros"][0]["temperature_c"] == 48.312
    assert "48.3 °C at the processor" in joulesplit("sensor", "show", KEY, "--store", tmp_path).out
    choice = SensorRequest(kind="ina219", shunt_ohm=0.1, records=tmp_path)
    with choice() as opened:
        day = zero.json["zeros"][0]["created"][:10]
        assert f"zero of {day} at 48 °C" in opened.description.settings["zero_source"]
        sources = [term.source for term in opened.description.accuracy]
        assert any("48 °C" in source for source in sources)


def test_a_board_that_does_not_tell_its_temperature_keeps_none(
    source, sensor, tmp_path, monkeypatch
):
    monkeypatch.setattr("joulesplit.cli._sensor_care.this_machine", lambda: Machine(root=tmp_path))
    zero = sensor("zero", *SENSOR)
    assert zero.json["zeros"][0]["temperature_c"] is None
    assert " °C" not in zero.json["corrections"][0]["offset_source"]


def test_options_that_are_given_win_over_the_board(source, sensor):
    outcome = sensor("zero", *SENSOR, "--shunt-ohm", 0.05, "--peak-current-a", 0.5)
    assert outcome.json["key"] == "ina219-bus1-0x40-0.05ohm"


def test_boards_are_listed_and_an_unknown_one_is_a_usage_error(sensor, joulesplit):
    boards = joulesplit("sensor", "boards", "--json").json["boards"]
    assert {board["key"] for board in boards} >= {"adafruit-904", "dfrobot-sen0291"}
    assert "waveshare-4ch" in joulesplit("sensor", "boards").out
    outcome = sensor("zero", "--sensor", "ina219", "--board", "none")
    assert outcome.code == 2
    assert "adafruit-904" in outcome.err


def test_a_drop_that_trips_the_detector_is_warned_about_on_standard_error(source, sensor):
    outcome = sensor("zero", *SENSOR, "--peak-current-a", 3)
    assert "warning: 3 A over 0.1 ohm leave 4.80 V" in outcome.err
    assert outcome.json["zeros"]


def test_an_unknown_sensor_is_a_usage_error_that_lists_those_there_are(joulesplit):
    outcome = joulesplit("monitor", "--sensor", "nothing")
    assert outcome.code == 2
    assert "rapl" in outcome.err
