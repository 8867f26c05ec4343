"""Facts about the machine, read through injectable roots. An unknown fact is None."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from calibrate.profile import Device

RunCommand = Callable[[tuple[str, ...]], str | None]
"""Runs a command and returns what it printed; None if it is missing or failed."""

THROTTLED_BITS = {
    0: "under-voltage now",
    1: "ARM frequency capped now",
    2: "throttled now",
    3: "soft temperature limit now",
    16: "under-voltage has occurred",
    17: "ARM frequency capping has occurred",
    18: "throttling has occurred",
    19: "soft temperature limit has occurred",
}
"""Bits of `vcgencmd get_throttled` (Raspberry Pi documentation, vcgencmd)."""

COMMAND_TIMEOUT_S = 5.0


def run_command(arguments: tuple[str, ...]) -> str | None:
    """Run a command of the system and return its standard output."""
    import subprocess

    try:
        result = subprocess.run(
            arguments, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where facts are read from.

    Attributes:
        root: Stands for ``/``; a recorded tree in tests.
        run: Runs a command.
    """

    root: Path = Path("/")
    run: RunCommand = field(default=run_command)

    def text(self, path: str) -> str | None:
        """Return the stripped text of a file below the root, or None."""
        try:
            return (self.root / path).read_text(encoding="utf-8", errors="replace").strip("\0\n ")
        except OSError:
            return None

    @property
    def board(self) -> str | None:
        """Board model, e.g. ``Raspberry Pi 4 Model B Rev 1.4``."""
        return self.text("proc/device-tree/model") or self.text("sys/class/dmi/id/product_name")

    @property
    def governor(self) -> str | None:
        """Frequency governor of the first processor."""
        return self.text("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")

    @property
    def temperature_c(self) -> float | None:
        """Temperature of the first thermal zone, °C."""
        text = self.text("sys/class/thermal/thermal_zone0/temp")
        return int(text) / 1000 if text and text.lstrip("-").isdigit() else None

    @property
    def memory_bytes(self) -> int | None:
        """Installed memory, byte."""
        for line in (self.text("proc/meminfo") or "").splitlines():
            if line.startswith("MemTotal:"):
                return int(line.split()[1]) * 1024
        return None

    @property
    def throttled_bits(self) -> int | None:
        """Bits of ``vcgencmd get_throttled``; None where there is no such command."""
        printed = self.run(("vcgencmd", "get_throttled"))
        if printed is None or "=" not in printed:
            return None
        return int(printed.strip().partition("=")[2], 16)

    @property
    def wireless_interfaces(self) -> tuple[str, ...]:
        """Names of the interfaces with a radio."""
        net = self.root / "sys/class/net"
        return tuple(sorted(path.parent.name for path in net.glob("*/wireless")))

    def wifi_power_save(self, interface: str) -> str | None:
        """Return ``on`` or ``off``, as ``iw`` says; None if it does not."""
        printed = self.run(("iw", "dev", interface, "get", "power_save"))
        return printed.strip().rpartition(": ")[2] if printed else None


def throttled_reasons(bits: int) -> tuple[str, ...]:
    """Return what the set bits mean."""
    return tuple(text for bit, text in THROTTLED_BITS.items() if bits >> bit & 1)


def describe_device(machine: Machine, link_interface: str | None) -> Device:
    """Return the facts that a profile records.

    Args:
        machine: Where to read them.
        link_interface: Interface of the uplink, for its power-save state.
    """
    wireless = link_interface in machine.wireless_interfaces
    return Device(
        board=machine.board,
        machine=platform.machine(),
        kernel=platform.release(),
        python=platform.python_version(),
        cpu_count=os.cpu_count(),
        memory_bytes=machine.memory_bytes,
        governor=machine.governor,
        wifi_power_save=machine.wifi_power_save(link_interface or "") if wireless else None,
        hostname=platform.node() or None,
    )
