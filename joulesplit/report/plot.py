"""Plots of a network as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from calibrate.files import write_whole
from joulesplit.errors import CommandError
from joulesplit.report.drawing import OUTPUT_COLOUR, WORK_COLOUR, new_figure, picture
from partition.network import Block

FORMATS = (".svg", ".png", ".pdf")


def check_plot_path(path: Path) -> None:
    """Refuse a file no plot can be written to.

    Raises:
        CommandError: Its ending names no format.
    """
    if path.suffix.lower() not in FORMATS:
        raise CommandError(f"{path}: a plot is {', '.join(FORMATS)}; give one of these endings")


def write_block_plot(path: Path, blocks: Sequence[Block], network_name: str) -> None:
    """Write the paper's Fig. 1: work N_l and output P_l of each block, on two scales.

    Args:
        path: File to write; its ending chooses the format.
        blocks: Of the network.
        network_name: For the title.

    Raises:
        CommandError: matplotlib is not installed, or the ending names no format.
        OutputError: The file cannot be written.
    """
    check_plot_path(path)
    figure = new_figure(9, 4.6, needed_by="--plot")
    _draw_blocks(figure, blocks, network_name)
    write_whole(path, picture(figure, path.suffix[1:].lower()))


def _draw_blocks(figure: object, blocks: Sequence[Block], network_name: str) -> None:
    work = figure.add_subplot()  # type: ignore[attr-defined]  # matplotlib has no types here
    output = work.twinx()
    places = [block.index for block in blocks]
    work.bar(
        [place - 0.2 for place in places],
        [block.flop / 1e6 for block in blocks],
        width=0.4,
        color=WORK_COLOUR,
        label="N_l",
    )
    output.bar(
        [place + 0.2 for place in places],
        [block.output_bits / 1e6 for block in blocks],
        width=0.4,
        color=OUTPUT_COLOUR,
        label="P_l",
    )
    work.set(xlabel="block l", ylabel="work N_l, MFLOP (tflite-2mac)", title=network_name)
    output.set(ylabel="output P_l, Mbit")
    work.set_xticks(places, [block.name for block in blocks], rotation=60, ha="right", fontsize=7)
    work.yaxis.label.set_color(WORK_COLOUR)
    output.yaxis.label.set_color(OUTPUT_COLOUR)
    figure.legend(loc="outside upper right", ncols=2)  # type: ignore[attr-defined]  # as above
