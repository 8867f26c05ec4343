"""Checks that the uploads cost the same throughout and scatter as independent repeats do. Pure.

There are a quarter as many upload windows as compute windows, so limits that do not move with their
number would cry wolf or see nothing. The levels of the four checks add up to two clean campaigns in
a thousand; the drift has most of it, because of few uploads it is the hardest to tell.
"""

from __future__ import annotations

from collections import Counter
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
    UNPACED,
    UPLOAD_FALSE_ALARM,
    LinearFit,
    LinearModel,
    bit_columns,
    coverage_factor,
    disturbed_uploads,
    lack_of_fit_p,
    of_told_paces,
    outliers,
    serial_deviation,
    undisturbed_uploads,
    upload_problem,
    upload_size,
    upload_time,
)
from joulesplit.calibrate.profile import Check
from joulesplit.calibrate.windows import Observation, WindowRecord

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

STRAIGHT_LEVEL = 1e-4
"""One campaign in ten thousand in which bits of all sizes cost the same is called bent."""

TIMES_LIMIT = 0.05
"""By so much sizes may depart from the straight line of times."""

ALIKE_LIMIT = 0.1
"""Part of an upload that may depend on what went before it."""

DISTURBED_SHARE = 0.1
"""So many of the upload windows may have had another link and be left out."""

SENT_AGAIN_SHARE = 0.01
"""Segments sent again of those of unpaced uploads. A loss of each hundredth segment keeps TCP's
window below 13 segments (Mathis et al., Comput. Commun. Rev. 27, 1997): not the link but the losses
then say how fast it goes."""

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

UPLOADS_STRAIGHT = CheckSpec(
    name="uploads-straight",
    finds="probability that uploads of all sizes cost the same per bit and deviate so",
    unit="1",
    limit=STRAIGHT_LEVEL,
    minimum=True,
    advice="a bit of a small upload costs another price than one of a large: what an upload of a "
    "size in between costs is not known; name the sizes that will be sent in the plan's "
    "upload_sizes_bits",
)
UPLOAD_TIMES_STRAIGHT = CheckSpec(
    name="upload-times-straight",
    finds="by how much times of unpaced uploads depart from the straight line through their sizes "
    "beyond the scatter of windows, relative, root mean square",
    unit="1",
    limit=TIMES_LIMIT,
    advice="a bit of one size takes another time than one of another, as where TCP's window is "
    "limited by the receiver and uploads take whole round trips: prices of sizes in between are as "
    "uncertain; raise the server's net.ipv4.tcp_rmem, or take one with a shorter round trip",
)
UPLOADS_ALIKE = CheckSpec(
    name="uploads-alike",
    finds="how much longer the largest unpaced upload takes after a pause, by its size, relative",
    unit="1",
    limit=ALIKE_LIMIT,
    advice="after a pause TCP starts anew, which takes the longer the more there is to send: what "
    "an upload costs then depends on when the last one was; take a server with a shorter round "
    "trip, or set net.ipv4.tcp_slow_start_after_idle to 0 and measure again",
)
DISTURBED_UPLOADS = CheckSpec(
    name="disturbed-uploads",
    finds="upload windows left out because the link was another one in them, share",
    unit="1",
    limit=DISTURBED_SHARE,
    advice="{reasons}: the link is not one and the same; measure nearer to the access point, and "
    "on a channel that nobody else uses",
)
UPLOADS_SENT_AGAIN = CheckSpec(
    name="uploads-sent-again",
    finds="share of the segments of unpaced uploads that TCP sent again",
    unit="1",
    limit=SENT_AGAIN_SHARE,
    advice="a queue on the way overflows, or frames are lost that the radio does not repeat: TCP "
    "goes as fast as its last losses allow, and what an upload costs hangs on the ones before it; "
    "measure nearer to the access point, or give the router a longer queue",
)


def upload_scatter_checks(evidence: Evidence) -> Iterator[Check]:
    """Return whether the uploads cost the same throughout and scatter as repeats do."""
    windows = undisturbed_uploads(evidence.records)
    yield from _disturbed(evidence)
    yield from _sent_again(windows)
    if not windows:
        return
    observations = [window.observation for window in windows]
    try:
        problem = upload_problem(observations, "net")
        fit = problem.fit()
    except EstimateError:
        return
    if fit.scale == 0:
        return
    yield OUTLYING_UPLOADS.judge(float(np.count_nonzero(outliers(fit, UPLOAD_FALSE_ALARM))))
    yield from _drift(windows, problem, fit)
    yield from _straight(observations)
    yield from _times(windows)
    if len(windows) >= FEWEST_FOR_SCATTER:
        yield UPLOAD_AUTOCORRELATION.judge(abs(serial_deviation(problem, fit)))
        yield UPLOAD_TWO_MODES.judge(
            two_group_share(relative_residuals(fit.raw_residuals, problem.observed)),
            limit=MODES_OF_NOISE + MODES_EXCESS / float(np.sqrt(len(windows))),
        )


def _disturbed(evidence: Evidence) -> Iterator[Check]:
    found = disturbed_uploads(evidence.records)
    total = len(evidence.of_kind("upload"))
    if any(record.transfers is not None for record in evidence.records):
        reasons = ", ".join(f"{n} × {why}" for why, n in Counter(found.values()).items())
        yield DISTURBED_UPLOADS.judge(len(found) / total, reasons=reasons)


def _sent_again(windows: Sequence[WindowRecord]) -> Iterator[Check]:
    told = [w.transfers for w in windows if w.pace == UNPACED and w.transfers is not None]
    segments = sum(one.segments or 0 for one in told)
    if segments:
        again = sum(one.retransmitted_segments or 0 for one in told)
        yield UPLOADS_SENT_AGAIN.judge(again / segments)


def _times(windows: Sequence[WindowRecord]) -> Iterator[Check]:
    unpaced = [window for window in windows if window.pace == UNPACED]
    if not unpaced:
        return
    try:
        time = upload_time(unpaced, UNPACED)
    except EstimateError:
        return
    if time.lack_of_fit_rel is not None:
        yield UPLOAD_TIMES_STRAIGHT.judge(time.lack_of_fit_rel)
    if time.per_burst_bit_s is None:
        return
    bits = max(upload_size(window.observation) for window in unpaced)
    usual_s = time.per_upload_s.value + bits * time.per_bit_s.value
    yield UPLOADS_ALIKE.judge(abs(bits * time.per_burst_bit_s.value) / usual_s)


def _straight(observations: Sequence[Observation]) -> Iterator[Check]:
    told = of_told_paces(observations)
    probability = lack_of_fit_p(told) if told else None
    if probability is not None:
        yield UPLOADS_STRAIGHT.judge(probability)


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
    sending = bit_columns([window.observation for window in windows])
    sending_j = problem.design[:, sending] @ fit.coefficients[sending]
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
