"""What a campaign itself leaves open of a figure, beside scatter and sensor. Pure.

Each term is relative to the net energy of a kind of work, is the same in all windows of that kind,
and so is in no scatter. It enters the interval of every figure made from these windows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import hypot, sqrt

import numpy as np

from joulesplit.calibrate.estimates._late_work import LASTING_S, late_work
from joulesplit.calibrate.estimates._own_sizes import bend_u_rel, slope_u_rel
from joulesplit.calibrate.estimates._stats import coverage_factor
from joulesplit.calibrate.profile import CampaignError, WindowTerm
from joulesplit.calibrate.windows import WindowKind, WindowRecord
from joulesplit.metrology import Array, SystematicBudget, standard_deviation

COMPUTING_KINDS: tuple[WindowKind, ...] = ("compute", "head", "whole")

FEWEST_WATCHED = 2
"""One watched window does not tell how much they scatter."""

HIDDEN_LEFT = 0.5
"""The resistance of a source is known to some 5 %, its bursts' scatter of voltage to 10 % over the
windows; and of bursts that last about twice a conversion of the voltage, 0.53 ms, a third of the
variance is averaged away in it."""

_Left = tuple[float, float | None]
"""Standard uncertainty, relative, and the degrees of freedom behind it; None without limit."""

CLEAR_LEVEL = 0.95
"""Confidence at which a share that stands out most of several is taken for real."""

CLEAR_OF_CHANCE = 2.0
"""A late share that is so many times its standard uncertainty is taken for real."""


def campaign_terms(
    records: Sequence[WindowRecord],
    kinds: Sequence[WindowKind] = COMPUTING_KINDS,
    *,
    of_a_bit: bool = False,
) -> tuple[WindowTerm, ...]:
    """Return what a campaign leaves open of the net energy of some kinds of work.

    Args:
        records: Every window.
        kinds: Of the work.
        of_a_bit: Of the price of one more bit alone, and not of whole uploads.
    """
    windows = [record for record in records if record.task.kind in kinds]
    if not windows or sum(record.net_j for record in windows) <= 0:
        return ()
    found = [(name, left_of(windows), source) for name, left_of, source in _TERMS]
    if "upload" in kinds:
        u_rel = slope_u_rel(records) if of_a_bit else bend_u_rel(records)
        found.append(("bent sizes", (u_rel, None), _BENT))
    return tuple(
        WindowTerm(
            name=name,
            standard_uncertainty=u_rel,
            treatment="in-interval",
            source=source,
            correlation="common",
            degrees_of_freedom=freedom,
        )
        for name, (u_rel, freedom), source in found
    )


def _settle(windows: Sequence[WindowRecord]) -> _Left:
    """Return half the mean idle step over the mean power above idle, as a rectangular bound."""
    step_w = abs(float(np.mean([record.idle_step_w for record in windows])))
    above_w = sum(record.net_j for record in windows) / sum(record.work_s for record in windows)
    return (step_w / 2 / sqrt(3) / above_w if above_w > 0 else 0.0), None


def late_share(windows: Sequence[WindowRecord]) -> tuple[float, float, int] | None:
    """Return what came late over the net energy, its standard uncertainty, and of how many.

    Args:
        windows: Of one kind; those that were not watched say nothing.

    Returns:
        Share, u and n; None of fewer than two watched windows.
    """
    watched = [record for record in windows if record.late_j is not None and record.net_j > 0]
    if len(watched) < FEWEST_WATCHED:
        return None
    net_j = np.array([record.net_j for record in watched])
    late_j = np.array([record.late_j for record in watched], dtype=np.float64)
    share = float(late_j.sum() / net_j.sum())
    left_j: Array = late_j - share * net_j
    u = standard_deviation(left_j) * sqrt(len(watched)) / float(net_j.sum())
    return share, u, len(watched)


def _hidden(windows: Sequence[WindowRecord]) -> _Left:
    hidden_j = sum(record.hidden_w * record.work_s for record in windows)
    return HIDDEN_LEFT * abs(hidden_j) / sqrt(3) / sum(r.net_j for r in windows), None


def _slew(windows: Sequence[WindowRecord]) -> _Left:
    return max(abs(record.clock_rate or 0.0) for record in windows) / sqrt(3), None


def _late(windows: Sequence[WindowRecord]) -> _Left:
    found = late_share(windows)
    if found is None:
        return 0.0, None
    share, u, count = found
    return _known_by_few(share, u, count - 1, CLEAR_OF_CHANCE)


def _later(windows: Sequence[WindowRecord]) -> _Left:
    late = late_work(windows)
    if late is None:
        return 0.0, None
    # The share that stands out most of several is looked at.
    level = 1 - (1 - CLEAR_LEVEL) / len(LASTING_S)
    clear_at = coverage_factor(late.degrees_of_freedom, level)
    return _known_by_few(late.share, late.u, late.degrees_of_freedom, clear_at)


def _known_by_few(share: float, u: float, degrees_of_freedom: int, clear_at: float) -> _Left:
    """Return the standard uncertainty that a share that is not taken off leaves.

    A budget's terms are taken to be known without limit, and this one is known by few windows: it
    is widened by Student's factor over the normal one, and goes so wherever the budget goes. It is
    not taken off, since the heat that leaks on after the work looks the same (docs/uncertainty.md).
    """
    widened = u * coverage_factor(degrees_of_freedom) / coverage_factor(float("inf"))
    left = hypot(widened, share if abs(share) > clear_at * u else 0.0)
    return left, float(degrees_of_freedom)


def with_campaign(
    budget: SystematicBudget,
    records: Sequence[WindowRecord],
    kinds: Sequence[WindowKind] = COMPUTING_KINDS,
    *,
    of_a_bit: bool = False,
) -> SystematicBudget:
    """Return a budget with what the campaign leaves open of some kinds of work.

    Args:
        budget: The sensor's.
        records: Every window.
        kinds: Of the work.
        of_a_bit: See ``campaign_terms``.
    """
    windows = [record for record in records if record.task.kind in kinds]
    counts = budget.counts_campaign
    terms = campaign_terms(records, kinds, of_a_bit=of_a_bit) if counts else ()
    gross_j = sum(record.gross_j for record in windows)
    return replace(
        budget,
        campaign_u_rel=hypot(*(term.standard_uncertainty for term in terms)),
        net_share=sum(record.net_j for record in windows) / gross_j if gross_j > 0 else 1.0,
    )


def campaign_error(budget: SystematicBudget) -> CampaignError:
    """Return what a budget holds of the campaign, apart from the sensor's terms.

    Args:
        budget: From ``with_campaign``.
    """
    return CampaignError(
        net_u_rel=budget.campaign_u_rel, gross_u_rel=budget.campaign_u_rel * budget.net_share
    )


def with_idle_of(budget: SystematicBudget, records: Sequence[WindowRecord]) -> SystematicBudget:
    """Return a budget for P_0: the terms of the work, as a power that may be taken for idle.

    Args:
        budget: The sensor's.
        records: Every window.
    """
    if not budget.counts_campaign or not records:
        return budget
    above_w = sum(record.net_j for record in records) / sum(record.span_s for record in records)
    late_w = hypot(_late(records)[0], _later(records)[0]) * abs(above_w)
    step_w = abs(float(np.mean([record.idle_step_w for record in records]))) / 2 / sqrt(3)
    return replace(budget, offset_u_w=hypot(budget.offset_u_w, late_w, step_w))


_BENT = (
    "what a bit costs by the straight line through all sizes, against the mean slope from the "
    "smallest to the largest, or, where that is what is stated, how far the other sizes lie from "
    "it; less what scatter makes of it"
)

_TERMS: tuple[tuple[str, Callable[[Sequence[WindowRecord]], _Left], str], ...] = (
    (
        "settling",
        _settle,
        (
            "mean step of idle power from before to after the work, either way, as if all of it "
            "were idle of one side that is none (rectangular)"
        ),
    ),
    (
        "late energy",
        _late,
        (
            "what the device drew above its last level after watched windows, over their net "
            "energy: its scatter, and itself where it is clear of that"
        ),
    ),
    (
        "later work",
        _later,
        (
            "what the device drew above its course in the rests after blocks of work, over their "
            "power: its scatter, and itself where it is clear of that"
        ),
    ),
    (
        "bursts",
        _hidden,
        (
            "what mean V times mean I overstates behind the source's resistance is taken off; of "
            f"that, {100 * HIDDEN_LEFT:.0f} % either way (rectangular)"
        ),
    ),
    (
        "slewed clock",
        _slew,
        (
            "CLOCK_MONOTONIC against CLOCK_MONOTONIC_RAW, the window where they differ most "
            "(rectangular)"
        ),
    ),
)
