"""What one decision takes, beside a factor of the covariance that it rests on, in the same run.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.deciding

Processor time of ``decide``, all threads counted, with network and profile in memory, and in
multiples of the anchor: numpy's Cholesky factor of the covariance of the same blocks and heads.
Medians of the rounds. Where the runner-up is within reach the draws count too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from joulesplit import load_profile
from joulesplit.calibrate.profile import (
    BlockEnergy,
    DeviceProfile,
    GrossNet,
    HeadEnergy,
    ModelIdentity,
    Quantity,
)
from joulesplit.optimizer import decide
from joulesplit.partition import Block, Network, Operator, Tensor

PAPER = Path(__file__).parents[1] / "data/profiles/paper.json"
SIZES = ((20, 41), (200, 11), (2000, 3))
"""Blocks, and rounds."""
HEADS = 6
U_REL, COMMON_U_REL = 0.01, 0.003
"""Relative standard uncertainty of an energy, its own and what all of them share."""

Matrix = NDArray[np.float64]
Case = tuple[Network, tuple[Block, ...], DeviceProfile, Matrix]


def figure(value: float, unit: str, u_rel: float = U_REL) -> Quantity:
    """Return a figure with scatter behind it."""
    u = value * u_rel
    return Quantity(value=value, unit=unit, ci95=None, u_stat=u, u_sys=u / 2, n=40)


def network_of(count: int, random: np.random.Generator) -> tuple[Network, tuple[Block, ...]]:
    """Return a chain of so many blocks of random work and output."""
    sizes = [150_528, *random.integers(1_000, 400_000, count).tolist()]
    flop = random.integers(10**6, 6 * 10**7, count).tolist()
    tensors = tuple(
        Tensor(index=i, name=f"t{i}", shape=(n,), dtype="float32", bits=32 * n, is_constant=False)
        for i, n in enumerate(sizes)
    )
    operators = tuple(
        Operator(index=i, kind="CONV_2D", inputs=(i,), outputs=(i + 1,), mac_flop=n, flop=n)
        for i, n in enumerate(flop)
    )
    blocks = tuple(
        Block(
            index=i + 1,
            name=f"block_{i + 1}",
            first_operator=i,
            last_operator=i,
            flop=n,
            mac_flop=n,
            output_bits=tensors[i + 1].bits,
            tensors=(f"t{i + 1}",),
        )
        for i, n in enumerate(flop)
    )
    network = Network(
        sha256="ab" * 32,
        name="chain.tflite",
        tensors=tensors,
        operators=operators,
        inputs=(0,),
        outputs=(count,),
        parameters=0,
    )
    return network, blocks


def case_of(count: int) -> Case:
    """Return a network with a profile of all its blocks and some heads, and their covariance."""
    random = np.random.default_rng(count)
    network, blocks = network_of(count, random)
    ends = sorted({round(share * count) for share in np.linspace(1 / HEADS, 1, HEADS)})
    alone_j = [block.flop / 1e9 for block in blocks]
    values = np.array([*alone_j, *(0.97 * sum(alone_j[:end]) for end in ends)])
    covariance = np.diag(np.square(U_REL * values)) + COMMON_U_REL**2 * np.outer(values, values)
    lower = covariance[np.tril_indices(len(values))].tolist()
    own = count * (count + 1) // 2
    energies = [GrossNet(net=figure(e, "J"), gross=figure(2 * e, "J")) for e in values.tolist()]
    paper = load_profile(PAPER)
    compute = replace(
        paper.compute,
        model=ModelIdentity(name=network.name, sha256=network.sha256, input_bits=4_816_896),
        flop_convention="tflite-2mac",
        e_d_flop_per_j=GrossNet(net=figure(1e9, "FLOP/J"), gross=figure(5e8, "FLOP/J")),
        blocks=tuple(
            BlockEnergy(
                index=block.index,
                name=block.name,
                last_operator=block.last_operator,
                flop=block.flop,
                output_bits=block.output_bits,
                energy_j=energy,
                latency_s=figure(block.flop / 1e9, "s"),
            )
            for block, energy in zip(blocks, energies, strict=False)
        ),
        heads=tuple(
            HeadEnergy(
                last_block=end,
                energy_j=energy,
                latency_s=figure(energy.net.value if energy.net else 1.0, "s"),
                net_over_blocks=0.97,
            )
            for end, energy in zip(ends, energies[count:], strict=True)
        ),
        covariance_j2=tuple(lower[:own]),
        head_covariance_j2=tuple(lower[own:]),
    )
    assert paper.link is not None, "the paper's profile has a link"
    uplink = replace(
        paper.link.uplink,
        e_c_bit_per_j=GrossNet(net=figure(4e7, "bit/J"), gross=figure(2e7, "bit/J")),
    )
    profile = replace(paper, compute=compute, link=replace(paper.link, uplink=uplink))
    return network, blocks, profile, covariance


def processor_ms(work: Callable[[], object], rounds: int) -> float:
    """Return the median processor time of a piece of work that was done once before, ms."""
    work()
    taken = []
    for _ in range(rounds):
        begun = time.process_time()
        work()
        taken.append(1e3 * (time.process_time() - begun))
    return median(taken)


def main() -> None:
    """Print the table."""
    print("| blocks | a decision, ms | times the factor | P(best) |")
    print("|---|---|---|---|")
    for count, rounds in SIZES:
        network, blocks, profile, covariance = case_of(count)

        anchor_ms = processor_ms(partial(np.linalg.cholesky, covariance), rounds)
        took_ms = processor_ms(partial(decide, network, blocks, profile), rounds)
        sure = decide(network, blocks, profile).probability_best
        print(f"| {count} | {took_ms:.1f} | {took_ms / anchor_ms:.1f} | {sure} |")


if __name__ == "__main__":
    main()
