"""The paper's figures and claims beside what recomputing them gives."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from rich.console import Group, RenderableType

from joulesplit.calibrate.profile import DeviceProfile
from joulesplit.cli.report._sheet import Page, Section, origin_of, paragraph
from joulesplit.cli.report.tables import SHADED, Bar, BarSegment, Column, Facts, FittingTable
from joulesplit.cli.report.terminal._network import COMPUTE_STYLE, UPLOAD_STYLE, block_table
from joulesplit.cli.report.terminal._tool_endings import study_ending
from joulesplit.metrology import ratio, si
from joulesplit.optimizer import PaperSplit
from joulesplit.partition import Block, Network

TITLE = "Yun (2023): energy-efficient inference by splitting a network, recomputed"

CLAIMED_BLOCK = 5
CLAIMED_GAIN_OVER_DEVICE = "about 2.5 ×"
CLAIMED_GAIN_OVER_SERVER = "more than about 3 ×"
CLAIMED_INFERENCES = "3 × more"
"""The paper's closing sentence, which does not say more than what."""


def study_page(
    network: Network,
    blocks: Sequence[Block],
    paper: PaperSplit,
    constants: DeviceProfile,
    *,
    battery_j: float,
    counts: str = "tflite-2mac",
) -> Page:
    """Return the report on the paper.

    Args:
        network: The paper's network.
        blocks: Its blocks, P_l as float32.
        paper: The paper's model evaluated on them.
        constants: Where E_d and E_c come from.
        battery_j: B, J.
        counts: Convention that the blocks' work is counted by.
    """
    total_flop = sum(block.flop for block in blocks)
    counted = f"{si(total_flop, 'FLOP')} by {counts}"
    return Page(
        origin_of(constants),
        TITLE,
        [
            Section(title="Given", body=_given(f"{network.name}, {counted}", paper, constants)),
            Section(
                title="Fig. 1: work N_l and output P_l per block",
                body=block_table(network, blocks, total_flop=total_flop),
            ),
            Section(
                title="Fig. 2: energy E(l) (gross)",
                body=_energy_table(blocks, paper),
            ),
            Section(title="Claims", body=_claims(paper)),
            Section(title="Inferences per battery", body=_inferences(paper, battery_j)),
            Section(title="What the paper leaves out: l = 0", body=_input_facts(paper)),
        ],
        ending=study_ending(paper, claimed_block=CLAIMED_BLOCK),
    )


def _given(network: str, paper: PaperSplit, constants: DeviceProfile) -> RenderableType:
    ratio_flop_per_bit = paper.e_d_flop_per_j / paper.e_c_bit_per_j
    rows: list[tuple[str, RenderableType]] = [
        ("network", network),
        ("E_d", f"{si(paper.e_d_flop_per_j, 'FLOP/J')} gross, its uncertainty not stated"),
        ("E_c", f"{si(paper.e_c_bit_per_j, 'bit/J')} gross{_rate(constants)}, likewise"),
        ("E_d/E_c", f"{si(ratio_flop_per_bit, 'FLOP/bit')}: all that l* depends on"),
        ("source", constants.reference or "not stated"),
    ]
    return Facts(rows)


def _rate(constants: DeviceProfile) -> str:
    if constants.link is None:
        return ""
    return f" at {si(constants.link.uplink.rate_bit_per_s, 'bit/s')}"


