"""``joulesplit partition``: a network as blocks and cuts, and a split of it as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from joulesplit.errors import CommandError
from joulesplit.options import model_argument
from joulesplit.output import emit, json_option

if TYPE_CHECKING:
    from joulesplit.report.page import Section
    from partition.network import Block, Network
    from partition.split import SplitManifest
    from partition.verify import SplitComparison

VERIFY_SEED = 1


@click.command("partition")
@model_argument
@click.option(
    "--after",
    type=int,
    metavar="OPERATOR",
    help="Split after this operator; -1 is all on the server.",
)
@click.option(
    "-o",
    "--output",
    "directory",
    type=click.Path(path_type=Path),
    help="Directory for head.tflite, tail.tflite and manifest.json.",
)
@click.option(
    "--blocks",
    "granularity",
    type=click.Choice(["residual", "every-cut"]),
    default="residual",
    show_default=True,
    help="Where blocks end.",
)
@click.option("--verify", is_flag=True, help="Run head and tail, compare with the whole network.")
@json_option
def command(
    *,
    model: Path,
    after: int | None,
    directory: Path | None,
    granularity: str,
    verify: bool,
    as_json: bool,
) -> None:
    """Show MODEL as blocks with their work and output sizes; write a split of it.

    The numbers after --after are those of the column "operators": splitting after a block's last
    operator sends that block's output.
    """
    from joulesplit.report.network import network_page
    from partition.blocks import every_cut_blocks, residual_blocks
    from partition.reading import read_network

    if (after is None) != (directory is None):
        raise CommandError("--after OPERATOR and -o DIRECTORY go together: give both or neither")
    if verify and after is None:
        raise CommandError("--verify compares a split: give --after OPERATOR and -o DIRECTORY")
    network = read_network(model)
    blocks = (residual_blocks if granularity == "residual" else every_cut_blocks)(network)
    written, comparison = _split(model, after, directory, verify=verify)
    emit(
        as_json,
        _document(network, blocks, written, comparison),
        lambda: network_page(network, blocks, *_sections(written, directory, comparison)),
    )


def _split(
    model: Path, after: int | None, directory: Path | None, *, verify: bool
) -> tuple[SplitManifest | None, SplitComparison | None]:
    """Write and compare as asked."""
    if after is None or directory is None:
        return None, None
    from partition.split import write_split
    from partition.verify import compare_split

    manifest = write_split(model, after, directory)
    return manifest, compare_split(model, after, VERIFY_SEED) if verify else None


def _sections(
    manifest: SplitManifest | None, directory: Path | None, comparison: SplitComparison | None
) -> list[Section]:
    from joulesplit.report.network import split_section, verification_section

    sections = []
    if manifest is not None and directory is not None:
        sections.append(split_section(manifest, directory))
    if comparison is not None:
        sections.append(verification_section(comparison))
    return sections


def _document(
    network: Network,
    blocks: tuple[Block, ...],
    manifest: SplitManifest | None,
    comparison: SplitComparison | None,
) -> dict[str, Any]:
    from partition.cuts import prefix_cuts

    def named(indices: tuple[int, ...]) -> list[dict[str, Any]]:
        tensors = [network.tensors[index] for index in indices]
        return [
            {"name": t.name, "shape": t.shape, "dtype": t.dtype, "bits": t.bits} for t in tensors
        ]

    document: dict[str, Any] = {
        "model": {
            "name": network.name,
            "sha256": network.sha256,
            "operators": len(network.operators),
            "inputs": named(network.inputs),
            "outputs": named(network.outputs),
        },
        "flop_convention": "tflite-2mac",
        "totals": {
            "flop": network.flop,
            "mac_flop": network.mac_flop,
            "parameters": network.parameters,
        },
        "unknown_operators": [
            {"kind": kind, "count": count} for kind, count in network.unknown_operators.items()
        ],
        "blocks": blocks,
        "cuts": [
            {
                "after_operator": cut.after_operator,
                "tensors": [network.tensors[index].name for index in cut.tensors],
                "bits": cut.bits,
            }
            for cut in prefix_cuts(network)
        ],
    }
    if manifest is not None:
        document["split"] = manifest
    if comparison is not None:
        document["verification"] = comparison
    return document
