"""The page's part on what decisions say of themselves. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from proof.intervals import LOW, Coverage, DecisionIntervals, coverage
from proof.markdown import percent, table

HIGH = 0.97
"""Most of the intervals that are to hold the truth where nothing is taken wider than it is."""

KINDS = {
    "candidates": "a split that was measured as it is run",
    "modelled": "a split between measured heads, or behind them",
    "differences": "difference of two of the former",
    "modelled_differences": "difference with one of the latter",
}
SURE = 0.95
"""A choice that is called so sure may be wrong in so many."""


def intervals_part(worlds: Mapping[str, Sequence[DecisionIntervals]]) -> list[str]:
    """Return how often the intervals and certainties of decisions held, as Markdown.

    Args:
        worlds: Decisions by the kind of world, each of a campaign of its own.
    """
    parts = ["## What a decision says of itself\n", _introduction(worlds)]
    rows = [row for name, found in worlds.items() for row in _rows(name, found)]
    parts.append(table(("world", "95 % interval of", "intervals", "held the truth"), rows))
    head = ("world", "decisions", "said to be best with", "truly best", "regret said", "true")
    sure = [_sureness(name, found) for name, found in worlds.items()]
    parts.append("\n" + table(head, sure))
    return parts


def broken_intervals(worlds: Mapping[str, Sequence[DecisionIntervals]]) -> Iterator[str]:
    """Return what does not hold, one sentence each; chance is allowed two standard errors."""
    for name, found in worlds.items():
        for kind, what in KINDS.items():
            counted = _counted(found, kind)
            # What the heads' own errors could hide is counted as if it were there: a model's
            # intervals may hold the truth more often, never less.
            too_wide = counted.share > HIGH + 2 * counted.u and kind in (
                "candidates",
                "differences",
            )
            if counted.share < LOW - 2 * counted.u or too_wide:
                yield f"{percent(counted.share, 1)} of the intervals of {what} hold ({name})"
        sure = [d for d in found if d.probability_best >= SURE]
        wrong = sum(not d.is_best for d in sure)
        allowed = (1 - SURE) * len(sure)
        if wrong > allowed + 2 * max(allowed, 1.0) ** 0.5:
            yield f"{wrong} of {len(sure)} choices called sure are not the best ({name})"


def _introduction(worlds: Mapping[str, Sequence[DecisionIntervals]]) -> str:
    counts = ", ".join(f"{len(found)} {name}" for name, found in worlds.items())
    return (
        f"One round of the standard plan in each of {counts}; a drawn sensor, board, radio and "
        "link rate each. In the first kind of world all blocks cost inside a network up to 10 % "
        "more than alone. In the second each costs something else besides, by half a per cent to "
        "eight (standard deviation, Student's t of 5 degrees: now and then far more), all together "
        "−5 to 10 %, and each run pays for its start. ± is one standard error: intervals of one "
        "campaign share its sensor and err together.\n"
    )


def _counted(found: Sequence[DecisionIntervals], kind: str) -> Coverage:
    return coverage(getattr(decision, kind) for decision in found)


def _rows(name: str, found: Sequence[DecisionIntervals]) -> Iterator[tuple[str, ...]]:
    for kind, what in KINDS.items():
        counted = _counted(found, kind)
        share = f"{percent(counted.share, 1)} ± {percent(counted.u, 1)}"
        yield name, what, f"{counted.intervals:,}", share


def _sureness(name: str, found: Sequence[DecisionIntervals]) -> tuple[str, ...]:
    def mean(values: Sequence[float]) -> float:
        return sum(values) / len(values)

    return (
        name,
        str(len(found)),
        percent(mean([d.probability_best for d in found]), 1),
        percent(mean([float(d.is_best) for d in found]), 1),
        f"{1e6 * mean([d.said_regret_j for d in found]):.2g} µJ",
        f"{1e6 * mean([d.true_regret_j for d in found]):.2g} µJ",
    )
