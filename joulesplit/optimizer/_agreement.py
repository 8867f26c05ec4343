"""How often an encoding leads to the same answer, and how often to the right one."""

from __future__ import annotations

from dataclasses import dataclass

from joulesplit.metrology import proportion_interval
from joulesplit.partition import AnswerCounts

HALF_OF_WHAT_IS_LEFT = 0.975
"""Two intervals that hold in so many cases each hold together in 95 of 100."""

Share = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Shares of the inputs that a network was run on; intervals after Clopper and Pearson.

    They hold for inputs that are drawn as these were. An answer is the place of the largest value
    of the first output.

    Attributes:
        inputs: So many were run.
        same: Share with the answer that the network gives without the encoding.
        same_ci95: 95 % interval of the probability of that.
        right: Share whose answer is the input's label; None without labels.
        right_ci95: Its 95 % interval; None likewise.
        right_without: Share of the same inputs without the encoding; None likewise.
        lost_ci95: 95 % interval of how much less that probability is with the encoding than
            without it; below zero where it is more. None likewise.
    """

    inputs: int
    same: float
    same_ci95: Share
    right: float | None = None
    right_ci95: Share | None = None
    right_without: float | None = None
    lost_ci95: Share | None = None


def agreement_of(counts: AnswerCounts) -> Agreement:
    """Return the shares of counted answers.

    Args:
        counts: Of one split.
    """
    n = counts.inputs
    same = Agreement(inputs=n, same=counts.same / n, same_ci95=proportion_interval(counts.same, n))
    if counts.right is None or counts.lost is None or counts.gained is None:
        return same
    right = counts.right - counts.lost + counts.gained
    return Agreement(
        inputs=n,
        same=same.same,
        same_ci95=same.same_ci95,
        right=right / n,
        right_ci95=proportion_interval(right, n),
        right_without=counts.right / n,
        lost_ci95=_difference(counts.lost, counts.gained, n),
    )


def _difference(lost: int, gained: int, inputs: int) -> Share:
    """Return the interval of two exclusive probabilities' difference: of the one at each end."""
    lost_low, lost_high = proportion_interval(lost, inputs, level=HALF_OF_WHAT_IS_LEFT)
    gained_low, gained_high = proportion_interval(gained, inputs, level=HALF_OF_WHAT_IS_LEFT)
    return lost_low - gained_high, lost_high - gained_low
