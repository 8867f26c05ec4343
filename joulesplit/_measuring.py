"""What a command or a function costs, by runs of it between idle."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from typing import Unpack

from joulesplit._sensors import DeviceLike, device_of
from joulesplit.calibrate.campaign import MeasuredProgram, RunPlan, measure_program
from joulesplit.calibrate.instrument import require_program
from joulesplit.calibrate.windows import WindowRecord, WindowTiming
from joulesplit.drivers import SensorOptions


def measure(
    work: Callable[[], object] | Sequence[str] | str,
    *,
    sensor: DeviceLike,
    runs: int = 3,
    idle_s: float = 2.0,
    settle_s: float = 0.2,
    progress: Callable[[WindowRecord], None] | None = None,
    **options: Unpack[SensorOptions],
) -> MeasuredProgram:
    """Run a command or a function under a power sensor, each time between idle.

        cost = measure(["gzip", "-kf", "capture.pcap"], sensor="ina219", shunt_ohm=0.1, runs=5)
        print(cost)

    Args:
        work: A program with its arguments, run without a shell (a text is split as a shell would
            split it); or a function, called in this process.
        sensor: What measures this device, as in ``joulesplit.calibrate``.
        runs: How often; an interval takes two at least.
        idle_s: Idle before and after each run, s.
        settle_s: From the end of a run until the device counts as idle again, s.
        progress: Told of each run once it is over, outside its idle.
        options: For the kind of a sensor, what ``SensorRequest`` has beside it.

    Raises:
        SensorError, SamplerError: The sensor cannot be opened, or failed.
        ProgramStartError: The program cannot be started.
        ProgramFailedError: A run of it failed.
        CalibrationError: The idle times do not fit the sensor, or its leads are swapped.
    """
    timing = WindowTiming(idle_s=idle_s, settle_s=settle_s)
    device = device_of(sensor, **options)
    plan = _plan(work, runs, timing)
    return measure_program(plan, device, progress or _tell_nobody)


def _plan(
    work: Callable[[], object] | Sequence[str] | str, runs: int, timing: WindowTiming
) -> RunPlan:
    if callable(work):
        name = getattr(work, "__qualname__", repr(work))
        return RunPlan(arguments=(name,), runs=runs, timing=timing, function=work)
    arguments = tuple(shlex.split(work) if isinstance(work, str) else work)
    require_program(arguments[0])
    return RunPlan(arguments=arguments, runs=runs, timing=timing)


def _tell_nobody(record: WindowRecord) -> None:
    del record
