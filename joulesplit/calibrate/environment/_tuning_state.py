"""What the machine was set to before it was tuned, on disk, so that a kill cannot lose it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from joulesplit.calibrate._files import OutputError, write_whole
from joulesplit.calibrate.environment._machine import Machine
from joulesplit.calibrate.environment._sudo_user import hand_over, home_of_person
from joulesplit.calibrate.errors import TuningError

MACHINE_WIDE = Path("/run/joulesplit/tuned.json")
"""Where root keeps the state, for all to see: settings are of the machine, not of a person, and
are gone with the next boot like everything in /run."""

START_TIME = 19
"""Column of ``/proc/PID/stat`` behind the command's name, from 0 (proc(5): field 22)."""

ENDED = ("Z", "X")
"""States of a process that only waits for its parent to take notice (proc(5): field 3)."""

Target = Literal["governor", "wifi-power-save"]


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was set.

    Attributes:
        target: What kind of thing.
        name: Which one: a frequency policy or an interface.
        before: What it was.
        after: What it was set to.
    """

    target: Target
    name: str
    before: str
    after: str


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """The process that will set things back when it ends.

    Attributes:
        started: Its start, clock ticks since boot; a number used again has another.
    """

    process: int
    started: str


class TuningState(msgspec.Struct, frozen=True, kw_only=True):
    """What was set and is to be set back.

    Attributes:
        boot: Which boot it was set in; the next one begins with the system's own settings.
        owner: None if it stays until ``joulesplit tune --restore``.
        settings: In the order they were set.
    """

    boot: str | None
    owner: Owner | None
    settings: tuple[Setting, ...]


def state_path(
    environment: Mapping[str, str] = os.environ,
    *,
    as_root: bool | None = None,
    machine_wide: Path = MACHINE_WIDE,
) -> Path:
    """Return where this process writes down what it sets.

    Args:
        environment: Of the process; an ``XDG_STATE_HOME`` is obeyed (XDG base directory
            specification).
        as_root: Whether it is root's process; None to ask the system.
        machine_wide: Root's file.
    """
    own, stated = _own(environment)
    if as_root is None:
        as_root = os.geteuid() == 0
    if not as_root or stated or (own.exists() and not machine_wide.exists()):
        return own
    return machine_wide


def _own(environment: Mapping[str, str]) -> tuple[Path, bool]:
    """Return the person's own file, and whether the environment states its place."""
    given = environment.get("XDG_STATE_HOME", "")
    stated = given.startswith("/")
    state = Path(given) if stated else home_of_person(environment) / ".local/state"
    return state / "joulesplit" / "tuned.json", stated


def states_left(
    environment: Mapping[str, str] = os.environ, *, machine_wide: Path = MACHINE_WIDE
) -> tuple[Path, ...]:
    """Return the states there are: what root left tuned, the person sees, and the other way round.

    Args:
        environment: Of the process.
        machine_wide: Root's file.
    """
    return tuple(path for path in (machine_wide, _own(environment)[0]) if path.exists())


def read_state(path: Path) -> TuningState | None:
    """Return what is to be set back; None if nothing is.

    Raises:
        TuningError: The file cannot be read, or is damaged.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=TuningState)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TuningError(f"cannot read {path}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise TuningError(
            f"{path}, which says what to set back, is damaged ({error}): set governor and power "
            "save as you want them, then delete it"
        ) from error


def write_state(path: Path, state: TuningState) -> None:
    """Keep a state; it is on the disk when this returns.

    Raises:
        TuningError: It cannot be written, so nothing may be set.
    """
    try:
        with hand_over(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, msgspec.json.encode(state) + b"\n")
    except (OSError, OutputError) as error:
        raise TuningError(
            f"cannot write {path}, so nothing was set: {error}; run this with sudo, or give "
            "another place by XDG_STATE_HOME"
        ) from error


def forget_state(path: Path) -> None:
    """Delete a state, once everything is set back.

    Raises:
        TuningError: It may not be deleted.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise TuningError(
            f"cannot delete {path}: {error.strerror}; everything is set back, so delete it with "
            "sudo"
        ) from error


def boot_of(machine: Machine) -> str | None:
    """Return the identity of this boot."""
    return machine.text("proc/sys/kernel/random/boot_id")


def owner_of(machine: Machine, process: int) -> Owner | None:
    """Return a running process as an owner; None if there is no such process, or it has ended."""
    text = machine.text(f"proc/{process}/stat")
    if not text:
        return None
    # The command's name may hold spaces and brackets: the fields begin behind its last bracket.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in ENDED else Owner(process=process, started=fields[START_TIME])


def is_rebooted(machine: Machine, state: TuningState) -> bool:
    """Return whether the machine was started again since: nothing is left to set back."""
    boot = boot_of(machine)
    return boot is not None and state.boot is not None and boot != state.boot


def is_owned(machine: Machine, state: TuningState) -> bool:
    """Return whether a running process will set things back itself."""
    owner = state.owner
    return owner is not None and owner_of(machine, owner.process) == owner


def is_left_over(machine: Machine, state: TuningState) -> bool:
    """Return whether the process that was to set things back ended without doing so."""
    return state.owner is not None and not (is_owned(machine, state) or is_rebooted(machine, state))


def left_to_restore(machine: Machine, path: Path) -> TuningState | None:
    """Return what is still to be set back; None if nothing is, or a boot did it.

    Raises:
        TuningError: The record cannot be read.
    """
    state = read_state(path)
    return None if state is None or is_rebooted(machine, state) else state
