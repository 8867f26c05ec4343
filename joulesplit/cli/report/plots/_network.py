"""Plots of a network as files."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from joulesplit.calibrate import write_whole
from joulesplit.cli._errors import CommandError
from joulesplit.cli.report.plots._style import (
    OUTPUT_COLOUR,
    WORK_COLOUR,
    label_with_unit,
    new_figure,
    picture,
)
from joulesplit.partition import Block

PICTURE_FORMATS = (".svg", ".png", ".pdf")
BLOCK_PLOT_WIDTH_IN, HEIGHT_IN = 9.0, 4.6
BLOCK_WIDTH_IN, MAX_WIDTH_IN = 0.16, 40.0
"""So that the names of many blocks stand beside each other."""


def check_plot_path(path: Path) -> None:
    """Refuse a file no plot can be written to.

    Raises:
        CommandError: Its ending names no format.
    """
    if path.suffix.lower() not in PICTURE_FORMATS:
        raise CommandError(
            f"{path}: a plot is {', '.join(PICTURE_FORMATS)}; give one of these endings"
        )


def write_block_plot(
    path: Path,
    blocks: Sequence[Block],
    network_name: str,
    *,
    partly_unknown: Collection[int] = (),
) -> None:
    """Write the paper's Fig. 1: work N_l and output P_l of each block, on two scales.

    Args:
        path: File to write; its ending chooses the format.
        blocks: Of the network.
        network_name: For the title.
        partly_unknown: Indices l of the blocks whose work is more than N_l says.

    Raises:
        CommandError: matplotlib is not installed, or the ending names no format.
        OutputError: The file cannot be written.
    """
    check_plot_path(path)
    width_in = min(max(BLOCK_PLOT_WIDTH_IN, BLOCK_WIDTH_IN * len(blocks)), MAX_WIDTH_IN)
    figure = new_figure(width_in, HEIGHT_IN, needed_by="--plot")
    _draw_blocks(figure, blocks, network_name, partly_unknown)
    write_whole(path, picture(figure, path.suffix[1:].lower()))


def _draw_blocks(
    figure: Any, blocks: Sequence[Block], network_name: str, partly_unknown: Collection[int]
) -> None:
    work = figure.add_subplot()
    output = work.twinx()
    places = [block.index for block in blocks]
    left, right = ([place + shift for place in places] for shift in (-0.2, 0.2))
    flop, bits = [block.flop for block in blocks], [block.output_bits for block in blocks]
    bars = work.bar(left, flop, 0.4, color=WORK_COLOUR, label="N_l", edgecolor="white", linewidth=0)
    output.bar(right, bits, 0.4, color=OUTPUT_COLOUR, label="P_l")
    for block, bar in zip(blocks, bars, strict=True):
        bar.set_hatch("//" if block.index in partly_unknown else None)
    hatched = " – hatched: at least so much" if partly_unknown else ""
    work.set(xlabel="block l", title=f"{network_name}{hatched}")
    work.set_ylabel("work N_l by tflite-2mac", color=WORK_COLOUR)
    output.set_ylabel("output P_l", color=OUTPUT_COLOUR)
    label_with_unit(work.yaxis, "FLOP")
    label_with_unit(output.yaxis, "bit")
    names = [block.name for block in blocks]
    work.set_xticks(places, names, rotation=60, ha="right", fontsize=7)
    work.margins(x=0.01)
    figure.legend(loc="outside upper right", ncols=2)
