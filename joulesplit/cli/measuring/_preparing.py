"""The machine made ready for a measurement, and set back however that ends."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from joulesplit.calibrate.environment import (
    everything_quiet,
    guarded,
    is_left_over,
    program,
    read_state,
    state_path,
    states_left,
    tuned,
)
from joulesplit.calibrate.errors import TuningError
from joulesplit.calibrate.profile import TunedSetting
from joulesplit.cli._output import note

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from joulesplit.calibrate.environment import Machine

ENDINGS = (signal.SIGTERM, signal.SIGHUP)
"""What ends a program in good order besides Ctrl-C: a service manager, a lost connection."""


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Take a request to end for Ctrl-C, so that whatever was begun is ended in good order.

    A request that is ignored, as ``nohup`` has it, stays ignored.

    Raises:
        KeyboardInterrupt: Such a request came.
    """
    before = {
        ending: signal.signal(ending, signal.default_int_handler)
        for ending in ENDINGS
        if signal.getsignal(ending) != signal.SIG_IGN
    }
    try:
        yield
    finally:
        for ending, handler in before.items():
            signal.signal(ending, handler)


def prepared(machine: Machine, *, tune: bool) -> AbstractContextManager[tuple[TunedSetting, ...]]:
    """Return a block in which the machine is as it is to be measured; it gives what was set.

    Args:
        machine: The machine.
        tune: Set it to a fixed clock and its radio awake. It is set back when the block ends;
            after a signal that cannot be caught a process beside it does so. Otherwise the
            machine is taken as it is, and a tuning that a killed measurement left is said.

    Raises:
        TuningError: There is nothing to tune, it may not be set, or another process has it.
    """
    if tune:
        return _tuned(machine)
    for path in states_left():
        _say_left_over(machine, path)
    return nullcontext(())


def _say_left_over(machine: Machine, path: Path) -> None:
    """Warn of what a killed measurement left set: it is not what this machine usually does."""
    try:
        state = read_state(path)
    except TuningError as error:
        note(f"warning: {error}")
        return
    if state is None or not is_left_over(machine, state):
        return
    set_to = ", ".join(f"{s.target} of {s.name} (was {s.before})" for s in state.settings)
    note(
        f"warning: a measurement that was killed left tuned: {set_to}; `sudo {program()} tune "
        "--restore` sets it back"
    )


@contextmanager
def _tuned(machine: Machine) -> Iterator[tuple[TunedSetting, ...]]:
    path, wanted = state_path(), everything_quiet(machine)
    with guarded(machine, path), tuned(machine, wanted, path) as state:
        yield tuple(
            TunedSetting(
                target=setting.target,
                name=setting.name,
                before=setting.before,
                during=setting.after,
            )
            for setting in state.settings
        )
