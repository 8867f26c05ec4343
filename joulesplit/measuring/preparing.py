"""The machine made ready for a measurement, and set back however that ends."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from calibrate.environment.tuning import everything_quiet, tuned
from calibrate.environment.tuning_state import state_path
from calibrate.profile_device import TunedSetting

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from calibrate.environment.machine import Machine

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
            after a signal that cannot be caught the next such block or ``joulesplit tune
            --restore`` does it, from the recorded state.

    Raises:
        TuningError: There is nothing to tune, it may not be set, or another process has it.
    """
    return _tuned(machine) if tune else nullcontext(())


@contextmanager
def _tuned(machine: Machine) -> Iterator[tuple[TunedSetting, ...]]:
    with tuned(machine, everything_quiet(machine), state_path()) as state:
        yield tuple(
            TunedSetting(
                target=setting.target,
                name=setting.name,
                before=setting.before,
                during=setting.after,
            )
            for setting in state.settings
        )
