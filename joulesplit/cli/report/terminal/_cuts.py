"""Cuts: which can win, which is best, how they could be sent, and what a bundle holds."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from joulesplit.cli.report._sheet import Section, paragraph
from joulesplit.cli.report.tables import Column, Facts, FittingTable
from joulesplit.cli.report.terminal._network import work_between
from joulesplit.metrology import counted, percent, si
from joulesplit.partition import Block, Network
from joulesplit.partition.checking import EncodingEffect
from joulesplit.partition.cutting import BestCuts, HullCut, Regret, first_name, prefix_cuts
from joulesplit.partition.parts import BundleManifest

SHOWN_TENSORS = 2


def cut_name(network: Network, blocks: Sequence[Block], after: int) -> str:
    """Return what a cut is called everywhere: l and its block; inside a block its operator."""
    if after == -1:
        return "l = 0, all on server"
    for block in blocks:
        if block.last_operator == after:
            whole = after == len(network.operators) - 1
            return f"l = {block.index}, {'all on device' if whole else block.name}"
    return f"operator {after}"


def hull_section(
    network: Network,
    blocks: Sequence[Block],
    hull: Sequence[HullCut],
    regrets: tuple[Regret, Regret],
) -> Section:
    """Return the prefix cuts that win at some E_d/E_c, and where.

    Args:
        network: The network.
        blocks: What l counts.
        hull: The cuts.
        regrets: What the blocks' ends cost at most over them, inputs free and kept.
    """
    table = FittingTable(
        [
            Column(
                header="after",
                cells=[cut_name(network, blocks, e.cut.after_operator) for e in hull],
                yielding=True,
            ),
            Column(
                header="head",
                cells=[_head(e) for e in hull],
                right=True,
                from_width=70,
            ),
            Column(header="upload", cells=[si(e.upload_bits, "bit") for e in hull], right=True),
            Column(header="wins at E_d/E_c", cells=[_range(e) for e in hull], right=True),
            Column(
                header="crossing",
                cells=[_names(network, e.cut.tensors if e.upload_bits else ()) for e in hull],
                from_width=100,
                flexible=True,
            ),
        ]
    )
    lines = [*_other_cuts(network, len(hull)), *_if_unknown(network), *_regret_lines(*regrets)]
    body = Group(table, *(paragraph(line, style="dim") for line in lines))
    return Section(title="Cuts that can win", body=body)


def regret_section(free: Regret, kept: Regret) -> Section:
    """Return what a decision among the blocks' ends may have missed."""
    lines = _regret_lines(free, kept)
    return Section(title="Cuts inside the blocks, by FLOP", body=Group(*map(paragraph, lines)))


def _regret_lines(free: Regret, kept: Regret) -> list[str]:
    """Say what a choice among the blocks' ends costs at most over one among all prefix cuts."""
    if not free.share and not kept.share:
        text = (
            "Regret of the blocks 0: at every E_d/E_c, sent as it is or in any encoding, the input "
            "uploaded or kept, the best block end is the best of all cuts in the file's order."
        )
        return [text]
    named = (("", free), (" where the input stays on the device", kept))
    return [_regret_line(where, regret) for where, regret in named if regret.share]


def _regret_line(where: str, regret: Regret) -> str:
    ratio = regret.ratio_flop_per_bit
    at = f"at {si(ratio, 'FLOP/bit')}" if 0 < ratio < inf else "where bits cost next to nothing"
    if ratio == inf:
        at = "where work costs next to nothing"
    much = f"up to {percent(regret.share)}" if regret.share < inf else "without limit"
    return (
        f"These blocks hide better cuts{where}: their best end costs {much} more than the cut "
        f"after operator {regret.best.after_operator}, {at}, sent {regret.encoding}. The default "
        "blocks hide none."
    )


def _head(entry: HullCut) -> str:
    return work_between(entry.head_flop, entry.head_most_flop)


def _if_unknown(network: Network) -> list[str]:
    """Say what the ranges mean where operators of unknown work could be on either side."""
    if not network.unknown_operators:
        return []
    kinds = ", ".join(network.unknown_operators)
    text = (
        f"The work of {kinds} is unknown: each range is the widest there can be, with those in "
        "the head at their least and those behind it at their most. Measured energies decide."
    )
    return [text]


