from __future__ import annotations

import grp
import os
import struct

import pytest

from drivers.catalog import BOARDS, SENSOR_KINDS, board
from drivers.discovery import discover, find_buses
from drivers.ina219.description import ADDRESSES


def test_kinds_of_sensor_are_named_once_and_explained():
    names = [kind.name for kind in SENSOR_KINDS]
    assert sorted(names) == sorted(
        ["ina219", "pi-ina219", "hwmon", "pi5-pmic", "rapl", "replay", "simulated"]
    )
    assert all(kind.summary.endswith(".") for kind in SENSOR_KINDS)


def test_every_board_can_be_measured_with(make_bench):
    for entry in BOARDS:
        assert set(entry.addresses) <= set(ADDRESSES)
        sensor = make_bench().sensor(
            address=entry.addresses[0],
            shunt_ohm=entry.shunt_ohm,
            shunt_tolerance=entry.shunt_tolerance,
            grade=entry.grade,
        )
        assert sensor.description.full_scale_a >= 1.5
    assert board("dfrobot-sen0291").shunt_ohm == 0.01
    assert not board("waveshare-ups-c").confirmed
    with pytest.raises(KeyError):
        board("no-such-board")


@pytest.fixture
def machine(tmp_path):
    device_tree = tmp_path / "sys/bus/i2c/devices/i2c-1/of_node"
    device_tree.mkdir(parents=True)
    (device_tree / "clock-frequency").write_bytes(struct.pack(">I", 400_000))
    (tmp_path / "dev").mkdir()
    for name in ("i2c-20", "i2c-1", "i2c-stub", "i2c"):
        (tmp_path / "dev" / name).touch()
    return tmp_path


def test_buses_are_listed_by_number_with_clock_and_group(machine):
    first, second = find_buses(machine)
    assert (first.number, second.number) == (1, 20)
    assert (first.clock_hz, second.clock_hz) == (400_000, None)
    assert first.usable
    assert first.path == machine / "dev/i2c-1"
    assert first.group == grp.getgrgid(first.path.stat().st_gid).gr_name


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open anything")
def test_a_bus_without_permission_is_not_usable(machine):
    (machine / "dev/i2c-1").chmod(0)
    assert not find_buses(machine)[0].usable


def test_discovery_finds_each_source_and_nothing_on_an_empty_machine(machine, monkeypatch):
    hwmon = machine / "sys/class/hwmon/hwmon0"
    rapl = machine / "sys/class/powercap/intel-rapl:0"
    for directory, files in (
        (hwmon, {"name": "ina219", "curr1_input": "1", "in1_input": "2"}),
        (rapl, {"name": "package-0", "energy_uj": "1", "max_energy_range_uj": "9"}),
    ):
        directory.mkdir(parents=True)
        for name, content in files.items():
            (directory / name).write_text(content)
    programs = machine / "bin"
    programs.mkdir()
    (programs / "vcgencmd").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(programs))
    found = discover(machine)
    assert [chip.name for chip in found.hwmon_chips] == ["ina219"]
    assert [package.name for package in found.rapl_packages] == ["package-0"]
    assert found.rapl_readable
    assert found.vcgencmd == str(programs / "vcgencmd")
    assert len(found.buses) == 2

    monkeypatch.setenv("PATH", "")
    empty = discover(machine / "empty")
    assert (empty.buses, empty.hwmon_chips, empty.rapl_packages) == ((), (), ())
    assert not empty.rapl_readable
    assert empty.vcgencmd is None


def test_membership_in_the_i2c_group_is_three_valued(machine, monkeypatch):
    def group(gid):
        return lambda name: grp.struct_group((name, "x", gid, []))

    monkeypatch.setattr(grp, "getgrnam", group(os.getegid()))
    assert discover(machine).in_i2c_group is True
    monkeypatch.setattr(grp, "getgrnam", group(999_999))
    assert discover(machine).in_i2c_group is False

    def no_group(name):
        raise KeyError(name)

    monkeypatch.setattr(grp, "getgrnam", no_group)
    assert discover(machine).in_i2c_group is None
