from __future__ import annotations

import platform
from dataclasses import replace

import pytest

from joulesplit.calibrate.environment import Machine, program
from joulesplit.cli._resources import bundled
from joulesplit.cli.diagnosis._installation import installation_findings
from joulesplit.cli.diagnosis._machine import machine_findings, tuning_findings
from joulesplit.cli.diagnosis._sensors import ready_for, sensor_findings
from joulesplit.drivers import SENSOR_KINDS, DiscoveredSources, I2cBusFinding, discover
from joulesplit.drivers._hwmon_tree import find_power_chips
from joulesplit.drivers.errors import BusError, BusPermissionError
from joulesplit.drivers.simulated import (
    ChipParameters,
    Ina226Parameters,
    LoadLog,
    LoadModel,
    LoadParameters,
    SimulatedClock,
    SimulatedI2cBus,
    SimulatedIna219,
    SimulatedIna226,
)
from joulesplit.drivers.simulated._load import BenchSource

KINDS = [kind.name for kind in SENSOR_KINDS]


def machine_with(root, files, printed=None):
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    return Machine(root=root, run=lambda arguments: (printed or {}).get(arguments[0]))


def states(machine, *, busy=0.01, available=10**9):
    found = machine_findings(machine, busy_fraction=busy, available_bytes=available)
    return {finding.name: finding for finding in found}


def test_a_bare_machine_is_described_and_nothing_is_guessed(tmp_path):
    found = states(machine_with(tmp_path, {}))
    assert found["python"].state == "ok"
    assert {found[name].state for name in ("governor", "temperature", "throttling")} == {"info"}


def test_what_spoils_a_measurement_is_a_warning_with_a_fix(tmp_path):
    machine = machine_with(
        tmp_path,
        {
            "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
            "sys/class/thermal/thermal_zone0/temp": "81234\n",
            "sys/class/net/wlan0/wireless/link": "",
        },
        {"vcgencmd": "throttled=0x50005\n", "iw": "Power save: on\n"},
    )
    found = states(machine, busy=0.5, available=10**8)
    spoiled = ("governor", "temperature", "throttling", "wifi", "background-load", "memory")
    assert {found[name].state for name in spoiled} == {"warn"}
    assert all(found[name].fix for name in spoiled)
    assert "under-voltage now" in found["throttling"].found
    assert "wlan0" in found["wifi"].fix


def test_the_bits_of_programs_are_told_beside_the_kernels_architecture(tmp_path):
    elsewhere = machine_with(tmp_path, {"proc/sys/kernel/arch": "aarch64\n"})
    assert states(elsewhere)["board"].found == "unknown, aarch64 kernel"
    here = states(Machine())["board"].found
    assert here.endswith(
        f"{platform.machine()} kernel, {platform.architecture()[0][:2]}-bit programs"
    )


BREAKS = {
    "raise SystemError('initialization of _pywrap failed')": "does not work with numpy",
    "os.kill(os.getpid(), signal.SIGILL)": "ends the process with SIGILL",
    "raise RuntimeError('no such operator')": "no such operator",
}