def _other_cuts(network: Network, winning: int) -> list[str]:
    cuts = prefix_cuts(network)
    impossible = [cut for cut in cuts if cut.obstacle]
    losing = len(cuts) - winning - len(impossible)
    lines = []
    if losing:
        lose, tie = ("lose", "tie") if losing > 1 else ("loses", "ties")
        other = counted(losing, "other cut")
        lines.append(f"{other} in the file's order {lose} at every E_d/E_c, or only {tie}.")
    if impossible:
        first = impossible[0]
        are = "are" if len(impossible) > 1 else "is"
        lines.append(
            f"{counted(len(impossible), 'cut')} {are} not possible; the first, after operator "
            f"{first.after_operator}: {first.obstacle}."
        )
    return lines


def _range(entry: HullCut) -> str:
    start = si(entry.from_flop_per_bit, "FLOP/bit")
    if entry.to_flop_per_bit == float("inf"):
        return f"from {start}"
    end = si(entry.to_flop_per_bit, "FLOP/bit")
    if not entry.from_flop_per_bit:
        return f"to {end}"
    number, unit = start.split(" ")
    return f"{number if end.endswith(f' {unit}') else start} – {end}"


def _names(network: Network, tensors: Sequence[int]) -> str:
    names = [first_name(network.tensors[index].name) for index in tensors]
    more = f" and {len(names) - SHOWN_TENSORS} more" if len(names) > SHOWN_TENSORS else ""
    return ", ".join(names[:SHOWN_TENSORS]) + more if names else "nothing"


def best_section(network: Network, blocks: Sequence[Block], best: BestCuts) -> Section:
    """Return the best prefix and the best closed cut at one E_d/E_c."""
    cut, prefix = best.closed.cut, best.prefix
    costs = (
        work_between(best.prefix_cost_flop, best.prefix_most_flop, 4),
        work_between(best.closed.cost, best.closed_most_flop, 4),
    )
    here = f"{cut_name(network, blocks, prefix.after_operator)}: {costs[0]}"
    rows: list[tuple[str, RenderableType]] = [
        ("in file order", here),
        ("", f"its work, and its {si(best.prefix_bits, 'bit')} as work at this ratio"),
        ("of all cuts", f"{len(cut.operators)} operators: {costs[1]}"),
        ("crossing", f"{si(cut.bits, 'bit', 4)}: {_names(network, cut.tensors)}"),
    ]
    if best.saving:
        rows.append(("", f"{percent(best.saving)} less than the best in file order"))
    else:
        rows.append(("", "no cut across branches is better than the best in file order"))
    title = f"Best cut at E_d/E_c = {si(best.ratio_flop_per_bit, 'FLOP/bit', 4)}"
    return Section(title=title, body=Facts(rows))


def encoding_section(where: str, effects: Sequence[EncodingEffect]) -> Section:
    """Return what the encodings do at one cut."""
    held = [effect for effect in effects if effect.refused is None]
    plain = held[0].bits
    table = FittingTable(
        [
            Column(header="encoding", cells=[e.encoding for e in held]),
            Column(header="sent", cells=[si(e.bits, "bit") for e in held], right=True),
            Column(header="of plain", cells=[percent(e.bits / plain) for e in held], right=True),
            Column(
                header="error",
                cells=[f"{e.relative_error:.2g}" if e.relative_error else "0" for e in held],
                right=True,
            ),
            Column(header="same top", cells=[percent(e.top1_agreement) for e in held], right=True),
            Column(header="encode", cells=[si(e.encode_s, "s", 2) for e in held], right=True),
            Column(
                header="decode",
                cells=[si(e.decode_s, "s", 2) for e in held],
                right=True,
                from_width=80,
            ),
        ]
    )
    refused = [Text(f"{e.encoding}: {e.refused}", style="red") for e in effects if e.refused]
    text = (
        f"Means of {held[0].inputs} inputs; error is the largest |y − y'| / |y| of the outputs; "
        "times are medians on this machine. Errors on random inputs tell little of real ones: "
        "give some with --input."
    )
    body = Group(table, *refused, paragraph(text, style="dim"))
    return Section(title=f"Encodings at {where}", body=body)


def bundle_section(manifest: BundleManifest, blocks: Sequence[Block], directory: Path) -> Section:
    """Return what a bundle holds."""
    ends = {block.last_operator: str(block.index) for block in blocks}
    splits = ", ".join(ends[entry.after_operator] for entry in manifest.splits) or "none"
    rows: list[tuple[str, RenderableType]] = [
        ("directory", str(directory)),
        ("blocks", f"{len(manifest.blocks)} files"),
        ("splits", f"head and tail at l = {splits}"),
        ("", "where less crosses than at any earlier block's end"),
        ("size", si(manifest.size_bytes, "byte")),
    ]
    return Section(title="Bundle", body=Facts(rows))
