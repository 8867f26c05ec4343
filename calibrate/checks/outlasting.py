"""Checks that what outlasts the work is neither lost nor billed to the bits. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from calibrate.check_spec import FLAG, CheckSpec
from calibrate.checks.evidence import Evidence
from calibrate.errors import EstimateError
from calibrate.estimates.fitting import link_problem
from calibrate.estimates.stats import coverage_factor
from calibrate.profile import Check
from calibrate.windows.window import WindowRecord

SETTLED_LIMIT = 0.005
"""Largest part of the power above idle that is still there after the settling time, halved: the
idle mean of both sides takes half of it off the work."""

FEWEST_WINDOWS = 3
WITHOUT_BURST = 3
"""Coefficients of the link's fit where what a burst costs could not be told."""

SETTLED_CONFIDENCE = 0.998
"""What chance alone makes of the steps of the idle power at this level is let pass."""


def _settled_spec(kind: str, what: str, setting: str) -> CheckSpec:
    return CheckSpec(
        name=f"settled-after-{kind}",
        finds=f"power above idle that is left when {what} counts as settled, halved, relative",
        unit="1",
        limit=SETTLED_LIMIT,
        advice="the idle power is higher after the work than before: something of it goes on "
        f"after the settling time and is taken for idle; lengthen {setting} in the plan",
    )


SETTLED = {
    kind: _settled_spec(kind, what, setting)
    for kind, what, setting in (
        ("compute", "computing", "settle_s"),
        ("upload", "an upload", "upload_settle_s"),
        ("download", "a download", "upload_settle_s"),
    )
}
BURST_TOLD = CheckSpec(
    name="burst-told",
    finds="the uploads cannot tell what a burst of them costs once",
    unit=FLAG,
    limit=0,
    advice="the upload windows are too much of one length to tell what waking the radio and its "
    "tail cost, so the bits are billed for it: give upload_spread = 2.5 in the plan",
)


def outlasting_checks(evidence: Evidence) -> Iterator[Check]:
    """Return whether work and transfers have ended when they count as ended."""
    for kind, spec in SETTLED.items():
        windows = evidence.of_kind(kind)
        if len(windows) >= FEWEST_WINDOWS:
            yield spec.judge(unsettled_share(windows))
    yield from _burst(evidence.of_kind("upload"))


def unsettled_share(windows: Sequence[WindowRecord]) -> float:
    """Return half the mean step of the idle power over the power above idle, less chance."""
    steps_w = np.array([record.idle_step_w for record in windows])
    above_w = sum(record.net_j for record in windows) / sum(record.work_s for record in windows)
    if above_w <= 0:
        return 0.0
    u_w = float(steps_w.std(ddof=1) / np.sqrt(len(steps_w)))
    chance_w = coverage_factor(len(steps_w) - 1, SETTLED_CONFIDENCE) * u_w
    return max(0.0, float(steps_w.mean()) - chance_w) / 2 / above_w


def _burst(windows: Sequence[WindowRecord]) -> Iterator[Check]:
    if not windows:
        return
    try:
        fit = link_problem([record.observation for record in windows], "net").fit()
    except EstimateError:
        return
    yield BURST_TOLD.judge(float(len(fit.coefficients) <= WITHOUT_BURST))
