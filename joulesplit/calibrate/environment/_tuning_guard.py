"""A process of its own that sets a tuned machine back at once when the measuring one is killed.

Nothing can be done in a process that is killed. The guard's standard input is a pipe from it:
when it ends, however it ends, the pipe closes. What is still written down then, the guard sets
back. Should the guard be killed as well, the way back is still on disk.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from joulesplit.calibrate.environment._child_process import end_child
from joulesplit.calibrate.environment._machine import Machine
from joulesplit.calibrate.environment._restart_command import program
from joulesplit.calibrate.environment._tuning import restore
from joulesplit.calibrate.environment._tuning_state import read_state
from joulesplit.calibrate.errors import TuningError


@contextmanager
def guarded(machine: Machine, path: Path) -> Iterator[None]:
    """Keep a guard beside a ``tuned`` block, which goes inside this one.

    Args:
        machine: The machine that the block tunes.
        path: Where the block writes down what was there before.

    Raises:
        TuningError: The guard cannot be started.
    """
    process = _started(machine, path)
    try:
        yield
    finally:
        end_child(process)


def _started(machine: Machine, path: Path) -> subprocess.Popen[bytes]:
    where = (str(machine.root.absolute()), str(path.absolute()), str(os.getpid()))
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, *where],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            # What is sent to the measuring process's group, Ctrl-C or SIGKILL, is not for it.
            start_new_session=True,
        )
    except OSError as error:
        raise TuningError(
            f"cannot start the process that would set the machine back after a kill: {error}; "
            "measure without --tune"
        ) from error


def set_back_for(machine: Machine, path: Path, process: int) -> None:
    """Set back what a process that has ended, or is ending, left tuned; else do nothing.

    Args:
        machine: The machine.
        path: Where it was written down.
        process: Its number.

    Raises:
        TuningError: It may not be set.
    """
    state = read_state(path)
    if state is not None and state.owner is not None and state.owner.process == process:
        restore(machine, path, owner=process)


def main(root: str, path: str, process: str) -> int:
    """Wait until the pipe closes, then set back what is left; return the exit code."""
    # A service manager sends this to every process of a service, and the guard is to come last.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.stdin.buffer.read()
    try:
        set_back_for(Machine(root=Path(root)), Path(path), int(process))
    except TuningError as error:
        sys.stderr.write(f"the machine stays tuned ({error}): sudo {program()} tune --restore\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
