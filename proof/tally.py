"""Many campaigns counted: bias, scatter, coverage, verdicts. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from proof.campaign import Measured
from proof.figures import Figure

BLOCK = re.compile(r"e_\d+\b")
"""How the figures of a block begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How one figure did over many campaigns.

    Attributes:
        name: Of the figure.
        campaigns: How many intervals were counted.
        bias: Mean relative error.
        bias_u: Its standard uncertainty.
        scatter: Standard deviation of the relative error.
        coverage: Share of the intervals that held the truth.
        coverage_u: Its binomial standard uncertainty at 95 %.
    """

    name: str
    campaigns: int
    bias: float
    bias_u: float
    scatter: float
    coverage: float
    coverage_u: float


def score(name: str, figures: Sequence[Figure], *, independent: int | None = None) -> Score:
    """Return how a figure did.

    Args:
        name: Of the figure.
        figures: One per campaign, or several that share a campaign.
        independent: Campaigns they come from; None if each has its own.
    """
    errors = np.array([figure.error for figure in figures])
    count = independent or len(figures)
    return Score(
        name=name,
        campaigns=len(figures),
        bias=float(errors.mean()),
        bias_u=float(errors.std(ddof=1)) / sqrt(count),
        scatter=float(errors.std(ddof=1)),
        coverage=float(np.mean([figure.inside for figure in figures])),
        coverage_u=sqrt(0.95 * 0.05 / len(figures)),
    )


def scores(campaigns: Sequence[Measured]) -> dict[str, Score]:
    """Return the score of every figure, the blocks also all together as ``e_l``.

    Of the blocks by other methods there are only the scores of all together.
    """
    names = [name for name in campaigns[0].figures if all(name in c.figures for c in campaigns)]
    alone = [name for name in names if "," not in name or not _is_block(name)]
    table = {name: score(name, [c.figures[name] for c in campaigns]) for name in alone}
    together: dict[str, list[str]] = {}
    for name in filter(_is_block, names):
        together.setdefault(BLOCK.sub("e_l", name), []).append(name)
    for pooled, blocks in together.items():
        figures = [c.figures[name] for c in campaigns for name in blocks]
        table[pooled] = score(pooled, figures, independent=len(campaigns))
    return table


def worst_block_bias(table: dict[str, Score]) -> Score:
    """Return the block whose mean error is largest by size."""
    return max((s for name, s in table.items() if _is_block(name)), key=lambda s: abs(s.bias))


def _is_block(name: str) -> bool:
    return BLOCK.match(name) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """What the checks said over many campaigns.

    Attributes:
        campaigns: How many.
        verdicts: Campaigns by verdict.
        alarms: Campaigns by check that did not pass.
        by_right_check: Campaigns in which one of the expected checks did not pass.
    """

    campaigns: int
    verdicts: dict[str, int]
    alarms: dict[str, int]
    by_right_check: int

    @property
    def called(self) -> float:
        """Share of the campaigns that were called suspect or rejected."""
        return 1 - self.verdicts.get("valid", 0) / self.campaigns


def verdicts(campaigns: Iterable[Measured], expected: Iterable[str] = ()) -> Verdicts:
    """Count verdicts and alarms.

    Args:
        campaigns: Of one kind of world.
        expected: The checks that should name its fault.
    """
    counted, alarms, right, total = Counter[str](), Counter[str](), 0, 0
    wanted = set(expected)
    for campaign in campaigns:
        total += 1
        counted[campaign.quality.verdict] += 1
        found = {check.name for check in campaign.quality.checks if check.outcome != "pass"}
        alarms.update(found)
        right += bool(found & wanted)
    return Verdicts(
        campaigns=total, verdicts=dict(counted), alarms=dict(alarms), by_right_check=right
    )
