"""The device's energy of every split, its parts kept apart.

Candidates are l = 0 … L: l = 0 uploads the network's input (full offload), 0 < l < L uploads
the output of block l, and l = L stays on the device, so that nothing goes up and nothing
returns.

What counts is the device's energy, equation (1) of the paper with everything that a profile
knows of besides: what an upload and a burst of uploads cost whatever their size, a new
connection, the answer's way back, and the idle power while the server works. By the net account
that wait costs nothing, because the idle floor is taken off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Where = Literal["device", "split", "server"]

ComputeModel = Literal["heads", "blocks", "constant"]
"""What computing is priced by: heads measured as one network, the sum of blocks measured alone,
or N_l over one E_d."""

NETWORK_CONVENTION = "tflite-2mac"
"""How ``partition`` counts N_l."""

MODELS: tuple[ComputeModel, ...] = ("heads", "blocks", "constant")
"""Nearest to what a split really computes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitEnergy:
    """The device's energy for one inference, split after block ``block``.

    Attributes:
        block: l, from 0 (everything on the server) to L (everything on the device).
        where: Who computes: ``server`` (l = 0), ``split`` or ``device`` (l = L).
        upload_bits: Payload that goes up, bit.
        compute_j: Of blocks 1 … l, J.
        encode_j: Of encoding what goes up, J; 0 if it is sent as it is.
        upload_j: The bits' share of the upload, J.
        upload_fixed_j: What does not grow with its size, J: of the upload, its burst, its
            connection.
        answer_j: Of receiving the result, J.
        wait_j: Idle while the server works, J; 0 by the net account.
        idle_j: Of the idle power in the rest of the period, J; 0 where no period counts.
        start_j: Of an inference that starts alone, J; 0 in a stream.
    """

    block: int
    where: Where
    upload_bits: int
    compute_j: float
    encode_j: float = 0.0
    upload_j: float
    upload_fixed_j: float = 0.0
    answer_j: float = 0.0
    wait_j: float = 0.0
    idle_j: float = 0.0
    start_j: float = 0.0

    @property
    def without_bits_j(self) -> float:
        """What the split costs whatever a bit costs, J."""
        fixed_j = self.upload_fixed_j + self.answer_j + self.wait_j
        return self.compute_j + self.encode_j + fixed_j + self.idle_j + self.start_j

    @property
    def total_j(self) -> float:
        """All of it, J per inference."""
        return self.without_bits_j + self.upload_j


def where_of(block: int, blocks: int) -> Where:
    """Say who computes when the first ``block`` of ``blocks`` blocks stay on the device."""
    if block == blocks:
        return "device"
    return "split" if block else "server"


def upload_sizes(input_bits: int, output_bits: Sequence[int]) -> tuple[int, ...]:
    """Give what goes up at l = 0 … L, bit.

    Args:
        input_bits: Upload of l = 0, bit.
        output_bits: P_1 … P_L, bit; the last one is never sent.
    """
    return (input_bits, *output_bits[:-1], 0)
