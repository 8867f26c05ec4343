"""The board and what hangs on it, from the device tree and sysfs. An unknown fact is None."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from joulesplit.calibrate.environment._machine import Machine

DEVICE_TREE = "proc/device-tree"

LIBRARIES = (
    "numpy",
    "scipy",
    "msgspec",
    "psutil",
    "requests",
    "smbus2",
    "ai-edge-litert",
    "tflite-runtime",
)
"""What takes part in a measurement or turns it into figures."""


def revision(machine: Machine) -> str | None:
    """Return the revision code of a Raspberry Pi, hexadecimal, e.g. ``c03114``."""
    cell = machine.content(f"{DEVICE_TREE}/system/linux,revision")
    if cell is not None and len(cell) == 4:
        return f"{struct.unpack('>I', cell)[0]:x}"
    for line in (machine.text("proc/cpuinfo") or "").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "Revision":
            return value.strip()
    return None


def soc(machine: Machine) -> str | None:
    """Return the system on chip: the least specific entry of the tree's ``compatible``."""
    compatible = machine.text(f"{DEVICE_TREE}/compatible")
    if not compatible:
        return None
    return compatible.split("\0")[-1].rpartition(",")[2].upper()


def system(machine: Machine) -> str | None:
    """Return the operating system's name for itself (os-release, ``PRETTY_NAME``)."""
    for line in (machine.text("etc/os-release") or "").splitlines():
        name, _, value = line.partition("=")
        if name == "PRETTY_NAME":
            return value.strip().strip('"')
    return None


def swap_bytes(machine: Machine) -> tuple[int, int] | None:
    """Return the swap space and what of it is in use, byte; None without ``/proc/swaps``."""
    text = machine.text("proc/swaps")
    if text is None:
        return None
    rows = [line.split() for line in text.splitlines()[1:] if line.strip()]
    return sum(int(row[-3]) for row in rows) * 1024, sum(int(row[-2]) for row in rows) * 1024


def usb_devices(machine: Machine) -> tuple[str, ...] | None:
    """Return the USB devices as ``vendor:product name``, without serial numbers."""
    found = []
    for path in machine.paths("sys/bus/usb/devices/*/idVendor"):
        device = path.rpartition("/")[0]
        numbers = f"{machine.text(path)}:{machine.text(f'{device}/idProduct')}"
        found.append(f"{numbers} {machine.text(f'{device}/product') or ''}".strip())
    return tuple(found) if (machine.root / "sys/bus/usb").exists() else None


def attached_displays(machine: Machine) -> tuple[str, ...] | None:
    """Return the connectors with a display; None where there is no display driver."""
    paths = machine.paths("sys/class/drm/card*-*/status")
    if not paths:
        return None
    return tuple(
        path.split("/")[-2].partition("-")[2] for path in paths if machine.text(path) == "connected"
    )


def i2c_clocks_hz(machine: Machine) -> dict[str, int] | None:
    """Return the clock of every I2C bus that the device tree sets one for, Hz.

    The older ``/sys/class/i2c-adapter`` is gone since Linux 6.12.
    """
    found: dict[str, int] = {}
    for path in machine.paths("sys/bus/i2c/devices/i2c-*/of_node/clock-frequency"):
        cell = machine.content(path)
        if cell is not None and len(cell) == 4:
            found[path.split("/")[-3]] = int(struct.unpack(">I", cell)[0])
    return found or None


def load_average(machine: Machine) -> tuple[float, float, float] | None:
    """Return how many processes ran or waited to, over 1, 5 and 15 min."""
    fields = (machine.text("proc/loadavg") or "").split()
    if len(fields) < 3:
        return None
    return float(fields[0]), float(fields[1]), float(fields[2])


def library_versions(names: Sequence[str] = LIBRARIES) -> dict[str, str]:
    """Return the installed versions of libraries; those not installed are left out."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
