"""The sampler for real time: a process of its own that reads the sensor all the time.

A thread would starve beside Python work in the same interpreter. The process is started before
the first idle window and runs until the last, so what it costs is in every baseline alike.
"""

from __future__ import annotations

import math
import multiprocessing
import os
from typing import Any, Self

from joulesplit.calibrate.errors import SamplerError
from joulesplit.calibrate.sampling._ring import RING_RECORDS, ReadingRing
from joulesplit.calibrate.sampling._sampler import SamplerStatistics, Tally
from joulesplit.calibrate.sampling._sampling_loop import (
    BEGUN,
    SamplerMemory,
    SensorFactory,
    sampler_main,
)
from joulesplit.calibrate.sampling._spawning import spawn
from joulesplit.calibrate.sampling._trace import Trace
from joulesplit.drivers.errors import SensorError
from joulesplit.drivers.protocols import Clock
from joulesplit.drivers.readings import SensorDescription

START_TIMEOUT_S = 30.0
"""A process that has not opened its sensor by then will not."""

SILENCE_TIMEOUT_NS = 5_000_000_000
"""No reading for this long means that the sensor or its process hangs."""

POLL_NS = 2_000_000
"""How often the consumer looks for a reading that is due, ns; until then it sleeps."""

SAMPLER_STOP_TIMEOUT_S = 2.0
"""A sampler that is asked to stop returns within a cycle; after this it is killed."""


