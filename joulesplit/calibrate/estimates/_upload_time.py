"""Upload windows to how long an upload takes: per upload, per bit, once per burst. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import chain

import numpy as np

from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates._by_pace import UNPACED, in_stream, lateness_s, upload_size
from joulesplit.calibrate.estimates._fitting import LinearModel
from joulesplit.calibrate.estimates._stats import LinearFit
from joulesplit.calibrate.estimates._uncertainty import Estimate, with_interval
from joulesplit.calibrate.profile import Quantity, TransferPercentiles, UploadTime
from joulesplit.calibrate.windows import Observation, Pace, WindowRecord

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
    misfit_rel = float(np.sqrt(np.mean((fit.raw_residuals / problem.observed) ** 2)))
    # Reading the clocks adds the same to each transfer: it is in T_0, and not in what bits take.
    per_upload_s = _figure(fit, 0, "s", _clock_u_s(records))
    per_bit_s = _figure(fit, 1, "s/bit", 0.0)
    late = _lateness(observations)
    told = [record.transfers for record in records if record.transfers is not None]
    rtt_s = [one.min_rtt_s for one in told if one.min_rtt_s is not None]
    return UploadTime(
        per_upload_s=per_upload_s,
        per_bit_s=per_bit_s,
        per_burst_s=late[0] if late else None,
        per_burst_bit_s=late[1] if late else None,
        covariance=tuple(tuple(float(x) for x in row) for row in fit.covariance),
        methods=tuple(dict.fromkeys(chain.from_iterable(one.methods for one in told))),
        min_rtt_s=min(rtt_s, default=None),
        percentiles=_percentiles(records),
        unpaced=pace == UNPACED,
        misfit_rel=misfit_rel,
    )


def _lateness(observations: Sequence[Observation]) -> tuple[Quantity, Quantity] | None:
    """Return by how much longer the first upload of a window takes, s and s per bit."""
    known = [o for o in observations if o.first_s is not None]
    if len(known) < FEWEST_LATE:
        return None
    design = np.array([[1.0, upload_size(o)] for o in known])
    late_s = lateness_s(known)
    problem = LinearModel(design=design, observed=late_s, spread=np.ones_like(late_s))
    try:
        fit = problem.fit()
    except EstimateError:
        return None
    return _figure(fit, 0, "s", 0.0), _figure(fit, 1, "s/bit", 0.0)


def _figure(fit: LinearFit, place: int, unit: str, u_sys: float) -> Quantity:
    estimate = Estimate(
        value=float(fit.coefficients[place]),
        u_stat=float(np.sqrt(fit.covariance[place, place])),
        degrees_of_freedom=fit.degrees_of_freedom,
        n=len(fit.residuals),
    )
    return with_interval(estimate, unit, u_sys)


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
    return tuple(_of_size(bits, sizes[bits]) for bits in sorted(sizes))


def _of_size(bits: int, records: Sequence[WindowRecord]) -> TransferPercentiles:
    """Return percentiles of transfer times; a time that was kept stands for several."""
    kept = [record.transfers for record in records if record.transfers is not None]
    pairs = sorted(
        (time_s, one.transfers / len(one.times_s)) for one in kept for time_s in one.times_s
    )
    times_s = np.array([time_s for time_s, _ in pairs])
    weights = np.array([weight for _, weight in pairs])
    share = (np.cumsum(weights) - weights / 2) / weights.sum()
    p50, p95, p99 = np.interp((0.50, 0.95, 0.99), share, times_s)
    return TransferPercentiles(
        payload_bits=bits,
        transfers=sum(one.transfers for one in kept),
        p50_s=float(p50),
        p95_s=float(p95),
        p99_s=float(p99),
    )
