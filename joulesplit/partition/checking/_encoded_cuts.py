"""What goes up after each block in an encoding: measured bits, and time to encode them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from statistics import fmean, median
from typing import Any

from numpy.typing import NDArray

from joulesplit.partition._encoding import ENCODINGS, FLOATS, Encoding
from joulesplit.partition._inputs import random_inputs, scaled_bytes
from joulesplit.partition._network import Block, Network
from joulesplit.partition._runtime import Runner
from joulesplit.partition._specs import tensor_specs
from joulesplit.partition.checking._sending import Arrays, send
from joulesplit.partition.errors import EncodingError
from joulesplit.partition.parts import extract
from joulesplit.partition.reading import LoadedModel

SEEDS = range(3)
"""Of the random inputs; at MobileNetV2's cuts compressed sizes differ by up to 4 % among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedCut:
    """What crosses after a block, as it is sent.

    Attributes:
        after_operator: Index of the head's last operator; −1 for an empty head.
        bits: P_l as sent, mean over the inputs rounded up, bit.
        encode_s: Time to encode it, median over the inputs, s; on the machine that ran this.
        refused: Why the encoding cannot hold what crosses, which is then sent as it is; None if
            it can.
        integers: Only integers cross, which are sent without loss in any case.
    """

    after_operator: int
    bits: int
    encode_s: float
    refused: str | None = None
    integers: bool = False


def encoded_cuts(
    model: LoadedModel,
    blocks: Sequence[Block],
    encoding: Encoding,
    *,
    inputs: Sequence[Sequence[NDArray[Any]]] | None = None,
    threads: int = 1,
    use_xnnpack: bool = True,
) -> tuple[EncodedCut, ...]:
    """Encode the network's inputs and every block's output but the last one's, l = 0 … L − 1.

    Args:
        model: What ``load_model`` returned.
        blocks: The whole network in order.
        encoding: How floats are sent; integers are sent without loss in any case.
        inputs: The network's inputs, several times; random ones otherwise.
        threads: Number of CPU threads of a run.
        use_xnnpack: Let the runtime use XNNPACK.

    Raises:
        PartitionError: The network cannot be run; see ``Runner``.
    """
    specs = tensor_specs(model.network, model.network.inputs)
    given = [random_inputs(specs, seed) for seed in SEEDS] if inputs is None else inputs
    values: list[Arrays] = [list(arrays) for arrays in given]
    found = [_cut(model.network, -1, encoding, values)]
    for block in blocks[:-1]:
        content = extract(model, block.first_operator, block.last_operator)
        with Runner(content, threads=threads, use_xnnpack=use_xnnpack) as runner:
            values = [runner.run(arrays) for arrays in values]
        found.append(_cut(model.network, block.last_operator, encoding, values))
    return tuple(found)


def encoded_input(
    model: LoadedModel,
    encoding: Encoding,
    *,
    inputs: Sequence[Sequence[NDArray[Any]]] | None = None,
) -> EncodedCut:
    """Encode the network's inputs alone; nothing is run.

    Args:
        model: What ``load_model`` returned.
        encoding: How floats are sent; integers are sent without loss in any case.
        inputs: The network's inputs, several times; random ones otherwise, bytes that were scaled.
    """
    specs = tensor_specs(model.network, model.network.inputs)
    given = [scaled_bytes(specs, seed) for seed in SEEDS] if inputs is None else inputs
    return _cut(model.network, -1, encoding, [list(arrays) for arrays in given])


def encoding_time_s(encoding: Encoding, arrays: Sequence[NDArray[Any]]) -> float:
    """Return how long arrays take to encode here, median, s.

    Args:
        encoding: How floats are sent.
        arrays: What crosses.

    Raises:
        EncodingError: It cannot hold a number.
    """
    send(encoding, arrays)  # The first one fetches memory.
    return send(encoding, arrays).encode_s


def _cut(network: Network, after: int, encoding: Encoding, values: Sequence[Arrays]) -> EncodedCut:
    refused = None
    try:
        sent = [send(encoding, crossing) for crossing in values]
    except EncodingError as error:
        refused = f"{network.name}, after operator {after}: {error}"
        sent = [send(ENCODINGS["as-is"], crossing) for crossing in values]
    return EncodedCut(
        after_operator=after,
        bits=ceil(fmean(one.bits for one in sent)),
        encode_s=median(one.encode_s for one in sent),
        refused=refused,
        integers=not any(array.dtype.name in FLOATS for array in values[0]),
    )
