"""What a network consists of: its blocks, its totals, and what a split of it wrote."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from joulesplit.cli.report._sheet import Ending, Page, Section, paragraph
from joulesplit.cli.report.tables import Bar, Column, Facts, FittingTable
from joulesplit.metrology import counted, percent, si
from joulesplit.partition import Block, Network, Tensor, unsendable
from joulesplit.partition.checking import SplitComparison
from joulesplit.partition.cutting import first_name
from joulesplit.partition.parts import SplitManifest

COMPUTE_STYLE = "cyan"
UPLOAD_STYLE = "yellow"
SHOWN_LIMITS = 5
"""Operators of unknown work whose bounds are told."""


def network_page(
    network: Network, blocks: Sequence[Block], *extra: Section, ending: Ending | None = None
) -> Page:
    """Return the report on a network.

    Args:
        network: The network.
        blocks: Its blocks.
        extra: Further sections, e.g. of a split that was written.
        ending: The last lines.
    """
    sections = [
        Section(title="Network", body=_totals(network)),
        Section(title=counted(len(blocks), "block"), body=block_table(network, blocks)),
    ]
    if network.unknown_operators:
        sections.insert(1, Section(title="Unknown work", body=_unknown(network)))
    if network.notes:
        notes = Group(*(paragraph(note) for note in network.notes))
        sections.insert(1, Section(title="Notes", body=notes))
    return Page(None, network.name, [*sections, *extra], ending=ending)


def _totals(network: Network) -> RenderableType:
    rows: list[tuple[str, RenderableType]] = [("sha256", network.sha256)]
    rows += [("input", _tensor(network.tensors[i])) for i in network.inputs]
    rows += [("output", _tensor(network.tensors[i])) for i in network.outputs]
    rows += [
        ("operators", str(len(network.operators))),
        ("parameters", f"{network.parameters:,} in {si(network.parameter_bytes, 'byte')}"),
        ("work", f"{network.flop:,} FLOP by tflite-2mac"),
        ("", f"{network.mac_flop:,} FLOP of it multiply-accumulates"),
    ]
    return Facts(rows)


def _tensor(tensor: Tensor) -> str:
    shape = " × ".join(str(size) for size in tensor.shape)
    size = "no fixed size" if unsendable(tensor) else si(tensor.bits, "bit")
    return f"{tensor.name}: {shape} {tensor.dtype}, {size}"


def _unknown(network: Network) -> RenderableType:
    kinds = ", ".join(f"{count} × {kind}" for kind, count in network.unknown_operators.items())
    return Group(
        paragraph(kinds, style="bold red"),
        *(paragraph(line) for line in _limits(network)),
        paragraph(
            "The work of these operators is not known and adds nothing to the totals: an N_l that "
            "contains one is marked ≥. Measured energies are not affected.",
            style="red",
        ),
    )


def _limits(network: Network) -> list[str]:
    """Say between which bounds the work of the first operators of unknown work is."""
    told = [o for o in network.operators if o.flop is None and not o.calls]
    bounded = [o for o in told if o.most_flop is not None]
    return [
        f"operator {o.index} ({o.kind}): {work_between(o.least_flop, o.most_flop)}"
        for o in bounded[:SHOWN_LIMITS]
    ]


def work_between(least_flop: float, most_flop: float | None, digits: int = 3) -> str:
    """Return work that is known, or known between bounds; None is without limit."""
    least = si(least_flop, "FLOP", digits)
    if most_flop is None:
        return f"≥ {least}"
    return least if most_flop == least_flop else f"{least} – {si(most_flop, 'FLOP', digits)}"


def partly_unknown(network: Network, blocks: Sequence[Block]) -> frozenset[int]:
    """Return the indices l of the blocks that contain operators of unknown work."""
    unknown = [operator.index for operator in network.operators if operator.flop is None]
    return frozenset(
        block.index
        for block in blocks
        if bisect_left(unknown, block.first_operator) < bisect_right(unknown, block.last_operator)
    )


def block_table(
    network: Network, blocks: Sequence[Block], *, total_flop: int | None = None
) -> FittingTable:
    """Return the blocks with N_l and P_l, as numbers and as bars.

    Args:
        network: The network.
        blocks: Its blocks.
        total_flop: Work that shares are of, FLOP; None for the network's own.
    """
    most_flop = max((block.flop for block in blocks), default=1)
    most_bits = max((block.output_bits for block in blocks), default=1)
    total = max(network.flop if total_flop is None else total_flop, 1)
    partly = partly_unknown(network, blocks)
    work = [f"{'≥ ' * (b.index in partly)}{si(b.flop, 'FLOP')}" for b in blocks]
    ends = [(block.first_operator, block.last_operator) for block in blocks]
    return FittingTable(
        [
            Column(header="l", cells=[str(block.index) for block in blocks], right=True),
            Column(header="block", cells=[block.name for block in blocks], yielding=True),
            Column(
                header="operators",
                cells=[f"{first}–{last}" if first < last else f"{last}" for first, last in ends],
                right=True,
                from_width=70,
            ),
            Column(header="N_l", cells=work, right=True),
            Column(
                header="share",
                cells=[percent(block.flop / total) for block in blocks],
                right=True,
                from_width=90,
            ),
            Column(
                header="",
                cells=[Bar.of(block.flop, most_flop, COMPUTE_STYLE) for block in blocks],
                flexible=True,
            ),
            Column(
                header="P_l", cells=[si(block.output_bits, "bit") for block in blocks], right=True
            ),
            Column(
                header="",
                cells=[Bar.of(block.output_bits, most_bits, UPLOAD_STYLE) for block in blocks],
                flexible=True,
            ),
        ]
    )


def split_section(manifest: SplitManifest, directory: Path) -> Section:
    """Return what was written for a split."""
    rows: list[tuple[str, RenderableType]] = [("directory", str(directory))]
    for name, part in (("head", manifest.head), ("tail", manifest.tail)):
        if part is None:
            rows.append((name, "nothing to run on this side: no file"))
        else:
            rows.append((name, f"{part.file}, {si(part.size_bytes, 'byte')}, {part.flop:,} FLOP"))
            rows.append(("sha256", part.sha256))
    rows.append(("manifest", "manifest.json"))
    crossing = ", ".join(f"{first_name(spec.name)} ({spec.dtype})" for spec in manifest.crossing)
    rows.append(("crossing", f"{si(manifest.crossing_bits, 'bit', 4)}: {crossing}"))
    if manifest.results:
        rows.append(("kept", f"results that stay on the device: {', '.join(manifest.results)}"))
    title = f"Split after operator {manifest.after_operator}"
    if manifest.device_operators is not None:
        title = f"Split across branches, {len(manifest.device_operators)} operators on the device"
    return Section(title=title, body=Facts(rows))


def verification_section(comparison: SplitComparison) -> Section:
    """Return whether head and tail compute what the whole network does."""
    if comparison.bit_equal:
        verdict = Text("bit-equal to the whole network", style="green")
    else:
        verdict = Text(
            f"differs by up to {comparison.max_abs_error:.3g} in {comparison.first_difference}",
            style="bold red",
        )
    inputs = "as given" if comparison.seed is None else f"random, seed {comparison.seed}"
    rows: list[tuple[str, RenderableType]] = [("result", verdict), ("inputs", inputs)]
    rows.append(("kernels", comparison.delegate or "the runtime's own, no delegate"))
    if comparison.first_tensor is not None:
        rows.append(("first", f"{comparison.first_tensor} is the first tensor that differs"))
    elif not comparison.bit_equal:
        rows.append(("first", "operator by operator, without the delegate, nothing differs"))
    return Section(title="Head and tail together", body=Facts(rows))
