"""One idle - work - idle window: run it, and keep what it gave."""

from __future__ import annotations

from typing import Literal

import msgspec

from joulesplit.calibrate.sampling import Sampler
from joulesplit.calibrate.sampling import Trace
from joulesplit.calibrate.windows._energy import WindowTimes, window_energy
from joulesplit.calibrate.windows._observation import Observation
from joulesplit.calibrate.workloads import WorkDone, Workload
from joulesplit.drivers.protocols import Clock
from joulesplit.drivers.readings import ReadingFlag

WindowKind = Literal["compute", "upload", "control", "head", "whole", "phase", "download"]


class WindowTask(msgspec.Struct, frozen=True, kw_only=True):
    """A window still to be run.

    Attributes:
        kind: ``control`` windows repeat one and the same work to tell drift; ``head`` and
            ``whole`` run several blocks as one network; ``phase`` is what happens once.
        subject: Key of the workload.
        block: l for compute and control, the last block of a head, else 0.
        repetitions: Inferences, uploads, downloads or starts.
    """

    kind: WindowKind
    subject: str
    block: int
    repetitions: int


class WindowRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A finished window, as the journal keeps it; units are in the names.

    Attributes:
        resets: Times that the chip was found reset in it, or just after its last reading.
        clock_steps: Times that the clock was found to have jumped, likewise.
        tail_j: Net energy from the end of the work until it settled, part of ``net_j``, J; None
            if that was too short to tell.
        settle_s: How long that was, s.
        socket_bits: Handed to the socket, request heads included, bit.
        interface_tx_bits, interface_rx_bits: Counted on the interface, bit; None if unknown.
        temperature_c: Of the processor as the window began, °C; None if unknown.
        waited_s: Waited before the window for the device to cool down, s.
        tries: How often it was run until it gave an energy.
    """

    task: WindowTask
    started_ns: int
    work_s: float
    idle_s: float
    airtime_s: float
    payload_bits: int
    gross_j: float
    net_j: float
    idle_power_w: float
    idle_step_w: float
    peak_power_w: float
    minimum_voltage_v: float
    lost_s: float
    readings: int
    clipped: int
    resets: int
    clock_steps: int = 0
    tail_j: float | None = None
    settle_s: float = 0.0
    socket_bits: int = 0
    interface_tx_bits: int | None = None
    interface_rx_bits: int | None = None
    temperature_c: float | None = None
    waited_s: float = 0.0
    tries: int = 1

    @property
    def span_s(self) -> float:
        """How long the window took with its idle parts, s."""
        return self.work_s + self.settle_s + self.idle_s

    @property
    def observation(self) -> Observation:
        """The window as the fits see it."""
        return Observation(
            block=self.task.block,
            repetitions=self.task.repetitions,
            airtime_s=self.airtime_s,
            payload_bits=self.payload_bits,
            gross_j=self.gross_j,
            net_j=self.net_j,
            work_s=self.work_s,
            settle_s=self.settle_s,
            idle_s=self.idle_s,
        )


class WindowTiming(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long the parts of every window last.

    Attributes:
        idle_s: Idle on each side of the work, s.
        settle_s: From the end of the work until the device counts as idle again, s.
        upload_settle_s: The same after the last bit of a transfer: a radio stays awake for a
            while; None takes ``settle_s``.
    """

    idle_s: float
    settle_s: float
    upload_settle_s: float | None = None

    def settle_after_s(self, kind: WindowKind) -> float:
        """Return how long the device takes to be idle again after a kind of work, s."""
        if kind in ("upload", "download") and self.upload_settle_s is not None:
            return self.upload_settle_s
        return self.settle_s


def run_window(
    task: WindowTask, workload: Workload, timing: WindowTiming, clock: Clock, sampler: Sampler
) -> WindowRecord:
    """Run one window under the sampler.

    Idle time is not shared with the neighbouring windows, so that windows stay independent.

    Raises:
        WindowError: The window gave too few readings.
        SamplerError: The sampler failed.
    """
    idle_start_ns = clock.now_ns()
    clock.sleep_until_ns(idle_start_ns + round(timing.idle_s * 1e9))
    done = workload.run(task.repetitions)
    settled_ns = done.ended_ns + round(timing.settle_after_s(task.kind) * 1e9)
    idle_end_ns = settled_ns + round(timing.idle_s * 1e9)
    clock.sleep_until_ns(idle_end_ns)
    times = WindowTimes(
        idle_start_ns=idle_start_ns,
        work_start_ns=done.started_ns,
        work_end_ns=done.ended_ns,
        settled_ns=settled_ns,
        idle_end_ns=idle_end_ns,
    )
    trace = sampler.trace_until(idle_end_ns)
    # The reading after a reset says that the one before it, the window's last, may be spoilt too.
    after = sampler.trace_until(trace.end_ns + 1)
    return _record(task, done, times, trace, after)


def _record(
    task: WindowTask, done: WorkDone, times: WindowTimes, trace: Trace, after: Trace
) -> WindowRecord:
    energy = window_energy(trace, times)
    return WindowRecord(
        task=task,
        started_ns=times.idle_start_ns,
        work_s=energy.work_s,
        idle_s=energy.idle_s,
        airtime_s=done.airtime_s,
        payload_bits=done.payload_bits,
        gross_j=energy.gross_j,
        net_j=energy.net_j,
        idle_power_w=energy.idle_power_w,
        idle_step_w=energy.idle_step_w,
        peak_power_w=energy.peak_power_w,
        minimum_voltage_v=energy.minimum_voltage_v,
        lost_s=energy.lost_s,
        readings=energy.readings,
        clipped=trace.count(ReadingFlag.SHUNT_CLIPPED | ReadingFlag.BUS_CLIPPED),
        resets=trace.count(ReadingFlag.CHIP_RESET) + after.count(ReadingFlag.CHIP_RESET),
        clock_steps=trace.count(ReadingFlag.CLOCK_STEP) + after.count(ReadingFlag.CLOCK_STEP),
        tail_j=energy.tail_j,
        settle_s=(times.settled_ns - times.work_end_ns) * 1e-9,
        socket_bits=done.socket_bits,
        interface_tx_bits=done.interface_tx_bits,
        interface_rx_bits=done.interface_rx_bits,
    )
