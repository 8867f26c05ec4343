"""How long an upload takes by a profile's transfer times: as a rule, and the slow ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite, log

import numpy as np

from joulesplit.calibrate.profile import (
    Quantity,
    SizeTime,
    TransferPercentiles,
    UploadTime,
    degrees_of_freedom_of,
)
from joulesplit.metrology import Error, error_of_scatter, not_below_zero
from joulesplit.optimizer._checked_figure import positive
from joulesplit.optimizer._constraints import PERCENTS
from joulesplit.optimizer._linear_figures import factor
from joulesplit.optimizer._uncertainty import FloatArray
from joulesplit.optimizer.errors import ProfileUnusableError

FEWEST_TRANSFERS = 20
"""Of fewer the slowest is no 95th percentile."""


LIMITED_SHARE = 0.01
"""So much of their time uploads may wait for room that they take as if there always were."""

OF_A_BOUND = -1 / 5
"""1/ν of a rectangular distribution, see ``joulesplit.metrology``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownTime:
    """A time, and what it may be off by.

    Attributes:
        value_s: The time, s.
        error: Of it, s; None if it is not known.
    """

    value_s: float
    error: Error | None

    @property
    def upper_s(self) -> float:
        """Upper end of its 95 % interval, s; the time itself where its error is not known."""
        return self.value_s + (self.error.half_width if self.error else 0.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinkTime:
    """T = T_0 + t · bits of uploads that follow others, and what the slow ones and firsts take.

    Attributes:
        figures: T_0, s, and t, s/bit; float64, shape (2,).
        covariance: Of both; float64, shape (2, 2).
        inverse_freedom: 1/ν of it.
        u_sys_s: What clocks make of each transfer, standard uncertainty, s.
        lack_u_rel: What sizes depart from the straight line, relative standard uncertainty.
        late: Longer the first after a pause takes: s, and s/bit; float64, shape (2,).
        late_u: Their standard uncertainties; float64, shape (2,).
        late_inverse_freedom: 1/ν of them.
        late_lack_u_s: What sizes depart from that straight line, standard uncertainty, s.
        own: Sizes of which uploads followed others, bit, how long these took, s, and its standard
            uncertainty, s; float64, shape (3, O).
        own_inverse_freedom: 1/ν of the latter.
        step_s: A round trip, s, by which the wait for TCP's window grows; 0 if not known.
        between_u_s: What the time of a size that was not measured may be off the line through the
            sizes beside it, standard uncertainty, s.
        alone: Logarithms of the sizes that were sent alone, how much longer they took, s, and its
            standard uncertainty, s; float64, shape (3, A).
        late_scatter_s: Standard deviation of how much longer a single one takes, s; None if the
            profile does not tell it.
        log_sizes: Natural logarithms of the sizes with percentiles, bit; float64, shape (S,).
        ratios: Their percentiles over the usual times; float64, shape (S, 3), see ``PERCENTS``.
        ratios_u: Standard uncertainties of these; float64, shape (S, 3).
        inverse_transfers: 1/(n − 1) of the size with the fewest transfers.
    """

    figures: FloatArray
    covariance: FloatArray
    inverse_freedom: float
    u_sys_s: float
    lack_u_rel: float
    late: FloatArray
    late_u: FloatArray
    late_inverse_freedom: float
    late_lack_u_s: float
    own: FloatArray
    own_inverse_freedom: float
    step_s: float
    between_u_s: float
    alone: FloatArray
    late_scatter_s: float | None
    log_sizes: FloatArray
    ratios: FloatArray
    ratios_u: FloatArray
    inverse_transfers: float

    def usual(self, bits: int) -> KnownTime:
        """Return the mean time of an upload that follows another.

        Of a size that was measured as it was; between two others on the line through them.
        """
        if self.own.shape[1]:
            return self._usual_by_sizes(bits)
        weights = np.array([1.0, bits])
        value_s = max(0.0, float(weights @ self.figures))
        scatter_s = max(0.0, float(weights @ self.covariance @ weights)) ** 0.5
        error = error_of_scatter([(scatter_s, self.inverse_freedom)])
        return KnownTime(value_s=value_s, error=self._with_systematic(error, value_s))

    def _usual_by_sizes(self, bits: int) -> KnownTime:
        sizes, times_s, u_s = self.own
        weights = np.array([np.interp(bits, sizes, one) for one in np.eye(len(sizes))])
        beyond = bits - float(np.clip(bits, sizes[0], sizes[-1]))
        value_s = max(0.0, float(weights @ times_s) + beyond * float(self.figures[1]))
        error = error_of_scatter(
            [
                (float(np.linalg.norm(weights * u_s)), self.own_inverse_freedom),
                (abs(beyond) * float(self.covariance[1, 1]) ** 0.5, self.inverse_freedom),
            ]
        )
        if bits in sizes:
            return KnownTime(value_s=value_s, error=error.with_systematic(self.u_sys_s, 0.0))
        return KnownTime(value_s=value_s, error=self._not_measured(error, value_s))

    def _not_measured(self, error: Error, value_s: float) -> Error:
        """Return the error of the time of a size that was not measured."""
        return self._with_systematic(error.with_systematic(self.between_u_s, 0.0), value_s)

    def _with_systematic(self, error: Error, value_s: float) -> Error:
        error = error.with_systematic(self.u_sys_s, 0.0)
        return error.with_systematic(self.lack_u_rel * value_s, 0.0)

    def off_line_u_s(self, bits: int) -> float:
        """Return what the time of a size is off a straight line, or may be, standard, s.

        Of a size that was measured it is known which.
        """
        sizes, times_s, _ = self.own
        if bits in sizes:
            line_s = float(self.figures @ [1.0, bits])
            return abs(float(times_s[sizes == bits][0]) - line_s)
        return float(np.hypot(self.between_u_s, self.lack_u_rel * self.usual(bits).value_s))

    @property
    def knows_lateness(self) -> bool:
        """Whether it is told how much longer the first upload after a pause takes."""
        return bool(self.alone.shape[1] or self.late.any())

    def lateness(self, bits: int) -> KnownTime:
        """Return how much longer the first upload after a pause takes.

        Of a size that was sent alone as it was measured. It grows with the size, so that of one
        between two others is between theirs.
        """
        if self.alone.shape[1]:
            return self._between(log(bits))
        weights = np.array([1.0, bits])
        u_s = float(np.linalg.norm(weights * self.late_u))
        error = error_of_scatter([(u_s, self.late_inverse_freedom)])
        return KnownTime(
            value_s=max(0.0, float(weights @ self.late)),
            error=error.with_systematic(self.late_lack_u_s, 0.0),
        )

    def _between(self, log_bits: float) -> KnownTime:
        """Return how late a size is by those that were sent alone.

        A window doubles until it fills the link: lateness goes with the logarithm, then no more. So
        it lies between the line through both neighbours and that through the two sizes before, if
        this one is steeper, which ends at the larger neighbour's; what it may be off by is all that
        lies between these.
        """
        log_sizes, late_s, u_s = self.alone
        line_s, measured_u_s = (
            float(np.interp(log_bits, log_sizes, table)) for table in (late_s, u_s)
        )
        error = error_of_scatter([(measured_u_s, self.late_inverse_freedom)])
        after = int(np.searchsorted(log_sizes, log_bits))
        if 0 < after < len(log_sizes):
            on_s, open_u_s = self._steeper_s(log_bits, after)
            more_s = max(on_s - line_s, 0.0)
        else:
            more_s = self._beyond_s(log_bits)
            open_u_s = abs(more_s) / 12**0.5
        value_s = max(0.0, line_s + more_s / 2)
        if log_bits not in log_sizes:
            error = error.with_systematic(self.step_s / 12**0.5, OF_A_BOUND)
        return KnownTime(value_s=value_s, error=error.with_systematic(open_u_s, 0.0))

    def _steeper_s(self, log_bits: float, after: int) -> tuple[float, float]:
        """Return how late a size is by the two sizes before the next one, and what is open, u, s.

        That is nothing at either end, where it was measured.
        """
        log_sizes, late_s, _ = self.alone
        start, end = float(late_s[after - 1]), float(late_s[after])
        part = (log_bits - log_sizes[after - 1]) / (log_sizes[after] - log_sizes[after - 1])
        u_s = float(abs(end - start) / 12**0.5 * (4 * part * (1 - part)) ** 0.5)
        if after == 1 or end <= start:
            return -inf, u_s
        slope = (start - late_s[after - 2]) / (log_sizes[after - 1] - log_sizes[after - 2])
        on_s = start + slope * (log_bits - log_sizes[after - 1])
        return float(np.clip(on_s, start, end)), u_s

    def _beyond_s(self, log_bits: float) -> float:
        """Return by how much later than the nearest size one is if the line goes on beyond it, s.

        It does while TCP's window doubles; once that fills the link it does not.
        """
        log_sizes, late_s, _ = self.alone
        if len(log_sizes) == 1:
            return 0.0
        near, next_to_it = (0, 1) if log_bits <= log_sizes[0] else (-1, -2)
        slope = (late_s[near] - late_s[next_to_it]) / (log_sizes[near] - log_sizes[next_to_it])
        return float(slope * (log_bits - log_sizes[near]))

    def slow(self, bits: int) -> tuple[KnownTime, ...]:
        """Return the percentiles of an upload that follows another, see ``PERCENTS``.

        Between sizes that were measured, how far a percentile is from the usual time goes with the
        logarithm of the size; beyond them it stays. Empty without percentiles.
        """
        if not len(self.log_sizes):
            return ()
        usual = self.usual(bits)
        return tuple(self._percentile(usual, log(bits), place) for place in range(len(PERCENTS)))

    def _percentile(self, usual: KnownTime, log_bits: float, place: int) -> KnownTime:
        ratio, u_ratio = (
            float(np.interp(log_bits, self.log_sizes, table[:, place]))
            for table in (self.ratios, self.ratios_u)
        )
        value_s = ratio * usual.value_s
        u_stat_s = usual.error.u_stat if usual.error else 0.0
        error = error_of_scatter(
            [
                (ratio * u_stat_s, self.inverse_freedom),
                (u_ratio * usual.value_s, self.inverse_transfers),
            ]
        )
        return KnownTime(value_s=value_s, error=self._with_systematic(error, value_s))


def link_time(time: UploadTime, asked_bit_per_s: float | None = None) -> LinkTime:
    """Take how long uploads take out of a profile.

    Args:
        time: As measured.
        asked_bit_per_s: Another rate of the link than was measured, payload bits per second: what
            an upload takes besides its bits stays.

    Raises:
        ProfileUnusableError: A figure that cannot be true.
    """
    _require_finite(time.per_upload_s)
    positive(time.per_bit_s, "the time of a bit")
    measured = _without_percentiles(time, None)
    percentiles = _told(time)
    ratios, ratios_u = _ratios(percentiles, measured)
    return replace(
        measured if asked_bit_per_s is None else _without_percentiles(time, asked_bit_per_s),
        log_sizes=np.log([float(one.payload_bits) for one in percentiles]),
        ratios=ratios,
        ratios_u=ratios_u,
        inverse_transfers=max((1 / (one.transfers - 1) for one in percentiles), default=0.0),
    )


def _without_percentiles(time: UploadTime, asked_bit_per_s: float | None) -> LinkTime:
    figures, covariance = _line(time, asked_bit_per_s)
    late, late_u = np.transpose([_known(f) for f in (time.per_burst_s, time.per_burst_bit_s)])
    # At another rate sizes take other times than were measured.
    own = time.sizes if asked_bit_per_s is None else ()
    return LinkTime(
        figures=figures,
        covariance=covariance,
        inverse_freedom=1 / degrees_of_freedom_of(time.per_bit_s),
        u_sys_s=time.per_upload_s.u_sys or 0.0,
        lack_u_rel=_lack_u_rel(time),
        late=late,
        late_u=late_u,
        late_inverse_freedom=1 / degrees_of_freedom_of(time.per_burst_s or time.per_bit_s),
        late_lack_u_s=time.per_burst_lack_of_fit_s or 0.0,
        own=_own(own),
        own_inverse_freedom=max(
            (1 / degrees_of_freedom_of(one.transfer_s) for one in own), default=0.0
        ),
        step_s=_round_trip_s(time) if time.sizes else 0.0,
        between_u_s=_between_u_s(time),
        alone=_alone(time),
        late_scatter_s=time.per_burst_scatter_s if time.per_burst_s else 0.0,
        log_sizes=np.zeros(0),
        ratios=np.zeros((0, 3)),
        ratios_u=np.zeros((0, 3)),
        inverse_transfers=0.0,
    )


def _round_trip_s(time: UploadTime) -> float:
    """Return the shortest round trip seen, s; what uploads take besides bits where none was."""
    return max(0.0, time.per_upload_s.value) if time.min_rtt_s is None else time.min_rtt_s


def _between_u_s(time: UploadTime) -> float:
    """Return what the time of a size between others may be off the line through these, s.

    It is what the measured ones are off the line from the smallest to the largest, beyond their
    scatter; and half a round trip either way where a full window lets uploads take whole ones,
    which sizes may be on a line of by chance.
    """
    if not time.sizes:
        return 0.0
    sizes, times_s, u_s = _own(time.sizes)
    part = (sizes - sizes[0]) / max(sizes[-1] - sizes[0], 1.0)
    ends = np.array([1.0 - part, part])
    off_s = (times_s - ends.T @ times_s[[0, -1]])[1:-1]
    chance_s2 = (u_s**2 + ends.T**2 @ u_s[[0, -1]] ** 2)[1:-1]
    bend_s2 = float(np.maximum(off_s**2 - chance_s2, 0.0).mean()) if len(off_s) else 0.0
    limited = (time.window_limited_share or 0.0) > LIMITED_SHARE
    step_s = _round_trip_s(time) / 12**0.5 if limited else 0.0
    return float(np.hypot(bend_s2**0.5, step_s))


def _own(sizes: Sequence[SizeTime]) -> FloatArray:
    """Return sizes, times and their uncertainties, see ``LinkTime.own``."""
    rows = [(one.payload_bits, one.transfer_s.value, one.transfer_s.u_stat or 0.0) for one in sizes]
    return np.array(rows, dtype=np.float64).reshape(-1, 3).T


def _alone(time: UploadTime) -> FloatArray:
    """Return sizes, times and uncertainties of uploads that went alone, see ``LinkTime.alone``."""
    unknown_s = time.per_burst_scatter_s or 0.0
    rows = [
        (log(one.payload_bits), one.late_s, unknown_s if one.u_late_s is None else one.u_late_s)
        for one in time.alone
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, 3).T


def _line(time: UploadTime, asked_bit_per_s: float | None = None) -> tuple[FloatArray, FloatArray]:
    """Return T_0 and t, and their covariance; t that of another rate, if one is asked for."""
    covariance = _covariance(time)
    measured = np.array([time.per_upload_s.value, time.per_bit_s.value])
    # A round trip is never negative: measured below zero it is none, and the bits take longer.
    figures = not_below_zero(measured, covariance, (0,))
    if asked_bit_per_s is None:
        return figures, covariance
    return np.array([figures[0], 1.0 / asked_bit_per_s]), np.diag([covariance[0, 0], 0.0])


def _told(time: UploadTime) -> tuple[TransferPercentiles, ...]:
    """Return the percentiles that can be relied on.

    None if nothing tells how the first uploads of bursts scatter, which are the slow ones.
    """
    if time.per_burst_s is not None and time.per_burst_scatter_s is None:
        return ()
    return tuple(one for one in time.percentiles if one.transfers >= FEWEST_TRANSFERS)


def _require_finite(fixed: Quantity) -> None:
    """Check the fixed time; of sizes on a bend that are exactly known it may be below zero."""
    if not isfinite(fixed.value):
        raise ProfileUnusableError(
            f"the profile gives {fixed.value} s for the fixed time of an upload, which cannot be; "
            "calibrate the link again"
        )


def _lack_u_rel(time: UploadTime) -> float:
    """Return what sizes depart from the straight line; what windows do where it is not told."""
    return (time.misfit_rel if time.lack_of_fit_rel is None else time.lack_of_fit_rel) or 0.0


def _covariance(time: UploadTime) -> FloatArray:
    covariance = np.array(time.covariance, dtype=np.float64)
    if covariance.shape != (2, 2):
        raise ProfileUnusableError(
            "the profile's covariance of the time of uploads is not a covariance; calibrate the "
            "link again"
        )
    factor(covariance, "the time of uploads")
    return covariance


def _known(figure: Quantity | None) -> tuple[float, float]:
    if figure is None:
        return 0.0, 0.0
    return figure.value, float(np.hypot(figure.u_stat or 0.0, figure.u_sys or 0.0))


def _ratios(
    percentiles: tuple[TransferPercentiles, ...], measured: LinkTime
) -> tuple[FloatArray, FloatArray]:
    """Return percentiles over the usual times, and their standard uncertainties."""
    rows, rows_u = [], []
    for one in percentiles:
        usual_s = measured.usual(one.payload_bits).value_s
        times_s = (one.p50_s, one.p95_s, one.p99_s)
        if not all(isfinite(time_s) and time_s > 0.0 for time_s in (usual_s, *times_s)):
            raise ProfileUnusableError(
                f"the profile gives {times_s} s as percentiles of uploads of {one.payload_bits} "
                "bit, which cannot be; calibrate the link again"
            )
        rows.append([time_s / usual_s for time_s in times_s])
        rows_u.append([u_s / usual_s for u_s in _percentiles_u_s(one)])
    return np.array(rows).reshape(-1, 3), np.array(rows_u).reshape(-1, 3)


def _percentiles_u_s(one: TransferPercentiles) -> tuple[float, ...]:
    """Return what percentiles of so many transfers scatter by, s.

    The p-quantile of n values scatters by √(p (1 − p)/n) over the density there. The tail is taken
    for an exponential one, the longer of the two that the percentiles tell: its density there is
    (1 − p) over its scale.
    """
    scale_s = max((one.p99_s - one.p95_s) / log(5.0), (one.p95_s - one.p50_s) / log(10.0), 0.0)
    shares = [percent / 100 for percent in PERCENTS]
    return tuple(
        scale_s * (share / ((1.0 - share) * max(1, one.transfers))) ** 0.5 for share in shares
    )