@pytest.mark.parametrize("what", BREAKS)
def test_a_runtime_that_is_there_and_does_not_run_is_an_error(what, tmp_path, monkeypatch):
    (tmp_path / "tflite_runtime").mkdir()
    (tmp_path / "tflite_runtime/__init__.py").touch()
    (tmp_path / "tflite_runtime/interpreter.py").write_text(
        "import enum, os, signal\n"
        "OpResolverType = enum.Enum('OpResolverType', 'AUTO BUILTIN_WITHOUT_DEFAULT_DELEGATES')\n"
        f"def Interpreter(**options):\n    {what}\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("JOULESPLIT_RUNTIME", "tflite-runtime")
    runtime = next(f for f in installation_findings() if f.name == "runtime")
    assert runtime.state == "error"
    assert BREAKS[what] in runtime.found
    assert runtime.fix


def test_a_runtime_that_computes_a_layer_is_fine():
    runtime = next(f for f in installation_findings() if f.name == "runtime")
    assert (runtime.state, runtime.fix) == ("ok", "")
    assert "runs a layer" in runtime.found


@pytest.mark.parametrize(
    ("available", "state", "told", "fix"),
    [
        (421_000_000, "ok", "mobilenet_v2_1.0_224_float32.tflite takes", ""),
        (190_000_000, "warn", "with --standard", "--quick"),
        (109_000_000, "warn", "with --quick", "add memory"),
    ],
)
def test_memory_is_enough_if_the_plan_fits_that_doctor_names(tmp_path, available, state, told, fix):
    found = states(machine_with(tmp_path, {}), available=available)["memory"]
    assert found.state == state
    assert told in found.found
    assert fix in found.fix


def test_an_installation_without_its_network_is_still_looked_at(tmp_path, monkeypatch):
    """Which is what doctor is for: another finding says that the file is missing."""
    monkeypatch.setattr("joulesplit.cli._resources._INSTALLED", tmp_path)
    monkeypatch.setattr("joulesplit.cli._resources._SOURCE", tmp_path)
    memory = states(machine_with(tmp_path, {}))["memory"]
    assert (memory.state, memory.found) == ("info", "1.00 Gbyte free")


def test_doctor_says_what_the_network_takes_that_is_given(joulesplit):
    """Of the bundled one a fixed number was told, whatever was to be measured."""
    model = bundled("models/mobilenet_v2_1.0_224_int8.tflite")
    findings = joulesplit("doctor", model, "--json").json["findings"]
    (memory,) = (finding for finding in findings if finding["name"] == "memory")
    assert "calibrate of mobilenet_v2_1.0_224_int8.tflite takes" in memory["found"]


LEFT = """{"boot": "b1", "owner": %s, "settings": [
  {"target": "governor", "name": "policy0", "before": "ondemand", "after": "performance"}]}"""


def test_what_a_killed_run_left_tuned_is_a_warning_until_it_is_set_back(tmp_path):
    machine = machine_with(tmp_path, {"proc/sys/kernel/random/boot_id": "b1\n"})
    state = tmp_path / "tuned.json"
    assert list(tuning_findings(machine, state)) == []

    state.write_text(LEFT % '{"process": 4711, "started": "9"}')
    (left,) = tuning_findings(machine, state)
    assert (left.state, left.fix) == ("warn", f"sudo {program()} tune --restore")
    assert "governor of policy0 was ondemand" in left.found

    after_the_name = " ".join(["S", *["0"] * 18, "9"])
    (tmp_path / "proc/4711").mkdir()
    (tmp_path / "proc/4711/stat").write_text(f"4711 (joulesplit) {after_the_name}")
    (running,) = tuning_findings(machine, state)
    assert (running.state, running.fix) == ("info", "")

    (tmp_path / "proc/sys/kernel/random/boot_id").write_text("b2\n")
    assert list(tuning_findings(machine, state)) == []
    state.write_text("{")
    (damaged,) = tuning_findings(machine, state)
    assert damaged.state == "error"
    assert "damaged" in damaged.found


def test_a_tuned_machine_is_fine(tmp_path):
    machine = machine_with(
        tmp_path,
        {
            "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "performance\n",
            "sys/class/thermal/thermal_zone0/temp": "45000\n",
            "sys/class/net/wlan0/wireless/link": "",
        },
        {"vcgencmd": "throttled=0x0\n", "iw": "Power save: off\n"},
    )
    assert all(f.state in ("ok", "info") and not f.fix for f in states(machine).values())


@pytest.fixture
def chip():
    buffer = bytearray(LoadLog.bytes_needed(16))
    clock = SimulatedClock()
    setup = LoadParameters(idle_power_w=2.6)
    load = LoadModel(LoadLog(buffer), setup, 1, origin_ns=clock.now_ns())
    return SimulatedIna219(load, clock, seed=1, parameters=ChipParameters(shunt_ohm=0.1))


def bus_with(devices):
    return SimulatedI2cBus(1, devices, SimulatedClock())


def found_with(tmp_path, **changes):
    bus = {"number": 1, "path": tmp_path / "i2c-1", "usable": True, "group": "i2c",
           "clock_hz": 400_000}  # fmt: skip
    return DiscoveredSources(
        buses=(I2cBusFinding(**{**bus, **changes}),), in_i2c_group=True, hwmon_chips=(),
        rapl_packages=(), rapl_readable=False, vcgencmd=None,
    )  # fmt: skip


def look(found, tmp_path, open_bus):
    machine = machine_with(tmp_path, {})
    findings = tuple(sensor_findings(found, machine, open_bus))
    return findings, ready_for(KINDS, found, machine, findings)


def test_of_several_kernel_monitors_doctor_says_how_to_choose(tmp_path):
    for number in (2, 10):
        directory = tmp_path / f"hwmon{number}"
        directory.mkdir()
        files = {"name": "ina219", "in1_input": 5000, "curr1_input": 600, "shunt_resistor": 100000}
        for name, value in files.items():
            (directory / name).write_text(f"{value}\n")
    chips = find_power_chips(tmp_path)
    several = replace(found_with(tmp_path, usable=False), hwmon_chips=chips)
    findings, _ = look(several, tmp_path, lambda _: None)
    told = [finding.found for finding in findings if finding.name == "hwmon"]
    assert [text.split("--")[-1] for text in told] == ["hwmon-chip hwmon2", "hwmon-chip hwmon10"]
    one = replace(several, hwmon_chips=chips[:1])
    assert not any("--hwmon-chip" in f.found for f in look(one, tmp_path, lambda _: None)[0])


def test_an_ina219_that_answers_is_found_without_writing_to_it(tmp_path, chip):
    before = chip.read_register(0)
    findings, ready = look(found_with(tmp_path), tmp_path, lambda _: bus_with({0x41: chip}))
    (sensor,) = [f for f in findings if f.name == "ina219"]
    assert sensor.state == "ok"
    assert "0x41 on bus 1" in sensor.found
    assert ready["ina219"] is True
    assert chip.read_register(0) == before


def test_an_ina219_configured_before_is_still_known(tmp_path, chip):
    chip.write_register(0, 0x11E7)
    findings, ready = look(found_with(tmp_path), tmp_path, lambda _: bus_with({0x40: chip}))
    assert any("configured before (0x11E7)" in f.found for f in findings)
    assert ready["ina219"] is True


class Servos:
    """A PCA9685 as after power-on; a write would move what hangs on it."""

    def read_register(self, pointer):
        return {0: 0x1111, 1: 0x0404, 2: 0xE2E2, 3: 0xE4E4, 5: 0xE0E0}.get(pointer, 0)


def test_a_servo_board_is_named_and_is_no_sensor(tmp_path):
    findings, ready = look(found_with(tmp_path), tmp_path, lambda _: bus_with({0x40: Servos()}))
    (board,) = [f for f in findings if f.name == "i2c-chip"]
    assert board.found == "PCA9685 at 0x40 on bus 1"
    assert "servos" in board.fix
    assert ready["ina219"] is False


def test_an_empty_bus_says_how_to_wire(tmp_path):
    findings, ready = look(found_with(tmp_path), tmp_path, lambda _: bus_with({}))
    (sensor,) = [f for f in findings if f.name == "ina219"]
    assert "SDA" in sensor.fix
    assert ready["ina219"] is False


def test_a_bus_of_another_group_is_not_opened(tmp_path):
    def never(number):
        raise AssertionError(number)

    findings, _ = look(found_with(tmp_path, usable=False), tmp_path, never)
    (bus,) = [f for f in findings if f.name == "i2c"]
    assert bus.state == "error"
    assert "usermod -aG i2c" in bus.fix


def test_a_slow_bus_is_a_warning(tmp_path):
    findings, _ = look(found_with(tmp_path, clock_hz=100_000), tmp_path, lambda _: bus_with({}))
    assert any(f.name == "i2c" and f.state == "warn" for f in findings)


def test_the_bus_of_an_hdmi_socket_is_neither_too_slow_nor_looked_at(tmp_path):
    def never(number):
        raise AssertionError(number)

    found = found_with(tmp_path, number=20, clock_hz=97_500, display=True)
    findings, _ = look(found, tmp_path, never)
    on_the_pins, socket = [f for f in findings if f.name == "i2c"]
    assert (socket.state, socket.fix) == ("info", "")
    # It is no bus for a sensor: how to get one is still said.
    assert "do_i2c 0" in on_the_pins.fix
    assert not [f for f in findings if f.name == "ina219"]


def test_a_bus_that_fails_is_told_and_the_rest_is_still_looked_at(tmp_path):
    def refuse(number):
        raise BusPermissionError(f"no permission to use bus {number}", bus=number)

    findings, _ = look(found_with(tmp_path), tmp_path, refuse)
    assert any("no permission to use bus 1" in f.found for f in findings)
    assert {"hwmon", "rapl", "pi5-pmic"} <= {f.name for f in findings}
    broken = bus_with({})
    broken.fail_next(BusError("the adapter timed out"))
    findings, _ = look(found_with(tmp_path), tmp_path, lambda _: broken)
    assert any("the adapter timed out" in f.found for f in findings)


def test_an_ina226_is_named_with_the_sensor_that_reads_it(tmp_path):
    clock = SimulatedClock()
    specimen = Ina226Parameters(shunt_ohm=0.01)
    chip = SimulatedIna226(BenchSource(current_a=0.6, voltage_v=5.0), clock, parameters=specimen)
    findings, ready = look(
        found_with(tmp_path), tmp_path, lambda _: SimulatedI2cBus(1, {0x44: chip}, clock)
    )
    (finding,) = [f for f in findings if f.name == "ina226"]
    assert finding.state == "ok"
    assert finding.found == (
        "INA226 at 0x44 on bus 1, as after power-on: --sensor ina226 --address 0x44, and the "
        "--shunt-ohm of its board; join its pin VBUS to VIN−"
    )
    assert ready["ina226"]
    assert not ready["ina219"]
    chip.write_register(0, 0x4527)
    findings, _ = look(
        found_with(tmp_path), tmp_path, lambda _: SimulatedI2cBus(1, {0x44: chip}, clock)
    )
    assert any("configured before (0x4527)" in f.found for f in findings)


def test_only_simulation_and_replay_are_ready_where_there_is_nothing(tmp_path):
    _, ready = look(discover(tmp_path), tmp_path, lambda _: bus_with({}))
    always = ["replay", "simulated", "simulated-ina226"]
    assert [kind for kind, yes in ready.items() if yes] == always


def test_json_has_findings_and_readiness_of_every_sensor(joulesplit):
    outcome = joulesplit("doctor", "--json")
    assert outcome.code == 0
    findings = outcome.json["findings"]
    names = {finding["name"] for finding in findings}
    assert {"python", "board", "runtime", "bundled-files", "memory"} <= names
    assert all(set(f) == {"name", "state", "found", "fix"} for f in findings)
    assert {f["state"] for f in findings} <= {"ok", "info", "warn", "error"}
    assert list(outcome.json["ready_for"]) == KINDS
    assert outcome.json["ready_for"]["simulated"] is True


def test_the_report_lists_findings(joulesplit):
    text = joulesplit("doctor").out
    assert "Findings" in text
    assert "--sensor ina219" in text
