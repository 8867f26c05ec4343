"""Record a board's listing.

    .venv/bin/python tests/calibrate/machines/record.py pi4 > pi4.txt

It reads what the program reads, no serial numbers, and takes names and addresses out: the names of
machine and network, and the address of the access point.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from joulesplit.calibrate.environment import Machine

FILES = (
    "etc/os-release",
    "proc/device-tree/compatible",
    "proc/device-tree/model",
    "proc/device-tree/system/linux,revision",
    "proc/loadavg",
    "proc/meminfo",
    "proc/net/wireless",
    "proc/stat",
    "proc/swaps",
    "proc/sys/kernel/arch",
    "proc/sys/kernel/hostname",
    "proc/sys/kernel/osrelease",
    "proc/uptime",
    "sys/bus/i2c/devices/i2c-*/of_node/clock-frequency",
    "sys/bus/usb/devices/*/idProduct",
    "sys/bus/usb/devices/*/idVendor",
    "sys/bus/usb/devices/*/product",
    "sys/class/drm/card*/status",
    "sys/class/hwmon/hwmon*/in0_lcrit_alarm",
    "sys/class/hwmon/hwmon*/name",
    "sys/class/net/*/statistics/?x_bytes",
    "sys/class/net/*/type",
    "sys/class/thermal/thermal_zone*/temp",
    "sys/class/thermal/thermal_zone*/type",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
    "sys/devices/system/cpu/cpufreq/policy*/*_cpus",
    "sys/devices/system/cpu/cpufreq/policy*/*_freq",
    "sys/devices/system/cpu/cpufreq/policy*/scaling_*governor*",
    "sys/devices/system/cpu/online",
)
DIRECTORIES = ("sys/class/net/*/bridge", "sys/class/net/*/phy80211", "sys/class/net/*/wireless")

PRIVATE = (
    (re.compile(r"(?<=SSID: ).*"), "Example"),
    (re.compile(r"\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b", re.IGNORECASE), "02:00:00:12:34:56"),
)


def listing(machine: Machine, name: str) -> Iterator[str]:
    """Yield the lines of a machine's listing, with a name in place of its own.

    Args:
        machine: Where to read.
        name: Stands for the name of the machine.
    """
    for path in _found(machine, FILES):
        content = machine.content(path)
        if content is not None:
            yield from _file(path, f"{name}\n".encode() if path.endswith("hostname") else content)
    for interface in machine.paths("sys/class/net/*"):
        driver = machine.root / interface / "device/driver"
        if driver.is_symlink():
            yield f"link {interface}/device/driver {driver.readlink()}"
    for path in _found(machine, DIRECTORIES):
        yield f"directory {path}"
    for command in (("vcgencmd", "get_throttled"), *_radio_commands(machine)):
        printed = machine.run(command)
        if printed is not None:
            yield f"command {' '.join(command)}"
            yield from _lines(printed)


def _radio_commands(machine: Machine) -> Iterator[tuple[str, ...]]:
    for interface in machine.wireless_interfaces:
        yield ("iw", "dev", interface, "get", "power_save")
        yield ("iw", "dev", interface, "link")


def _found(machine: Machine, patterns: tuple[str, ...]) -> Iterator[str]:
    for pattern in patterns:
        yield from machine.paths(pattern)


def _file(path: str, content: bytes) -> Iterator[str]:
    """Yield a file as text, or as bytes where it is none: the device tree's texts end with 0."""
    if path.startswith(("proc/device-tree", "sys/bus/i2c")):
        yield f"bytes {path} {content.hex()}"
        return
    yield f"file {path}"
    yield from _lines(content.decode(errors="replace"))


def _lines(text: str) -> Iterator[str]:
    for pattern, instead in PRIVATE:
        text = pattern.sub(instead, text)
    yield from (f"| {line}" for line in text.splitlines())


def main() -> None:
    """Print the listing of this machine, or of a tree."""
    parser = argparse.ArgumentParser(description="Record what JouleSplit reads of a board.")
    parser.add_argument("name", help="stands for the name of the machine, e.g. pi4")
    parser.add_argument("--root", type=Path, default=Path("/"))
    given = parser.parse_args()
    sys.stdout.writelines(f"{line}\n" for line in listing(Machine(root=given.root), given.name))


if __name__ == "__main__":
    main()
