"""What an instrument says of the machine at one moment."""

from __future__ import annotations

from joulesplit.calibrate.checks import condition_checks
from joulesplit.calibrate.environment import Machine
from joulesplit.calibrate.instrument import EdgeAddress, Instrument, RealDevice
from joulesplit.cli._resources import bundled
from joulesplit.drivers import MonotonicClock

MODEL = bundled("models/mobilenet_v2_1.0_224_int8.tflite")


def instrument_on(machine):
    """An instrument that is not running: nothing of it needs the sensor."""
    device = RealDevice(sensor_factory=object, clock=MonotonicClock(), machine=machine)
    return Instrument(MODEL, device, EdgeAddress(url="http://127.0.0.1:8000"))


def test_between_windows_no_command_is_run_and_no_route_is_no_other_route():
    commands = []
    instrument = instrument_on(Machine(run=commands.append))

    assert instrument.conditions_between().interface == "lo"
    instrument.edge = EdgeAddress(url="http://255.255.255.255:8000")
    assert instrument.conditions_between() is None
    assert commands == []


def test_the_boot_is_told_by_the_machine_that_is_measured(tmp_path):
    assert instrument_on(Machine(root=tmp_path)).boot_id is None
    (tmp_path / "proc/sys/kernel/random").mkdir(parents=True)
    (tmp_path / "proc/sys/kernel/random/boot_id").write_text("b-1\n")
    assert instrument_on(Machine(root=tmp_path)).boot_id == "b-1"


def test_the_route_to_the_server_is_looked_up_each_time_so_that_its_move_is_told():
    """No packet leaves for the broadcast address, whatever this machine's network is."""
    instrument = instrument_on(Machine())
    before = instrument.conditions()
    instrument.edge = EdgeAddress(url="http://255.255.255.255:8000")
    after = instrument.conditions()

    assert before.interface == "lo"
    checks = {check.name: check for check in condition_checks(before, after)}
    assert checks["route-changed"].outcome == "fail"
    assert "from lo to nowhere" in checks["route-changed"].advice
