"""A program as the work of a window: in the foreground, without a shell, and ended with us."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from joulesplit.calibrate.environment import environment_of_others
from joulesplit.calibrate.errors import ProgramFailedError, ProgramStartError
from joulesplit.calibrate.sampling import Sampler, SamplerStatistics, Trace, joined
from joulesplit.calibrate.workloads import WorkDone
from joulesplit.drivers.protocols import Clock
from joulesplit.drivers.readings import SensorDescription

OWN_END_S = 0.25
"""Ctrl-C reaches a program in the foreground as well: so long it has to end by itself, s."""

ASKED_END_S = 5.0
"""A program that is asked to end returns within this; then it is killed, s."""


def require_program(name: str) -> None:
    """Check that a program can be started, before anything is measured.

    Raises:
        ProgramStartError: There is none, or it may not be run.
    """
    if shutil.which(name) is not None:
        return
    if os.sep in name and Path(name).exists():
        raise ProgramStartError(
            f"{name} is not a program that may be run: `chmod +x` makes a script one"
        )
    raise ProgramStartError(
        f"there is no program {name!r}: check its name and PATH; what a shell knows by itself, and "
        "pipes, need sh -c '…'"
    )


class KeepingSampler:
    """A sampler whose readings can be taken over while work lasts, and stay in its trace.

    The sampler itself overwrites what nobody has collected for some minutes.

    Args:
        sampler: Running sampler; nobody else may collect its readings meanwhile.
    """

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler
        self._kept: list[Trace] = []

    @property
    def description(self) -> SensorDescription:
        """The sensor, as opened."""
        return self._sampler.description

    def keep(self) -> None:
        """Take over the readings so far, without waiting.

        Raises:
            SamplerError: The sampler failed.
            SensorError: The sensor failed.
        """
        self._kept.append(self._sampler.trace_so_far())

    def trace_until(self, t_ns: int) -> Trace:
        """Return every reading since the last call, up to the first that ends at or after t_ns."""
        return self._all_with(self._sampler.trace_until(t_ns))

    def trace_so_far(self) -> Trace:
        """Return the readings since the last call, without waiting for any."""
        return self._all_with(self._sampler.trace_so_far())

    def _all_with(self, trace: Trace) -> Trace:
        kept, self._kept = self._kept, []
        return joined((*kept, trace))

    def rehearse(self, times: int, from_ns: int) -> bool:
        """Have the sampler rehearse readings; see ``Sampler``."""
        return self._sampler.rehearse(times, from_ns)

    def cpu_s(self) -> float | None:
        """Return the CPU time that reading took so far, s."""
        return self._sampler.cpu_s()

    def statistics(self) -> SamplerStatistics:
        """Return how the sampler fared so far."""
        return self._sampler.statistics()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramWorkload:
    """A program that is run and waited for; nothing is computed meanwhile.

    Attributes:
        name: For people.
        arguments: The program and what it is given.
        clock: Time.
        stdout: Where its standard output goes; None for ours.
        each_s: How often ``keep`` is called while it runs, s.
        keep: Takes over the readings so far.
    """

    name: str
    arguments: Sequence[str]
    clock: Clock
    stdout: IO[str] | None
    each_s: float
    keep: Callable[[], None]

    def run(self, repetitions: int) -> WorkDone:
        """Run it ``repetitions`` times, one after the other.

        Raises:
            ProgramStartError: It cannot be started.
            ProgramFailedError: It ended with an exit code that is not zero, or by a signal.
        """
        started_ns = self.clock.now_ns()
        for _ in range(repetitions):
            code = self._run_once()
            if code:
                raise ProgramFailedError(_how_it_failed(self.name, code))
        return WorkDone(
            started_ns=started_ns, ended_ns=self.clock.now_ns(), repetitions=repetitions
        )

    def _run_once(self) -> int:
        """Run it and return its exit code; what interrupts us ends it too."""
        try:
            process = subprocess.Popen(
                self.arguments, stdout=self.stdout, env=environment_of_others()
            )
        except OSError as error:
            raise ProgramStartError(
                f"cannot start {self.arguments[0]}: {error.strerror}"
            ) from error
        try:
            self._wait(process)
            return process.wait()
        except BaseException:
            _end(process)
            raise

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        """Sleep in the kernel until it has ended; ``Popen.wait`` with a time limit would poll."""
        ended = os.pidfd_open(process.pid)
        try:
            while not select.select([ended], [], [], self.each_s)[0]:
                self.keep()
        finally:
            os.close(ended)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let a program end, ask it to, then make it."""
    try:
        with suppress(subprocess.TimeoutExpired):
            process.wait(OWN_END_S)
            return
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(ASKED_END_S)
    finally:
        # A second Ctrl-C does not leave it behind.
        if process.poll() is None:
            process.kill()
            process.wait()


def _how_it_failed(name: str, code: int) -> str:
    how = f"exit code {code}" if code > 0 else f"signal {-code} ({signal.strsignal(-code)})"
    return (
        f"{name} ended with {how}, so nothing is said of what it costs; if that is no fault of "
        "it, measure sh -c 'COMMAND || true'"
    )
