"""The suite for plug-in authors, over every backend of ours, and over sensors that break rules."""

from __future__ import annotations

import dataclasses
import itertools
from importlib.metadata import EntryPoint, EntryPoints

import pytest

from joulesplit.drivers import (
    HwmonSensor,
    PiIna219,
    PmicSensor,
    RaplSensor,
    ReplaySensor,
    SensorRequest,
    _plugins,
    find_plugins,
    open_plugin,
)
from joulesplit.drivers._plugins import GROUP
from joulesplit.drivers.conformance import SensorConformance
from joulesplit.drivers.errors import SensorUnavailableError
from joulesplit.drivers.ina226 import Ina226
from joulesplit.drivers.readings import Reading, ReadingFlag
from joulesplit.drivers.simulated import (
    Ina226Parameters,
    SimulatedClock,
    SimulatedI2cBus,
    SimulatedIna226,
)
from joulesplit.drivers.simulated._load import BenchSource
from joulesplit.drivers.traces._csv_file import CsvTraceWriter

PMIC = "VDD_CORE_A current(7)=1.5A\nVDD_CORE_V volt(15)=0.75V\nEXT5V_V volt(24)=5.0V\n"


class InVirtualTime(SensorConformance):
    @pytest.fixture(autouse=True)
    def _world(self, make_bench, tmp_path):
        self.bench = make_bench(noise_v_rms=50e-6)
        self.tmp_path = tmp_path

    def clock(self):
        return self.bench.clock


class TestIna219(InVirtualTime):
    def make_sensor(self):
        return self.bench.sensor()

    def break_source(self):
        self.bench.chip.stop_converting()
        return True


class TestIna226(InVirtualTime):
    @pytest.fixture(autouse=True)
    def _ina226_world(self):
        clock, source = SimulatedClock(), BenchSource(current_a=0.6, voltage_v=5.0)
        specimen = Ina226Parameters(shunt_ohm=0.01, noise_v_rms=20e-6, bus_noise_v_rms=2e-3)
        self.chip = SimulatedIna226(source, clock, parameters=specimen)
        self.virtual_clock, self.bus = clock, SimulatedI2cBus(1, {0x40: self.chip}, clock)

    def clock(self):
        return self.virtual_clock

    def make_sensor(self):
        return Ina226(self.bus, shunt_ohm=0.01, shunt_tolerance=0.01, clock=self.virtual_clock)

    def break_source(self):
        self.chip.stop_converting()
        return True


class TestSimulated(InVirtualTime):
    def make_sensor(self):
        return self.bench.sensor(simulated=True)


class PlainLibraryDevice:
    """The calls of the PyPI library that its backend uses, over our simulated bus."""

    def __init__(self, bus):
        self._bus = bus

    def configure(self, *, voltage_range, gain, bus_adc, shunt_adc):
        word = voltage_range << 13 | gain << 11 | bus_adc << 7 | shunt_adc << 3 | 7
        self._bus.write_word(0x40, 0, word)

    def is_conversion_ready(self):
        return self._bus.read_word(0x40, 2) & 2 == 2

    def voltage(self):
        return (self._bus.read_word(0x40, 2) >> 3) * 4e-3

    def shunt_voltage(self):
        return self._bus.read_word(0x40, 1) * 0.01

    def power(self):
        return self._bus.read_word(0x40, 2) + self._bus.read_word(0x40, 3)


class TestPiIna219(InVirtualTime):
    def make_sensor(self):
        return PiIna219(
            1, shunt_ohm=0.1, shunt_tolerance=0.01, expected_peak_a=1.5, clock=self.bench.clock,
            open_device=lambda *_: PlainLibraryDevice(self.bench.bus),
        )  # fmt: skip

    def break_source(self):
        self.bench.chip.stop_converting()
        return True


class TestHwmon(InVirtualTime):
    def make_sensor(self):
        chip = self.tmp_path / "hwmon0"
        chip.mkdir(exist_ok=True)
        for name, content in (("name", "ina219"), ("curr1_input", 600), ("in1_input", 5000)):
            (chip / name).write_text(f"{content}\n")
        return HwmonSensor(clock=self.bench.clock, root=self.tmp_path, scale_tolerance=0.01)

    def break_source(self):
        (self.tmp_path / "hwmon0/in1_input").unlink()
        return True


class TestRapl(InVirtualTime):
    counts_on = True

    def make_sensor(self):
        package = self.tmp_path / "intel-rapl:0"
        package.mkdir(exist_ok=True)
        for name, content in (
            ("name", "package-0"), ("energy_uj", 5), ("max_energy_range_uj", 999),
        ):  # fmt: skip
            (package / name).write_text(f"{content}\n")
        return RaplSensor(clock=self.bench.clock, root=self.tmp_path)

    def break_source(self):
        (self.tmp_path / "intel-rapl:0/energy_uj").unlink()
        return True


class TestPmic(InVirtualTime):
    printed = PMIC

    def make_sensor(self):
        return PmicSensor(clock=self.bench.clock, run=lambda _: self.printed)

    def break_source(self):
        self.printed = ""
        return True


class TestReplay(InVirtualTime):
    def make_sensor(self):
        path = self.tmp_path / "trace.csv"
        if not path.exists():
            with (
                self.bench.sensor(simulated=True) as sensor,
                CsvTraceWriter(path, sensor.description) as writer,
            ):
                for _ in range(self.readings):
                    writer.write(sensor.read())
        return ReplaySensor(path, clock=self.bench.clock)

    def break_source(self):
        return True  # it ends


