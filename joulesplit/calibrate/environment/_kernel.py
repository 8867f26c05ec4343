"""What the kernel says of itself and its processors. Files first; an unknown fact is None.

Only of the machine that runs this may the system be asked where a file is missing: a tree of files
stands for another one.
"""

from __future__ import annotations

import os
import platform
import struct

from joulesplit.calibrate.environment._machine import Machine

KERNEL = "proc/sys/kernel"

ONLINE = "sys/devices/system/cpu/online"
"""Processors in use as ranges, e.g. ``0-3`` or ``0,2-3`` (kernel documentation,
admin-guide/cputopology)."""


def architecture(machine: Machine) -> str | None:
    """Return the kernel's architecture, e.g. ``aarch64``; its file is there since Linux 6.1."""
    own = platform.machine() if machine.is_this_one else ""
    return machine.text(f"{KERNEL}/arch") or own or None


def userland_bits(machine: Machine) -> int | None:
    """Return how many bits this machine's programs have: 32 may run under a kernel of 64."""
    return 8 * struct.calcsize("P") if machine.is_this_one else None


def release(machine: Machine) -> str | None:
    """Return the kernel's release, e.g. ``6.6.31+rpt-rpi-v8``."""
    own = platform.release() if machine.is_this_one else ""
    return machine.text(f"{KERNEL}/osrelease") or own or None


def hostname(machine: Machine) -> str | None:
    """Return the machine's own name."""
    own = platform.node() if machine.is_this_one else ""
    return machine.text(f"{KERNEL}/hostname") or own or None


def processor_count(machine: Machine) -> int | None:
    """Return how many processors are in use."""
    text = machine.text(ONLINE)
    if text:
        return sum(_length(part) for part in text.split(","))
    return os.cpu_count() if machine.is_this_one else None


def _length(part: str) -> int:
    first, _, last = part.partition("-")
    return int(last or first) - int(first) + 1
