"""The machine's state: what makes its figures better or worse."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from pathlib import Path

from joulesplit.calibrate.environment import (
    UNKNOWN,
    Machine,
    architecture,
    is_owned,
    is_rebooted,
    program,
    read_state,
    throttled_reasons,
    userland_bits,
)
from joulesplit.calibrate.errors import TuningError
from joulesplit.cli._finding import Finding
from joulesplit.cli.diagnosis._memory import bundled_network, memory_finding
from joulesplit.drivers.raspberry_pi import HOT_C
from joulesplit.metrology import percent
from joulesplit.partition import Network

OLDEST_PYTHON = (3, 11)

NEARLY_HOT_K = 5.0
"""So close to where a board slows down, a campaign would take it there."""

BUSY_FRACTION = 0.10
"""Background load above this share of the processors shows in every idle window."""


def machine_findings(
    machine: Machine,
    *,
    busy_fraction: float,
    available_bytes: int,
    network: Network | None = None,
) -> Iterator[Finding]:
    """Yield what there is to say about the machine.

    Args:
        machine: Where facts are read from.
        busy_fraction: Share of the processors that other programs use (0 to 1).
        available_bytes: Free memory, byte.
        network: That is to be measured; None for the bundled one.
    """
    yield _python()
    yield _board(machine)
    yield _governor(machine)
    yield _temperature(machine)
    yield _throttling(machine)
    yield from _wifi(machine)
    yield _load(busy_fraction)
    yield memory_finding(network or bundled_network(), available_bytes)


def tuning_findings(machine: Machine, state: Path) -> Iterator[Finding]:
    """Yield what a killed run, or a person, has left tuned; nothing if nothing was.

    Args:
        machine: Where facts are read from.
        state: What is to be set back, as ``calibrate.environment`` keeps it.
    """
    try:
        left = read_state(state)
    except TuningError as error:
        yield Finding(name="tuning", state="error", found=str(error))
        return
    if left is None or is_rebooted(machine, left):
        return
    found = ", ".join(f"{s.target} of {s.name} was {s.before}" for s in left.settings)
    if is_owned(machine, left):
        yield Finding(name="tuning", state="info", found=f"set by a running measurement: {found}")
    else:
        fix = f"sudo {program()} tune --restore"
        yield Finding(name="tuning", state="warn", found=f"not set back: {found}", fix=fix)


def _python() -> Finding:
    found = f"Python {platform.python_version()}"
    if sys.version_info >= OLDEST_PYTHON:
        return Finding(name="python", state="ok", found=found)
    oldest = ".".join(str(part) for part in OLDEST_PYTHON)
    return Finding(name="python", state="error", found=found, fix=f"install Python {oldest}")


def _board(machine: Machine) -> Finding:
    bits = userland_bits(machine)
    programs = "" if bits is None else f", {bits}-bit programs"
    found = f"{machine.board or UNKNOWN}, {architecture(machine) or UNKNOWN} kernel{programs}"
    return Finding(name="board", state="info", found=found)


def _governor(machine: Machine) -> Finding:
    governor = machine.governor
    if governor is None:
        return Finding(
            name="governor", state="info", found="this system does not show its frequency governor"
        )
    if governor == "performance":
        return Finding(name="governor", state="ok", found=governor)
    return Finding(
        name="governor",
        state="warn",
        found=f"{governor}: the clock follows the load, so energy depends on what ran before",
        fix=f"sudo {program()} tune --governor performance; tune --restore puts it back",
    )


def _temperature(machine: Machine) -> Finding:
    celsius = machine.temperature_c
    if celsius is None:
        return Finding(name="temperature", state="info", found="this system does not show it")
    if celsius < HOT_C - NEARLY_HOT_K:
        return Finding(name="temperature", state="ok", found=f"{celsius:.0f} °C")
    return Finding(
        name="temperature",
        state="warn",
        found=f"{celsius:.0f} °C, close to where the board slows down",
        fix="fit a heat sink or fan, and wait until it has cooled down",
    )


def _throttling(machine: Machine) -> Finding:
    bits = machine.throttled_bits
    if bits is None:
        return Finding(name="throttling", state="info", found="no vcgencmd here, which would tell")
    if bits == 0:
        return Finding(name="throttling", state="ok", found="never since boot")
    return Finding(
        name="throttling",
        state="warn",
        found=", ".join(throttled_reasons(bits)) or f"bits {bits:#x}",
        fix="use the official supply and short leads, cool the board, then reboot",
    )


def _wifi(machine: Machine) -> Iterator[Finding]:
    if not machine.wireless_interfaces:
        yield Finding(
            name="wifi",
            state="info",
            found="no wireless interface: E_c of a radio cannot be measured here",
        )
    for interface in machine.wireless_interfaces:
        yield _power_save(interface, machine.wifi_power_save(interface))


def _power_save(interface: str, power_save: str | None) -> Finding:
    if power_save == "off":
        return Finding(name="wifi", state="ok", found=f"{interface}, power save off")
    if power_save is None:
        return Finding(
            name="wifi",
            state="info",
            found=f"{interface}, power save unknown",
            fix="sudo apt install iw",
        )
    return Finding(
        name="wifi",
        state="warn",
        found=f"{interface}, power save {power_save}: uploads also pay for waking the radio",
        fix=f"sudo iw dev {interface} set power_save off",
    )


def _load(busy_fraction: float) -> Finding:
    found = f"{percent(busy_fraction)} of the processors busy with other programs"
    if busy_fraction <= BUSY_FRACTION:
        return Finding(name="background-load", state="ok", found=found)
    return Finding(
        name="background-load",
        state="warn",
        found=found,
        fix="stop what else runs; `top` shows it",
    )
