"""Where facts about a machine are read from: files below a root, and commands."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

RunCommand = Callable[[tuple[str, ...]], str | None]
"""Runs a command and returns what it printed; None if it is missing or failed."""

COMMAND_TIMEOUT_S = 5.0

RADIO_SIGNS = ("wireless", "phy80211")
"""What sysfs shows in the directory of an interface with a radio: the first with the older
wireless extensions, which a kernel may leave out, the second with cfg80211."""


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


_THROTTLED = re.compile(r"^throttled=(0x[0-9a-fA-F]+)$", re.MULTILINE)


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
        content = self.content(path)
        return None if content is None else content.decode(errors="replace").strip("\0\n ")

    def content(self, path: str) -> bytes | None:
        """Return the bytes of a file below the root, or None."""
        try:
            return (self.root / path).read_bytes()
        except OSError:
            return None

    def number(self, path: str) -> int | None:
        """Return the decimal whole number in a file below the root, or None."""
        try:
            return int(self.text(path) or "")
        except ValueError:
            return None

    def paths(self, pattern: str) -> tuple[str, ...]:
        """Return what matches a pattern below the root, sorted, relative to it."""
        return tuple(sorted(str(path.relative_to(self.root)) for path in self.root.glob(pattern)))

    @property
    def is_this_one(self) -> bool:
        """Whether facts are read from the machine that runs this, not from a tree of files."""
        return self.root == Path("/")

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
        milli = self.number("sys/class/thermal/thermal_zone0/temp")
        return None if milli is None else milli / 1000

    @property
    def memory_bytes(self) -> int | None:
        """Installed memory, byte."""
        return self._memory_bytes("MemTotal")

    @property
    def available_bytes(self) -> int | None:
        """Memory that programs can still take without swapping, byte."""
        return self._memory_bytes("MemAvailable")

    def _memory_bytes(self, name: str) -> int | None:
        for line in (self.text("proc/meminfo") or "").splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
        return None

    @property
    def throttled_bits(self) -> int | None:
        """Bits of ``vcgencmd get_throttled``; None without it, or an answer."""
        printed = self.run(("vcgencmd", "get_throttled"))
        # A firmware that knows nothing of it answers error=1 error_msg="Command not registered".
        found = _THROTTLED.search(printed or "")
        return int(found[1], 16) if found else None

    @property
    def wireless_interfaces(self) -> tuple[str, ...]:
        """Names of the interfaces with a radio, sorted."""
        signs = (path for name in RADIO_SIGNS for path in self.paths(f"sys/class/net/*/{name}"))
        return tuple(sorted({path.split("/")[-2] for path in signs}))

    def wifi_power_save(self, interface: str) -> str | None:
        """Return ``on`` or ``off``, as ``iw`` says; None if it does not."""
        printed = self.run(("iw", "dev", interface, "get", "power_save"))
        return printed.strip().rpartition(": ")[2] if printed else None
