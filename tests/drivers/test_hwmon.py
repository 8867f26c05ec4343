"""The kernel's power monitors, over trees written after its documentation of each driver."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from joulesplit.drivers import HwmonSensor
from joulesplit.drivers._hwmon_tree import find_power_chips
from joulesplit.drivers.errors import SensorConfigurationError, SensorUnavailableError
from joulesplit.drivers.readings import ReadingFlag
from joulesplit.drivers.simulated import SimulatedClock

MS = 1_000_000
TREES = json.loads((Path(__file__).parents[1] / "contract/hwmon_trees.json").read_text())


def write_files(directory, **contents):
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (directory / name).write_text(f"{content}\n")


def chip_at(root, driver, number=1, **changes):
    """Write the tree of a driver's chip, with changes; None leaves a file out."""
    (files,) = (t["files"] for t in TREES.values() if t["files"]["name"] == driver)
    merged = {k: v for k, v in {**files, **changes}.items() if v is not None}
    write_files(root / f"hwmon{number}", **merged)
    return root / f"hwmon{number}"


def sensor_in(root, **changes):
    return HwmonSensor(clock=SimulatedClock(), root=root, **{"scale_tolerance": 0.01, **changes})


@pytest.fixture
def hwmon_root(tmp_path):
    """A temperature sensor, and an INA219 as the kernel's ina2xx driver shows it."""
    write_files(tmp_path / "hwmon0", name="cpu_thermal", temp1_input=48000)
    write_files(
        tmp_path / "hwmon1",
        name="ina219",
        in0_input=60,
        in1_input=5020,
        curr1_input=600,
        power1_input=3012000,
        shunt_resistor=100000,
    )
    return tmp_path


def test_hwmon_reads_current_and_voltage_of_the_first_power_chip(hwmon_root):
    clock = SimulatedClock()
    sensor = HwmonSensor(clock=clock, root=hwmon_root, interval_s=0.05, scale_tolerance=0.01)
    begin_ns = clock.now_ns()
    with sensor:
        first = sensor.read()
        write_files(hwmon_root / "hwmon1", curr1_input=-700)
        second = sensor.read()
    assert first.raw == (600, 5020)
    assert (first.voltage_v, first.current_a) == pytest.approx((5.02, 0.6))
    assert second.current_a == pytest.approx(-0.7)
    assert [first.t_ns - begin_ns, second.t_ns - begin_ns] == [50 * MS, 100 * MS]


def test_hwmon_describes_an_ina219_as_the_kernel_runs_it(hwmon_root):
    with HwmonSensor(clock=SimulatedClock(), root=hwmon_root, scale_tolerance=0.01) as sensor:
        description = sensor.description
    assert description.settings["chip"] == "ina219"
    assert description.settings["shunt_ohm"] == pytest.approx(0.1)
    assert description.observed_fraction == pytest.approx(0.532 / 50)
    assert description.current_resolution_a == 1e-3
    terms = {term.name: term.half_width for term in description.accuracy}
    # Grade unknown at the kernel's gain /8: 200 µV over 0.1 ohm at the rail's 5.02 V.
    assert terms["shunt offset"] == pytest.approx(0.01004)
    assert terms["shunt tolerance"] == 0.01


def test_hwmon_refuses_a_driver_that_takes_another_shunt_for_the_boards(hwmon_root):
    settings = {"clock": SimulatedClock(), "root": hwmon_root, "scale_tolerance": 0.01}
    with HwmonSensor(**settings, shunt_ohm=0.1) as sensor:
        assert sensor.read().current_a == pytest.approx(0.6)
    write_files(hwmon_root / "hwmon1", shunt_resistor=10000)
    with pytest.raises(SensorConfigurationError, match=r"echo 100000 .*hwmon1/shunt_resistor"):
        HwmonSensor(**settings, shunt_ohm=0.1).__enter__()
    write_files(hwmon_root / "hwmon1", shunt_resistor=50000)
    with HwmonSensor(**settings) as trusting:
        assert trusting.description.settings["shunt_ohm"] == pytest.approx(0.05)


