from __future__ import annotations

import grp
import os
import struct

import pytest

from joulesplit.drivers import (
    BOARDS,
    SENSOR_KINDS,
    SensorRequest,
    board,
    discover,
    find_buses,
    wiring_of,
)
from joulesplit.drivers.ina2xx._wiring import ADDRESSES


def test_kinds_of_sensor_are_named_once_and_explained():
    names = [kind.name for kind in SENSOR_KINDS]
    assert sorted(names) == sorted(
        [
            "ina219",
            "pi-ina219",
            "ina226",
            "hwmon",
            "pi5-pmic",
            "rapl",
            "replay",
            "simulated",
            "simulated-ina226",
        ]
    )
    assert all(kind.summary.endswith(".") for kind in SENSOR_KINDS)


def test_every_board_can_be_measured_with(make_bench):
    for entry in BOARDS:
        assert set(entry.addresses) <= set(ADDRESSES)
        if entry.chip == "ina226":
            continue
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


def test_every_board_with_an_ina226_says_where_its_range_ends():
    boards = [entry for entry in BOARDS if entry.chip == "ina226"]
    assert len(boards) == 2
    for entry in boards:
        request = SensorRequest(
            kind="ina226",
            address=entry.addresses[0],
            shunt_ohm=entry.shunt_ohm,
            shunt_tolerance=entry.shunt_tolerance,
        )
        assert f"{wiring_of(request).peak_a:.2g} A" in entry.note


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


@pytest.fixture
def raspberry_pi(tmp_path):
    """Return a maker of the device tree of a Raspberry Pi's I2C and HDMI, as sysfs shows it.

    Nodes, phandles and ``ddc`` as in bcm2711.dtsi (Linux 6.12, arch/arm/boot/dts/broadcom) and
    bcm2712.dtsi (arch/arm64/boot/dts/broadcom): ``ddc0: i2c@7ef04500`` at 97.5 kHz,
    ``hdmi0: hdmi@7ef00700 { ddc = <&ddc0>; }``, both in ``soc``; numbers 20 and 21 by the
    aliases of bcm2711-rpi-ds.dtsi (raspberrypi/linux).
    """

    def cell(node, name, number):
        node.mkdir(parents=True, exist_ok=True)
        (node / name).write_bytes(struct.pack(">I", number))

    def make(buses, sockets):
        soc = tmp_path / "sys/firmware/devicetree/base/soc"
        (tmp_path / "dev").mkdir()
        for number, (name, clock_hz, handle) in buses.items():
            cell(soc / name, "clock-frequency", clock_hz)
            cell(soc / name, "phandle", handle)
            adapter = tmp_path / f"sys/bus/i2c/devices/i2c-{number}"
            adapter.mkdir(parents=True)
            (adapter / "of_node").symlink_to(soc / name)
            (tmp_path / f"dev/i2c-{number}").touch()
        for name, handle in sockets.items():
            cell(soc / name, "ddc", handle)
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("buses", "sockets", "displays"),
    [
        pytest.param(
            {
                1: ("i2c@7e804000", 400_000, 0x0C),
                20: ("i2c@7ef04500", 97_500, 0x34),
                21: ("i2c@7ef09500", 97_500, 0x35),
            },
            {"hdmi@7ef00700": 0x34, "hdmi@7ef05700": 0x35},
            [20, 21],
            id="4",
        ),
        pytest.param(
            {13: ("i2c@7d508200", 97_500, 0x50), 14: ("i2c@7d508280", 97_500, 0x51)},
            {"hdmi@7c701400": 0x50, "hdmi@7c706400": 0x51},
            [13, 14],
            id="5",
        ),
        pytest.param({1: ("i2c@7e804000", 100_000, 0x0C)}, {}, [], id="no-hdmi"),
    ],
)
def test_the_buses_of_hdmi_sockets_are_told_from_those_on_the_pins(
    raspberry_pi, buses, sockets, displays
):
    found = find_buses(raspberry_pi(buses, sockets))

    assert [bus.number for bus in found if bus.display] == displays
    assert {bus.number: bus.clock_hz for bus in found} == {
        number: clock_hz for number, (_, clock_hz, _) in buses.items()
    }


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
