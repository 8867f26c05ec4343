"""Checks that the uploads cost the same throughout and scatter as independent repeats do. Pure.

There are a quarter as many upload windows as compute windows, so limits that do not move with their
number would cry wolf or see nothing. The levels of the four checks add up to two clean campaigns in
a thousand; the drift has most of it, because of few uploads it is the hardest to tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from joulesplit.calibrate.checks._evidence import Evidence
from joulesplit.calibrate.checks._scatter import (
    FEWEST_FOR_SCATTER,
    relative_residuals,
    two_group_share,
)
from joulesplit.calibrate.checks._spec import CheckSpec
from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates import (
    UPLOAD_FALSE_ALARM,
    LinearFit,
    LinearModel,
    coverage_factor,
    link_problem,
    outliers,
    serial_deviation,
)
from joulesplit.calibrate.profile import Check
from joulesplit.calibrate.windows import WindowRecord

SERIAL_LIMIT = 3.89
"""Largest correlation of neighbouring uploads either way, in standard deviations: one in ten
thousand campaigns of independent uploads exceeds it."""

UPLOAD_DRIFT_LIMIT = 0.03
"""Drift of the cost of sending that is let pass however well it is known, relative: it moves E_c,
which is the mean over the campaign, by half of it at most."""

DRIFT_CONFIDENCE = 0.9985
"""What chance alone makes of the drift at this level is let pass."""

MODES_OF_NOISE = 2 / np.pi
MODES_EXCESS = 1.25
"""Two groups explain 2/π of a normal sample, and up to so much over √n more by chance: one sample
in ten thousand of 20 to 200 exceeds it (simulated)."""

SENDING = slice(1, 3)
"""Columns of the link's problem that grow with the sending: airtime and bits."""


OUTLYING_UPLOADS = CheckSpec(
    name="outlying-uploads",
    finds="upload windows farther from the link's fit than chance explains",
    unit="windows",
    limit=0,
    advice="they are kept; `profile show --methods` shows E_c with and without them: if the two "
    "differ, find what else used the link or changed the radio's rate",
)
UPLOAD_DRIFT = CheckSpec(
    name="upload-drift",
    finds="drift of what airtime and bits cost, from first to last upload by a straight line, "
    "relative",
    unit="1",
    limit=None,
    follows_from=f"{100 * UPLOAD_DRIFT_LIMIT:g} %, or what the uploads' own scatter makes of it at "
    f"{100 * DRIFT_CONFIDENCE:g} % (Student's t) if that is more",
    advice="sending cost more early or late: the radio's power or rate moved, or its signal did; "
    "keep the device where it is, let it warm up and measure again",
)
UPLOAD_AUTOCORRELATION = CheckSpec(
    name="upload-autocorrelation",
    finds="correlation of neighbouring uploads' residuals, in standard deviations from what "
    "independent ones show",
    unit="σ",
    limit=SERIAL_LIMIT,
    advice="neighbouring uploads err together, or in turn, so E_c's interval is too narrow: find "
    "what the link does beside the measurement, and compare with `profile show --methods`",
)
UPLOAD_TWO_MODES = CheckSpec(
    name="upload-two-modes",
    finds="share of the uploads' scatter that two groups explain",
    unit="1",
    limit=None,
    follows_from=f"2/π + {MODES_EXCESS:g}/√n for n uploads",
    advice="the uploads fall into two groups, as with a radio that changes its rate or its power "
    "save: fix both and measure again",
)


def upload_scatter_checks(evidence: Evidence) -> Iterator[Check]:
    """Return whether the uploads cost the same throughout and scatter as repeats do."""
    windows = evidence.of_kind("upload")
    if not windows:
        return
    try:
        problem = link_problem([window.observation for window in windows], "net")
        fit = problem.fit()
    except EstimateError:
        return
    if fit.scale == 0:
        return
    yield OUTLYING_UPLOADS.judge(float(np.count_nonzero(outliers(fit, UPLOAD_FALSE_ALARM))))
    yield from _drift(windows, problem, fit)
    if len(windows) >= FEWEST_FOR_SCATTER:
        yield UPLOAD_AUTOCORRELATION.judge(abs(serial_deviation(problem, fit)))
        yield UPLOAD_TWO_MODES.judge(
            two_group_share(relative_residuals(fit.raw_residuals, problem.observed)),
            limit=MODES_OF_NOISE + MODES_EXCESS / float(np.sqrt(len(windows))),
        )


def _drift(
    windows: Sequence[WindowRecord], problem: LinearModel, fit: LinearFit
) -> Iterator[Check]:
    """Fit the link once more with what sending costs, times the time, as one figure more.

    Time runs from −1/2 at the first upload to 1/2 at the last, so that the figure is the relative
    drift. What an upload or a burst costs once takes no part in it.
    """
    when_ns = np.array([window.started_ns for window in windows], dtype=np.float64)
    if np.ptp(when_ns) == 0:
        return
    time = (when_ns - when_ns.min()) / np.ptp(when_ns) - 0.5
    sending_j = problem.design[:, SENDING] @ fit.coefficients[SENDING]
    growing = np.hstack([problem.design, (sending_j * time)[:, None]])
    try:
        drifting = replace(problem, design=growing).fit()
    except EstimateError:
        return
    u = float(np.sqrt(drifting.covariance[-1, -1]))
    chance = coverage_factor(drifting.degrees_of_freedom, DRIFT_CONFIDENCE) * u
    yield UPLOAD_DRIFT.judge(
        abs(float(drifting.coefficients[-1])), limit=max(UPLOAD_DRIFT_LIMIT, chance)
    )