def test_hwmon_takes_a_power_where_there_is_no_current(tmp_path):
    write_files(tmp_path / "hwmon3", name="acpi_meter", power1_input=42_000_000)
    clock = SimulatedClock()
    with HwmonSensor(clock=clock, root=tmp_path, chip="hwmon3", scale_tolerance=0.03) as sensor:
        assert sensor.read().power_w == pytest.approx(42.0)
        assert sensor.description.settings["power_only"] is True
        assert [term.half_width for term in sensor.description.accuracy] == [0.03]


def test_hwmon_without_the_chip_names_what_there_is(hwmon_root):
    sensor = HwmonSensor(clock=SimulatedClock(), root=hwmon_root, chip="x", scale_tolerance=0.01)
    with pytest.raises(SensorUnavailableError, match=r"found: hwmon1 \(ina219\).*modprobe ina2xx"):
        sensor.__enter__()
    assert [chip.name for chip in find_power_chips(hwmon_root)] == ["ina219"]


@pytest.fixture
def many_monitors(hwmon_root):
    """Two INA219s whose numbers sort otherwise as texts, and a power meter."""
    for number in (10, 2):
        write_files(
            hwmon_root / f"hwmon{number}", name="ina219", curr1_input=number, in1_input=5000
        )
    write_files(hwmon_root / "hwmon7", name="acpi_meter", power1_input=42_000_000)
    return hwmon_root


def test_hwmon_chips_are_found_in_the_order_of_their_numbers(many_monitors):
    chips = find_power_chips(many_monitors)
    assert [chip.directory.name for chip in chips] == ["hwmon1", "hwmon2", "hwmon7", "hwmon10"]


@pytest.mark.parametrize(
    ("chosen", "raw"), [("hwmon10", 10), ("10", 10), ("2", 2), ("acpi_meter", 42_000_000)]
)
def test_of_several_hwmon_chips_the_chosen_one_is_read(many_monitors, chosen, raw):
    clock = SimulatedClock()
    with HwmonSensor(clock=clock, root=many_monitors, chip=chosen, scale_tolerance=0.01) as sensor:
        assert sensor.read().raw[0] == raw


@pytest.mark.parametrize(
    ("chosen", "listed"),
    [
        (None, r"4 hwmon chips.*hwmon1 \(ina219\), hwmon2 \(ina219\), hwmon7 \(acpi_meter\), "),
        ("ina219", r"3 hwmon chips.*hwmon1 \(ina219\), hwmon2 \(ina219\), hwmon10 .*--hwmon-chip"),
    ],
)
def test_hwmon_does_not_guess_which_of_several_chips_is_meant(many_monitors, chosen, listed):
    settings = {"clock": SimulatedClock(), "root": many_monitors, "scale_tolerance": 0.01}
    with pytest.raises(SensorConfigurationError, match=listed):
        HwmonSensor(chip=chosen, **settings).__enter__()


def test_hwmon_chip_that_vanishes_is_an_error(hwmon_root):
    with HwmonSensor(clock=SimulatedClock(), root=hwmon_root, scale_tolerance=0.01) as sensor:
        (hwmon_root / "hwmon1" / "curr1_input").unlink()
        with pytest.raises(SensorUnavailableError, match="curr1_input"):
            sensor.read()


def test_late_readings_are_flagged_and_stay_on_the_grid(hwmon_root):
    clock = SimulatedClock()
    begin_ns = clock.now_ns()
    with HwmonSensor(clock=clock, root=hwmon_root, interval_s=0.05, scale_tolerance=0.01) as sensor:
        assert sensor.read().flags == ReadingFlag.NONE
        clock.advance_ns(120 * MS)
        late = sensor.read()
        following = sensor.read()
    assert late.flags == ReadingFlag.GAP_BEFORE
    assert following.flags == ReadingFlag.NONE
    assert following.t_ns - begin_ns == 200 * MS


def terms_of(sensor):
    return {term.name: term.half_width for term in sensor.description.accuracy}


