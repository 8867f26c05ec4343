"""How often two plans choose the same split, and what the shorter one saves. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

import numpy as np

from joulesplit.calibrate.campaign._plan import RIGOROUS

SAME_AT_LEAST = 0.99
TIME_AT_MOST = 0.25
STATED_REGRET = RIGOROUS.stop.relative_regret
REGRETTED_AT_MOST = 0.05

CLOSENESS = (("below 1 %", 0.0, 0.01), ("1–5 %", 0.01, 0.05), ("5 % or more", 0.05, inf))
"""How far apart the two best splits of a world truly are: name, from, up to, relative."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What a campaign led to.

    Attributes:
        block: l*.
        regret: What that split truly costs above the best one, relative.
        duration_s: Of all windows, s.
        windows: How many.
        reached: The stop rule was satisfied before its limits.
    """

    block: int
    regret: float
    duration_s: float
    windows: int
    reached: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Where one world's network is to be split.

    Attributes:
        best: l* in truth.
        gap: What the second best split truly costs above it, relative.
        rigorous: By the rigorous plan.
        decided: By the plan that stops once the choice is certain.
    """

    best: int
    gap: float
    rigorous: Chosen
    decided: Chosen

    @property
    def same(self) -> bool:
        """Both plans choose the same split."""
        return self.rigorous.block == self.decided.block

    @property
    def time_share(self) -> float:
        """Time of the windows for the decision over that of the rigorous plan."""
        return self.decided.duration_s / self.rigorous.duration_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """The choices in a group of worlds.

    Attributes:
        choices: One per world.
    """

    choices: tuple[Choice, ...]

    @property
    def worlds(self) -> int:
        """How many."""
        return len(self.choices)

    @property
    def same(self) -> int:
        """Worlds in which both plans choose the same split."""
        return sum(choice.same for choice in self.choices)

    @property
    def decided_best(self) -> int:
        """Worlds in which the plan for the decision chooses the best split in truth."""
        return sum(choice.decided.block == choice.best for choice in self.choices)

    @property
    def rigorous_best(self) -> int:
        """Worlds in which the rigorous plan does."""
        return sum(choice.rigorous.block == choice.best for choice in self.choices)

    @property
    def reached(self) -> int:
        """Worlds in which the plan for the decision became certain before its limits."""
        return sum(choice.decided.reached for choice in self.choices)

    def time_share(self, share: float) -> float:
        """Return the quantile of the time for the decision over that of the rigorous plan."""
        return float(np.quantile([choice.time_share for choice in self.choices], share))

    def regretting(self, more_than: float) -> int:
        """Return the worlds in which the decision truly costs relatively more than the best."""
        return sum(choice.decided.regret > more_than for choice in self.choices)

    def broken_claims(self) -> Iterator[str]:
        """Return what does not hold, one sentence each."""
        if self.same < SAME_AT_LEAST * self.worlds:
            yield f"the plan for the decision chooses another split in {self.worlds - self.same}"
        if self.time_share(0.5) > TIME_AT_MOST:
            yield f"the plan for the decision takes {self.time_share(0.5):.0%} of the rigorous time"
        if self.regretting(STATED_REGRET) > REGRETTED_AT_MOST * self.worlds:
            yield f"it costs more than it says in {self.regretting(STATED_REGRET)} worlds"

    @property
    def split_counts(self) -> dict[int, int]:
        """Worlds by their best split in truth, in the order of the network."""
        blocks, counts = np.unique([choice.best for choice in self.choices], return_counts=True)
        return dict(zip(blocks.tolist(), counts.tolist(), strict=True))


def by_closeness(agreement: Agreement) -> dict[str, Agreement]:
    """Return the groups of ``CLOSENESS`` that hold any world, by name, closest calls first."""
    groups = {
        name: Agreement(choices=tuple(c for c in agreement.choices if low <= c.gap < high))
        for name, low, high in CLOSENESS
    }
    return {name: group for name, group in groups.items() if group.choices}


def wilson(count: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927, without continuity correction)."""
    from scipy.stats import binomtest

    interval = binomtest(count, of).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)
