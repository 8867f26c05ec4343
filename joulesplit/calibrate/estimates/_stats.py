"""The statistics the estimates rest on, said in terms of windows. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, TypeVar

import numpy as np

from joulesplit import metrology
from joulesplit.calibrate.errors import EstimateError
from joulesplit.metrology import CONFIDENCE, Array, LinearFit, beyond_rounding, deviations
from joulesplit.metrology.errors import (
    IndistinguishableError,
    TooFewObservationsError,
    UndeterminedError,
    UnusedFigureError,
)

__all__ = ["CONFIDENCE", "Array", "LinearFit"]

P = ParamSpec("P")
R = TypeVar("R")

REMEDIES: dict[type[UndeterminedError], str] = {
    TooFewObservationsError: "raise the repeats",
    UnusedFigureError: "the plan left it out",
    IndistinguishableError: "vary the work sizes, or sizes and rates",
}
"""What a plan does about figures that its windows do not determine."""


def of_windows(work: Callable[P, R]) -> Callable[P, R]:
    """Return a function of ``metrology`` that says what a plan of windows does about its errors.

    It raises ``EstimateError`` where the other raises ``UndeterminedError``.
    """

    @wraps(work)
    def saying(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return work(*args, **kwargs)
        except UndeterminedError as error:
            said = str(error).replace("observation", "window")
            remedy = REMEDIES.get(type(error), REMEDIES[TooFewObservationsError])
            raise EstimateError(f"{said}: {remedy}") from error

    return saying


weighted_fit = of_windows(metrology.weighted_fit)
variance_of = of_windows(metrology.OwnScatter.variance)


def nested_p(fit: LinearFit, larger: LinearFit) -> float | None:
    """Return the probability of what a fit leaves beyond what a larger one of the same leaves.

    The F test of two nested models; None where the larger one leaves nothing, or is not larger.
    """
    lack_freedom = fit.degrees_of_freedom - larger.degrees_of_freedom
    pure = float(larger.residuals @ larger.residuals)
    if larger.degrees_of_freedom < 1 or lack_freedom < 1 or pure <= 0:
        return None
    from scipy.special import fdtrc

    lack = max(float(fit.residuals @ fit.residuals) - pure, 0.0)
    ratio = lack / lack_freedom / (pure / larger.degrees_of_freedom)
    return float(fdtrc(lack_freedom, larger.degrees_of_freedom, ratio))


def coverage_factor(degrees_of_freedom: float, confidence: float = CONFIDENCE) -> float:
    """Return Student's t for a two-sided interval.

    Args:
        degrees_of_freedom: ν > 0; ``inf`` gives the normal quantile.
        confidence: Level of the interval, between 0 and 1.

    Raises:
        EstimateError: ν is not positive.
    """
    return float(of_windows(metrology.coverage_factor)(degrees_of_freedom, confidence))


def difference_u(first: Array, second: Array) -> float:
    """Return the standard uncertainty of the difference of two samples' means, spread pooled.

    Args:
        first: Of any unit, shape (m,); there are m + n − 2 degrees of freedom.
        second: Of the same unit, shape (n,).
    """
    freedom = len(first) + len(second) - 2
    variance = float(sum(d @ d for d in (deviations(first), deviations(second)))) / freedom
    return float(np.sqrt(variance * (1 / len(first) + 1 / len(second))))


BATCH_WINDOWS = 4
"""Windows per batch mean: load noise that outlasts an idle stretch ties neighbours together, but
hardly windows that are so far apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """The mean of values in order of time.

    Attributes:
        value: In the values' unit.
        u_stat: Its standard uncertainty.
        degrees_of_freedom: Behind ``u_stat``.
    """

    value: float
    u_stat: float
    degrees_of_freedom: int


def mean_of_batches(values: Array, course: Array | None = None, coefficients: int = 1) -> Mean:
    """Return the mean of values whose neighbours may be correlated, from batch means.

    Args:
        values: In order of time, shape (n,), float64.
        course: What they are known to follow beside their scatter, around zero, shape (n,),
            float64; it is part of the mean and no part of its uncertainty. None for none.
        coefficients: Of the course with its mean, fitted to the same values.

    Raises:
        EstimateError: Fewer than two batches.
    """
    count = len(values) // BATCH_WINDOWS
    degrees_of_freedom = count - coefficients
    if degrees_of_freedom < 1:
        raise EstimateError(
            f"{len(values)} windows are too few to tell their scatter: at least "
            f"{(coefficients + 1) * BATCH_WINDOWS} are needed; raise the repeats, or go on with "
            "--resume if the campaign was cut short"
        )
    mean = float(values.mean())
    expected = mean if course is None else mean + course
    scatter = beyond_rounding(values - expected, values)
    batches = np.array([part.mean() for part in np.array_split(scatter, count)])
    return Mean(
        value=mean,
        u_stat=float(np.sqrt(batches @ batches / degrees_of_freedom / count)),
        degrees_of_freedom=degrees_of_freedom,
    )
