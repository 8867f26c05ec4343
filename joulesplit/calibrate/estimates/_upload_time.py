"""Upload windows to how long an upload takes: per upload, per bit, once per burst. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates._by_pace import UNPACED, TimeShare
from joulesplit.calibrate.estimates._fitting import LinearModel
from joulesplit.calibrate.estimates._in_stream import (
    first_lateness_s,
    in_stream,
    lateness_scatter_s,
    lone_lateness_s,
    rate_scatter,
    upload_size,
)
from joulesplit.calibrate.estimates._stats import Array, LinearFit, variance_of
from joulesplit.calibrate.estimates._uncertainty import Estimate, with_interval
from joulesplit.calibrate.profile import (
    LoneUpload,
    Quantity,
    SizeTime,
    TransferPercentiles,
    UploadTime,
)
from joulesplit.calibrate.windows import Observation, Pace, WindowRecord, WindowTransfers
from joulesplit.metrology import own_scatter, residuals_of

FEWEST_OF_A_PERCENTILE = 20
"""Of fewer transfers the slowest is no 95th percentile."""

FEWEST_OF_A_SIZE = 4
"""Windows of one size that tell how much it scatters."""

FEWEST_LATE = 4
"""Windows that a straight line through their lateness needs, to say how well it is known."""


def upload_time(records: Sequence[WindowRecord], pace: Pace) -> UploadTime:
    """Return how long uploads of one pace take.

    Args:
        records: Upload windows of that pace, of one and the same link.
        pace: That they went at.

    Raises:
        EstimateError: The windows do not determine it.
    """
    observations = [record.observation for record in records]
    problem = in_stream(observations)
    fit = problem.fit()
    departures = fit.raw_residuals / problem.observed
    # Reading the clocks adds the same to each transfer: it is in T_0, and not in what bits take.
    covariance, freedoms = _own_covariance(problem, fit)
    per_upload_s, per_bit_s = (
        with_interval(
            Estimate(
                value=float(fit.coefficients[place]),
                u_stat=float(np.sqrt(covariance[place, place])),
                degrees_of_freedom=freedoms[place],
                n=len(fit.residuals),
            ),
            unit,
            u_sys,
        )
        for place, (unit, u_sys) in enumerate((("s", _clock_u_s(records)), ("s/bit", 0.0)))
    )
    late = _lateness(observations)
    told = [record.transfers for record in records if record.transfers is not None]
    rtt_s = [one.min_rtt_s for one in told if one.min_rtt_s is not None]
    return UploadTime(
        per_upload_s=per_upload_s,
        per_bit_s=per_bit_s,
        per_burst_s=late[0] if late else None,
        per_burst_bit_s=late[1] if late else None,
        per_burst_scatter_s=late[2] if late else None,
        per_burst_lack_of_fit_s=late[3] if late else None,
        alone=_alone([o for o in observations if o.begin_s]),
        covariance=tuple(tuple(float(x) for x in row) for row in covariance),
        methods=tuple(dict.fromkeys(chain.from_iterable(one.methods for one in told))),
        min_rtt_s=min(rtt_s, default=None),
        percentiles=_percentiles(records),
        unpaced=pace == UNPACED,
        misfit_rel=float(np.sqrt(np.mean(departures**2))),
        lack_of_fit_rel=_lack_of_fit(problem, departures),
        sizes=tuple(_own_times(observations, problem, _clock_u_s(records))),
        window_limited_share=_window_limited_share(told),
    )


def _window_limited_share(told: Sequence[WindowTransfers]) -> float | None:
    """Return the part of transfers' time in which the receiver or the send buffer was full."""
    known = [
        (sum(limits), one.transfer_s)
        for one in told
        if (limits := _known(one.receiver_limited_s, one.buffer_limited_s))
    ]
    total_s = sum(transfer_s for _, transfer_s in known)
    return sum(limited_s for limited_s, _ in known) / total_s if total_s else None


def _known(*times_s: float | None) -> list[float]:
    return [time_s for time_s in times_s if time_s is not None]


