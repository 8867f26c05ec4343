"""The named interface of a part, so that its inputs and outputs can be called by name.

A name that the whole network's signature gives to a tensor stays; others are called what the
file calls the tensor. The order of a part's inputs and outputs does not depend on the names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from joulesplit.partition.schema import schema

KEY = b"serving_default"
"""What converters call a network's only signature."""


def part_signature(
    root: Any, inputs: Sequence[int], outputs: Sequence[int], numbers: Mapping[int, int]
) -> Any:
    """Return the schema's ``SignatureDefT`` of a part of a network.

    Args:
        root: The whole network's ``ModelT``.
        inputs: The part's inputs by their number in the whole network.
        outputs: Its outputs.
        numbers: Tensor numbers in the part by number in the whole network.
    """
    old = _old_signature(root)
    signature = schema().SignatureDefT()
    signature.signatureKey = KEY if old is None or old.signatureKey is None else old.signatureKey
    signature.subgraphIndex = 0
    known_inputs = {} if old is None else _names(old.inputs)
    known_outputs = {} if old is None else _names(old.outputs)
    tensors = root.subgraphs[0].tensors
    signature.inputs = _maps(inputs, known_inputs, tensors, numbers)
    signature.outputs = _maps(outputs, known_outputs, tensors, numbers)
    return signature


def _old_signature(root: Any) -> Any:
    own = [s for s in root.signatureDefs or () if s.subgraphIndex == 0]
    return own[0] if own else None


def _names(maps: Any) -> dict[int, bytes]:
    return {int(entry.tensorIndex): entry.name for entry in maps or () if entry.name}


def _maps(
    indices: Sequence[int],
    known: Mapping[int, bytes],
    tensors: Sequence[Any],
    numbers: Mapping[int, int],
) -> list[Any]:
    taken: set[bytes] = set()
    maps = []
    for index in dict.fromkeys(indices):
        entry = schema().TensorMapT()
        name = known.get(index) or tensors[index].name or b"tensor"
        # Nothing forbids two tensors of one name, but a signature needs them apart.
        entry.name = name if name not in taken else name + b"#%d" % index
        entry.tensorIndex = numbers[index]
        taken.add(entry.name)
        maps.append(entry)
    return maps
