"""Checks that what outlasts the work is neither lost nor billed to the bits. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from joulesplit.calibrate.checks._evidence import Evidence
from joulesplit.calibrate.checks._spec import FLAG, CheckSpec
from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates import (
    RESTED,
    RestedWork,
    coverage_factor,
    difference_u,
    has_burst,
    late_share,
    late_work,
)
from joulesplit.calibrate.profile import Check
from joulesplit.calibrate.windows import WindowKind, WindowRecord
from joulesplit.metrology import Array, standard_deviation

SETTLED_LIMIT = 0.005
"""Largest part of the power above idle that outlasts the settling time, or comes before the work,
and is taken for idle; what is below it is in the intervals. What is in the idle of one side only
counts half."""

TRANSFERS: tuple[WindowKind, ...] = ("upload", "download")

FEWEST_TO_SETTLE = 3
SETTLED_CONFIDENCE = 0.998
"""What chance alone makes of differences of the idle power at this level is let pass."""


def _settled_spec(kind: str, setting: str) -> CheckSpec:
    return CheckSpec(
        name=f"settled-after-{kind}",
        finds=f"share of {kind} power above idle that outlasts the settling, or that idle before "
        "it has too much, and is taken for idle",
        unit="1",
        limit=SETTLED_LIMIT,
        advice=f"the idle power soon after {kind} windows is not that before them, or something "
        "was drawn later: work goes on after the settling time, or what runs between windows lasts "
        f"into them; lengthen {setting} and timing.idle_s in the plan, and stop what else runs",
    )


_SETTINGS: dict[WindowKind, str] = {
    "compute": "settle_s",
    "upload": "upload_settle_s",
    "download": "upload_settle_s",
}
SETTLED = {kind: _settled_spec(kind, setting) for kind, setting in _SETTINGS.items()}


def _late_spec(name: str, work: str, causes: str) -> CheckSpec:
    return CheckSpec(
        name=name,
        finds=f"share of the power of {work} that lasted into the rests after blocks of it",
        unit="1",
        limit=SETTLED_LIMIT,
        advice=f"{{lasting}} after {work} the device still drew what it does not draw at rest: "
        "that much falls into other windows and is billed to none; find out what goes on after it "
        f"({causes}) and stop it",
    )


_RADIO = "a radio that stays awake for longer than upload_settle_s, write-back"
LATE_WORK = {
    "computing": _late_spec("late-work", "computing", "write-back, a fan, clocks that fall slowly"),
    "uploads": _late_spec("late-uploads", "uploads", _RADIO),
    "downloads": _late_spec("late-downloads", "downloads", _RADIO),
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
        if len(windows) >= FEWEST_TO_SETTLE:
            lasting = lingering_share(evidence.records, kind) if kind in TRANSFERS else 0.0
            yield spec.judge(max(unsettled_share(windows), lasting, late_beyond_chance(windows)))
    for work in RESTED:
        yield from _late_work(work, evidence.records)
    yield from _burst(evidence.of_kind("upload"))


def unsettled_share(windows: Sequence[WindowRecord]) -> float:
    """Return half the mean step of the idle power, either way, over the power above, less chance.

    A step up is work that goes on; a step down is something before the work that was no idle.
    """
    steps_w = np.array([record.idle_step_w for record in windows])
    u_w = standard_deviation(steps_w) / len(steps_w) ** 0.5
    chance_w = coverage_factor(len(steps_w) - 1, SETTLED_CONFIDENCE) * u_w
    return _share(max(0.0, abs(float(steps_w.mean())) - chance_w) / 2, windows)


def late_beyond_chance(windows: Sequence[WindowRecord]) -> float:
    """Return the share of the energy that came after watched windows, either way, less chance."""
    found = late_share(windows)
    if found is None:
        return 0.0
    share, u, count = found
    return max(0.0, abs(share) - coverage_factor(count - 1, SETTLED_CONFIDENCE) * u)


def _late_work(work: RestedWork, records: Sequence[WindowRecord]) -> Iterator[Check]:
    """Return whether work lasts for seconds, less what chance makes of one of several ways.

    Args:
        work: Of which kind.
        records: Every window.
    """
    late = late_work(records, work)
    if late is None:
        return
    # How long noise stays is hardly told by one rest: it widens intervals, and excuses nothing.
    level = 1 - (1 - SETTLED_CONFIDENCE) / late.shapes
    chance = coverage_factor(late.told.independent_freedom, level) * late.told.u_independent
    yield LATE_WORK[work].judge(max(0.0, abs(late.told.share) - chance), lasting=str(late.shape))


def lingering_share(records: Sequence[WindowRecord], kind: WindowKind) -> float:
    """Return how far the idle power soon after a kind of transfer is off that of later, relative.

    What lasts through the next window too raises the idle of both sides alike, and no step shows
    it. So the idle powers, less their drift, are put in order of the time since the transfer and
    cut in two where the means differ most beyond chance (at a level divided among the cuts). What
    lasts longer than the longest stretch without a transfer cannot be told.

    Args:
        records: Every window of the campaign, in order of time.
        kind: Of the transfers.
    """
    since_ns, before_w = _after_transfers(records, kind)
    ordered = before_w[np.argsort(since_ns, kind="stable")]
    count = len(ordered)
    cuts = np.arange(FEWEST_TO_SETTLE, count - FEWEST_TO_SETTLE + 1)
    if not len(cuts):
        return 0.0
    level = 1 - (1 - SETTLED_CONFIDENCE) / len(cuts)
    chance = coverage_factor(count - 2, level)
    left_w = max(
        abs(soon.mean() - later.mean()) - chance * difference_u(soon, later)
        for soon, later in (np.split(ordered, [cut]) for cut in cuts)
    )
    return _share(max(0.0, left_w), [record for record in records if record.task.kind == kind])


def _after_transfers(records: Sequence[WindowRecord], kind: WindowKind) -> tuple[Array, Array]:
    """Return the time since the last transfer, ns, and the idle power before the work, W.

    Of the windows whose last transfer was of this kind, shape (n,) each. A straight line through
    the idle powers of the campaign is taken off.
    """
    when_ns = np.array([record.started_ns for record in records], dtype=np.float64)
    before_w = np.array([record.idle_power_w - record.idle_step_w / 2 for record in records])
    when = (when_ns - when_ns.min()) / max(np.ptp(when_ns), 1.0)
    before_w = before_w - np.polyval(np.polyfit(when, before_w, 1), when)
    found: list[tuple[float, float]] = []
    last: WindowRecord | None = None
    for record, power_w in zip(records, before_w, strict=True):
        if last is not None and last.task.kind == kind:
            found.append((record.started_ns - last.started_ns - last.span_s * 1e9, power_w))
        last = record if record.task.kind in TRANSFERS else last
    since_ns, powers_w = np.array(found, dtype=np.float64).reshape(-1, 2).T
    return since_ns, powers_w


def _share(power_w: float, windows: Sequence[WindowRecord]) -> float:
    """Return a power over the mean power above idle of windows; 0 if that is not positive."""
    above_w = sum(record.net_j for record in windows) / sum(record.work_s for record in windows)
    return power_w / above_w if above_w > 0 else 0.0


def _burst(windows: Sequence[WindowRecord]) -> Iterator[Check]:
    if not windows:
        return
    try:
        told = has_burst([record.observation for record in windows])
    except EstimateError:
        return
    yield BURST_TOLD.judge(float(not told))
