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
"""Columns of the table: the idle power, and the first of the different starts; the uncertain times
follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BesideCost:
    """What is counted beside the energies of computing and sending.

    Attributes:
        idle: P_0, W; None if it is not known or does not count.
        beside_s: Time of P_0 that no energy holds yet, s, at position l; all 0 likewise.
        starts: Net energy of starting alone, J, at position l; None where it counts nothing.
        times_s: Effect of one standard deviation of each measured time on each candidate's own
            time, s; float64, shape (L + 1, M); M = 0 where times do not count.
        times_inverse_freedom: 1/ν of those.
        scale_u_rel: Relative standard uncertainty common to every joule.
        campaign: What the campaign leaves open of these figures.
    """

    idle: Quantity | None
    beside_s: tuple[float, ...]
    starts: tuple[Quantity | None, ...]
    times_s: FloatArray
    times_inverse_freedom: float
    scale_u_rel: float
    campaign: Campaign

    @property
    def figures(self) -> tuple[Quantity, ...]:
        """What is taken of the profile."""
        idle = () if self.idle is None else (self.idle,)
        return (*idle, *self.different_starts)

    @property
    def different_starts(self) -> tuple[Quantity, ...]:
        """Each start that a candidate has, once."""
        return tuple({id(start): start for start in self.starts if start is not None}.values())


def beside_inputs(beside: BesideCost) -> Inputs:
    """Give what each candidate takes of the idle power and of starts."""
    starts, count = beside.different_starts, beside.times_s.shape[1]
    first = START + len(starts)
    starts_j = np.array([start.value for start in starts])
    idle_w = beside.idle.value if beside.idle else 0.0
    own = np.zeros((first + count, len(starts) + count))
    own[START:first, : len(starts)] = np.diag([start.u_stat or 0.0 for start in starts])
    own[first:, len(starts) :] = idle_w * np.eye(count)
    taken = [[float(start is one) for one in starts] for start in beside.starts]
    return inputs(
        np.column_stack(
            [beside.beside_s, np.array(taken).reshape(len(taken), len(starts)), beside.times_s]
        ),
        np.array([idle_w, *starts_j, *np.zeros(count)]),
        own,
        estimates=[*([0] * len(starts)), *([1] * count)],
        inverse_freedom=[inverse_freedom_of(*starts), beside.times_inverse_freedom],
        idle=_only(IDLE, (beside.idle.u_stat or 0.0) if beside.idle else 0.0, first + count),
        offset=_offsets(beside, count),
        campaign={
            OF_IDLE: _only(IDLE, beside.campaign.idle * idle_w, first + count),
            OF_COMPUTING: np.array(
                [0.0, *(beside.campaign.computing * starts_j), *np.zeros(count)]
            ),
        },
    )


def _only(place: int, value: float, size: int) -> FloatArray:
    column = np.zeros(size)
    column[place] = value
    return column


def _offsets(beside: BesideCost, count: int) -> FloatArray:
    pairs = [(beside.idle, beside.campaign.idle)]
    pairs += [(start, beside.campaign.computing) for start in beside.different_starts]
    lefts = [offset_left(one, beside.scale_u_rel, u_rel) if one else 0.0 for one, u_rel in pairs]
    return np.array([*lefts, *np.zeros(count)])
