"""Parts of a network as `.tflite` files of their own."""

from __future__ import annotations

from pathlib import Path

from partition.constants import constant_tensors, unpacking_operators
from partition.cuts import prefix_cuts
from partition.errors import CutError
from partition.flatbuffer import write_model
from partition.network import Network
from partition.reading import LoadedModel, load_model
from partition.subnetwork import subnetwork


def extract(model: LoadedModel | str | Path, first_operator: int, last_operator: int) -> bytes:
    """Return the operators from the first to the last one as a `.tflite` file.

    Its inputs are the tensors that cross before the first operator, its outputs those that
    cross after the last one, in the order of the cuts' ``tensors``. A tensor that only passes
    by is both. So consecutive parts run one after the other are the whole network. The same
    arguments give the same bytes.

    Args:
        model: A file's path, or what ``load_model`` returned, to extract several parts.
        first_operator: Index of the first operator.
        last_operator: Index of the last operator.

    Raises:
        CutError: The range is empty, outside the network or holds only stored constants.
        PartitionError: The file cannot be read; see ``load_model``.
    """
    if not isinstance(model, LoadedModel):
        model = load_model(model)
    network = model.network
    operators = _operators(network, first_operator, last_operator)
    cuts = prefix_cuts(network)
    part = subnetwork(
        model.file.root,
        [tensor.shape for tensor in network.tensors],
        operators,
        cuts[first_operator].tensors,
        cuts[last_operator + 1].tensors,
    )
    return write_model(part)


def _operators(network: Network, first: int, last: int) -> list[int]:
    """Return the range's operators, with whatever unpacks the constants they need."""
    count = len(network.operators)
    if not 0 <= first <= last < count:
        raise CutError(
            f"{network.name}: no operators from {first} to {last}; they are numbered from 0 to "
            f"{count - 1}"
        )
    constants = constant_tensors(network.tensors, network.operators)
    unpacking = unpacking_operators(network.tensors, network.operators)
    chosen = [o for o in network.operators[first : last + 1] if not constants.issuperset(o.outputs)]
    if not chosen:
        raise CutError(
            f"{network.name}: operators {first} to {last} only unpack stored constants; choose a "
            "range that does work"
        )
    indices = {operator.index for operator in chosen}
    waiting = [index for operator in chosen for index in operator.inputs]
    while waiting:
        operator = unpacking.get(waiting.pop())
        if operator is not None and operator.index not in indices:
            indices.add(operator.index)
            waiting.extend(operator.inputs)
    return sorted(indices)
