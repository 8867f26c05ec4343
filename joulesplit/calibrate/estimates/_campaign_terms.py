"""What a campaign itself leaves open of a figure, beside scatter and sensor. Pure.

Each term is relative to the net energy of a kind of work, is the same in all windows of that kind,
and so is in no scatter. It enters the interval of every figure made from these windows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import hypot, sqrt

import numpy as np

from joulesplit.calibrate.estimates._late_shape import RESTED, RestedWork
from joulesplit.calibrate.estimates._late_work import HELD, late_work, worth_of
from joulesplit.calibrate.estimates._own_sizes import bend_u_rel, slope_u_rel
from joulesplit.calibrate.estimates._sampler_cost import sampler_bound, sampler_share
from joulesplit.calibrate.profile import CampaignError, WindowTerm
from joulesplit.calibrate.windows import WindowKind, WindowRecord
from joulesplit.metrology import Array, SystematicBudget, standard_deviation

COMPUTING_KINDS = RESTED["computing"]
SENDING = (*RESTED["uploads"], *RESTED["downloads"])

FEWEST_WATCHED = 2
"""One watched window does not tell how much they scatter."""

HIDDEN_LEFT = 0.5
"""The resistance of a source is known to some 5 %, its bursts' scatter of voltage to 10 % over the
windows; and of bursts that last about twice a conversion of the voltage, 0.53 ms, a third of the
variance is averaged away in it."""

_Left = tuple[float, float | None]
"""Standard uncertainty, relative, and the degrees of freedom behind it; None without limit."""


@dataclass(frozen=True, slots=True)
class _Work:
    """Some kinds of work in a campaign.

    Attributes:
        records: Every window.
        kinds: Of the work.
    """

    records: Sequence[WindowRecord]
    kinds: Sequence[WindowKind]

    @property
    def windows(self) -> list[WindowRecord]:
        """Windows of these kinds."""
        return [record for record in self.records if record.task.kind in self.kinds]

    @property
    def rested(self) -> RestedWork:
        """What rests call it."""
        return next(work for work, own in RESTED.items() if self.kinds[0] in own)


def campaign_terms(
    records: Sequence[WindowRecord],
    kinds: Sequence[WindowKind] = COMPUTING_KINDS,
    *,
    of_a_bit: bool = False,
    by_size: bool = False,
) -> tuple[WindowTerm, ...]:
    """Return what a campaign leaves open of the net energy of some kinds of work.

    Args:
        records: Every window.
        kinds: Of the work.
        of_a_bit: Of the price of one more bit alone, and not of whole uploads.
        by_size: Of uploads of sizes that are priced by their own windows, not by a straight line.
    """
    work = _Work(records, kinds)
    if not work.windows or sum(record.net_j for record in work.windows) <= 0:
        return ()
    found = [(name, left_of(work), source) for name, left_of, source in _TERMS]
    if "upload" in kinds and not by_size:
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


def _settle(work: _Work) -> _Left:
    """Return half the mean idle step over the mean power above idle, as a rectangular bound."""
    windows = work.windows
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


def _hidden(work: _Work) -> _Left:
    hidden_j = sum(record.hidden_w * record.work_s for record in work.windows)
    return HIDDEN_LEFT * abs(hidden_j) / sqrt(3) / sum(r.net_j for r in work.windows), None


def _slew(work: _Work) -> _Left:
    return max(abs(record.clock_rate or 0.0) for record in work.windows) / sqrt(3), None


def _late(work: _Work) -> _Left:
    found = late_share(work.windows)
    if found is None:
        return 0.0, None
    share, u, count = found
    return worth_of([(share, u)], count - 1), float(count - 1)


def _later(work: _Work) -> _Left:
    late = late_work(work.records, work.rested)
    return (0.0, None) if late is None else (late.worth, late.told.degrees_of_freedom)


def _sampler(work: _Work) -> _Left:
    told = sampler_share(work.records, work.rested)
    if told is None:
        return sampler_bound(work.records, work.rested) or 0.0, None
    # More of it may cost less than in proportion: a core that is woken more often sleeps less
    # deeply. So what stands out of chance is not known better than to itself.
    clear, freedom = max(0.0, abs(told.share) - 2 * told.u), told.degrees_of_freedom
    u = hypot(told.u, clear)
    return worth_of([(told.share, u)], freedom, [u / told.u if told.u > 0 else 1.0]), freedom


def with_campaign(
    budget: SystematicBudget,
    records: Sequence[WindowRecord],
    kinds: Sequence[WindowKind] = COMPUTING_KINDS,
    *,
    of_a_bit: bool = False,
    by_size: bool = False,
) -> SystematicBudget:
    """Return a budget with what the campaign leaves open of some kinds of work.

    Args:
        budget: The sensor's.
        records: Every window.
        kinds: Of the work.
        of_a_bit: See ``campaign_terms``.
        by_size: See there.
    """
    windows = [record for record in records if record.task.kind in kinds]
    counts = budget.counts_campaign
    terms = campaign_terms(records, kinds, of_a_bit=of_a_bit, by_size=by_size) if counts else ()
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
    span_s = sum(record.span_s for record in records)
    late_w = hypot(*_late_energies_j(records)) / span_s
    step_w = abs(float(np.mean([record.idle_step_w for record in records]))) / 2 / sqrt(3)
    return replace(budget, offset_u_w=hypot(budget.offset_u_w, late_w, step_w))


def _late_energies_j(records: Sequence[WindowRecord]) -> Iterator[float]:
    """Yield what may have come late of each kind of work, J; what is no transfer is computing."""
    for rested, kinds in RESTED.items():
        work, others = _Work(records, kinds), [r for r in records if r.task.kind not in SENDING]
        alike = others if rested == "computing" else work.windows
        late = hypot(_late(work)[0], _later(work)[0])
        yield late * abs(sum(record.net_j for record in alike))


_BENT = (
    "what a bit costs by the straight line through all sizes, against the mean slope from the "
    "smallest to the largest, or, where that is what is stated, how far the other sizes lie from "
    "it; less what scatter makes of it"
)

_TERMS: tuple[tuple[str, Callable[[_Work], _Left], str], ...] = (
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
            "energy: root mean square of what that shows"
        ),
    ),
    (
        "later work",
        _later,
        (
            "what the device drew above its course in the rests after blocks of work, over their "
            "power, and what all idle powers follow of the work before them: as far as that "
            f"reaches with a probability of {100 * HELD:g} %, whichever way it goes on, over 1.96"
        ),
    ),
    (
        "sampler overhead",
        _sampler,
        (
            "what reading the sensor takes idle less what it takes at work, over the power of the "
            "work, by what more reading adds to both: root mean square of what that shows, known "
            "to itself; where it was tried idle alone, nothing to twice that at work; else 0"
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
