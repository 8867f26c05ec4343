"""Is the device warm, is it cool enough? Decided by what it does, not by a count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import mean, median

import msgspec

from joulesplit.calibrate.campaign._plan import Limits
from joulesplit.calibrate.checks import Unsettled
from joulesplit.calibrate.errors import TooHotError
from joulesplit.calibrate.sampling import Sampler
from joulesplit.calibrate.workloads import Workload
from joulesplit.drivers.protocols import Clock

Thermometer = Callable[[], float | None]
"""Returns the processor's temperature, °C; None where it cannot be known."""

RUNS_PER_HALF = 4
"""Runs in each of the two halves that must agree."""

LATENCY_AGREEMENT = 0.03
"""The halves' times per repetition agree to this fraction."""

TEMPERATURE_AGREEMENT_C = 0.5
"""The halves' mean temperatures agree to this, °C."""

COOL_MARGIN_C = 2.0
"""A device that was too hot waits until it is so far inside its band, °C: at its very edge the
next window would begin too hot again."""

COOL_STEP_S = 1.0
"""How often a cooling device is looked at, s."""


class WarmUp(msgspec.Struct, frozen=True, kw_only=True):
    """How warming up went.

    Attributes:
        warm: The last two halves agreed; else the longest wait was over first.
        duration_s: How long it took, s.
        runs: Runs it took.
        temperature_c: At its end, °C; None if unknown.
        unsettled: What the longest wait did not settle; None if it is warm.
    """

    warm: bool
    duration_s: float
    runs: int
    temperature_c: float | None
    unsettled: Unsettled | None = None


class CoolDown(msgspec.Struct, frozen=True, kw_only=True):
    """How a wait for the temperature band went.

    Attributes:
        waited_s: How long it took so far, s; 0 if there was nothing to wait for.
        temperature_c: By then, °C; None if unknown.
    """

    waited_s: float
    temperature_c: float | None


def no_thermometer() -> None:
    """Say that the temperature is unknown."""


def unsettled(
    latencies_s: Sequence[float],
    temperatures_c: Sequence[float | None],
    band_c: tuple[float, float],
) -> Unsettled | None:
    """Test the last ``2·HALF`` runs for having settled; return what has not, or None.

    Args:
        latencies_s: Time per repetition of each run, s.
        temperatures_c: After each run, °C.
        band_c: Where they must lie, °C.
    """
    known = [t for t in temperatures_c[-2 * RUNS_PER_HALF :] if t is not None]
    if not all(band_c[0] <= t <= band_c[1] for t in known):
        return "band"
    if len(latencies_s) < 2 * RUNS_PER_HALF:
        return "pace"
    first_s, second_s = (
        latencies_s[-2 * RUNS_PER_HALF : -RUNS_PER_HALF],
        latencies_s[-RUNS_PER_HALF:],
    )
    if abs(median(first_s) - median(second_s)) > LATENCY_AGREEMENT * median(second_s):
        return "pace"
    if len(known) < 2 * RUNS_PER_HALF:
        return None
    steady = (
        abs(mean(known[:RUNS_PER_HALF]) - mean(known[RUNS_PER_HALF:])) <= TEMPERATURE_AGREEMENT_C
    )
    return None if steady else "temperature"


def warm_up(
    workload: Workload,
    repetitions: int,
    *,
    clock: Clock,
    sampler: Sampler,
    thermometer: Thermometer,
    limits: Limits,
    on_run: Callable[[float], None] = lambda _: None,
) -> WarmUp:
    """Run a workload until it takes the same time again and again, inside the band.

    Args:
        workload: What to run.
        repetitions: In each run.
        clock: Time.
        sampler: Drained meanwhile: what it reads now belongs to no window.
        thermometer: Of the processor.
        limits: The band, and the longest wait.
        on_run: Told after each run how long it has taken so far, s.
    """
    began_ns = clock.now_ns()
    latencies_s: list[float] = []
    temperatures_c: list[float | None] = []
    while True:
        done = workload.run(repetitions)
        latencies_s.append((done.ended_ns - done.started_ns) * 1e-9 / repetitions)
        temperatures_c.append(thermometer())
        sampler.trace_until(clock.now_ns())
        moving = unsettled(latencies_s, temperatures_c, limits.temperature_c)
        spent_s = (clock.now_ns() - began_ns) * 1e-9
        if moving is None or spent_s >= limits.warm_up_s:
            return WarmUp(
                warm=moving is None,
                duration_s=spent_s,
                runs=len(latencies_s),
                temperature_c=temperatures_c[-1],
                unsettled=moving,
            )
        on_run(spent_s)


def cool_down(
    clock: Clock,
    sampler: Sampler,
    thermometer: Thermometer,
    limits: Limits,
    on_wait: Callable[[CoolDown], None] = lambda _: None,
) -> CoolDown:
    """Wait until a device that is too hot is back in its band, as far as the limits allow.

    Args:
        clock: Time.
        sampler: Drained meanwhile: what it reads now belongs to no window.
        thermometer: Of the processor.
        limits: The band, and the longest wait.
        on_wait: Told how far a wait is, at its beginning and after each step.

    Raises:
        TooHotError: The longest wait is over, and the device is above its band still.
    """
    high_c = limits.temperature_c[1]
    cool = CoolDown(waited_s=0.0, temperature_c=thermometer())
    if not _hotter(cool, high_c):
        return cool
    began_ns = now_ns = clock.now_ns()
    last_ns = began_ns + round(limits.cool_down_s * 1e9)
    while _hotter(cool, high_c - COOL_MARGIN_C) and now_ns < last_ns:
        on_wait(cool)
        clock.sleep_until_ns(min(now_ns + round(COOL_STEP_S * 1e9), last_ns))
        now_ns = clock.now_ns()
        sampler.trace_until(now_ns)
        cool = CoolDown(waited_s=(now_ns - began_ns) * 1e-9, temperature_c=thermometer())
    if _hotter(cool, high_c):
        raise TooHotError(
            f"the processor is at {cool.temperature_c:g} °C after {cool.waited_s:.0f} s of "
            f"waiting, and windows begin at {high_c:g} °C at most: cool it, or raise "
            "limits.temperature_c in a plan of your own"
        )
    return cool


def _hotter(cool: CoolDown, limit_c: float) -> bool:
    return cool.temperature_c is not None and cool.temperature_c > limit_c
