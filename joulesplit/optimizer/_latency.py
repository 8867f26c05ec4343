"""How long an inference by a split takes: on average, how well that is known, and the slow ones."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot, sqrt

from scipy.special import ndtri

from joulesplit.metrology import NO_ERROR, Error, error_of_scatter
from joulesplit.optimizer._constraints import PERCENTS
from joulesplit.optimizer._link_cost import Sending
from joulesplit.optimizer._link_time import OF_A_BOUND, KnownTime, LinkTime
from joulesplit.optimizer._usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadLatency:
    """The time of one upload, with what it shares of a burst's start and of connecting.

    Attributes:
        mean: On average.
        slow: Percentiles, see ``PERCENTS``; empty if the profile has none.
    """

    mean: KnownTime
    slow: tuple[KnownTime, ...] = ()


NO_UPLOAD = UploadLatency(mean=KnownTime(value_s=0.0, error=NO_ERROR))


def upload_latency(sending: Sending, usage: Usage, bits: int) -> UploadLatency:
    """Return the time of an upload of so many bits.

    It holds the round trip of the last bit's acknowledgement, which the first bit of an answer
    takes just as well: none is added for it.
    """
    connecting_s = usage.connections_per_upload * sending.connection_s
    if sending.time is None:
        rate_s = bits / sending.rate_bit_per_s
        return UploadLatency(mean=KnownTime(value_s=rate_s + connecting_s, error=None))
    first = 1.0 / usage.uploads_per_burst
    mean = _plus(sending.time.usual(bits), sending.time.lateness(bits), first)
    slow = []
    for percent, usual in zip(PERCENTS, sending.time.slow(bits), strict=False):
        # Where more uploads than that are the first ones, the slow ones are among these.
        beyond = 1.0 - percent / 100
        whole = _of_firsts(sending.time, bits, usual, percent / 100) if first > beyond else usual
        slow.append(_later(whole, sending.connection_s * (usage.connections_per_upload > beyond)))
    return UploadLatency(mean=_later(mean, connecting_s), slow=tuple(slow))


def _of_firsts(time: LinkTime, bits: int, usual: KnownTime, share: float) -> KnownTime:
    """Return a percentile of uploads that come after a pause.

    How late these are scatters apart from what all uploads do, and of that scatter no more than
    mean and standard deviation σ are known. The p-quantile is taken where that of a normal
    distribution lies, and is no further from the mean than σ·√(p/(1 − p)) whatever the
    distribution (Cantelli's inequality): what is between is a bound of it.
    """
    scatter_s = time.late_scatter_s or 0.0
    normal_s = float(ndtri(share)) * scatter_s
    mean = _plus(time.usual(bits), time.lateness(bits), 1.0)
    away_s = usual.value_s - time.usual(bits).value_s
    together_s = hypot(away_s, normal_s) if away_s > 0 or normal_s > 0 else away_s
    most_s = scatter_s * (share / (1.0 - share)) ** 0.5
    error = _sum(usual.error, time.lateness(bits).error)
    if error is not None and most_s > normal_s:
        error = error.with_systematic((most_s - normal_s) / sqrt(3), OF_A_BOUND)
    return KnownTime(value_s=mean.value_s + together_s, error=error)


def _plus(one: KnownTime, other: KnownTime, share: float) -> KnownTime:
    """Return one time and a share of another, known independently of each other."""
    return KnownTime(
        value_s=one.value_s + share * other.value_s, error=_sum(one.error, other.error, share)
    )


def _later(one: KnownTime, more_s: float) -> KnownTime:
    return KnownTime(value_s=one.value_s + more_s, error=one.error)


def _sum(one: Error | None, other: Error | None, share: float = 1.0) -> Error | None:
    if one is None or other is None:
        return None
    parts = [
        (one.u_stat, one.statistical_inverse_freedom),
        (share * other.u_stat, other.statistical_inverse_freedom),
    ]
    found = error_of_scatter(parts).with_systematic(one.u_sys, 0.0)
    return found.with_systematic(share * other.u_sys, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitLatency:
    """The time of an inference by a split.

    Attributes:
        compute_s: On the device, encoding counted, s.
        upload_s: The upload, s.
        mean: The whole time on average.
        slow: Percentiles of it by those of the upload, see ``PERCENTS``, computing as on average;
            empty if the profile has none, or nothing is sent.
    """

    compute_s: float
    upload_s: float
    mean: KnownTime
    slow: tuple[KnownTime, ...] = ()

    def at(self, percent: int) -> KnownTime | None:
        """Return a percentile; None if it is not known."""
        return self.slow[PERCENTS.index(percent)] if self.slow else None

    def limit_s(self, percent: int) -> float:
        """Return what a limit is held against, s: the upper end of the percentile's interval.

        Where there are no percentiles, that of the mean's.
        """
        return (self.at(percent) or self.mean).upper_s


def split_latency(computing: KnownTime, upload: UploadLatency, back_s: float) -> SplitLatency:
    """Return the time of a split.

    Args:
        computing: On the device, encoding counted.
        upload: The upload.
        back_s: From the last bit sent until the answer is there, beyond its round trip, s.
    """
    beside = _later(computing, back_s)
    return SplitLatency(
        compute_s=computing.value_s,
        upload_s=upload.mean.value_s,
        mean=_plus(beside, upload.mean, 1.0),
        slow=tuple(_plus(beside, slow, 1.0) for slow in upload.slow),
    )
