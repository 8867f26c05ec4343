"""The kernel's own ina2xx driver on the chip's words, beside our reading of them; in the guest."""

from __future__ import annotations

from pathlib import Path

import pytest

from joulesplit.drivers import HwmonSensor, MonotonicClock, discover
from joulesplit.drivers._hwmon_tree import find_power_chips
from joulesplit.drivers.errors import BusBusyError, SensorConfigurationError, SensorUnavailableError
from joulesplit.drivers.ina219 import POWER_ON_CONFIGURATION, Ina219
from joulesplit.drivers.ina219._registers import bus_voltage_v, shunt_voltage_v
from joulesplit.drivers.simulated import ChipParameters, SimulatedClock, SimulatedIna219
from joulesplit.drivers.simulated._load import BenchSource

ADAPTER = Path("/sys/bus/i2c/devices/i2c-0")
KERNELS, OURS = 0x40, 0x41
SHUNT, BUS, POWER, CURRENT, CALIBRATION = 1, 2, 3, 4, 5
SHUNT_OHM = 0.1
KERNEL_CALIBRATION = 4096
POINTS = [
    (0.1, 12.0),
    (0.61234, 5.0217),
    (1.5, 4.9),
    (3.19, 5.3),
    (-0.25, 5.0),
    (-3.1, 25.9),
    (0.0004, 3.3),
]


@pytest.fixture
def kernel_chip(put):
    """Bind the kernel's driver to 0x40; return its directory."""
    put(KERNELS, {0: 0, CALIBRATION: 0, SHUNT: 100, BUS: 1255 << 3, POWER: 10, CURRENT: 100})
    (ADAPTER / "new_device").write_text(f"ina219 {KERNELS:#x}\n")
    yield next((ADAPTER / f"0-{KERNELS:04x}/hwmon").glob("hwmon*"))
    if (ADAPTER / f"0-{KERNELS:04x}").exists():
        release()


def release():
    (ADAPTER / "delete_device").write_text(f"{KERNELS:#x}\n")


def chip_words(current_a, voltage_v):
    """The words of a chip at the kernel's settings, from the data sheet's own arithmetic."""
    clock = SimulatedClock()
    source = BenchSource(current_a=current_a, voltage_v=voltage_v)
    chip = SimulatedIna219(source, clock, parameters=ChipParameters(shunt_ohm=SHUNT_OHM))
    chip.write_register(CALIBRATION, KERNEL_CALIBRATION)
    clock.advance_ns(10_000_000)
    return {register: chip.read_register(register) for register in (SHUNT, BUS, POWER, CURRENT)}


def figures(directory):
    names = ("in0_input", "in1_input", "curr1_input", "power1_input")
    return {name: int((directory / name).read_text()) for name in names}


def hwmon_sensor(**changes):
    return HwmonSensor(
        clock=MonotonicClock(), **{"scale_tolerance": 0.01, "interval_s": 0.001, **changes}
    )


@pytest.mark.parametrize(("current_a", "voltage_v"), POINTS)
def test_its_figures_are_ours_within_its_steps(kernel_chip, bus, put, current_a, voltage_v):
    (kernel_chip / "shunt_resistor").write_text("100000\n")
    words = chip_words(current_a, voltage_v)
    put(KERNELS, words)
    put(OURS, words)
    ours_v = bus_voltage_v(bus.read_word(OURS, BUS))
    ours_shunt_v = shunt_voltage_v(bus.read_word(OURS, SHUNT))
    ours_a = ours_shunt_v / SHUNT_OHM
    kernel = figures(kernel_chip)
    assert kernel["in1_input"] == pytest.approx(ours_v * 1e3)
    assert kernel["in0_input"] == pytest.approx(ours_shunt_v * 1e3, abs=0.5)
    assert kernel["curr1_input"] == pytest.approx(ours_a * 1e3, abs=0.5)
    # Its steps are 20 times the current's 0.1 mA, at 1 V; the chip cuts off, and has no sign there.
    assert 0 <= abs(ours_a) * ours_v - kernel["power1_input"] * 1e-6 < 2e-3 + 1e-9
    with hwmon_sensor(shunt_ohm=SHUNT_OHM) as sensor:
        reading = sensor.read()
    assert reading.raw == (kernel["curr1_input"], kernel["in1_input"])
    assert reading.power_w == pytest.approx(ours_a * ours_v, abs=0.5e-3 * ours_v + 1e-9)


def test_it_runs_the_chip_as_our_description_says(kernel_chip, bus):
    (chip,) = find_power_chips()
    assert (chip.directory.name, chip.name) == (kernel_chip.name, "ina219")
    assert discover().hwmon_chips == (chip,)
    release()
    assert bus.read_word(KERNELS, 0) == POWER_ON_CONFIGURATION
    assert bus.read_word(KERNELS, CALIBRATION) == KERNEL_CALIBRATION


def test_its_default_shunt_is_refused_and_the_remedy_in_the_message_cures_it(kernel_chip, put):
    put(KERNELS, chip_words(0.1, 12.0))
    assert figures(kernel_chip)["curr1_input"] == 1000
    with pytest.raises(SensorConfigurationError, match=r"0\.01 ohm.*0\.1 ohm") as trap:
        hwmon_sensor(shunt_ohm=SHUNT_OHM).__enter__()
    value, file = str(trap.value).split("echo ")[1].split(" | sudo tee ")
    Path(file).write_text(value)
    with hwmon_sensor(shunt_ohm=SHUNT_OHM) as sensor:
        assert sensor.read().power_w == pytest.approx(1.2)
    assert figures(kernel_chip) == {
        "in0_input": 10,
        "in1_input": 12000,
        "curr1_input": 100,
        "power1_input": 1200000,
    }


def test_an_address_it_holds_is_busy_until_it_lets_go(kernel_chip, bus):
    sensor = Ina219(
        bus,
        address=KERNELS,
        shunt_ohm=SHUNT_OHM,
        shunt_tolerance=0.01,
        expected_peak_a=1.5,
        clock=MonotonicClock(),
    )
    with pytest.raises(BusBusyError, match=r"0x40 on I2C bus 0.*--sensor hwmon"):
        sensor.__enter__()
    assert bus.read_word(OURS, SHUNT) >= 0
    release()
    assert bus.read_word(KERNELS, 0) == POWER_ON_CONFIGURATION


def test_a_changing_current_is_followed_through_sysfs(kernel_chip, start_writer):
    """Older kernels take it from the chip's current register, newer ones from the shunt's."""
    (kernel_chip / "shunt_resistor").write_text("100000\n")
    send = start_writer(KERNELS, SHUNT, CURRENT)
    with hwmon_sensor() as sensor:
        for step_ma in range(1, 31):
            send(step_ma * 10, step_ma * 10)
            while (reading := sensor.read()).raw[0] != step_ma:
                assert reading.raw[0] == max(10 if step_ma == 1 else 0, step_ma - 1)
    assert reading.current_a == pytest.approx(0.03)


def test_a_driver_that_is_unbound_while_reading_is_an_error_that_names_the_file(kernel_chip, put):
    (kernel_chip / "shunt_resistor").write_text("100000\n")
    put(KERNELS, chip_words(1.0, 5.0))
    with hwmon_sensor(shunt_ohm=SHUNT_OHM) as sensor:
        sensor.read()
        release()
        with pytest.raises(SensorUnavailableError, match=r"curr1_input.*driver bound") as gone:
            sensor.read()
    assert "\n" not in str(gone.value)
