"""What power sources this machine offers, without touching any of them."""

from __future__ import annotations

import grp
import os
import shutil
import struct
from dataclasses import dataclass
from pathlib import Path

from joulesplit.drivers._hwmon_tree import HwmonChip, find_power_chips
from joulesplit.drivers._rapl import RaplDomain, find_packages

I2C_GROUP = "i2c"


@dataclass(frozen=True, slots=True, kw_only=True)
class I2cBusFinding:
    """One ``/dev/i2c-N``.

    Attributes:
        number: N.
        path: The device file.
        usable: This user may read and write it.
        group: Group that owns the file, by name if it has one.
        clock_hz: Bus clock from the device tree, Hz; None if it does not say.
        display: It is the display data channel of an HDMI socket, not on the pins.
    """

    number: int
    path: Path
    usable: bool
    group: str
    clock_hz: int | None
    display: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoveredSources:
    """Everything found.

    Attributes:
        buses: I2C buses by number.
        in_i2c_group: This process is in the group ``i2c``; None if there is no such group.
        hwmon_chips: Kernel power monitors.
        rapl_packages: Processor energy counters.
        rapl_readable: This user may read them.
        vcgencmd: Where vcgencmd is, None if it is not installed.
    """

    buses: tuple[I2cBusFinding, ...]
    in_i2c_group: bool | None
    hwmon_chips: tuple[HwmonChip, ...]
    rapl_packages: tuple[RaplDomain, ...]
    rapl_readable: bool
    vcgencmd: str | None


def discover(root: Path = Path("/")) -> DiscoveredSources:
    """Look around.

    Args:
        root: Directory that holds ``dev`` and ``sys``.
    """
    packages = find_packages(root / "sys/class/powercap")
    return DiscoveredSources(
        buses=find_buses(root),
        in_i2c_group=_in_group(I2C_GROUP),
        hwmon_chips=find_power_chips(root / "sys/class/hwmon"),
        rapl_packages=packages,
        rapl_readable=bool(packages)
        and all(os.access(package.directory / "energy_uj", os.R_OK) for package in packages),
        vcgencmd=shutil.which("vcgencmd"),
    )


def find_buses(root: Path = Path("/")) -> tuple[I2cBusFinding, ...]:
    """Return the I2C buses under ``root``, in order of their numbers."""
    paths = {
        int(number): path
        for path in (root / "dev").glob("i2c-*")
        if (number := path.name.removeprefix("i2c-")).isdecimal()
    }
    return tuple(_inspect(root, number, path) for number, path in sorted(paths.items()))


def _inspect(root: Path, number: int, path: Path) -> I2cBusFinding:
    # /sys/class/i2c-adapter, which shows the same, is gone since Linux 6.12.
    node = root / f"sys/bus/i2c/devices/i2c-{number}/of_node"
    return I2cBusFinding(
        number=number,
        path=path,
        usable=os.access(path, os.R_OK | os.W_OK),
        group=_group_name(path.stat().st_gid),
        clock_hz=_clock_hz(node / "clock-frequency"),
        display=_serves_display(node),
    )


def _serves_display(node: Path) -> bool:
    """Return whether an HDMI controller names this bus as its ``ddc``.

    All Raspberry Pis do (Linux, bindings/display/brcm,bcm2835-hdmi.yaml and brcm,bcm2711-hdmi.yaml:
    "phandle of the I2C controller used for DDC EDID probing"). The bus's own ``compatible`` does
    not tell: on a Raspberry Pi 5 it is that of any Broadcom bus.
    """
    try:
        handle = (node / "phandle").read_bytes()
        # Both are on a bus of the root: "soc", or "axi" as well on a Raspberry Pi 5.
        tree = node.resolve().parent.parent
        ends = [path.read_bytes() for path in tree.glob("*/hdmi@*/ddc")]
    except OSError:
        return False
    return handle in ends


def _clock_hz(path: Path) -> int | None:
    """Return the device tree's clock-frequency cell: 32 bits, most significant byte first."""
    try:
        return int(struct.unpack(">I", path.read_bytes())[0])
    except (OSError, struct.error):
        return None


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _in_group(name: str) -> bool | None:
    try:
        gid = grp.getgrnam(name).gr_gid
    except KeyError:
        return None
    return gid in os.getgroups() or gid == os.getegid()
