"""A network as consecutive blocks: by residual block, at every cut, or at chosen cuts.

``units.py`` has the rule for residual blocks.
"""

from __future__ import annotations

from collections.abc import Sequence

from joulesplit.partition._constants import carried_operators
from joulesplit.partition._network import Block, Cut, Network
from joulesplit.partition.cutting._cuts import possible_ends, prefix_cuts
from joulesplit.partition.cutting._names import common_words, only_counted, operator_layers, stem
from joulesplit.partition.cutting._units import head_start, unit_ends
from joulesplit.partition.errors import CutError

HEAD = "head"


def residual_blocks(network: Network) -> tuple[Block, ...]:
    """Return the network as blocks at residual-block granularity."""
    cuts = prefix_cuts(network)
    ends = unit_ends(network, cuts)
    return _blocks(network, cuts, ends, operator_layers(network), head_start(network))


def every_cut_blocks(network: Network) -> tuple[Block, ...]:
    """Return one block per operator that can be cut off.

    Those that only unpack constants join the next one, as do those that cannot be cut apart.
    """
    possible = possible_ends(network) - carried_operators(network)
    ends = [operator.index for operator in network.operators if operator.index in possible]
    return _blocks(network, prefix_cuts(network), _closed(network, ends), operator_layers(network))


def blocks_at(network: Network, after_operators: Sequence[int]) -> tuple[Block, ...]:
    """Return the blocks that end after the given operators; the last one always ends a block.

    Raises:
        CutError: The indices do not ascend, are none of the network's operators, or the network
            cannot be cut after one of them.
    """
    last = len(network.operators) - 1
    ends = list(after_operators)
    if ends != sorted(set(ends)) or not all(0 <= end <= last for end in ends):
        raise CutError(
            f"{network.name}: blocks cannot end after operators {ends}; give ascending indices "
            f"from 0 to {last}"
        )
    cuts = prefix_cuts(network)
    for end in ends:
        if cuts[end + 1].obstacle:
            raise CutError(
                f"{network.name}: no block can end after operator {end}: "
                f"{cuts[end + 1].obstacle}; end it elsewhere"
            )
    return _blocks(network, cuts, _closed(network, ends), operator_layers(network))


def _closed(network: Network, ends: Sequence[int]) -> list[int]:
    """Let the last operator end a block, whatever it is."""
    last = len(network.operators) - 1
    return [*(end for end in ends if end < last), last] if last >= 0 else []


def _blocks(
    network: Network,
    cuts: Sequence[Cut],
    ends: Sequence[int],
    layers: Sequence[str],
    head: int | None = None,
) -> tuple[Block, ...]:
    firsts = [0, *(end + 1 for end in ends[:-1])]
    names = [
        HEAD if first == head and end == ends[-1] else _name(network, first, end, layers)
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
    """Return the name that a block's layers share, else its last join's, else its costliest's."""
    operators = network.operators[first : last + 1]
    working = [o for o in operators if o.mac_flop] or operators
    costliest = max(working, key=lambda operator: (operator.mac_flop, operator.flop or 0))
    named = {layers[operator.index] for operator in working if layers[operator.index]}
    if len(named) == 1:
        return named.pop()
    shared = common_words([stem(name) for name in sorted(named)])
    if shared and not only_counted(shared, named):
        return shared
    join = layers[last] if _is_join(network, last) else ""
    fallback = layers[costliest.index] or f"{costliest.kind.lower()}_{costliest.index}"
    return join or fallback


def _is_join(network: Network, index: int) -> bool:
    """Return whether an operator only puts together what others made."""
    operator = network.operators[index]
    joined = [i for i in set(operator.inputs) if not network.tensors[i].is_constant]
    return not operator.mac_flop and len(joined) > 1


def _unique(names: Sequence[str]) -> list[str]:
    """Give repeated names a number: ``add``, ``add.2``, ``add.3``."""
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name}.{seen[name]}")
    return unique
