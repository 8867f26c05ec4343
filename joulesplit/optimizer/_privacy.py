"""Which candidates would let a tensor leave the device that must not. Pure.

Found in what crosses, not in where the split is: a network that hands its input on past its first
blocks sends it after them too. What only moves or recodes values gives the same values away.
"""

from __future__ import annotations

from collections.abc import Sequence

from joulesplit.optimizer.errors import InvalidConstraintError
from joulesplit.partition import Block, Network

INPUT = "input"
"""Names all inputs of a network, whatever they are called in it."""

MOVES = frozenset(
    {
        *("RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE", "PAD", "PADV2", "MIRROR_PAD"),
        *("QUANTIZE", "DEQUANTIZE", "CAST", "CONCATENATION", "PACK", "UNPACK", "SPLIT", "SPLIT_V"),
        *("SLICE", "STRIDED_SLICE", "GATHER", "SPACE_TO_DEPTH", "DEPTH_TO_SPACE", "REVERSE_V2"),
        *("SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND", "TILE", "BROADCAST_TO"),
    }
)
"""Operators whose outputs hold values of their inputs."""


def leaking(network: Network, blocks: Sequence[Block], kept: Sequence[str]) -> frozenset[int]:
    """Return the l after which something crosses that must stay, l = L never.

    Args:
        network: The network.
        blocks: Its blocks.
        kept: Names of tensors; ``input`` is all inputs.

    Raises:
        InvalidConstraintError: The network has no such tensor.
    """
    if not kept:
        return frozenset()
    private = _holding(network, _indices(network, kept))
    names = {network.tensors[index].name for index in private}
    leaks = {block.index for block in blocks[:-1] if names & set(block.tensors)}
    return frozenset(leaks | ({0} if private & set(network.inputs) else set()))


def _indices(network: Network, kept: Sequence[str]) -> set[int]:
    by_name = {tensor.name: {tensor.index} for tensor in network.tensors}
    by_name.setdefault(INPUT, set(network.inputs))
    unknown = [name for name in kept if name not in by_name]
    if unknown:
        raise InvalidConstraintError(
            f"{network.name} has no tensor {unknown[0]!r} to keep local; `joulesplit partition "
            "--json` names those that cross behind each block, and input is its input"
        )
    return set().union(*(by_name[name] for name in kept))


def _holding(network: Network, private: set[int]) -> set[int]:
    """Return tensors that hold values of private ones, these included."""
    holding = set(private)
    for operator in network.operators:
        if operator.kind in MOVES and holding & set(operator.inputs):
            holding |= set(operator.outputs)
    return holding