class Spoilt:
    """A good sensor but for one thing."""

    def __init__(self, sensor, **spoils):
        self._sensor = sensor
        self._spoils = spoils

    def __getattr__(self, name):
        return self._spoils.get(name) or getattr(self._sensor, name)

    @property
    def description(self):
        spoil = self._spoils.get("describe", lambda described: described)
        return spoil(self._sensor.description)

    def __enter__(self):
        self._sensor.__enter__()
        return self

    def __exit__(self, *exception):
        self._sensor.__exit__(*exception)
        return self._spoils.get("swallows", False)

    def read(self):
        return self._spoils.get("change", lambda reading: reading)(self._sensor.read())


def repeat_first():
    kept: list[Reading] = []
    return lambda reading: kept[0] if kept else kept.append(reading) or reading


counter = itertools.count()


@pytest.mark.parametrize(
    ("test", "spoils"),
    [
        ("times_increase_and_lie_between_opening_and_now", lambda: {"change": repeat_first()}),
        (
            "times_increase_and_lie_between_opening_and_now",
            lambda: {"change": lambda r: r._replace(t_ns=r.t_ns + 10**9)},
        ),
        (
            "readings_keep_the_pace_that_the_description_states",
            lambda: {"describe": lambda d: dataclasses.replace(d, cycle_s=2 * d.cycle_s)},
        ),
        (
            "readings_are_numbers_with_known_flags",
            lambda: {"change": lambda r: r._replace(current_a=float("nan"))},
        ),
        (
            "readings_are_numbers_with_known_flags",
            lambda: {"change": lambda r: r._replace(flags=0)},
        ),
        (
            "the_description_is_complete",
            lambda: {"describe": lambda d: dataclasses.replace(d, accuracy=())},
        ),
        (
            "the_description_is_complete",
            lambda: {"describe": lambda d: dataclasses.replace(d, settings={"x": float("inf")})},
        ),
        (
            "the_description_is_final_once_open",
            lambda: {"describe": lambda d: dataclasses.replace(d, name=str(next(counter)))},
        ),
        ("a_sensor_that_was_closed_can_be_opened_again", lambda: {"swallows": True}),
        (
            "readings_are_numbers_with_known_flags",
            lambda: {"change": lambda r: r._replace(flags=ReadingFlag(1 << 12))},
        ),
        (
            "a_reader_that_was_held_up_is_told_what_it_missed",
            lambda: {"change": lambda r: r._replace(flags=ReadingFlag.NONE)},
        ),
    ],
)
def test_the_suite_notices_a_broken_promise(make_bench, test, spoils):
    bench = make_bench(noise_v_rms=50e-6)

    class Suite(SensorConformance):
        def make_sensor(self):
            return Spoilt(bench.sensor(), **spoils())

        def clock(self):
            return bench.clock

    with pytest.raises((AssertionError, ValueError)):
        getattr(Suite(), f"test_{test}")()


def test_the_suite_notices_a_source_that_fails_with_another_error(make_bench):
    class Suite(SensorConformance):
        def make_sensor(self):
            return Spoilt(make_bench().sensor(), change=next(self.changes))

        def break_source(self):
            return True

    def fails(_):
        raise OSError("as the system raised it")

    suite = Suite()
    suite.changes = iter([lambda reading: reading])
    with pytest.raises(AssertionError, match="source that has failed"):
        suite.test_a_source_that_fails_is_a_sensor_error()
    calls = itertools.count()
    suite.changes = iter([lambda reading: fails(reading) if next(calls) else reading])
    with pytest.raises(OSError, match="as the system raised it"):
        suite.test_a_source_that_fails_is_a_sensor_error()


class NeverClosed:
    """Reads whether it is open or not."""

    def __init__(self, reading):
        self._reading = reading

    def read(self):
        return self._reading


def test_the_suite_notices_a_sensor_that_reads_while_closed():
    class Suite(SensorConformance):
        def make_sensor(self):
            return NeverClosed(None)

    with pytest.raises(AssertionError, match="before the with block"):
        Suite().test_a_sensor_that_is_not_open_refuses_to_read()


def open_bench_meter(request):
    """A plug-in as another package would write one."""
    return PmicSensor(clock=request.clock, interval_s=0.01, run=lambda _: PMIC)


@pytest.fixture
def installed(monkeypatch):
    """Let this environment look as if a package with plug-ins were installed."""
    entries = EntryPoints(
        [
            EntryPoint("benchmeter", f"{__name__}:open_bench_meter", GROUP),
            EntryPoint("broken", "joulesplit_no_such_package:open", GROUP),
        ]
    )
    monkeypatch.setattr(_plugins, "entry_points", lambda *, group: entries.select(group=group))
    monkeypatch.setitem(__import__("sys").modules, __name__, __import__("types").SimpleNamespace(
        open_bench_meter=open_bench_meter))  # fmt: skip


REQUEST = SensorRequest(
    kind="benchmeter", clock=SimulatedClock(), bus=1, address=0x40, shunt_ohm=0.1,
    shunt_tolerance=0.01,
    expected_peak_a=1.5, rail="5 V supply", trace=None,
)  # fmt: skip


def test_a_plugin_is_found_by_name_and_opened(installed):
    assert set(find_plugins()) == {"benchmeter", "broken"}
    with open_plugin(REQUEST) as sensor:
        assert sensor.read().power_w == pytest.approx(1.1451 * 1.125 + 0.5879)
        assert sensor.read().flags == ReadingFlag.NONE


@pytest.mark.parametrize(
    ("name", "message"), [("nobody", "benchmeter, broken"), ("broken", "install its package")]
)
def test_a_missing_or_broken_plugin_is_named(installed, name, message):
    with pytest.raises(SensorUnavailableError, match=message):
        open_plugin(dataclasses.replace(REQUEST, kind=name))
