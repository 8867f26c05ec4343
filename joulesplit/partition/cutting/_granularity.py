"""A network as a chosen number of blocks, or as blocks that end where chosen tensors are made.

The rule for N blocks keeps to the residual blocks:
    1. As many as there are residual blocks: these.
    2. Fewer: residual blocks are joined, none is divided.
    3. More: every residual block's end stays, and some are divided, where a single tensor crosses
       as long as there are enough such places, and else anywhere.
    Of all choices that which makes the least of

        N · Σ (N_l / Σ N_l)²  +  mean of P_l / the largest P_l to choose from

    The first is 1 for blocks of equal work and grows with their difference; the second keeps
    the cuts small. Without any work the operators count as 1 each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from itertools import accumulate

import numpy as np

from joulesplit.partition._network import Block, Network
from joulesplit.partition.cutting._blocks import blocks_at, every_cut_blocks, residual_blocks
from joulesplit.partition.cutting._cuts import prefix_cuts
from joulesplit.partition.cutting._names import operator_layers
from joulesplit.partition.errors import CutError

SHOWN_NAMES = 3


def balanced_blocks(network: Network, count: int) -> tuple[Block, ...]:
    """Return the network as that many blocks; see the module's rule.

    Raises:
        CutError: Less than 1, or more than there are operators to divide.
    """
    residual = residual_blocks(network)
    if count == len(residual):
        return residual
    every = [block.last_operator for block in every_cut_blocks(network)]
    if not 1 <= count <= len(every):
        raise CutError(f"{network.name}: cannot be {count} blocks; choose from 1 to {len(every)}")
    ends = [block.last_operator for block in residual]
    if count < len(ends):
        joined = blocks_at(network, _chosen(network, ends, ends[-1:], count))
        return tuple(_named(block, residual) for block in joined)
    cuts = prefix_cuts(network)
    alone = [end for end in every if len(cuts[end + 1].tensors) == 1]
    places = sorted({*ends, *alone})
    candidates = places if count <= len(places) else sorted({*ends, *every})
    return blocks_at(network, _chosen(network, candidates, ends, count))


def _named(joined: Block, residual: Sequence[Block]) -> Block:
    """Name a block after the first and the last residual block in it."""
    first = next(b for b in residual if b.first_operator == joined.first_operator)
    last = next(b for b in residual if b.last_operator == joined.last_operator)
    return replace(joined, name=first.name if first is last else f"{first.name}…{last.name}")


def blocks_at_tensors(network: Network, names: Sequence[str]) -> tuple[Block, ...]:
    """Return the blocks that end after the operators that make the named tensors.

    Besides the named tensor others may cross there: whatever made before is needed after.

    Raises:
        CutError: No operator makes a tensor of that name, or several do.
    """
    return blocks_at(network, sorted({operator_making(network, name) for name in names}))


def operator_making(network: Network, name: str) -> int:
    """Return the index of the operator that makes the tensor of a name.

    The name of a layer, as the blocks' names have them (``block_3_project``), will do as well:
    it stands for the last tensor that the layer makes.

    Raises:
        CutError: None does, or several make tensors of one name.
    """
    makers = [
        operator.index
        for operator in network.operators
        if any(network.tensors[index].name == name for index in operator.outputs)
    ]
    if len(makers) > 1:
        raise CutError(
            f"{network.name}: operators {makers[0]} and {makers[1]} both make a tensor "
            f"{name!r}; give the operator's number instead"
        )
    layers = operator_layers(network)
    makers = makers or [index for index, layer in enumerate(layers) if name and layer == name]
    if not makers:
        raise CutError(
            f"{network.name}: no operator makes a tensor {name!r}; {_hint(network, layers, name)}"
        )
    return makers[-1]


def _hint(network: Network, layers: Sequence[str], name: str) -> str:
    tensors = [network.tensors[i].name for o in network.operators for i in o.outputs]
    known = list(dict.fromkeys([*filter(None, layers), *tensors]))
    close = get_close_matches(name, known, SHOWN_NAMES) or known[:SHOWN_NAMES]
    return "there are for example " + ", ".join(repr(other) for other in close)


def _chosen(
    network: Network, candidates: Sequence[int], kept: Sequence[int], count: int
) -> list[int]:
    """Choose that many of the candidates, all kept ones among them, by dynamic programming.

    ``best[j]`` is the least sum for the operators up to candidate j in n blocks.
    """
    work = [operator.flop or 0 for operator in network.operators]
    done = np.array(list(accumulate(work if any(work) else [1] * len(work), initial=0)), float)
    starts = done[[0, *(end + 1 for end in candidates)]] / done[-1]
    bits = np.array([prefix_cuts(network)[end + 1].bits for end in candidates], float)
    bits[-1] = 0
    small = bits / max(bits.max(), 1.0) / count
    earliest = _earliest(candidates, kept)
    best = np.full(len(candidates) + 1, np.inf)
    best[0] = 0.0
    choices = []
    for _ in range(count):
        longer, choice = np.full_like(best, np.inf), np.zeros(len(best), int)
        for j, first in enumerate(earliest, start=1):
            sums = best[first:j] + count * (starts[j] - starts[first:j]) ** 2
            choice[j] = first + int(sums.argmin())
            longer[j] = sums.min() + small[j - 1]
        best = longer
        choices.append(choice)
    return _traced(candidates, choices)


def _earliest(candidates: Sequence[int], kept: Sequence[int]) -> list[int]:
    """Return, per candidate, the first place at which a block that ends there may start.

    Place 0 is the network's start, place j + 1 what follows candidate j.
    """
    earliest, first = [], 0
    for j, end in enumerate(candidates):
        earliest.append(first)
        if end in kept:
            first = j + 1
    return earliest


def _traced(candidates: Sequence[int], choices: Sequence[np.ndarray]) -> list[int]:
    ends, place = [], len(candidates)
    for choice in reversed(choices):
        ends.append(candidates[place - 1])
        place = int(choice[place])
    return ends[::-1]
