"""What the sampler process does: open the sensor, read it, write to the ring, all the time.

It imports no numpy: without it the process takes half the memory and starts sooner.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from joulesplit.calibrate.sampling._number_check import require_number
from joulesplit.calibrate.sampling._ring_writer import RingMemory
from joulesplit.drivers.errors import SensorError
from joulesplit.drivers.protocols import PeakWatcher, PowerSensor, RehearsingSensor

SensorFactory = Callable[[], PowerSensor]
"""Makes the sensor inside the sampler process; must be picklable."""

LATEST_US = (1 << 31) - 1
"""Longest delay of a reading that its record can hold, µs."""

BEGUN = "begun"
"""First message of the process: what came before, running the main script again, went well."""

PR_SET_PDEATHSIG = 1
"""prctl option of <sys/prctl.h>: the signal a process gets when its parent dies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplerMemory:
    """Memory of both processes.

    Attributes:
        ring: The readings.
        cpu_ns: CPU time of the sampler process since its first reading, ns.
        stop: 1 once the sampler is to end.
        can_rehearse: Whether the sensor can; known once the sensor is open.
        rehearsals: Between two readings.
        peak_a: Largest single sample of the current that was looked at, A; nan without any.
    """

    ring: RingMemory
    cpu_ns: Any
    stop: Any
    can_rehearse: Any
    rehearsals: Any
    peak_a: Any


def _outlive_nobody(parent_pid: int) -> None:
    """Leave Ctrl-C to the parent, and die when it dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent_pid:
        raise SystemExit(0)


def _sample(factory: SensorFactory, shared: SamplerMemory, talk: Connection) -> None:
    """Read and write until the parent says stop; runs in the sampler process.

    Whatever is done here is done for every reading, so it is little: no system call but for the
    sensor's own and for two clocks.
    """
    with factory() as sensor:
        first = require_number(sensor.read(), sensor)
        rehearse = sensor.rehearse if isinstance(sensor, RehearsingSensor) else None
        shared.can_rehearse.value = rehearse is not None
        talk.send((sensor.description, first.t_ns))
        writer = shared.ring.writer()
        # What starting costs, imports above all, is over before the first baseline.
        begin_ns = time.process_time_ns()
        read, append, now_ns, stop = sensor.read, writer.append, time.monotonic_ns, shared.stop
        cpu_ns, used_ns = shared.cpu_ns, time.process_time_ns
        watch = sensor if isinstance(sensor, PeakWatcher) else None
        rehearsals = shared.rehearsals
        while not stop.value:
            if rehearsals.value and rehearse is not None:
                rehearse(rehearsals.value)
            reading = require_number(read(), sensor)
            late_us = (now_ns() - reading.t_ns) // 1000
            append(reading, late_us if 0 <= late_us < LATEST_US else LATEST_US * (late_us > 0))
            cpu_ns.value = used_ns() - begin_ns
            if watch is not None and (peak_a := watch.peak_a) is not None:
                shared.peak_a.value = peak_a


def sampler_main(
    factory: SensorFactory, shared: SamplerMemory, talk: Connection, parent_pid: int
) -> None:
    _outlive_nobody(parent_pid)
    try:
        talk.send(BEGUN)
        _sample(factory, shared, talk)
    except SensorError as error:
        talk.send(error)
    except (EOFError, BrokenPipeError):
        return
    except Exception as error:  # noqa: BLE001  (whatever it is, the parent must hear of it)
        talk.send(error)
