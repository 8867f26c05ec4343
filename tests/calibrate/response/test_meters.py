"""Meters that are late, slow, seldom renewed or absurd are rejected by name, and good ones not."""

from __future__ import annotations

import pytest

from joulesplit.calibrate.checks import judge_runs, response_checks
from joulesplit.calibrate.estimates import run_figures
from joulesplit.calibrate.response import observe_response
from joulesplit.calibrate.response._fit import refresh_period_s
from joulesplit.calibrate.sampling._sampler import InlineSampler
from joulesplit.calibrate.windows import WindowTask, WindowTiming, run_window
from joulesplit.drivers import HwmonSensor, PiIna219, PmicSensor, RaplSensor
from joulesplit.drivers.ina219 import Ina219
from joulesplit.drivers.simulated import (
    ChipParameters,
    SimulatedClock,
    SimulatedI2cBus,
    SimulatedIna219,
)
from plugin_meters import IDLE_W, NS, VOLTAGE_V, WORK_W, Device, Meter

TIMING = WindowTiming(idle_s=2.0, settle_s=0.2)


def examined(sensor, device, clock, *, work_s=1, runs=3):
    """Return the verdict on runs under a sensor, the mean net energy, J, and what failed."""
    sampler = InlineSampler(sensor)
    response = observe_response(sampler, clock, device.busy)
    task = WindowTask(kind="phase", subject="work", block=0, repetitions=work_s)
    records = [run_window(task, device, TIMING, clock, sampler) for _ in range(runs)]
    figures, description = run_figures(records, sensor.description.accuracy), sensor.description
    shortest_s = min(record.work_s for record in records)
    checks = response_checks(response, description, settle_s=TIMING.settle_s, shortest_s=shortest_s)
    quality = judge_runs(records, figures, sampler.statistics(), description, checks)
    failed = {check.name: check for check in quality.checks if check.outcome == "fail"}
    return quality.verdict, figures.net_j.value, failed


@pytest.fixture
def clock():
    return SimulatedClock()


@pytest.fixture
def device(clock):
    return Device(clock)


@pytest.fixture
def world(request, device):
    """Return what a meter does, and its device."""
    return request.param, device


@pytest.mark.parametrize(
    ("world", "work_s", "shows_j", "named", "value"),
    [
        # 24 J: of 6 s at 4 W, 1.3 s come after the settling of 0.2 s (18.8 J are left), and are
        # taken for 2.6 W of the idle after: half of that over 6 s goes too.
        ({"delay_s": 1.5}, 6, 11.0, "sensor-delay", 1.5),
        ({"delay_s": 0.4}, 1, None, "sensor-delay", 0.4),
        # 0.54 J for 4 J.
        ({"time_constant_s": 2.2}, 1, 0.54, "step-response", None),
        ({"time_constant_s": 0.3}, 1, None, "step-response", None),
        ({"time_constant_s": 8.0}, 1, None, "step-response", None),
        ({"renewed_s": 1.0}, 1, None, "refresh-period", 20.0),
        ({"renewed_s": 0.25}, 1, None, "refresh-period", 5.0),
        ({"gain": 800.0}, 1, 3200.0, "readings-in-range", 6.0 * 800 / 25),
        ({"blind": True}, 1, 0.0, "step-seen", None),
        ({"blind": True, "noise_w": 0.0}, 1, 0.0, "step-seen", None),
    ],
    indirect=["world"],
)
def test_a_meter_that_is_not_understood_is_rejected_by_name(world, work_s, shows_j, named, value):
    meter, device = world
    verdict, net_j, failed = examined(Meter(device, **meter), device, device.clock, work_s=work_s)

    assert verdict == "rejected"
    assert failed[named].advice
    if value is not None:
        assert failed[named].value == pytest.approx(value, rel=0.02, abs=0.04)
    if shows_j is not None:
        assert net_j == pytest.approx(shows_j, rel=0.01, abs=0.06)


@pytest.mark.parametrize("renewed_s", [0.25, 0.5, 1.0])
@pytest.mark.parametrize("noise_w", [0.0, 0.02])
def test_a_value_that_is_seldom_renewed_is_rejected_whatever_its_noise(
    clock, device, renewed_s, noise_w
):
    verdict, _, failed = examined(
        Meter(device, renewed_s=renewed_s, noise_w=noise_w), device, clock
    )
    assert verdict == "rejected"
    assert "refresh-period" in failed


@pytest.mark.parametrize(
    "meter",
    [
        {},
        {"noise_w": 0.0},
        {"step_w": 0.1},
        {"step_w": 0.4, "noise_w": 0.0},
        {"noise_w": 0.15},
        {"delay_s": 0.05},
        {"cycle_s": 0.009},
        {"cycle_s": 0.1},
        {"cycle_s": 0.1, "renewed_s": 0.1},
    ],
)
def test_a_good_meter_is_not_rejected(clock, device, meter):
    verdict, net_j, failed = examined(Meter(device, **meter), device, clock)
    assert (verdict in ("valid", "suspect"), failed) == (True, {})
    assert net_j == pytest.approx(WORK_W, rel=0.03)


def test_good_meters_are_not_rejected_by_chance():
    for seed in range(40):
        clock = SimulatedClock(start_ns=NS + seed * 7_777_777)
        device = Device(clock)
        meter = Meter(device, noise_w=0.1, cycle_s=(0.02, 0.05, 0.1, 0.2)[seed % 4], seed=seed)
        response = observe_response(InlineSampler(meter), clock, device.busy)
        checks = response_checks(response, meter.description, settle_s=0.2, shortest_s=0.8)
        assert [c.name for c in checks if c.outcome != "pass"] == []