def _energy_table(blocks: Sequence[Block], paper: PaperSplit) -> RenderableType:
    computed_j = [n / paper.e_d_flop_per_j for n in accumulate(block.flop for block in blocks)]
    upload_j = [block.output_bits / paper.e_c_bit_per_j for block in blocks]
    most_j = max(paper.energy_j)
    best = paper.best_block - 1
    bars = [
        Bar(
            [
                BarSegment(value=c, style=COMPUTE_STYLE),
                BarSegment(value=u, style=UPLOAD_STYLE, fill=SHADED),
            ],
            most_j,
        )
        for c, u in zip(computed_j, upload_j, strict=True)
    ]
    table = FittingTable(
        [
            Column(header="l", cells=[_marked(block.index, paper) for block in blocks], right=True),
            Column(header="block", cells=[block.name for block in blocks], yielding=True),
            Column(header="compute", cells=[si(j, "J") for j in computed_j], right=True,
                   from_width=70),
            Column(header="upload", cells=[si(j, "J") for j in upload_j], right=True,
                   from_width=70),
            Column(header="E(l)", cells=[si(j, "J", 4) for j in paper.energy_j], right=True),
            Column(header="█ compute  ▒ upload", cells=bars, flexible=True),
        ],
        emphasised=best,
    )  # fmt: skip
    optimum = f"▶ optimum l* = {paper.best_block}: {si(paper.best_energy_j, 'J', 4)}"
    return Group(table, paragraph(optimum, style="bold green"))


def _marked(index: int, paper: PaperSplit) -> str:
    return f"▶ {index}" if index == paper.best_block else str(index)


def _claims(paper: PaperSplit) -> RenderableType:
    rows = [
        ("optimum", f"block {CLAIMED_BLOCK}", f"block {paper.best_block}"),
        ("over all on the device", CLAIMED_GAIN_OVER_DEVICE, ratio(paper.gain_over_device)),
        ("over E(1), its “all on the server”", CLAIMED_GAIN_OVER_SERVER,
         ratio(paper.gain_over_server)),
    ]  # fmt: skip
    names, claimed, found = zip(*rows, strict=True)
    return FittingTable(
        [
            Column(header="energy saved", cells=names, flexible=True),
            Column(header="the paper", cells=claimed),
            Column(header="recomputed", cells=found, right=True),
        ]
    )


def _inferences(paper: PaperSplit, battery_j: float) -> RenderableType:
    best, device, first = (
        f"{battery_j / energy_j:,.0f}"
        for energy_j in (paper.best_energy_j, paper.all_device_j, paper.all_server_j)
    )
    of_device, of_first = ratio(paper.gain_over_device), ratio(paper.gain_over_server)
    return Group(
        Facts(
            [
                ("battery B", si(battery_j, "J")),
                ("B·E_d/ΣN_l", f"{device} all on the device"),
                ("B/E(l*)", f"{best} at the optimum, {of_device} those on the device"),
                ("B/E(1)", f"{first} by its “all on the server”; the optimum gives {of_first} it"),
            ]
        ),
        paragraph(
            f"The paper closes with {CLAIMED_INFERENCES} inferences: against all on the device "
            f"it is {of_device}, against E(1) {of_first}."
        ),
    )


def _input_facts(paper: PaperSplit) -> RenderableType:
    as_float, as_uint8 = paper.offload_input_float32_j, paper.offload_input_uint8_j
    if as_float is None or as_uint8 is None:
        return paragraph("The size of the input is not known.")
    relation = "less" if as_uint8 < paper.best_energy_j else "not less"
    rows: list[tuple[str, RenderableType]] = [
        ("float32 input", f"{si(as_float, 'J')}, {ratio(as_float / paper.best_energy_j)} E(l*)"),
        ("8-bit pixels", f"{si(as_uint8, 'J')}, {ratio(as_uint8 / paper.best_energy_j)} E(l*)"),
    ]
    return Group(
        paragraph(
            "The paper's “all on the server” still computes block 1 on the device and uploads its "
            "large output. Uploading the network's input itself costs (gross):"
        ),
        Facts(rows),
        paragraph(
            f"As the camera's own 8-bit pixels the input costs {relation} than every split at "
            "these E_d and E_c: whether splitting pays depends on the input's encoding, on "
            "E_d/E_c, and on privacy and latency. `joulesplit optimize` weighs l = 0 with a "
            "measured profile."
        ),
    )
