"""What encoding costs the device before it sends: its time, at the mean power of computing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from joulesplit.metrology import Inputs
from joulesplit.optimizer._compute_cost import Computing
from joulesplit.optimizer._linear_figures import (
    OF_COMPUTING,
    apart_from,
    inputs,
    inverse_freedom_of,
    offset_left,
)


def mean_power_w(computing: Computing) -> float | None:
    """Give the power of computing the blocks one after the other, W; None without their times."""
    times_s = [block.latency_s or 0.0 for block in computing.blocks]
    if not times_s or not all(time_s > 0.0 for time_s in times_s):
        return None
    return sum(block.energy.value for block in computing.blocks) / sum(times_s)


def encoding_inputs(computing: Computing, encode_s: Sequence[float]) -> Inputs:
    """Give how long each candidate encodes, at one price of a second.

    Its relative error is that of E_d, from the same energies, taken as independent of what the
    blocks of a candidate cost. Without the blocks' times encoding counts 0.

    Args:
        computing: The profile's figures.
        encode_s: At l = 0 … L, s.
    """
    power_w = mean_power_w(computing)
    e_d, idle_w = computing.e_d, computing.idle_u_w if power_w else 0.0
    per_e_d = (power_w or 0.0) / e_d.value
    left = offset_left(e_d, computing.scale_u_rel, computing.campaign_u_rel)
    return inputs(
        np.array(encode_s)[:, np.newaxis],
        np.array([power_w or 0.0]),
        np.array([[apart_from((e_d.u_stat or 0.0) * per_e_d, idle_w)]]),
        inverse_freedom=[inverse_freedom_of(e_d)],
        idle=np.array([idle_w]),
        offset=np.array([left * per_e_d]),
        campaign={OF_COMPUTING: np.array([computing.campaign_u_rel * (power_w or 0.0)])},
    )
