"""Convolutions taken apart: which belong together, by their kinds and kernels.

A depthwise convolution mixes no channels and a pointwise one no places; one after the other they
stand for one convolution (MobileNetV1's separable layer). With a pointwise one before them that
is not the end of such a pair they are an inverted bottleneck (MobileNetV2's block). What scales
the depthwise one's channels in between (squeeze and excitation) works without spatial extent and
does not part them.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from itertools import pairwise

from joulesplit.partition._network import Network, Operator


class Role(Enum):
    """What a multiply-accumulate operator mixes."""

    DEPTHWISE = "places"
    POINTWISE = "channels"
    OTHER = "both, or something else"


def separable_seams(network: Network, spatial: Sequence[Operator]) -> list[tuple[int, int]]:
    """Return the places inside such units.

    Args:
        network: The network.
        spatial: Its multiply-accumulate operators whose outputs have spatial extent, in order.

    Returns:
        Pairs of operator indices: between the first, inclusive, and the second no block ends.
    """
    seams, closing = [], False
    roles = [_role(network, operator) for operator in spatial]
    for (before, role), (after, next_role) in pairwise(zip(spatial, roles, strict=True)):
        pair = role is Role.DEPTHWISE and next_role is Role.POINTWISE
        opening = role is Role.POINTWISE and next_role is Role.DEPTHWISE and not closing
        if pair or opening:
            seams.append((before.index, after.index))
        closing = pair
    return seams


def _role(network: Network, operator: Operator) -> Role:
    if operator.kind == "DEPTHWISE_CONV_2D":
        return Role.DEPTHWISE
    if operator.kind != "CONV_2D" or len(operator.inputs) < 2:
        return Role.OTHER
    source, kernel = (network.tensors[index].shape for index in operator.inputs[:2])
    if len(source) != 4 or len(kernel) != 4:
        return Role.OTHER
    if kernel[3] == 1 < source[3]:
        return Role.DEPTHWISE
    return Role.POINTWISE if kernel[1:3] == (1, 1) else Role.OTHER
