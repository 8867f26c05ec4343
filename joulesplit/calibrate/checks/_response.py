"""Checks of how a sensor follows the load: a source that is not understood is rejected. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from joulesplit.calibrate.checks._spec import CheckSpec
from joulesplit.calibrate.profile import Check
from joulesplit.calibrate.response import SensorResponse
from joulesplit.drivers.readings import SensorDescription

LEAST_SIGNAL = 10.0
"""The step of load shows so many of its standard uncertainties at least: then its times are known
to a tenth of its length."""

UNEXPLAINED_LIMIT = 0.5
"""Largest scatter of the readings around the model of their source, of the step."""

REFRESH_LIMIT = 2.0
"""Largest time from one new value to the next, in the cycles that the source says it has."""

LATE_LIMIT = 0.005
"""Largest share of the shortest work that comes after its settling, as what outlasts the work."""

STEP_SEEN = CheckSpec(
    name="step-seen",
    finds="what this machine's busy processor adds to the power, in standard uncertainties",
    unit="σ",
    limit=LEAST_SIGNAL,
    minimum=True,
    advice="the source does not show that this machine's processor was busy: check that it "
    "measures the supply of this device, and stop what else runs",
    severity="fail",
)
STEP_UNDERSTOOD = CheckSpec(
    name="step-understood",
    finds="scatter of the readings around a delayed, filtered step of load, over the step",
    unit="1",
    limit=UNEXPLAINED_LIMIT,
    advice="the source follows a known load in a way that is not understood: read it by itself "
    "(`joulesplit monitor`), stop what else runs, or measure with another sensor",
    severity="fail",
)
REFRESH_PERIOD = CheckSpec(
    name="refresh-period",
    finds="time from one new value of the source to the next, in the cycles that it says it has",
    unit="cycles",
    limit=REFRESH_LIMIT,
    advice="the source repeats its values: a new one comes every {refresh} s, and it says "
    "every {stated} s; read it at its own pace, or measure with another sensor",
    severity="fail",
)
SENSOR_DELAY = CheckSpec(
    name="sensor-delay",
    finds="how late a step of load shows",
    unit="s",
    limit=None,
    follows_from="the settling after the work, and half a cycle",
    advice="the source is later than the settling allows, so that work is taken for idle: lengthen "
    "the settling (--settle-s; timing.settle_s in the plan) beyond {delay} s, and the idle "
    "with it, or measure with another sensor",
    severity="fail",
)
STEP_RESPONSE = CheckSpec(
    name="step-response",
    finds="share of the shortest work that the source shows only after the settling",
    unit="1",
    limit=LATE_LIMIT,
    advice="the source is slow (time constant {tau} s), so that work is taken for "
    "idle: lengthen the settling (--settle-s; timing.settle_s in the plan) to several times that, "
    "or measure with another sensor",
    severity="fail",
)


def response_checks(
    response: SensorResponse | None,
    sensor: SensorDescription,
    *,
    settle_s: float,
    shortest_s: float,
) -> Iterator[Check]:
    """Return whether windows hold what a sensor shows of their work.

    Args:
        response: How it follows a step of load; None if that is known beforehand.
        sensor: As opened.
        settle_s: From the end of the work until the device counts as idle, s.
        shortest_s: Shortest work, s.
    """
    if response is None:
        return
    yield STEP_SEEN.judge(response.signal)
    yield STEP_UNDERSTOOD.judge(min(response.unexplained, 1e9))
    yield REFRESH_PERIOD.judge(
        response.refresh_s / sensor.cycle_s,
        refresh=f"{response.refresh_s:.2g}",
        stated=f"{sensor.cycle_s:.2g}",
    )
    # The reading in which the settling ends is counted whole, half of it too much on average.
    holds_s = settle_s + sensor.cycle_s / 2
    yield SENSOR_DELAY.judge(response.least_delay_s, limit=holds_s, delay=f"{response.delay_s:.2g}")
    yield STEP_RESPONSE.judge(
        response.late_s(holds_s) / shortest_s, tau=f"{response.time_constant_s:.2g}"
    )