def _own_times(
    observations: Sequence[Observation], problem: LinearModel, clock_u_s: float
) -> Iterator[SizeTime]:
    """Return how long uploads of each size take by themselves, whatever line the others are on.

    By its own windows' scatter where there are enough of them. Of fewer it is taken to grow as that
    of independent transfers does, and with it what the rate of a bit does from window to window,
    which no number of transfers in one of them averages out. Nothing where no size has two windows.
    """
    uploads = problem.design[:, 0]
    sizes = np.round(problem.design[:, 1] / uploads)
    known = np.unique(sizes)
    design = uploads[:, None] * (sizes[:, None] == known)
    try:
        fit, per_bit_s = replace(problem, design=design).fit(), problem.fit().coefficients[1]
    except EstimateError:
        return
    rate = rate_scatter(observations)
    for place, size in enumerate(known):
        own = sizes == size
        count = int(np.count_nonzero(own))
        if count >= FEWEST_OF_A_SIZE:
            estimate = _by_own_scatter(problem.observed[own], uploads[own])
        else:
            estimate = _estimate(fit, place)
            if rate is not None:
                u_s = rate.of_windows(count) * float(per_bit_s) * float(size)
                share = TimeShare(u=u_s, degrees_of_freedom=rate.degrees_of_freedom)
                estimate = share.widening(estimate)
        yield SizeTime(payload_bits=int(size), transfer_s=with_interval(estimate, "s", clock_u_s))


def _by_own_scatter(times_s: Array, uploads: Array) -> Estimate:
    """Return what one upload takes by windows of so many, as a ratio of sums."""
    count, mean_s = len(times_s), float(times_s.sum() / uploads.sum())
    left_s = times_s - mean_s * uploads
    u_s = float(np.sqrt(left_s @ left_s * count / (count - 1))) / float(uploads.sum())
    return Estimate(value=mean_s, u_stat=u_s, degrees_of_freedom=count - 1, n=count)


def _own_covariance(problem: LinearModel, fit: LinearFit) -> tuple[Array, tuple[float, float]]:
    """Return the covariance of T_0 and t by the windows' own residuals, and ν of each.

    How the scatter of a transfer grows with its size is the link's secret: what a queue adds does
    not grow, what a slower rate adds does. By a law of ours intervals of 95 % held 90 %.
    """
    residuals = residuals_of(problem.design, problem.spread, fit)
    each = [own_scatter(residuals, weights) for weights in np.eye(2)]
    found = [variance_of(one) for one in each]
    effects = np.array(
        [one.effects / scatter.correction**0.5 for one, scatter in zip(each, found, strict=True)]
    )
    covariance: Array = effects @ effects.T
    return covariance, (found[0].degrees_of_freedom, found[1].degrees_of_freedom)


def _lack_of_fit(problem: LinearModel, departures: Array) -> float | None:
    """Return what the sizes depart from the straight line beyond their windows' scatter.

    In the unit of the departures. By the analysis of variance of one way: windows within sizes
    against sizes about the line.
    """
    sizes = np.round(problem.design[:, 1] / problem.design[:, 0])
    groups = [departures[sizes == size] for size in np.unique(sizes)]
    windows, between = len(departures), len(groups) - len(problem.design[0])
    within = windows - len(groups)
    if between < 1 or within < 1:
        return None
    scatter = sum(float(((g - g.mean()) ** 2).sum()) for g in groups) / within
    departing = sum(len(g) * float(g.mean()) ** 2 for g in groups) / between
    per_size = (windows - sum(len(g) ** 2 for g in groups) / windows) / (len(groups) - 1)
    return float(np.sqrt(max(0.0, departing - scatter) / per_size))


_Lateness = tuple[Quantity, Quantity, float, float | None]


