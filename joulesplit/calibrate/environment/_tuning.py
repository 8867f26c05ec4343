"""Governor and Wi-Fi power save: set them for a measurement, and set them back, even after a kill.

What was there before is on disk before anything is set. It is set back when a ``tuned`` block
ends; by its guard (``tuning_guard``), if its process is killed; by the next block that begins, if
the guard was killed too; or on demand.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from joulesplit.calibrate.environment._cpu import CPUFREQ
from joulesplit.calibrate.environment._machine import Machine
from joulesplit.calibrate.environment._restart_command import program
from joulesplit.calibrate.environment._tuning_state import (
    Setting,
    Target,
    TuningState,
    boot_of,
    forget_state,
    is_owned,
    left_to_restore,
    owner_of,
    read_state,
    write_state,
)
from joulesplit.calibrate.errors import NoSuchSettingError, TuningError


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to set.

    Attributes:
        governor: Of every frequency policy; None to leave it.
        wifi_power_save: ``on`` or ``off``, of every radio; None to leave it.
    """

    governor: str | None = None
    wifi_power_save: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What setting back did.

    Attributes:
        settings: What was set back.
        left: What somebody else has set since, and was left as it is.
        rebooted: A boot has set everything back already.
    """

    settings: tuple[Setting, ...] = ()
    left: tuple[Setting, ...] = ()
    rebooted: bool = False


def current(machine: Machine, target: Target, name: str) -> str | None:
    """Return what something is set to now; None if it cannot be told."""
    if target == "governor":
        return machine.text(f"{CPUFREQ}/{name}/scaling_governor")
    return machine.wifi_power_save(name)


def present_settings(machine: Machine) -> dict[Target, dict[str, str | None]]:
    """Return everything that can be tuned, and what it is set to."""
    policies = [path.split("/")[-2] for path in machine.paths(f"{CPUFREQ}/*/scaling_governor")]
    return {
        "governor": {name: current(machine, "governor", name) for name in policies},
        "wifi-power-save": {
            name: current(machine, "wifi-power-save", name) for name in machine.wireless_interfaces
        },
    }


def everything_quiet(machine: Machine) -> Wanted:
    """Return what makes a measurement repeatable, of what this machine has to be set.

    A fixed clock, so that energy does not depend on what ran before, and a radio that is awake.

    Raises:
        TuningError: It has neither a governor nor a radio.
    """
    present = present_settings(machine)
    if not any(present.values()):
        raise TuningError(
            "there is nothing to tune here: this system shows neither a frequency governor nor a "
            "wireless interface; measure without --tune"
        )
    return Wanted(
        governor="performance" if present["governor"] else None,
        wifi_power_save="off" if present["wifi-power-save"] else None,
    )


def tune(
    machine: Machine, wanted: Wanted, path: Path, *, process: int | None = None
) -> TuningState:
    """Set the machine, having written down what it was set to.

    What an earlier call set and nobody set back keeps its first ``before``.

    Args:
        machine: To set.
        wanted: What to set.
        path: Where to write down what was there before.
        process: The process that will set it back; None to wait for ``restore``.

    Raises:
        TuningError: There is nothing of the kind, it may not be set, or another process has it.
    """
    earlier = _unfinished(machine, path)
    settings = tuple(_planned(machine, wanted))
    state = TuningState(
        boot=boot_of(machine),
        owner=owner_of(machine, process) if process is not None else None,
        settings=_joined(earlier.settings if earlier else (), settings),
    )
    write_state(path, state)
    try:
        for setting in settings:
            _apply(machine, setting.target, setting.name, setting.after)
    except BaseException:
        # All or nothing: a machine that is half tuned would be measured as if it were tuned.
        _undo(machine, settings, earlier, path)
        raise
    return state


def _undo(
    machine: Machine, settings: tuple[Setting, ...], earlier: TuningState | None, path: Path
) -> None:
    _set_back(machine, settings)
    if earlier is None:
        forget_state(path)
    else:
        write_state(path, earlier)


def _set_back(machine: Machine, settings: Sequence[Setting]) -> Restored:
    done, left = [], []
    for setting in reversed(settings):
        now = current(machine, setting.target, setting.name)
        if now == setting.after != setting.before:
            _apply(machine, setting.target, setting.name, setting.before)
            done.append(setting)
        elif now != setting.before:
            left.append(setting)
    return Restored(settings=tuple(done), left=tuple(left))


def restore(machine: Machine, path: Path, *, owner: int | None = None) -> Restored:
    """Set back what was set; what somebody else has set since is left.

    Args:
        machine: To set.
        path: Where it was written down what was there before.
        owner: The process that this is done for; None for this one.

    Raises:
        TuningError: It may not be set, or a running process still needs it.
    """
    state = _unfinished(machine, path, own=os.getpid() if owner is None else owner)
    if state is None:
        rebooted = read_state(path) is not None
        forget_state(path)
        return Restored(rebooted=rebooted)
    done = _set_back(machine, state.settings)
    forget_state(path)
    return done


@contextmanager
def tuned(machine: Machine, wanted: Wanted, path: Path) -> Iterator[TuningState]:
    """Keep the machine tuned inside a ``with`` block.

    What a killed process left behind is set back first. If this process is killed, the file stays:
    ``tuning_guard``, the next block, or ``joulesplit tune --restore`` sets things back.

    Raises:
        TuningError: The machine may not be set, or a running process has tuned it.
    """
    left_behind = _unfinished(machine, path)
    if left_behind is not None and left_behind.owner is not None:
        restore(machine, path)
        left_behind = None
    settings = tuple(_planned(machine, wanted))
    state = tune(machine, wanted, path, process=os.getpid())
    try:
        yield state
    finally:
        # What a person had set to stay, stays, and so does the way back from it.
        _undo(machine, settings, left_behind, path)


def _unfinished(machine: Machine, path: Path, *, own: int | None = None) -> TuningState | None:
    """Return what is still to be set back; None if nothing is, or a boot did it.

    Raises:
        TuningError: A running process, other than ``own``, has tuned the machine.
    """
    state = left_to_restore(machine, path)
    owner = state.owner if state else None
    if state and owner and owner.process != own and is_owned(machine, state):
        raise TuningError(
            f"process {owner.process} has tuned this machine and sets it back when it ends: "
            "wait for it, or end it"
        )
    return state


def _joined(earlier: tuple[Setting, ...], later: tuple[Setting, ...]) -> tuple[Setting, ...]:
    joined = {(setting.target, setting.name): setting for setting in earlier}
    for setting in later:
        known = joined.get((setting.target, setting.name))
        before = known.before if known else setting.before
        joined[setting.target, setting.name] = Setting(
            target=setting.target, name=setting.name, before=before, after=setting.after
        )
    return tuple(joined.values())


def _planned(machine: Machine, wanted: Wanted) -> Iterator[Setting]:
    present = present_settings(machine)
    asked: tuple[tuple[Target, str | None], ...] = (
        ("governor", wanted.governor),
        ("wifi-power-save", wanted.wifi_power_save),
    )
    for target, after in asked:
        if after is None:
            continue
        if not present[target]:
            raise TuningError(_NOTHING[target])
        for name, before in present[target].items():
            if before is None:
                raise TuningError(
                    f"cannot tell what {target} of {name} is, so it could not be set back: "
                    "sudo apt install iw"
                )
            _require_offered(machine, target, name, after)
            yield Setting(target=target, name=name, before=before, after=after)


_NOTHING: dict[Target, str] = {
    "governor": "this system does not show a frequency governor, so none can be set: leave out "
    "--governor",
    "wifi-power-save": "there is no wireless interface here: leave out --wifi-power-save",
}


def _apply(machine: Machine, target: Target, name: str, value: str) -> None:
    """Set one thing, and see that it took.

    Raises:
        TuningError: It did not.
    """
    if current(machine, target, name) == value:
        return
    if target == "governor":
        _write_governor(machine, name, value)
    else:
        machine.run(("iw", "dev", name, "set", "power_save", value))
    if current(machine, target, name) != value:
        raise TuningError(
            f"{target} of {name} did not become {value}: run this with sudo"
            f"{_choices(machine, target, name)}"
        )


def _write_governor(machine: Machine, name: str, value: str) -> None:
    file = machine.root / CPUFREQ / name / "scaling_governor"
    try:
        file.write_text(f"{value}\n", encoding="ascii")
    except PermissionError as error:
        raise TuningError(
            f"setting the governor of {name} needs root: run `sudo {program()} tune "
            f"--governor {value}`, then measure as yourself"
        ) from error
    except OSError as error:
        raise TuningError(
            f"cannot set the governor of {name} to {value}: {error.strerror}"
            f"{_choices(machine, 'governor', name)}"
        ) from error


def _require_offered(machine: Machine, target: Target, name: str, value: str) -> None:
    """Refuse a governor that the kernel says it does not have, before anything is set.

    Raises:
        NoSuchSettingError: It does not.
    """
    choices = _choices(machine, target, name)
    if choices and value not in choices.split():
        raise NoSuchSettingError(f"{name} has no governor {value}{choices}")


def _choices(machine: Machine, target: Target, name: str) -> str:
    if target != "governor":
        return ""
    offered = machine.text(f"{CPUFREQ}/{name}/scaling_available_governors")
    return f"; it offers {offered}" if offered else ""
