"""How often something happens, from how often it did in so many trials."""

from __future__ import annotations

from math import ceil, log

from scipy import special


def proportion_interval(count: int, trials: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of a probability after Clopper and Pearson.

    It holds the probability in at least ``level`` of all cases, whatever it is, if the trials are
    independent and alike. (C. J. Clopper, E. S. Pearson, Biometrika 26, 404, 1934: the quantiles
    of the beta distribution at which so many or more, and so many or fewer, have each half of what
    is left.)

    Args:
        count: How often it happened.
        trials: How often it could have.
        level: Share of cases in which the interval holds.

    Raises:
        ValueError: There were no trials, or it happened more often than it could.
    """
    if not 0 <= count <= trials or not trials:
        raise ValueError(f"{count} of {trials} is no share; give trials, and no more than these")
    left = (1.0 - level) / 2.0
    low = float(special.betaincinv(count, trials - count + 1, left)) if count else 0.0
    high = (
        float(special.betaincinv(count + 1, trials - count, 1.0 - left)) if count < trials else 1.0
    )
    return low, high


def fewest_trials(least: float, *, level: float = 0.95) -> int | None:
    """Return how many trials show a probability to be so large if it happens in all of them.

    Args:
        least: The lower end of its interval that is asked for.
        level: Of the interval.

    Returns:
        None where no number of trials does.
    """
    if least >= 1.0:
        return None
    if least <= 0.0:
        return 1
    # Of n of n the lower end is the n-th root of what is left below.
    return max(1, ceil(log((1.0 - level) / 2.0) / log(least)))