@pytest.mark.parametrize(
    ("driver", "label", "wrong_w", "right_w"),
    [
        # A USB-C pin's voltage times the current; the sum of currents times a shunt's voltage.
        ("powerz", None, 1.040, 3.177),
        ("ina3221", "4", 13.0, None),
    ],
)
def test_a_number_in_common_makes_no_pair(tmp_path, driver, label, wrong_w, right_w):
    chip_at(tmp_path, driver)
    if right_w is None:
        with pytest.raises(SensorConfigurationError, match="which of its voltages"):
            sensor_in(tmp_path, channel=label).__enter__()
        return
    with sensor_in(tmp_path) as sensor:
        assert sensor.read().power_w == pytest.approx(right_w, rel=1e-3)
        assert sensor.read().power_w != pytest.approx(wrong_w, rel=0.1)


def test_a_voltage_that_nothing_tells_is_refused_with_the_candidates(tmp_path):
    chip_at(tmp_path, "mystery")
    told = r"mystery in .*hwmon1.*curr1_input.*in0_input, in1_input, in2_input"
    with pytest.raises(SensorConfigurationError, match=told):
        sensor_in(tmp_path).__enter__()
    chip_at(tmp_path, "ina260", number=2)
    with sensor_in(tmp_path) as sensor:  # one that can be measured is not hindered by it
        assert sensor.description.settings["chip"] == "ina260"


def test_of_several_channels_none_is_taken_unasked(tmp_path):
    directory = chip_at(tmp_path, "ina3221")
    listed = r"2 channels: 1 \(VDD_IN\), 2 \(VDD_CPU_GPU_CV\).*--hwmon-channel 1"
    with pytest.raises(SensorConfigurationError, match=listed):
        sensor_in(tmp_path).__enter__()
    for wanted in ("VDD_IN", "vdd_in", "1"):
        with sensor_in(tmp_path, channel=wanted) as sensor:
            assert sensor.description.settings["channel"] == "1 (VDD_IN)"
    with pytest.raises(SensorUnavailableError, match=r"no channel VDD_GPU: it has 1 \(VDD_IN\)"):
        sensor_in(tmp_path, channel="VDD_GPU").__enter__()
    write_files(directory, in2_enable=0)
    with sensor_in(tmp_path) as sensor:  # the only one that is left
        assert sensor.read().power_w == pytest.approx(9.5)


def test_a_channel_that_is_switched_off_is_no_0_w(tmp_path):
    directory = chip_at(tmp_path, "ina3221")
    remedy = r"3 \(VDD_SOC\).* switched off.*echo 1 \| sudo tee .*hwmon1/in3_enable"
    with pytest.raises(SensorConfigurationError, match=remedy):
        sensor_in(tmp_path, channel="3").__enter__()
    for gone in ({"curr2_input": 0, "in2_input": 0}, {"curr2_input": ""}):  # older, newer kernels
        chip_at(tmp_path, "ina3221")
        with sensor_in(tmp_path, channel="2") as sensor:
            sensor.read()
            write_files(directory, in2_enable=0, **gone)
            with pytest.raises(SensorConfigurationError, match="in2_enable"):
                sensor.read()


def test_each_channel_has_a_shunt_of_its_own(tmp_path):
    chip_at(tmp_path, "ina3221")
    with pytest.raises(SensorConfigurationError, match=r"0\.02 ohm.*shunt1_resistor"):
        sensor_in(tmp_path, channel="1", shunt_ohm=0.1).__enter__()
    with sensor_in(tmp_path, channel="2", shunt_ohm=0.005) as sensor:
        assert sensor.description.settings["shunt_ohm"] == 0.005


def test_a_shunt_that_nobody_told_the_driver_has_to_be_stated(tmp_path):
    directory = chip_at(tmp_path, "ina226", shunt_resistor=10000)
    with pytest.raises(SensorConfigurationError, match=r"nobody told it.*--shunt-ohm"):
        sensor_in(tmp_path).__enter__()
    with sensor_in(tmp_path, shunt_ohm=0.01):
        pass
    node = directory / "device/of_node"
    write_files(node, **{"shunt-resistor": "."})
    with sensor_in(tmp_path) as told_by_the_device_tree:
        assert told_by_the_device_tree.description.settings["shunt_ohm"] == 0.01


