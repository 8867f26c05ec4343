"""What ``/dev/i2c-1`` says no with, through real system calls; runs in umockdev's child."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import smbus2

from joulesplit.cli.diagnosis._sensors import _chip
from joulesplit.drivers import SmbusI2cBus, find_buses
from joulesplit.drivers.errors import (
    BusBusyError,
    BusError,
    BusNotFoundError,
    BusPermissionError,
    DeviceNotRespondingError,
)
from joulesplit.drivers.ina219 import Ina219
from joulesplit.drivers.simulated import SimulatedClock, SimulatedI2cBus

NOBODY = 65534
I2C_BUS = 1
I2C_SLAVE = 0x0703


@contextmanager
def no_permission():
    """Take the right to open the bus from everybody, root included.

    umockdev itself must go on: whoever opens the bus has to reach its socket.
    """
    bed = Path(os.environ["UMOCKDEV_DIR"])
    bed.chmod(0o711)
    (bed / "ioctl/dev/i2c-1").chmod(0o777)
    node = bed / "dev/i2c-1"
    mode = node.stat().st_mode
    node.chmod(0)
    if was_root := os.geteuid() == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if was_root:
            os.seteuid(0)
        node.chmod(mode & 0o7777)


def test_a_bus_that_is_not_there_is_named_with_the_remedy():
    with pytest.raises(BusNotFoundError, match=r"no I2C bus 7 \(/dev/i2c-7\).*raspi-config") as no:
        SmbusI2cBus(7)
    assert no.value.errno == errno.ENOENT
    assert "\n" not in str(no.value)


def test_a_bus_this_user_may_not_open_is_named_with_the_remedy():
    with no_permission(), pytest.raises(BusPermissionError, match="usermod -aG i2c") as denied:
        SmbusI2cBus(I2C_BUS)
    assert denied.value.errno == errno.EACCES
    assert "\n" not in str(denied.value)


def test_an_address_a_kernel_driver_holds_is_an_error_at_once(bench, wire):
    wire.held = frozenset({bench.address})
    began_ns = bench.clock.now_ns()
    with pytest.raises(BusBusyError, match="--sensor hwmon") as busy:
        bench.sensor().__enter__()
    assert (busy.value.bus, busy.value.address, busy.value.errno) == (1, 0x40, errno.EBUSY)
    assert "\n" not in str(busy.value)
    assert wire.selections == [(bench.address, False)]
    assert bench.clock.now_ns() == began_ns


def test_the_driver_never_forces_its_way_past_a_kernel_driver(bench, wire):
    with bench.sensor() as sensor:
        sensor.read()
    assert wire.selections == [(bench.address, False)]


def test_an_adapter_without_the_call_is_an_error_that_names_it(bench, break_transfer):
    break_transfer(errno.EOPNOTSUPP, 1)
    with pytest.raises(BusError, match=r"0x40 on I2C bus 1 failed.*dmesg") as failed:
        bench.bus.read_word(bench.address, 0)
    assert type(failed.value) is BusError
    assert failed.value.errno == errno.EOPNOTSUPP


def test_two_sensors_share_one_bus(wire, open_bench):
    """The address is chosen by a call of its own, which the library keeps in mind."""
    clock = SimulatedClock()
    worlds = {0x40: open_bench(clock=clock).world, 0x44: open_bench(clock=clock).world}
    worlds[0x40].source.current_a, worlds[0x44].source.current_a = 0.25, 0.75
    wire.connect(SimulatedI2cBus(1, {at: world.chip for at, world in worlds.items()}, clock))
    bus = SmbusI2cBus(I2C_BUS)
    first, second = (
        Ina219(
            bus, address=at, shunt_ohm=0.1, shunt_tolerance=0.01, expected_peak_a=1.5, clock=clock
        )
        for at in worlds
    )
    with first, second:
        currents = [(first.read().current_a, second.read().current_a) for _ in range(20)]
    bus.close()
    assert currents == [(pytest.approx(0.25), pytest.approx(0.75))] * 20


def test_combined_and_plain_transfers_read_the_same_word(bench):
    """As other programs do it: I2C_RDWR, and a plain read on the pointer that stays."""
    bench.bus.write_word(bench.address, 5, 0x1234)
    with smbus2.SMBus(I2C_BUS) as bus:
        word = smbus2.i2c_msg.read(bench.address, 2)
        bus.i2c_rdwr(smbus2.i2c_msg.write(bench.address, [5]), word)
        assert bytes(word) == b"\x12\x34"
        fcntl.ioctl(bus.fd, I2C_SLAVE, bench.address)
        os.write(bus.fd, b"\x00")
        os.write(bus.fd, b"\x05")
        assert [os.read(bus.fd, 2), os.read(bus.fd, 2)] == [b"\x12\x34"] * 2


def test_a_combined_transfer_to_nobody_is_a_remote_error(bench):
    with smbus2.SMBus(I2C_BUS) as bus, pytest.raises(OSError, match="Remote I/O") as silent:
        bus.i2c_rdwr(smbus2.i2c_msg.write(0x45, [5]), smbus2.i2c_msg.read(0x45, 2))
    assert silent.value.errno == errno.EREMOTEIO
    with pytest.raises(DeviceNotRespondingError):
        bench.bus.read_word(0x45, 5)


def test_the_bus_is_found():
    (found,) = find_buses()
    assert (found.number, found.path, found.usable) == (1, Path("/dev/i2c-1"), True)
    assert found.clock_hz is None


HOLDER = """\
import sys
from joulesplit.drivers import SmbusI2cBus
bus = SmbusI2cBus(1)
bus.claim(0x40)
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held_by_another_program(tmp_path):
    """Let another process claim 0x40 as a sensor does; yield it."""
    pipe = subprocess.PIPE
    script = tmp_path / "joulesplit"
    script.write_text(HOLDER)
    command = [sys.executable, str(script), "measure"]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as other:
        assert other.stdout.readline() == "held\n"
        yield other


def test_a_second_program_is_refused_with_the_name_of_the_first(bench, tmp_path):
    sensor = bench.sensor()
    before = bench.bus.read_word(bench.address, 0)
    with held_by_another_program(tmp_path) as other:
        told = rf"`joulesplit measure` \(process {other.pid}\) measures with 0x40 on I2C bus 1"
        with pytest.raises(BusBusyError, match=told):
            sensor.__enter__()
        assert bench.bus.read_word(bench.address, 0) == before
        bench.bus.claim(0x41)  # another chip is another matter
        other.kill()
        other.wait()
        with sensor:  # a claim goes with its program, however that ended
            sensor.read()
        bench.bus.release(0x41)
    bench.bus.claim(bench.address)


def test_doctor_leaves_a_chip_alone_that_is_measured_with(bench, tmp_path):
    with held_by_another_program(tmp_path):
        finding = _chip(bench.bus, bench.address)
    assert finding.state == "warn"
    assert "two programs on one chip" in finding.found


def test_who_else_has_the_bus_open_is_named(bench, tmp_path):
    with held_by_another_program(tmp_path) as other:
        assert any(f"process {other.pid}" in user for user in bench.bus.users())
        other.kill()
    assert not any(f"process {other.pid}" in user for user in bench.bus.users())