class SamplerProcess:
    """A process that samples a sensor from entering the block until leaving it.

    Args:
        factory: Makes the sensor; called in the new process.
        clock: Real time.
        ring_records: Readings kept for whoever collects them.
    """

    def __init__(
        self, factory: SensorFactory, clock: Clock, *, ring_records: int = RING_RECORDS
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self._clock = clock
        self._ring = ReadingRing(context, ring_records)
        self._shared = SamplerMemory(
            ring=self._ring.memory,
            cpu_ns=context.RawValue("q", 0),
            stop=context.RawValue("b", 0),
            can_rehearse=context.RawValue("b", 0),
            rehearsals=context.RawValue("b", 0),
            peak_a=context.RawValue("d", math.nan),
        )
        self._talk, theirs = context.Pipe()
        self._process = context.Process(
            target=sampler_main,
            args=(factory, self._shared, theirs, os.getpid()),
            name="joulesplit-sampler",
            daemon=True,
        )
        self._theirs = theirs
        self._description: SensorDescription | None = None
        self._next = 0
        self._last_ns = 0
        self._begun = False
        self._spawned_ns = self._started_ns = 0
        self._tally = Tally()

    def __enter__(self) -> Self:
        """Start the process and wait for its first reading.

        Raises:
            SensorError: The sensor could not be opened; raised as in the process.
            SamplerError: The process ended or did not answer, or cannot be given the sensor.
        """
        self._spawned_ns = self._clock.now_ns()
        spawn(self._process)
        self._theirs.close()
        try:
            self._begun = self._receive(START_TIMEOUT_S) == BEGUN
            answer = self._receive(START_TIMEOUT_S)
        except BaseException:
            self.close()
            raise
        self._description, self._last_ns = answer
        self._started_ns = self._clock.now_ns()
        return self

    def _receive(self, timeout_s: float) -> Any:
        try:
            message = self._talk.recv() if self._talk.poll(timeout_s) else None
        except (EOFError, ConnectionResetError):
            raise SamplerError(self._how_it_ended()) from None
        if message is None:
            raise SamplerError(
                f"the sampler process gave no answer within {timeout_s:.0f} s: "
                "is the sensor wired and free?"
            )
        if isinstance(message, BaseException):
            raise _as_raised(message)
        return message

    def _how_it_ended(self) -> str:
        """Return what is known of a process that ended without a word."""
        after_s = (self._clock.now_ns() - self._spawned_ns) * 1e-9
        self._process.join(SAMPLER_STOP_TIMEOUT_S)
        code = self._process.exitcode
        how = f"the sampler process ended after {after_s:.1f} s with exit code {code}"
        if self._begun:
            return f"{how}: something outside ended it, as the system does for want of memory"
        return (
            f"{how}, before it came to the sensor; it runs the main script again first where the "
            'sensor is made by it, so guard the script with `if __name__ == "__main__":` around '
            "what measures, or make the sensor in a module"
        )

    def __exit__(self, *exception: object) -> None:
        """Stop the process."""
        self.close()

    def close(self) -> None:
        """Stop the process; calling it again does nothing."""
        if self._process.pid is None or not self._process.is_alive():
            return
        self._shared.stop.value = 1
        self._process.join(SAMPLER_STOP_TIMEOUT_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._talk.close()

    @property
    def pid(self) -> int | None:
        """Process number of the sampler; None before it is started."""
        return self._process.pid

    @property
    def description(self) -> SensorDescription:
        """The sensor, as opened.

        Raises:
            SamplerError: The sampler is not running.
        """
        if self._description is None:
            raise SamplerError("the sampler is not running: use it inside `with`")
        return self._description

    def trace_until(self, t_ns: int) -> Trace:
        """Wait for a reading that ends at or after ``t_ns``; return all since the last call.

        Raises:
            SamplerError: The sampler ended, or fell silent.
            SensorError: The sensor failed; raised as in the process.
        """
        deadline_ns = max(t_ns, self._clock.now_ns()) + SILENCE_TIMEOUT_NS
        while True:
            end = self._ring.written()
            latest_ns = self._latest_ns(end)
            if latest_ns >= t_ns:
                records = self._ring.copy(self._next, end)
                reached = records["t_ns"] >= t_ns
                if reached.any():
                    return self._hand_out(records[: int(reached.argmax()) + 1])
            self._check_alive(deadline_ns)
            self._sleep_until_due(t_ns, latest_ns)

    def _latest_ns(self, end: int) -> int:
        """Return when the last of so many readings ended, ns."""
        if end <= self._next:
            return self._last_ns
        return int(self._ring.copy(end - 1, end)["t_ns"][0])

    def _sleep_until_due(self, t_ns: int, latest_ns: int) -> None:
        """Sleep until the first reading that ends at or after a time is to be expected.

        What the sampler has to say of its end wakes at once.
        """
        cycle_ns = round(self.description.cycle_s * 1e9)
        cycles = max(-(-(t_ns - latest_ns) // cycle_ns), 1) if cycle_ns > 0 else 0
        left_ns = latest_ns + cycles * cycle_ns - self._clock.now_ns()
        self._talk.poll(max(left_ns, POLL_NS) * 1e-9)

    def trace_so_far(self) -> Trace:
        """Return every reading not handed out yet, without waiting for any.

        Readings that were overwritten before anyone asked are counted as lost.

        Raises:
            SamplerError: The sampler ended, and there is no reading left.
            SensorError: The sensor failed likewise; raised as in the process.
        """
        end = self._ring.written()
        if end - self._next > self._ring.safe_records:
            self._skip_to(end - self._ring.safe_records // 2)
        trace = self._hand_out(self._ring.copy(self._next, end))
        if not len(trace):
            self._check_alive(self._clock.now_ns() + SILENCE_TIMEOUT_NS)
        return trace

    def _skip_to(self, number: int) -> None:
        self._tally.lost += number - self._next
        self._next = number
        self._last_ns = int(self._ring.copy(number - 1, number)["t_ns"][0])

    def _hand_out(self, records: Any) -> Trace:
        trace = Trace(start_ns=self._last_ns, records=records)
        self._next += len(records)
        self._last_ns = trace.end_ns
        self._tally.add(trace)
        return trace

    def _check_alive(self, deadline_ns: int) -> None:
        if self._talk.poll() or not self._process.is_alive():
            self._receive(SAMPLER_STOP_TIMEOUT_S)
        if self._clock.now_ns() > deadline_ns:
            raise SamplerError(
                f"no reading for {SILENCE_TIMEOUT_NS * 1e-9:.0f} s: the sensor hangs; "
                "check its wiring with `joulesplit doctor`"
            )

    def rehearse(self, times: int, from_ns: int) -> bool:  # noqa: ARG002 - it is now
        """Rehearse from the next reading on; see ``Sampler``."""
        able = bool(self._shared.can_rehearse.value)
        self._shared.rehearsals.value = times if able else 0
        return able

    def cpu_s(self) -> float:
        """Return the CPU time of the process since its first reading, s."""
        return float(self._shared.cpu_ns.value) * 1e-9

    def statistics(self) -> SamplerStatistics:
        """Return how the sampler fared so far."""
        elapsed_ns = self._clock.now_ns() - self._started_ns
        peak_a = self._shared.peak_a.value
        return self._tally.statistics(
            self._shared.cpu_ns.value / elapsed_ns if elapsed_ns > 0 else None,
            peak_a=None if math.isnan(peak_a) else peak_a,
        )


def _as_raised(error: BaseException) -> BaseException:
    """Return the sensor's own error, or wrap a surprise with where it came from."""
    if isinstance(error, SensorError):
        return error
    return SamplerError(f"the sampler process failed: {type(error).__name__}: {error}")