def test_a_shunt_that_the_driver_does_not_tell_is_held_against_its_figures(tmp_path):
    """ina238 shows no shunt_resistor: 6 mV at 600 mA are 10 milliohm, whatever the user says."""
    chip_at(tmp_path, "ina228")
    with pytest.raises(SensorConfigurationError, match=r"ratio of 0\.01 ohm.*0\.1 ohm"):
        sensor_in(tmp_path, shunt_ohm=0.1).__enter__()
    with sensor_in(tmp_path) as sensor:
        assert sensor.description.settings["shunt_ohm"] == pytest.approx(0.01)


def test_a_chip_with_its_shunt_inside_takes_no_other(tmp_path):
    chip_at(tmp_path, "ina260")
    with pytest.raises(SensorConfigurationError, match=r"0\.002 ohm inside.*leave --shunt-ohm"):
        sensor_in(tmp_path, shunt_ohm=0.1).__enter__()
    with sensor_in(tmp_path) as sensor:
        assert "shunt tolerance" not in terms_of(sensor)


@pytest.mark.parametrize(
    ("driver", "options", "term", "half_width"),
    [
        # ±80 µV over 20 mΩ at 19 V; the issue of 10 mΩ is twice that.
        ("ina3221", {"channel": "1"}, "shunt offset", 80e-6 / 0.02 * 19.0),
        ("ina3221", {"channel": "1"}, "bus voltage offset", 16e-3 / 19.0),
        ("ina3221", {"channel": "1"}, "current gain", 0.0025),
        ("ina3221", {"channel": "1"}, "step", 40e-6 / 0.02 * 19.0 / 2),
        ("ina226", {}, "shunt offset", 10e-6 / 0.1 * 5.021),
        ("ina226", {}, "bus voltage gain", 0.001),
        ("ina260", {}, "shunt offset", 5e-3 * 5.020),
        ("ina228", {}, "shunt offset", 1e-6 / 0.01 * 5.020),
        ("powerz", {}, "stated accuracy", 0.01),
    ],
)
def test_accuracy_is_that_of_the_chips_data_sheet(tmp_path, driver, options, term, half_width):
    chip_at(tmp_path, driver)
    with sensor_in(tmp_path, **options) as sensor:
        assert terms_of(sensor)[term] == pytest.approx(half_width)
        assert all(t.source for t in sensor.description.accuracy)


def test_a_power_that_is_not_current_times_voltage_tells_a_wrong_pair(tmp_path):
    write_files(
        tmp_path / "hwmon1", name="unheard-of", in1_input=1650, curr1_input=630,
        power1_input=3_177_000,
    )  # fmt: skip
    told = r"power1_input says 3\.177 W, curr1_input times in1_input is 1\.0"
    with pytest.raises(SensorConfigurationError, match=told):
        sensor_in(tmp_path).__enter__()


def test_a_power_has_the_sign_of_its_current(tmp_path):
    directory = chip_at(tmp_path, "ina226")
    with sensor_in(tmp_path) as sensor:
        write_files(directory, curr1_input=-600)
        assert sensor.read().power_w == pytest.approx(-3.0125)


def test_a_chip_is_read_no_more_often_than_it_has_something_new(tmp_path):
    chip_at(tmp_path, "ina226", update_interval=563)
    with sensor_in(tmp_path) as sensor:
        first, second = sensor.read(), sensor.read()
        assert sensor.description.cycle_s == pytest.approx(0.563)
    assert second.t_ns - first.t_ns == 563 * MS


def test_a_rail_without_voltage_is_refused(tmp_path):
    chip_at(tmp_path, "ina3221", in1_input=0)
    with pytest.raises(SensorConfigurationError, match=r"in1_input shows 0 V.*load's side"):
        sensor_in(tmp_path, channel="1").__enter__()
