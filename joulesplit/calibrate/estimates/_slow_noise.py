"""Idle power that wanders more slowly than the windows, and what its mean is then worth. Pure.

The mean over a campaign of noise without memory is known to σ²/n. Noise whose spectrum rises as
1/f towards low frequencies, as background work and warmth make it, does not average out: what
moves in a campaign also moved before it and will move after. Its spectrum is taken as white and
flicker together, S(f) = A + F/f, and fitted to the periodogram of the idle powers by Whittle's
likelihood; flicker counts where white noise alone is too improbable. It is then carried on to the
length of time that a mean is to stand for.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np

from joulesplit.metrology import Array, beyond_rounding

STANDS_FOR_S = 86_400.0
"""What a campaign says of idle power it says of a day."""

SLOWER_THAN_MEAN = 0.4
"""What is faster than one period in the campaign adds so many e-foldings of frequency to the
variance of its mean: ∫ sinc² dk/k from 1 on and the shortfall below, by quadrature."""

LIKELIHOOD_LIMIT = 2.71
"""Twice the gain of log-likelihood by flicker above which it is there: one in twenty series of
white noise has more (half of χ² with one degree of freedom, the bound being at nought)."""

FEWEST_WINDOWS = 24
"""Of fewer no spectrum is told."""

WINDOWS_PER_TREND_DEGREE = 35
"""What is taken off before bends once more for so many windows, and twice at least: warming up is
no noise."""

STEPS_OF_SHARE = 60
"""Of the search for the share of flicker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flicker:
    """Noise with a spectrum of 1/f.

    Attributes:
        variance: Per e-folding of frequency, in the square of the series' unit.
        degrees_of_freedom: Behind it.
    """

    variance: float
    degrees_of_freedom: float

    def mean_u(self, lasted_s: float) -> float:
        """Return how uncertain it makes the mean of a series as that of ``STANDS_FOR_S``.

        Args:
            lasted_s: From the beginning to the end of the series, s.
        """
        foldings = max(0.0, log(STANDS_FOR_S / lasted_s)) + SLOWER_THAN_MEAN
        return float((self.variance * foldings) ** 0.5)


def flicker_of(values: Array) -> Flicker | None:
    """Return the flicker noise of a series in order of time; None if white noise explains it.

    Args:
        values: About evenly spaced, shape (n,), float64.
    """
    count = len(values)
    place = np.linspace(-1.0, 1.0, count)
    if count < FEWEST_WINDOWS:
        return None
    degree = max(2, count // WINDOWS_PER_TREND_DEGREE)
    course = np.polynomial.Legendre.fit(place, values, degree)(place)
    rest = beyond_rounding(values - course, values)
    # The course has taken the slowest: a period has two bends.
    periods = np.arange(1 + degree // 2, (count + 1) // 2, dtype=np.float64)
    power = np.abs(np.fft.rfft(rest)[periods.astype(np.intp)]) ** 2 / count
    if not power.any():
        return None
    share, gain = _best_share(power, periods)
    if gain <= LIKELIHOOD_LIMIT:
        return None
    level, per_period = _level(power, periods, share), share / periods
    return Flicker(
        # A period k holds 2/n of its power: F/k of the variance.
        variance=2 / count * level * share,
        degrees_of_freedom=_freedom(1 + per_period, per_period),
    )


def _level(power: Array, periods: Array, share: float) -> float:
    """Return the white level of the best spectrum with so much flicker per white noise."""
    return float(np.mean(power / (1 + share / periods)))


def _best_share(power: Array, periods: Array) -> tuple[float, float]:
    """Return the most likely ratio of flicker to white at one period, and twice its gain."""

    def cost(share: float) -> float:
        logs = np.log(1 + share / periods)
        return float(2 * (len(power) * np.log(_level(power, periods, share)) + logs.sum()))

    shares = np.concatenate([[0.0], np.geomspace(0.05, 1e5, STEPS_OF_SHARE)])
    costs = [cost(share) for share in shares]
    best = int(np.argmin(costs))
    return float(shares[best]), costs[0] - costs[best]


def _freedom(spectrum: Array, flicker: Array) -> float:
    """Return 2/u² of the flicker, u being its relative uncertainty by Fisher's information.

    Args:
        spectrum: At each period, in units of the white level, shape (k,), float64.
        flicker: Its part of that.
    """
    white, slow = 1 / spectrum, flicker / spectrum
    determinant = (white @ white) * (slow @ slow) - (white @ slow) ** 2
    return max(1.0, float(2 * determinant / (white @ white)))
