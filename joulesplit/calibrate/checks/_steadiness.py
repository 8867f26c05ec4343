"""Checks that the device stayed the same from the first window to the last. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from joulesplit.calibrate.checks._evidence import Evidence
from joulesplit.calibrate.checks._spec import CheckSpec
from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates import coverage_factor, difference_u, latency_problem
from joulesplit.calibrate.profile import Check
from joulesplit.calibrate.windows import Observation, WindowRecord
from joulesplit.drivers.raspberry_pi import UNDER_VOLTAGE_V
from joulesplit.metrology import Array, is_rounding

IDLE_DRIFT_LIMIT = 0.02
"""Largest drift of the idle power from first to last window, relative to the idle power."""

CONTROL_LIMIT = 0.03
"""Largest difference of the control's energy between the halves of a campaign, relative."""

PACE_LIMIT = 0.05
"""Largest deviation of a window's length from what its work takes, relative. A Raspberry Pi that
throttles goes from 1.5 to 1.0 GHz or lower; timing scatters by a percent or two."""

PACE_SHARE = 0.95
"""Share of the windows that must keep within it; a single slow window is not a slow device."""

A_A_CONFIDENCE = 0.998
"""Level at which every second control must agree with the others."""


IDLE_DRIFT = CheckSpec(
    name="idle-drift",
    finds="drift of the idle power from first to last window by a straight line, relative",
    unit="1",
    limit=IDLE_DRIFT_LIMIT,
    advice="let the device warm up, and stop what else runs on it",
)
CONTROL_REPEAT = CheckSpec(
    name="control-repeat",
    finds="difference of the control windows' energy between the halves, relative",
    unit="1",
    limit=CONTROL_LIMIT,
    advice="the same work cost differently early and late: check cooling and governor",
)
A_A_DIFFERENCE = CheckSpec(
    name="a-a-difference",
    finds="difference of every second control window from the others, relative",
    unit="1",
    limit=None,
    follows_from=f"the controls' own scatter, at {100 * A_A_CONFIDENCE:g} % (Student's t)",
    advice="the same work measured twice differs by more than its scatter explains: something "
    "alternates with the windows; change control_every and measure again",
)
STEADY_PACE = CheckSpec(
    name="steady-pace",
    finds=f"what {100 * PACE_SHARE:g} % of the windows keep within of the time their work takes, "
    "relative",
    unit="1",
    limit=PACE_LIMIT,
    advice="the same inference took longer in some windows: the board throttles, its governor "
    "moves, or something else computes; cool it and set the governor to performance",
)
SUPPLY_VOLTAGE = CheckSpec(
    name="supply-voltage",
    finds="smallest voltage reading",
    unit="V",
    limit=UNDER_VOLTAGE_V,
    minimum=True,
    advice="the supply sags under load: use a stronger one, shorter leads, a smaller shunt",
)
THROTTLING = CheckSpec(
    name="throttling",
    finds="bits of get_throttled that hold at the end",
    unit="bits",
    limit=0,
    advice="the board is throttled or under voltage: cool it, check its supply",
    severity="fail",
)


def steadiness_checks(evidence: Evidence) -> Iterator[Check]:
    """Return whether idle power, work, pace and supply stayed where they were."""
    yield IDLE_DRIFT.judge(idle_drift(evidence.records))
    yield from _control_checks([record.net_j for record in evidence.of_kind("control")])
    yield from _pace(evidence)
    yield SUPPLY_VOLTAGE.judge(min(record.minimum_voltage_v for record in evidence.records))
    yield from _throttling(evidence.throttled_bits)


def idle_drift(records: Sequence[WindowRecord]) -> float:
    """Return the change of idle power from first to last window by a straight line, relative.

    Where the mean is exactly zero, any change is as large as all there is: 1.
    """
    idle = np.array([record.idle_power_w for record in records])
    when = np.array([record.started_ns for record in records], dtype=np.float64)
    span = when.max() - when.min()
    if len(records) < 3 or span == 0:
        return 0.0
    change_w = abs(float(np.polyfit((when - when.min()) / span, idle, 1)[0]))
    mean_w = abs(float(idle.mean()))
    return change_w / mean_w if mean_w else float(change_w > 0)


def _control_checks(energies: Sequence[float]) -> Iterator[Check]:
    """Compare the controls early against late, and every second one with the others (A/A)."""
    half = len(energies) // 2
    if half == 0:
        return
    early, late = float(np.mean(energies[:half])), float(np.mean(energies[-half:]))
    yield CONTROL_REPEAT.judge(abs(late - early) / abs(early))
    if half >= 2:
        a, b = np.array(energies[::2]), np.array(energies[1::2])
        yield A_A_DIFFERENCE.judge(
            _apart(float(a.mean()), float(b.mean())),
            limit=_a_a_limit(a, b),
        )


def _apart(one: float, other: float) -> float:
    """Return how far two means are apart, relative; 0 if they are level but for rounding."""
    difference = 0.0 if is_rounding(one - other, one, other) else one - other
    return abs(difference) / abs((one + other) / 2)


def _a_a_limit(a: Array, b: Array) -> float:
    """Return how far the means of two samples of one thing may differ, relative."""
    mean = abs(float(np.concatenate([a, b]).mean()))
    return coverage_factor(len(a) + len(b) - 2, A_A_CONFIDENCE) * difference_u(a, b) / mean


def _pace(evidence: Evidence) -> Iterator[Check]:
    windows = [record.observation for record in evidence.of_kind("compute")]
    deviations = pace_deviations(windows)
    if deviations is None:
        return
    yield STEADY_PACE.judge(float(np.quantile(np.abs(deviations), PACE_SHARE)))


def pace_deviations(windows: Sequence[Observation]) -> Array | None:
    """Return (measured − fitted) / measured length of each window; None if too few for a fit."""
    count = max((window.block for window in windows), default=0)
    try:
        problem = latency_problem(windows, count)
        fit = problem.fit_of_windows()
    except EstimateError:
        return None
    deviations: Array = fit.raw_residuals / problem.observed[: problem.windows]
    return deviations


def _throttling(bits: int | None) -> Iterator[Check]:
    """Check the bits that are set now; the sticky ones may be older than the campaign."""
    if bits is None:
        return
    yield THROTTLING.judge(float(bits & 0xF))
