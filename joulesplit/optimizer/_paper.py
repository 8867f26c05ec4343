"""The paper's decision, to the letter: equations (1) and (2) of Yun (2023).

l runs from 1 to L, the upload of block L's output counts in E(L), outputs are 32-bit floats,
"all on the server" is E(1), and nothing is known of uploading the input. What the input would
cost to upload is given beside it, because it can beat every split.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate

from joulesplit.optimizer._search import NEARLY_LEVEL
from joulesplit.optimizer.errors import InvalidInputError
from joulesplit.partition import FLOATS, Block, Network

FLOAT32_BITS = 32
UINT8_BITS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperSplit:
    """The paper's result.

    Attributes:
        e_d_flop_per_j: E_d it was computed with, FLOP/J.
        e_c_bit_per_j: E_c it was computed with, bit/J.
        energy_j: E(1) … E(L), J; block l at position l − 1.
        best_block: l*.
        best_energy_j: E(l*), J.
        all_device_j: Σ N_l / E_d without any upload, J.
        all_server_j: E(1), which the paper calls all on the server, J.
        gain_over_device: ``all_device_j`` over ``best_energy_j``.
        gain_over_server: ``all_server_j`` over ``best_energy_j``.
        offload_input_float32_j: Uploading the input as 32-bit floats, J; None if its size was
            not given. Not in the paper.
        offload_input_uint8_j: Uploading it as 8-bit pixels, J; None likewise. Not in the paper.
    """

    e_d_flop_per_j: float
    e_c_bit_per_j: float
    energy_j: tuple[float, ...]
    best_block: int
    best_energy_j: float
    all_device_j: float
    all_server_j: float
    gain_over_device: float
    gain_over_server: float
    offload_input_float32_j: float | None
    offload_input_uint8_j: float | None


def paper_split(
    blocks: Sequence[Block],
    e_d_flop_per_j: float,
    e_c_bit_per_j: float,
    *,
    input_elements: int | None = None,
) -> PaperSplit:
    """Evaluate (1) for l = 1 … L and take (2); of equal splits the one that uploads less.

    Args:
        blocks: N_l and P_l; the paper's P_l are float32 (see ``float32_blocks``).
        e_d_flop_per_j: E_d, FLOP/J.
        e_c_bit_per_j: E_c, bit/J.
        input_elements: Number of values in the network's input.

    Raises:
        InvalidInputError: No blocks, or an efficiency that is not a positive number.
    """
    _require_evaluable(blocks, e_d_flop_per_j, e_c_bit_per_j)
    flop = tuple(accumulate(block.flop for block in blocks))
    energy_j = tuple(
        done / e_d_flop_per_j + block.output_bits / e_c_bit_per_j
        for done, block in zip(flop, blocks, strict=True)
    )
    best = _least(flop, [block.output_bits for block in blocks], e_d_flop_per_j, e_c_bit_per_j)
    all_device_j = flop[-1] / e_d_flop_per_j
    return PaperSplit(
        e_d_flop_per_j=e_d_flop_per_j,
        e_c_bit_per_j=e_c_bit_per_j,
        energy_j=energy_j,
        best_block=best + 1,
        best_energy_j=energy_j[best],
        all_device_j=all_device_j,
        all_server_j=energy_j[0],
        gain_over_device=all_device_j / energy_j[best],
        gain_over_server=energy_j[0] / energy_j[best],
        offload_input_float32_j=_input_j(input_elements, FLOAT32_BITS, e_c_bit_per_j),
        offload_input_uint8_j=_input_j(input_elements, UINT8_BITS, e_c_bit_per_j),
    )


def _least(
    flop: Sequence[int], bits: Sequence[int], e_d_flop_per_j: float, e_c_bit_per_j: float
) -> int:
    """Return where (1) is least, in exact arithmetic; of equal ones where least goes up."""
    e_d, e_c = Fraction(e_d_flop_per_j), Fraction(e_c_bit_per_j)
    rounded_j = [f / e_d_flop_per_j + b / e_c_bit_per_j for f, b in zip(flop, bits, strict=True)]
    least_j = min(rounded_j)
    near = [i for i, energy_j in enumerate(rounded_j) if energy_j <= least_j * (1 + NEARLY_LEVEL)]
    return min(near, key=lambda i: (Fraction(flop[i]) / e_d + bits[i] / e_c, bits[i], i))


def input_elements(network: Network) -> int:
    """Count the values in the network's inputs."""
    return sum(math.prod(network.tensors[index].shape) for index in network.inputs)


def can_be_bytes(network: Network) -> bool:
    """Say whether 8-bit values could stand for the inputs: for floats, not for integers or texts.

    An integer's range is its meaning, as that of a token's number, or it has 8 bits already.
    """
    return all(network.tensors[index].dtype in FLOATS for index in network.inputs)


def float32_blocks(network: Network, blocks: Sequence[Block]) -> tuple[Block, ...]:
    """Restate P_l as the paper has it: every crossing value as a 32-bit float.

    Raises:
        InvalidInputError: A block names a tensor that the network does not have.
    """
    elements = {tensor.name: math.prod(tensor.shape) for tensor in network.tensors}
    try:
        return tuple(
            replace(block, output_bits=FLOAT32_BITS * sum(elements[name] for name in block.tensors))
            for block in blocks
        )
    except KeyError as error:
        raise InvalidInputError(
            f"a block outputs tensor {error}, which {network.name} does not have; "
            "cut this very network into blocks again"
        ) from error


def _input_j(elements: int | None, bits: int, e_c_bit_per_j: float) -> float | None:
    return None if elements is None else elements * bits / e_c_bit_per_j


def _require_evaluable(
    blocks: Sequence[Block], e_d_flop_per_j: float, e_c_bit_per_j: float
) -> None:
    if not blocks or sum(block.flop for block in blocks) <= 0:
        raise InvalidInputError("there is nothing to split: give at least one block with work")
    for name, value in (("E_d", e_d_flop_per_j), ("E_c", e_c_bit_per_j)):
        if not (math.isfinite(value) and value > 0.0):
            raise InvalidInputError(f"{name} is {value}; give a positive number per joule")
