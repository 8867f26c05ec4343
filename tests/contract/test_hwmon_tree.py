"""The kernel's view of an INA219 in ``/sys/class/hwmon``; runs in umockdev's child."""

from __future__ import annotations

from pathlib import Path

import pytest

from joulesplit.drivers import HwmonSensor, discover
from joulesplit.drivers._hwmon import find_power_chips
from joulesplit.drivers.errors import SensorConfigurationError, SensorUnavailableError
from joulesplit.drivers.simulated import SimulatedClock

CHIP = Path("/sys/class/hwmon/hwmon0")


@pytest.fixture
def tree():
    """Change an attribute of the chip; what was there before comes back."""
    before = {}

    def change(**values):
        for name, value in values.items():
            before.setdefault(name, (CHIP / name).read_text())
            (CHIP / name).write_text(f"{value}\n")

    yield change
    for name, value in before.items():
        (CHIP / name).write_text(value)


def sensor(**changes) -> HwmonSensor:
    return HwmonSensor(clock=SimulatedClock(), **{"scale_tolerance": 0.01, **changes})


def test_the_chip_is_found_where_the_kernel_shows_it():
    (chip,) = find_power_chips()
    assert (chip.directory, chip.name, chip.shunt_ohm) == (CHIP, "ina219", 0.1)
    assert discover().hwmon_chips == (chip,)


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