class Following(SimulatedClock):
    """The sensor's clock: whenever it has moved, the source shows the power of that time."""

    def __init__(self, start_ns, show):
        super().__init__(start_ns=start_ns)
        self._show = show

    def sleep_until_ns(self, t_ns):
        super().sleep_until_ns(t_ns)
        self._show(self.now_ns() / NS)


def write(directory, **contents):
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (directory / name).write_text(f"{content}\n")


def kernels_ina219(device, clock, tmp_path):
    """The kernel's view of a chip, with its step of a milliampere."""

    def show(t_s):
        current_a = device.power_w(t_s) / VOLTAGE_V
        write(tmp_path / "hwmon1", curr1_input=round(current_a * 1000))
        write(tmp_path / "hwmon1", power1_input=round(current_a * VOLTAGE_V / 0.02) * 20_000)

    write(tmp_path / "hwmon1", name="ina219", in0_input=40, in1_input=5000, shunt_resistor=100_000)
    show(0)
    return HwmonSensor(
        clock=Following(clock.now_ns(), show), root=tmp_path, scale_tolerance=0.01, shunt_ohm=0.1
    )


def pmic(device, clock, tmp_path):
    """Raspberry Pi 5: one rail carries what changes."""
    del tmp_path
    own = SimulatedClock(start_ns=clock.now_ns())

    def run(_):
        current_a = ((device.power_w(own.now_ns() / NS) - 0.5879) / 1.1451) / 0.75
        return (
            f"VDD_CORE_A current(7)={current_a:.8f}A\nVDD_CORE_V volt(15)=0.75000000V\n"
            "EXT5V_V volt(24)=5.00000000V\n"
        )

    return PmicSensor(clock=own, run=run)


def rapl(device, clock, tmp_path):
    """Counters that step by a joule's 61 millionths every millisecond."""
    spent = {"t_s": clock.now_ns() / NS, "j": 0.0}

    def show(t_s):
        while spent["t_s"] + 1e-3 <= t_s:
            spent["t_s"] += 1e-3
            spent["j"] += device.power_w(spent["t_s"]) * 1e-3
        write(tmp_path / "intel-rapl:0", energy_uj=int(spent["j"] / 61e-6) * 61)

    write(tmp_path / "intel-rapl:0", name="package-0", max_energy_range_uj=262_143_328_850)
    show(spent["t_s"])
    return RaplSensor(clock=Following(clock.now_ns(), show), root=tmp_path)


@pytest.mark.parametrize("make", [kernels_ina219, pmic, rapl])
def test_the_sources_of_this_package_are_not_rejected(clock, device, tmp_path, make):
    with make(device, clock, tmp_path) as sensor:
        verdict, net_j, failed = examined(sensor, device, clock)
    assert (verdict in ("valid", "suspect"), failed) == (True, {})
    assert net_j == pytest.approx(WORK_W, rel=0.05)


class Board:
    """The device as a simulated chip sees it."""

    def __init__(self, device):
        self._device = device

    def mean_current_a(self, t0_ns, t1_ns):
        middle_s = (t0_ns + t1_ns) / 2 / NS
        return self._device.power_w(middle_s) / VOLTAGE_V

    def mean_voltage_v(self, t0_ns, t1_ns):
        return VOLTAGE_V


def chip_of(device, clock):
    own = SimulatedClock(start_ns=clock.now_ns())
    chip = SimulatedIna219(
        Board(device), own, seed=3, parameters=ChipParameters(shunt_ohm=0.1, noise_v_rms=20e-6)
    )
    return SimulatedI2cBus(1, {0x40: chip}, own), own


class LibraryDevice:
    """The calls of pi-ina219's ``INA219`` that are used, over the chip's registers."""

    def __init__(self, bus):
        self._bus = bus

    def configure(self, *, voltage_range, gain, bus_adc, shunt_adc):
        word = voltage_range << 13 | gain << 11 | bus_adc << 7 | shunt_adc << 3 | 7
        self._bus.write_word(0x40, 5, 0x1000)
        self._bus.write_word(0x40, 0, word)

    def is_conversion_ready(self):
        return self._bus.read_word(0x40, 2) & 2 == 2

    def voltage(self):
        return (self._bus.read_word(0x40, 2) >> 3) * 4 / 1000

    def shunt_voltage(self):
        return self._bus.read_word(0x40, 1) * 0.01

    def power(self):
        return self._bus.read_word(0x40, 3)


def test_the_library_pi_ina219_is_asked_and_not_rejected(clock, device):
    bus, own = chip_of(device, clock)
    sensor = PiIna219(
        1,
        shunt_ohm=0.1,
        shunt_tolerance=0.01,
        expected_peak_a=1.5,
        clock=own,
        open_device=lambda *_: LibraryDevice(bus),
    )
    with sensor:
        verdict, net_j, failed = examined(sensor, device, clock)
    assert (verdict, failed) == ("valid", {})
    assert net_j == pytest.approx(WORK_W, rel=0.01)


def test_our_own_driver_is_not_asked_for_its_delay_is_known(clock, device):
    bus, own = chip_of(device, clock)
    with Ina219(bus, shunt_ohm=0.1, shunt_tolerance=0.01, clock=own) as sensor:
        assert observe_response(InlineSampler(sensor), clock, device.busy) is None


def test_a_constant_value_has_no_refresh_period(make_trace):
    assert refresh_period_s(make_trace([IDLE_W] * 50), [], 0.009) == 0.009
