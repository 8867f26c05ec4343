"""One idle - work - idle window under the sampler, from its beginning to its record."""

from __future__ import annotations

from random import Random

import msgspec

from joulesplit.calibrate.sampling import Sampler, Trace
from joulesplit.calibrate.windows._clock_rate import clock_pair, rate_since
from joulesplit.calibrate.windows._energy import window_energy
from joulesplit.calibrate.windows._record import WindowRecord, WindowTask
from joulesplit.calibrate.windows._times import WindowTimes
from joulesplit.calibrate.windows._timing import WindowTiming
from joulesplit.calibrate.workloads import WorkDone, Workload
from joulesplit.drivers.protocols import Clock
from joulesplit.drivers.readings import ReadingFlag


def run_window(
    task: WindowTask, workload: Workload, timing: WindowTiming, clock: Clock, sampler: Sampler
) -> WindowRecord:
    """Run one window under the sampler.

    Idle time is not shared with the neighbouring windows, so that windows stay independent. Each
    begins at a random phase of the sensor's cycle: whoever begins when a reading has come always
    leaves the same parts of a load unobserved that goes with the cycle, and no scatter shows it.

    Raises:
        WindowError: The window gave too few readings.
        SamplerError: The sampler failed.
    """
    phase_ns = _random_phase_ns(clock.now_ns(), sampler.description.cycle_s)
    clock.sleep_until_ns(clock.now_ns() + phase_ns)
    began = clock_pair(clock)
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
    rate = rate_since(began, clock)
    return msgspec.structs.replace(_record(task, done, times, trace, after), clock_rate=rate)


def _random_phase_ns(now_ns: int, cycle_s: float) -> int:
    """Return a time from 0 to a cycle of the sensor, ns, all alike likely.

    Drawn by the time itself, which nobody chooses, so that a campaign in virtual time repeats.
    """
    return int(Random(now_ns).random() * cycle_s * 1e9)


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
        hidden_w=energy.hidden_w,
    )
