"""A network as consecutive blocks: by residual block, at every cut, or at chosen cuts.

The rule for residual blocks, in this order:
    1. A block may end only where a single tensor crosses: never inside a residual, a branch or
       anything else that runs side by side.
    2. Multiply-accumulate operators whose layers carry the same block name (``block_1_expand``,
       ``block_1_depthwise``, ``block_1_project``) stay in one block with all between them.
    3. The trailing operators whose outputs have no spatial extent any more (global pooling,
       classifier, softmax) are one block, ``head``.
    4. What does no multiply-accumulate work (padding, a change of quantisation, a lone
       activation) joins the neighbour that leaves the smaller tensor to cross.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from math import prod

from partition.constants import constant_tensors
from partition.cutting.cuts import prefix_cuts
from partition.cutting.names import common_words, operator_layers, stem
from partition.errors import CutError
from partition.network import Block, Cut, Network

HEAD = "head"


def residual_blocks(network: Network) -> tuple[Block, ...]:
    """Return the network as blocks at residual-block granularity; see the module's rule."""
    cuts = prefix_cuts(network)
    layers = operator_layers(network)
    ends = [c.after_operator for c in cuts if c.after_operator >= 0 and len(c.tensors) == 1]
    head = _head_start(network)
    ends = [end for end in _without_same_stem(ends, network, layers) if end < head]
    ends = _without_idle(_closed(network, ends), network, cuts)
    return _blocks(network, cuts, ends, layers, head)


def every_cut_blocks(network: Network) -> tuple[Block, ...]:
    """Return one block per operator; those that only unpack constants join the next one."""
    constants = constant_tensors(network.tensors, network.operators)
    ends = [o.index for o in network.operators if not constants.issuperset(o.outputs)]
    return _blocks(network, prefix_cuts(network), _closed(network, ends), operator_layers(network))


def blocks_at(network: Network, after_operators: Sequence[int]) -> tuple[Block, ...]:
    """Return the blocks that end after the given operators; the last one always ends a block.

    Raises:
        CutError: The indices do not ascend, or are none of the network's operators.
    """
    last = len(network.operators) - 1
    ends = list(after_operators)
    if ends != sorted(set(ends)) or not all(0 <= end <= last for end in ends):
        raise CutError(
            f"{network.name}: blocks cannot end after operators {ends}; give ascending indices "
            f"from 0 to {last}"
        )
    return _blocks(network, prefix_cuts(network), _closed(network, ends), operator_layers(network))


def _closed(network: Network, ends: Sequence[int]) -> list[int]:
    """Let the last operator end a block, whatever it is."""
    last = len(network.operators) - 1
    return [*(end for end in ends if end < last), last] if last >= 0 else []


def _without_same_stem(ends: Sequence[int], network: Network, layers: Sequence[str]) -> list[int]:
    """Drop ends between two multiply-accumulate operators of the same block."""
    working = [operator.index for operator in network.operators if operator.mac_flop]
    stems = [stem(layers[index]) for index in working]
    kept = []
    for end in ends:
        after = bisect_right(working, end)
        inside = 0 < after < len(working) and stems[after] and stems[after - 1] == stems[after]
        if not inside:
            kept.append(end)
    return kept


def _head_start(network: Network) -> int:
    """Return the first operator of the trailing part without spatial extent.

    It is one past the last operator if there is none, or if it would be the whole network.
    """
    count = len(network.operators)
    start = count
    while start and _is_flat(network, start - 1):
        start -= 1
    return start if start else count


def _is_flat(network: Network, operator: int) -> bool:
    shapes = [network.tensors[index].shape for index in network.operators[operator].outputs]
    return all(len(s) <= 2 or (len(s) == 4 and prod(s[1:3]) == 1) for s in shapes)


def _without_idle(ends: Sequence[int], network: Network, cuts: Sequence[Cut]) -> list[int]:
    """Join segments without multiply-accumulates to a neighbour, keeping the smaller cut."""
    kept: list[int] = []
    for end in ends:
        first = kept[-1] + 1 if kept else 0
        idle = not any(o.mac_flop for o in network.operators[first : end + 1])
        if not idle:
            kept.append(end)
        elif kept and (end == ends[-1] or cuts[end + 1].bits <= cuts[first].bits):
            kept[-1] = end
        elif end == ends[-1]:
            kept.append(end)
    return kept


def _blocks(
    network: Network,
    cuts: Sequence[Cut],
    ends: Sequence[int],
    layers: Sequence[str],
    head: int | None = None,
) -> tuple[Block, ...]:
    firsts = [0, *(end + 1 for end in ends[:-1])]
    names = [
        HEAD if first == head else _name(network, first, end, layers)
        for first, end in zip(firsts, ends, strict=True)
    ]
    return tuple(
        _block(network, cuts[end + 1], first, index, name)
        for index, (first, end, name) in enumerate(
            zip(firsts, ends, _unique(names), strict=True), start=1
        )
    )


def _block(network: Network, cut: Cut, first: int, index: int, name: str) -> Block:
    operators = network.operators[first : cut.after_operator + 1]
    return Block(
        index=index,
        name=name,
        first_operator=first,
        last_operator=cut.after_operator,
        flop=sum(operator.flop or 0 for operator in operators),
        mac_flop=sum(operator.mac_flop for operator in operators),
        output_bits=cut.bits,
        tensors=tuple(network.tensors[i].name for i in cut.tensors),
    )


def _name(network: Network, first: int, last: int, layers: Sequence[str]) -> str:
    """Return the name that a block's layers share, else that of its costliest operator."""
    operators = network.operators[first : last + 1]
    working = [o for o in operators if o.mac_flop] or operators
    costliest = max(working, key=lambda operator: operator.mac_flop)
    named = [layers[operator.index] for operator in working if layers[operator.index]]
    shared = named[0] if len(set(named)) == 1 else common_words([stem(name) for name in named])
    fallback = layers[costliest.index] or f"{costliest.kind.lower()}_{costliest.index}"
    return shared or fallback


def _unique(names: Sequence[str]) -> list[str]:
    """Number repeated names: ``add``, ``add.2``, ``add.3``."""
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name}.{seen[name]}")
    return unique
