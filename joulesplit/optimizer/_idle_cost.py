"""What an inference costs besides its own energy: the idle power of its period, and its start.

Energy above idle alone empties no battery. A period of T, from one inference to the next, takes
E_net + P_0·T, and by the gross account E_gross + P_0·(T − t), with t the time whose idle power is
in E_gross already. Back to back T is how long an inference lasts, so that it differs from split to
split and is as uncertain as the times of its blocks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from joulesplit.calibrate.profile import Quantity
from joulesplit.metrology import Inputs
from joulesplit.optimizer._campaign import Campaign
from joulesplit.optimizer._linear_figures import (
    OF_COMPUTING,
    OF_IDLE,
    inputs,
    inverse_freedom_of,
    offset_left,
)
from joulesplit.optimizer._uncertainty import FloatArray

IDLE, START = range(2)
"""Columns of the table; the uncertain times follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BesideCost:
    """What is counted beside the energies of computing and sending.

    Attributes:
        idle: P_0, W; None if it is not known or does not count.
        beside_s: Time of P_0 that no energy holds yet, s, at position l; all 0 likewise.
        start: Net energy of an inference that starts alone, J; None if it does not count.
        starts: How many starts each candidate takes.
        times_s: Effect of one standard deviation of each measured time on each candidate's own
            time, s; float64, shape (L + 1, M); M = 0 where times do not count.
        times_inverse_freedom: 1/ν of those.
        scale_u_rel: Relative standard uncertainty common to every joule.
        campaign: What the campaign leaves open of these figures.
    """

    idle: Quantity | None
    beside_s: tuple[float, ...]
    start: Quantity | None
    starts: tuple[float, ...]
    times_s: FloatArray
    times_inverse_freedom: float
    scale_u_rel: float
    campaign: Campaign

    @property
    def figures(self) -> tuple[Quantity, ...]:
        """What is taken of the profile."""
        return tuple(figure for figure in (self.idle, self.start) if figure is not None)


def beside_inputs(beside: BesideCost) -> Inputs:
    """Give what each candidate takes of the idle power and of starts."""
    figures = (beside.idle, beside.start)
    values = [figure.value if figure else 0.0 for figure in figures]
    count = beside.times_s.shape[1]
    idle_w, start_u_j = values[IDLE], (beside.start.u_stat or 0.0) if beside.start else 0.0
    own = np.zeros((2 + count, 1 + count))
    own[START, 0] = start_u_j
    own[2:, 1:] = idle_w * np.eye(count)
    return inputs(
        np.column_stack([beside.beside_s, beside.starts, beside.times_s]),
        np.array([*values, *np.zeros(count)]),
        own,
        estimates=[0, *([1] * count)],
        inverse_freedom=[inverse_freedom_of(beside.start), beside.times_inverse_freedom],
        idle=_only(IDLE, (beside.idle.u_stat or 0.0) if beside.idle else 0.0, 2 + count),
        offset=_offsets(beside, count),
        campaign={
            OF_IDLE: _only(IDLE, beside.campaign.idle * idle_w, 2 + count),
            OF_COMPUTING: _only(START, beside.campaign.computing * values[START], 2 + count),
        },
    )


def _only(place: int, value: float, size: int) -> FloatArray:
    column = np.zeros(size)
    column[place] = value
    return column


def _offsets(beside: BesideCost, count: int) -> FloatArray:
    pairs = ((beside.idle, beside.campaign.idle), (beside.start, beside.campaign.computing))
    lefts = [offset_left(one, beside.scale_u_rel, u_rel) if one else 0.0 for one, u_rel in pairs]
    return np.array([*lefts, *np.zeros(count)])
