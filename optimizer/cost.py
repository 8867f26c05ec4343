"""Energy and time of every split, from plain numbers.

Candidates are l = 0 … L: l = 0 uploads the network's input (full offload), 0 < l < L uploads
the output of block l, and l = L stays on the device, so that nothing goes up and nothing
returns.

What counts is the device's energy, equation (1) of the paper with the terms kept apart. While
the server works the device idles; by the net account that wait costs nothing, because the idle
floor is taken off. By the gross account it would cost P_0 times the server's time, which no
device profile knows: it is left out, so a gross figure of an upload is a lower bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

Account = Literal["net", "gross"]
ComputeModel = Literal["per-block", "constant"]
Where = Literal["device", "split", "server"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitEnergy:
    """The device's energy for one inference, split after block ``block``.

    Attributes:
        block: l, from 0 (everything on the server) to L (everything on the device).
        where: Who computes: ``server`` (l = 0), ``split`` or ``device`` (l = L).
        upload_bits: Payload that goes up, bit.
        compute_j: Σ_{i≤l} e_i, J.
        upload_j: The bits' share of the upload, J.
        upload_fixed_j: The share of an upload that does not grow with its size, J.
    """

    block: int
    where: Where
    upload_bits: int
    compute_j: float
    upload_j: float
    upload_fixed_j: float

    @property
    def without_bits_j(self) -> float:
        """What the split costs whatever a bit costs, J."""
        return self.compute_j + self.upload_fixed_j

    @property
    def total_j(self) -> float:
        """All of it, J per inference."""
        return self.without_bits_j + self.upload_j


def where_of(block: int, blocks: int) -> Where:
    """Say who computes when the first ``block`` of ``blocks`` blocks stay on the device."""
    if block == blocks:
        return "device"
    return "split" if block else "server"


def split_energies(
    *,
    block_energy_j: Sequence[float],
    output_bits: Sequence[int],
    input_bits: int,
    bit_energy_j: float,
    upload_cost_j: float,
) -> tuple[SplitEnergy, ...]:
    """Price every candidate, equation (1).

    Args:
        block_energy_j: e_1 … e_L, J per inference.
        output_bits: P_1 … P_L, bit; the last one is never sent.
        input_bits: Upload of l = 0, bit.
        bit_energy_j: 1/E_c, J/bit.
        upload_cost_j: Fixed cost of one upload, J.

    Returns:
        L + 1 candidates, at position l.
    """
    last = len(block_energy_j)
    upload_bits = (input_bits, *output_bits[: last - 1], 0)
    return tuple(
        SplitEnergy(
            block=block,
            where=where_of(block, last),
            upload_bits=bits,
            compute_j=compute_j,
            upload_j=bits * bit_energy_j,
            upload_fixed_j=upload_cost_j if block < last else 0.0,
        )
        for block, (bits, compute_j) in enumerate(
            zip(upload_bits, accumulate(block_energy_j, initial=0.0), strict=True)
        )
    )


def split_latencies_s(
    energies: Sequence[SplitEnergy], *, block_latency_s: Sequence[float], rate_bit_per_s: float
) -> tuple[float, ...]:
    """Time every candidate on the device and on the air, s.

    The server's time and the answer's way back are not in a device profile: left out.

    Args:
        energies: Candidates at position l.
        block_latency_s: Time of each block per inference, s.
        rate_bit_per_s: Payload bits per second going up.
    """
    computed_s = accumulate(block_latency_s, initial=0.0)
    return tuple(
        elapsed_s + energy.upload_bits / rate_bit_per_s
        for energy, elapsed_s in zip(energies, computed_s, strict=True)
    )
