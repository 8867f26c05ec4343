"""How long a split took, beside what was predicted. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from joulesplit.calibrate.estimates import coverage_factor
from joulesplit.calibrate.windows import WindowRecord
from joulesplit.metrology import standard_deviation

TRANSFER_SHARE = 0.1
"""A link is no better known than so: its rate differs by some per cent from hour to hour."""

ANSWER_SHARE = 0.25
"""Likewise of a whole inference, whose computing takes as long as the processor's clock has it."""

CLOCK_S = 2e-3
"""Less than this is what starting, pacing and reading clocks make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedTimes:
    """How long an inference by a split is predicted to take.

    Attributes:
        transfer_s: Its upload, s; None if it sends nothing, or nothing is predicted.
        sent_s: Until the last bit is sent: the device's part and the upload, s; None if unknown.
    """

    transfer_s: float | None = None
    sent_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedTime:
    """A time of an inference, predicted and measured.

    Attributes:
        predicted_s: By the profile, s.
        measured_s: Mean over the windows, s.
        u_measured_s: Standard uncertainty of that mean by how windows scatter, s.
        bound_s: How far off it may be, s: a share of what is predicted and, by the scatter, chance.
        agrees: It is within.
    """

    predicted_s: float
    measured_s: float
    u_measured_s: float
    bound_s: float
    agrees: bool


def mean_of(values_s: Sequence[float]) -> tuple[float, float]:
    """Return the mean of windows and its standard uncertainty, s; that of one is not known: 0."""
    mean_s = sum(values_s) / len(values_s)
    if len(values_s) < 2:
        return mean_s, 0.0
    return mean_s, float(standard_deviation(values_s)) / len(values_s) ** 0.5


def transfer_times_s(records: Sequence[WindowRecord]) -> list[float]:
    """Return the mean transfer time of an inference in each window that sent, s."""
    sent = [record for record in records if record.payload_bits]
    return [record.airtime_s / record.task.repetitions for record in sent]


def compare_time(
    predicted_s: float | None,
    measured: tuple[float, float] | None,
    windows: int,
    *,
    share: float,
    level: float,
) -> ComparedTime | None:
    """Hold a measured time against a predicted one; None if either is not there.

    Args:
        predicted_s: See ``PredictedTimes``.
        measured: Mean and its standard uncertainty, s.
        windows: Behind the mean.
        share: Of what is predicted, that counts as the same.
        level: Share of honest runs whose chance stays within the bound.
    """
    if predicted_s is None or measured is None or not isfinite(predicted_s):
        return None
    measured_s, u_s = measured
    chance_s = coverage_factor(max(windows - 1, 1), level) * u_s
    bound_s = share * predicted_s + CLOCK_S + chance_s
    return ComparedTime(
        predicted_s=predicted_s,
        measured_s=measured_s,
        u_measured_s=u_s,
        bound_s=bound_s,
        agrees=abs(measured_s - predicted_s) <= bound_s,
    )
