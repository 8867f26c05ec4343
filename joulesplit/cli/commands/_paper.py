"""``joulesplit paper``: the paper's figures and claims, recomputed from the bundled network."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from joulesplit.cli._number_range import ABOVE_ZERO
from joulesplit.cli._output import emit, json_option

if TYPE_CHECKING:
    from joulesplit.calibrate.profile import DeviceProfile
    from joulesplit.optimizer import PaperSplit
    from joulesplit.partition import Block, Network

COUNTED_BY = ("tflite-2mac", "tensorflow-profiler")
"""Conventions that work can be counted by here, the house's own first."""


@click.command("paper")
@click.option(
    "--battery-j",
    type=ABOVE_ZERO,
    default=36_000.0,
    show_default=True,
    help="Energy B of the battery that inferences are counted for, J.",
)
@click.option(
    "--counts",
    type=click.Choice(COUNTED_BY),
    default=COUNTED_BY[0],
    show_default=True,
    help="How work is counted: multiply-accumulates and element-wise arithmetic, or the former "
    "alone, as TensorFlow's profiler does.",
)
@json_option
def command(*, battery_j: float, counts: str, as_json: bool) -> None:
    """Recompute the paper's Fig. 1, Fig. 2 and claims, and what it leaves out."""
    from joulesplit.calibrate.profile import load_profile
    from joulesplit.cli._resources import bundled, paper_network
    from joulesplit.cli.report.terminal import study_page
    from joulesplit.optimizer import float32_blocks
    from joulesplit.partition.cutting import residual_blocks
    from joulesplit.partition.reading import read_network

    constants = load_profile(bundled("profiles/paper.json")).profile
    network = read_network(paper_network())
    blocks = _counted(float32_blocks(network, residual_blocks(network)), counts)
    result = _recompute(network, blocks, constants)
    emit(
        as_json,
        {**_document(network, blocks, result, battery_j), "counts": counts},
        lambda: study_page(network, blocks, result, constants, battery_j=battery_j, counts=counts),
    )


def _counted(blocks: tuple[Block, ...], counts: str) -> tuple[Block, ...]:
    """Return the blocks with their work as it is counted."""
    if counts == COUNTED_BY[0]:
        return blocks
    return tuple(replace(block, flop=block.mac_flop) for block in blocks)


def _recompute(network: Network, blocks: tuple[Block, ...], constants: DeviceProfile) -> PaperSplit:
    from joulesplit.optimizer import input_elements, paper_split
    from joulesplit.optimizer.errors import ProfileUnusableError

    if constants.link is None:
        raise ProfileUnusableError("the bundled constants lack E_c: install joulesplit again")
    return paper_split(
        blocks,
        constants.compute.e_d_flop_per_j.gross.value,
        constants.link.uplink.e_c_bit_per_j.gross.value,
        input_elements=input_elements(network),
    )


def _document(
    network: Network, blocks: tuple[Block, ...], result: PaperSplit, battery_j: float
) -> dict[str, Any]:
    return {
        "network": network.name,
        "e_d_flop_per_j": result.e_d_flop_per_j,
        "e_c_bit_per_j": result.e_c_bit_per_j,
        "blocks": [
            {
                "index": block.index,
                "name": block.name,
                "flop": block.flop,
                "output_bits": block.output_bits,
                "energy_j": energy_j,
            }
            for block, energy_j in zip(blocks, result.energy_j, strict=True)
        ],
        "best_block": result.best_block,
        "best_energy_j": result.best_energy_j,
        "all_device_j": result.all_device_j,
        "all_server_j": result.all_server_j,
        "gain_over_device": result.gain_over_device,
        "gain_over_server": result.gain_over_server,
        "offload_input_float32_j": result.offload_input_float32_j,
        "offload_input_uint8_j": result.offload_input_uint8_j,
        "battery_j": battery_j,
        "inferences_on_device": battery_j / result.all_device_j,
        "inferences_best": battery_j / result.best_energy_j,
        "inferences_e1": battery_j / result.all_server_j,
    }
