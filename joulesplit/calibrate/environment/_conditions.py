"""The machine's state at one moment of a campaign, so that two moments can be compared.

A cheap snapshot reads a dozen small files (0.6 ms of processor time on one x86-64 machine) and is
taken after every window, outside its idle and work. A thorough one also asks ``vcgencmd`` and
``iw``, which are processes of their own, and is taken before and after each run of a campaign.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

import msgspec

from joulesplit.calibrate.environment._cpu import (
    current_frequencies_hz,
    temperatures_c,
    under_voltage,
)
from joulesplit.calibrate.environment._machine import Machine
from joulesplit.calibrate.environment._network import traffic_bytes

BUSY_COLUMNS = (0, 1, 2)
"""user, nice and system of ``/proc/stat``: time that some process was charged for.

Idle and waiting are none; interrupts are charged to nobody, and uploads cause many."""

COUNTED_COLUMNS = 8
"""user to steal; guest time is within user already (kernel documentation, filesystems/proc)."""

UTIME, STIME = 11, 12
"""Columns of ``/proc/PID/stat`` behind the command's name, from 0 (proc(5): fields 14, 15)."""


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """The machine's state at one moment; what is not known, or was not asked, is None.

    Attributes:
        uptime_s: Since boot, s: when it was.
        temperatures_c: By thermal zone, °C.
        frequencies_hz: By frequency policy, Hz.
        under_voltage: The supply's alarm.
        throttled_bits: As ``vcgencmd`` gives them; thorough snapshots only.
        power_save: Of the interface's radio; thorough snapshots only.
        capacity_ticks: Time of all processors since boot, clock ticks.
        busy_ticks: What of it processes were charged for.
        own_ticks: What of that the measuring processes were charged for.
        interface: Whose traffic is counted; None for none.
        received_bytes, sent_bytes: Since it came up, byte.
    """

    uptime_s: float | None
    temperatures_c: dict[str, float]
    frequencies_hz: dict[str, int]
    under_voltage: bool | None
    throttled_bits: int | None = None
    power_save: str | None = None
    capacity_ticks: int | None = None
    busy_ticks: int | None = None
    own_ticks: int | None = None
    interface: str | None = None
    received_bytes: int | None = None
    sent_bytes: int | None = None


def snapshot(
    machine: Machine,
    *,
    interface: str | None = None,
    own_processes: Collection[int] = (),
    thorough: bool = False,
) -> Conditions:
    """Return the state of the machine now.

    Args:
        machine: Where to read it.
        interface: Whose traffic to count.
        own_processes: The measuring processes; those they started are theirs too.
        thorough: Ask ``vcgencmd`` and ``iw`` as well.
    """
    capacity, busy = _processor_ticks(machine) or (None, None)
    received, sent = (traffic_bytes(machine, interface) if interface else None) or (None, None)
    return Conditions(
        uptime_s=_uptime_s(machine),
        temperatures_c=temperatures_c(machine),
        frequencies_hz=current_frequencies_hz(machine),
        under_voltage=under_voltage(machine),
        throttled_bits=machine.throttled_bits if thorough else None,
        power_save=_power_save(machine, interface) if thorough else None,
        capacity_ticks=capacity,
        busy_ticks=busy,
        own_ticks=_own_ticks(machine, own_processes) if own_processes else None,
        interface=interface,
        received_bytes=received,
        sent_bytes=sent,
    )


def _power_save(machine: Machine, interface: str | None) -> str | None:
    if interface is None or interface not in machine.wireless_interfaces:
        return None
    return machine.wifi_power_save(interface)


def _uptime_s(machine: Machine) -> float | None:
    fields = (machine.text("proc/uptime") or "").split()
    return float(fields[0]) if fields else None


def _processor_ticks(machine: Machine) -> tuple[int, int] | None:
    """Return the time of all processors, and the charged part of it, clock ticks."""
    fields = (machine.text("proc/stat") or "").partition("\n")[0].split()
    if len(fields) < COUNTED_COLUMNS + 1:
        return None
    ticks = [int(field) for field in fields[1 : COUNTED_COLUMNS + 1]]
    return sum(ticks), sum(ticks[column] for column in BUSY_COLUMNS)


def _own_ticks(machine: Machine, processes: Iterable[int]) -> int | None:
    """Return what processes and their descendants were charged; None if none can be read."""
    charged = [_charged_ticks(machine, process) for process in family(machine, processes)]
    known = [ticks for ticks in charged if ticks is not None]
    return sum(known) if known else None


def family(machine: Machine, processes: Iterable[int]) -> set[int]:
    """Return processes and all that they have started and that still runs."""
    known: set[int] = set()
    waiting = list(processes)
    while waiting:
        process = waiting.pop()
        if process in known:
            continue
        known.add(process)
        for path in (machine.root / "proc" / str(process) / "task").glob("*/children"):
            waiting += _children(path)
    return known


def _children(path: Path) -> list[int]:
    try:
        return [int(child) for child in path.read_text(encoding="ascii").split()]
    except OSError:
        return []


def _charged_ticks(machine: Machine, process: int) -> int | None:
    text = machine.text(f"proc/{process}/stat")
    if not text:
        return None
    # The command's name may hold spaces and brackets: the fields begin behind its last bracket.
    fields = text.rpartition(")")[2].split()
    return int(fields[UTIME]) + int(fields[STIME])