def _lateness(observations: Sequence[Observation]) -> _Lateness | None:
    """Return by how much longer the first upload of a window takes, s and s per bit.

    And by how much that scatters from window to window, standard deviation, s, and its sizes depart
    from the straight line beyond that, s: TCP's window doubles, so it grows as a logarithm does.
    """
    known = [o for o in observations if o.begin_s]
    if len(known) < FEWEST_LATE:
        return None
    design = np.array([[1.0, upload_size(o)] for o in known])
    late_s = first_lateness_s(known)
    problem = LinearModel(design=design, observed=late_s, spread=np.ones_like(late_s))
    try:
        fit = problem.fit()
    except EstimateError:
        return None
    scatter_s = float(np.sqrt(np.sum(fit.raw_residuals**2) / fit.degrees_of_freedom))
    lack_s = _lack_of_fit(problem, fit.raw_residuals)
    return _figure(fit, 0, "s", 0.0), _figure(fit, 1, "s/bit", 0.0), scatter_s, lack_s


def _alone(observations: Sequence[Observation]) -> tuple[LoneUpload, ...]:
    """Return how late uploads of each size are that come alone; scatter is that of all sizes."""
    scatter_s = lateness_scatter_s(observations)
    return tuple(
        LoneUpload(
            payload_bits=size,
            late_s=float(one.mean()),
            u_late_s=None if scatter_s is None else scatter_s / len(one) ** 0.5,
            uploads=len(one),
        )
        for size, one in lone_lateness_s(observations).items()
    )


def _figure(fit: LinearFit, place: int, unit: str, u_sys: float) -> Quantity:
    return with_interval(_estimate(fit, place), unit, u_sys)


def _estimate(fit: LinearFit, place: int) -> Estimate:
    return Estimate(
        value=float(fit.coefficients[place]),
        u_stat=float(np.sqrt(fit.covariance[place, place])),
        degrees_of_freedom=fit.degrees_of_freedom,
        n=len(fit.residuals),
    )


def _clock_u_s(records: Sequence[WindowRecord]) -> float:
    """Return what reading the clocks makes of one transfer, standard uncertainty, s."""
    found = [
        record.transfers.u_transfer_s / record.transfers.transfers**0.5
        for record in records
        if record.transfers is not None
    ]
    return max(found, default=0.0)


def _percentiles(records: Sequence[WindowRecord]) -> tuple[TransferPercentiles, ...]:
    sizes: dict[int, list[WindowRecord]] = defaultdict(list)
    for record in records:
        if record.transfers is not None:
            sizes[upload_size(record.observation)].append(record)
    found = [_of_size(bits, sizes[bits]) for bits in sorted(sizes)]
    return tuple(one for one in found if one.transfers >= FEWEST_OF_A_PERCENTILE)


def _of_size(bits: int, records: Sequence[WindowRecord]) -> TransferPercentiles:
    """Return percentiles of transfer times; a time that was kept stands for several.

    The first of a window, which came after a pause, is left out: ``per_burst_s`` tells of it.
    """
    kept = [record.transfers for record in records if record.transfers is not None]
    has_others = any(one.transfers > 1 for one in kept)
    pairs = sorted(pair for one in kept for pair in _weighted(one, without_first=has_others))
    times_s = np.array([time_s for time_s, _ in pairs])
    weights = np.array([weight for _, weight in pairs])
    share = (np.cumsum(weights) - weights / 2) / weights.sum()
    p50, p95, p99 = np.interp((0.50, 0.95, 0.99), share, times_s)
    return TransferPercentiles(
        payload_bits=bits,
        transfers=round(float(weights.sum())),
        p50_s=float(p50),
        p95_s=float(p95),
        p99_s=float(p99),
    )


def _weighted(one: WindowTransfers, *, without_first: bool) -> list[tuple[float, float]]:
    """Return each kept time, s, and how many transfers it stands for."""
    weights = np.full(len(one.times_s), one.transfers / len(one.times_s))
    if without_first and one.first_s is not None:
        # Of many transfers the first need not be kept: the one next to it stands for it.
        weights[np.argmin(np.abs(np.array(one.times_s) - one.first_s))] -= 1.0
    return [(t, float(weight)) for t, weight in zip(one.times_s, weights, strict=True) if weight]
