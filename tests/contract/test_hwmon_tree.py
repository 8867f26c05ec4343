"""The kernel's view of power monitors in ``/sys/class/hwmon``; runs in umockdev's child."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from joulesplit.drivers import HwmonSensor, discover
from joulesplit.drivers._hwmon_tree import find_power_chips
from joulesplit.drivers.errors import SensorConfigurationError, SensorUnavailableError
from joulesplit.drivers.simulated import SimulatedClock

ROOT = Path("/sys/class/hwmon")
CHIP = ROOT / "hwmon0"
TREES = json.loads(Path(__file__).with_name("hwmon_trees.json").read_text())


@pytest.fixture
def tree():
    """Change an attribute of a chip; what was there before comes back."""
    before = {}

    def change(directory=CHIP, **values):
        for name, value in values.items():
            before.setdefault(directory / name, (directory / name).read_text())
            (directory / name).write_text(f"{value}\n")

    yield change
    for path, value in before.items():
        path.write_text(value)


def sensor(**changes) -> HwmonSensor:
    return HwmonSensor(
        clock=SimulatedClock(), **{"chip": "hwmon0", "scale_tolerance": 0.01, **changes}
    )


def test_the_chips_are_found_where_the_kernel_shows_them():
    chips = find_power_chips()
    assert {chip.directory.name: chip.name for chip in chips} == {
        name: tree["files"]["name"] for name, tree in TREES.items()
    }
    assert discover().hwmon_chips == chips


@pytest.mark.parametrize(
    ("chosen", "stated", "power_w", "taken_from"),
    [
        ({"chip": "ina219"}, {"shunt_ohm": 0.1}, 5.020 * 0.600, "product"),
        ({"chip": "powerz"}, {}, 5.043 * 0.630, "product"),
        ({"chip": "ina3221", "channel": "VDD_IN"}, {"shunt_ohm": 0.02}, 9.5, "product"),
        ({"chip": "ina3221", "channel": "2"}, {"shunt_ohm": 0.005}, 4.0, "product"),
        ({"chip": "ina226"}, {"shunt_ohm": 0.1}, 3.0125, "power"),
        ({"chip": "ina228"}, {"shunt_ohm": 0.01}, 3.0127, "power"),
        ({"chip": "ina260"}, {}, 5.020 * 0.601, "product"),
        ({"chip": "ltc2947"}, {}, 3.012, "power"),
        ({"chip": "tps546d24"}, {}, 5.020 * 0.600, "product"),
    ],
)
def test_each_chips_power_is_that_of_its_own_documentation(chosen, stated, power_w, taken_from):
    with sensor(**chosen, **stated) as source:
        reading = source.read()
        assert reading.power_w == pytest.approx(power_w)
        assert source.description.settings["source"] == taken_from


def test_an_energy_counter_that_counts_loses_nothing_between_two_readings(tree):
    chip, clock = ROOT / "hwmon4", SimulatedClock()
    begin_ns, origin_uj = clock.now_ns(), 17_000_000

    class Counting(SimulatedClock):
        def sleep_until_ns(self, t_ns):
            super().sleep_until_ns(t_ns)
            count_uj = origin_uj + 4_000_000 * (self.now_ns() - begin_ns) // 10**9
            tree(chip, energy1_input=count_uj)

    clock = Counting()
    source = HwmonSensor(
        clock=clock, chip="ina228", scale_tolerance=0.01, shunt_ohm=0.01, interval_s=0.05
    )
    with source:
        assert source.description.settings["source"] == "energy"
        mean = source.read()
        clock.advance_ns(10**9)
        late = source.read()
        tree(chip, energy1_input=5)
        restarted = source._sample(late.flags)  # between two ticks, which would count on
    # The power register, that of a moment, says 3.01 W all the while.
    assert mean.power_w == pytest.approx(4.0, rel=1e-4)
    assert (late.power_w, late.flags) == (pytest.approx(4.0, rel=1e-4), 0)
    assert restarted.power_w == pytest.approx(3.0127)
    assert restarted.flags & 1


def test_every_reading_is_what_the_kernel_shows_at_that_moment(tree):
    with sensor() as source:
        for current_ma, voltage_mv in [(600, 5020), (-700, 4980), (0, 0), (3199, 26000)]:
            tree(curr1_input=current_ma, in1_input=voltage_mv)
            reading = source.read()
            assert reading.current_a == pytest.approx(current_ma / 1000)
            assert reading.voltage_v == pytest.approx(voltage_mv / 1000)
            assert reading.raw == (current_ma, voltage_mv)


def test_the_kernels_default_shunt_is_not_taken_for_the_boards(tree):
    """Without a device tree the driver assumes 10 milliohm: ten times the current of R100."""
    tree(shunt_resistor=10000)
    remedy = "echo 100000 | sudo tee /sys/class/hwmon/hwmon0/shunt_resistor"
    with pytest.raises(SensorConfigurationError, match=r"0\.01 ohm") as trap:
        sensor(shunt_ohm=0.1).__enter__()
    assert remedy in str(trap.value)
    assert "\n" not in str(trap.value)
    with pytest.raises(SensorConfigurationError, match=r"where nobody told it.*--shunt-ohm"):
        sensor().__enter__()
    tree(shunt_resistor=100000)
    with sensor(shunt_ohm=0.1) as source:
        assert source.description.settings["shunt_ohm"] == 0.1


@pytest.mark.parametrize("text", ["", "not a number"])
def test_a_figure_that_is_none_is_an_error_that_names_its_file(tree, text):
    with sensor() as source:
        source.read()
        tree(curr1_input=text)
        with pytest.raises(SensorUnavailableError, match="hwmon0/curr1_input") as broken:
            source.read()
    assert "\n" not in str(broken.value)
