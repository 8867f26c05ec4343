"""How long uploads take in a stream, and how much longer those that begin it. Pure.

After a pause TCP starts anew, and its window opens over one upload or several, the longer the more
there is to send. Times are known a hundred times better than energies, so it is told by them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates._fitting import LinearModel
from joulesplit.calibrate.windows import Observation
from joulesplit.metrology import Array

MOST_OPENING = 2
"""Uploads that open TCP's window, half of a window's at most: the first one doubles it until it is
at what that one holds, and the second one from there until the link is full."""

FEWEST_SIZES = 2
"""Of one size alone what an upload takes is not told from what its bits take."""

FEWEST_ALIKE = 2
"""Windows of one size that tell how much they differ."""


def upload_size(observation: Observation) -> int:
    """Return the payload of one transfer of a window, bit."""
    return observation.payload_bits // observation.repetitions


def _opening(observation: Observation) -> int:
    """Return how many uploads of a window are taken for those that open TCP's window."""
    return min(len(observation.begin_s), max(1, min(MOST_OPENING, observation.repetitions // 2)))


def in_stream(observations: Sequence[Observation]) -> LinearModel:
    """Return uploads of one pace that follow others as rows of T = T_0 · uploads + t · bits.

    Those that open TCP's window after the pause before the window are left out.
    """
    known = [o for o in observations if _follow(o)]
    if len({upload_size(o) for o in known}) < FEWEST_SIZES:
        known = [replace(o, begin_s=()) for o in observations]
    rows = [[_follow(o), upload_size(o) * _follow(o)] for o in known]
    times_s = np.array([_following_s(o) for o in known])
    # Of independent transfers the variances add up, as their times do.
    return LinearModel(
        design=np.array(rows, dtype=np.float64).reshape(-1, 2),
        observed=times_s,
        spread=np.sqrt(times_s),
    )


def _follow(observation: Observation) -> int:
    return observation.repetitions - _opening(observation)


def _following_s(observation: Observation) -> float:
    return observation.airtime_s - sum(observation.begin_s[: _opening(observation)])


@dataclass(frozen=True, slots=True, kw_only=True)
class RateScatter:
    """How well the time of a bit in a stream is known, by how windows of one size differ.

    Attributes:
        u_rel: Of what bits take, relative standard uncertainty.
        degrees_of_freedom: Behind it.
        windows: Of the largest size, with uploads that follow others.
    """

    u_rel: float
    degrees_of_freedom: float
    windows: int

    def of_windows(self, windows: int) -> float:
        """Return the same as so many windows of a size tell it, relative."""
        return float(self.u_rel * (self.windows / windows) ** 0.5)


def rate_scatter(observations: Sequence[Observation]) -> RateScatter | None:
    """Return how well the time of a bit is known that the lateness of windows is held against.

    It is the largest uploads' that follow others. What a link does within seconds does not tell
    what it does within minutes, so windows count, not transfers; and of all sizes whose bits take
    longer than their round trip, as of the largest one a quick campaign has a single window.
    First uploads tell as well: how long they wait for TCP's window differs by whole round trips.
    The longer, the more each counts, as what averages out does so over the bits. Sizes off the
    straight line are in it with nothing, as each is held against itself.

    Args:
        observations: Of one pace.

    Returns:
        None where nothing is held against it, or no two windows are alike.
    """
    try:
        round_trip_s, per_bit_s = in_stream(observations).fit().coefficients
    except EstimateError:
        return None
    known = [o for o in observations if o.begin_s and per_bit_s * upload_size(o) > round_trip_s]
    largest = max((upload_size(o) for o in known), default=0)
    holding = sum(upload_size(o) == largest and _follow(o) > 0 for o in known)
    groups = [
        group
        for size in sorted({upload_size(o) for o in known})
        for group in _bit_times([o for o in known if upload_size(o) == size], float(round_trip_s))
        if len(group[0]) >= FEWEST_ALIKE
    ]
    if not holding or not groups:
        return None
    weights = np.array([bits * (len(times_s) - 1) for times_s, bits in groups])
    variances = np.array([np.var(times_s, ddof=1) for times_s, _ in groups])
    bits = np.array([bits for _, bits in groups])
    u_bit_s = float(np.sqrt(weights @ variances / weights.sum() / holding))
    return RateScatter(
        u_rel=u_bit_s / float(per_bit_s),
        degrees_of_freedom=float(weights.sum() ** 2 / (weights @ bits)),
        windows=holding,
    )


def _bit_times(own: Sequence[Observation], round_trip_s: float) -> list[tuple[Array, float]]:
    """Return what a bit takes by window, s, of first uploads and of those in a stream.

    Each with how many bits a window has of it, harmonic mean.

    Args:
        own: Of one size.
        round_trip_s: Of the link.
    """
    size = upload_size(own[0])
    firsts_s = np.array([o.begin_s[0] for o in own], dtype=np.float64)
    follow = np.array([_follow(o) for o in own if _follow(o)], dtype=np.float64)
    stream_s = np.array([_following_s(o) for o in own if _follow(o)], dtype=np.float64)
    groups = [(_beyond_round_trips(firsts_s, round_trip_s) / size, float(size))]
    if len(follow):
        groups.append((stream_s / follow / size, float(size / np.mean(1 / follow))))
    return groups


def _beyond_round_trips(times_s: Array, round_trip_s: float) -> Array:
    """Return how times differ from their median, s, whole round trips taken off."""
    apart_s: Array = times_s - np.median(times_s)
    if round_trip_s <= 0.0:
        return apart_s
    return apart_s - round_trip_s * np.round(apart_s / round_trip_s)


def lateness_s(observations: Sequence[Observation]) -> Array:
    """Return how much longer than in a stream the uploads of each window took that began it, s.

    Args:
        observations: Of one pace, n of them.

    Returns:
        Shape (n,), float64; 0 where it is not known.
    """
    return _beyond_usual_s(observations, [_opening(o) for o in observations])


def first_lateness_s(observations: Sequence[Observation]) -> Array:
    """Return the same of the first upload of each window alone."""
    return _beyond_usual_s(observations, [min(1, len(o.begin_s)) for o in observations])


def lone_lateness_s(observations: Sequence[Observation]) -> dict[int, Array]:
    """Return how much longer uploads took that came alone, s, by size in rising order.

    Of a size that was never sent alone, the first ones of its windows, which came after a pause
    that may have been shorter.

    Args:
        observations: Of one pace.
    """
    groups = _first_groups_s(observations)
    sizes = sorted({size for size, _ in groups})
    return {size: np.array(groups.get((size, True)) or groups[size, False]) for size in sizes}


def lateness_scatter_s(observations: Sequence[Observation]) -> float | None:
    """Return by how much the lateness of first uploads of one size scatters, s.

    A standard deviation within sizes, those that came alone apart; None where none was repeated.

    Args:
        observations: Of one pace.
    """
    groups = [np.array(late_s) for late_s in _first_groups_s(observations).values()]
    freedom = sum(len(late_s) - 1 for late_s in groups)
    squares = sum(float(((late_s - late_s.mean()) ** 2).sum()) for late_s in groups)
    return float((squares / freedom) ** 0.5) if freedom else None


def _first_groups_s(observations: Sequence[Observation]) -> dict[tuple[int, bool], list[float]]:
    """Return the lateness of first uploads, s, by size and whether they came alone."""
    groups: dict[tuple[int, bool], list[float]] = defaultdict(list)
    for o, late_s in zip(observations, first_lateness_s(observations), strict=True):
        groups[upload_size(o), o.repetitions == 1].append(float(late_s))
    return groups


def _beyond_usual_s(observations: Sequence[Observation], firsts: Sequence[int]) -> Array:
    try:
        usual_s = _usual_s(observations)
    except EstimateError:
        return np.zeros(len(observations))
    return np.array(
        [
            sum(o.begin_s[:first]) - first * usual_s[upload_size(o)]
            for o, first in zip(observations, firsts, strict=True)
        ]
    )


def _usual_s(observations: Sequence[Observation]) -> Mapping[int, float]:
    """Return how long an upload takes in a stream, s, by size.

    By its own that followed others; of a size that has none, by the straight line of the others.

    Raises:
        EstimateError: They do not determine it.
    """
    per_upload_s, per_bit_s = in_stream(observations).fit().coefficients
    following: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for o in observations:
        if o.begin_s:
            following[upload_size(o)].append((_following_s(o), _follow(o)))
    usual_s = {}
    for size in {upload_size(o) for o in observations}:
        times_s, counts = zip(*following.get(size, [(0.0, 0)]), strict=True)
        line_s = float(per_upload_s + per_bit_s * size)
        usual_s[size] = sum(times_s) / sum(counts) if sum(counts) else line_s
    return usual_s


def settled(observations: Sequence[Observation]) -> list[Observation]:
    """Return windows as if all their uploads had taken what those in a stream take.

    What P_0 adds to a gross energy meanwhile is known exactly, and is taken off: left to the fit,
    a power that is ten times that of the waiting radio would stand for it.

    Args:
        observations: Of several paces.
    """
    changed = list(observations)
    for pace in {o.pace for o in observations}:
        places = [place for place, o in enumerate(observations) if o.pace == pace]
        own = [observations[place] for place in places]
        for place, o, late_s in zip(places, own, lateness_s(own), strict=True):
            changed[place] = replace(
                o,
                gross_j=o.gross_j - o.stated_idle_w * float(late_s),
                work_s=o.work_s - float(late_s),
            )
    return changed
