"""``joulesplit partition``: a network as blocks and cuts, and parts of it as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from joulesplit.cli._errors import CommandError
from joulesplit.cli._number_range import NOT_BELOW_ZERO, THREADS
from joulesplit.cli._options import (
    RESIDUAL,
    block_options,
    gathered,
    input_shape_option,
    input_shape_words,
    model_argument,
)
from joulesplit.cli._output import emit, json_option, note
from joulesplit.cli._partitioning import (
    PartitionOutcome,
    Request,
    carry_out,
    check_request,
    regret_document,
)

if TYPE_CHECKING:
    from joulesplit.cli.report import Page, Section

PATH = click.Path(path_type=Path)


def _refuse_after(_context: click.Context, _option: click.Parameter, given: int | None) -> None:
    """Refuse the option of before, whose number other commands understand as another one."""
    if given is not None:
        raise CommandError(
            f"--after {given} counted operators, where every command counts blocks: give --split "
            f"{max(given, 0)} for the cut after block {max(given, 0)}, or --after-operator {given} "
            f"for the one after operator {given}"
        )


@click.command("partition")
@model_argument
@block_options(RESIDUAL, RESIDUAL)
@click.option("--split", metavar="L|BLOCK", help="Split after this block; 0 is all on the server.")
@click.option(
    "--after-operator",
    type=int,
    metavar="OPERATOR",
    help="Split after this operator, also inside a block; -1 is all on the server.",
)
@click.option("--after", type=int, hidden=True, expose_value=False, callback=_refuse_after)
@click.option(
    "--ratio",
    type=NOT_BELOW_ZERO,
    metavar="FLOP/BIT",
    help="E_d/E_c: find the best cut, also across branches.",
)
@click.option("--keep-input", is_flag=True, help="With --ratio: never upload the input itself.")
@click.option(
    "-o",
    "--output",
    "directory",
    type=PATH,
    help="Directory for head.tflite, tail.tflite and manifest.json.",
)
@click.option("--force", is_flag=True, help="With -o: replace files that are of no earlier split.")
@click.option("--bundle", type=PATH, help="Directory for all blocks and the worthwhile splits.")
@click.option("--verify", is_flag=True, help="Run head and tail, compare with the whole network.")
@click.option("--encodings", is_flag=True, help="Measure how what crosses could be sent.")
@click.option("--plot", type=PATH, help="Write Fig. 1, N_l and P_l per block (.svg .png .pdf).")
@click.option(
    "--input",
    "inputs",
    type=PATH,
    multiple=True,
    metavar="NPY",
    help="Run on this instead of random numbers; one per input.",
)
@input_shape_option
@click.option("--signature", metavar="NAME", help="Take this one of the file's signatures.")
@click.option("--threads", type=THREADS, default=1, show_default=True, help="Threads of a run.")
@click.option(
    "--xnnpack/--no-xnnpack", default=True, show_default=True, help="XNNPACK delegate of a run."
)
@json_option
@gathered(Request, "request")
def command(*, request: Request, plot: Path | None, as_json: bool) -> None:
    """Show MODEL as blocks with their work and output sizes; write parts of it.

    A cut is named by l or its block, in this command as in all others: --split 5 runs the blocks
    1 to 5 here and sends the output of block 5. With --ratio, -o writes the best split of all.
    """
    check_request(request)
    outcome = carry_out(request)
    if plot is not None:
        from joulesplit.cli.report.plots import write_block_plot
        from joulesplit.cli.report.terminal import partly_unknown

        network, blocks = outcome.network, outcome.blocks
        partly = partly_unknown(network, blocks)
        write_block_plot(plot, blocks, network.name, partly_unknown=partly)
        note(f"wrote {plot}")
    emit(as_json, _document(outcome), lambda: _page(request, outcome))


def _page(request: Request, outcome: PartitionOutcome) -> Page:
    from joulesplit.cli.report.terminal import network_page, partition_ending

    ending = partition_ending(
        outcome.network,
        outcome.blocks,
        cuts=len(outcome.hull),
        model=request.model,
        options=input_shape_words(request.input_shapes),
        wrote=[path for path in (request.directory, request.bundle) if path is not None],
    )
    sections = _sections(request, outcome)
    return network_page(outcome.network, outcome.blocks, *sections, ending=ending)


def _sections(request: Request, outcome: PartitionOutcome) -> list[Section]:
    from joulesplit.cli.report.terminal import (
        best_section,
        bundle_section,
        cut_name,
        encoding_section,
        hull_section,
        split_section,
        verification_section,
    )

    sections = [hull_section(outcome.network, outcome.blocks, outcome.hull, outcome.regrets)]
    if outcome.best is not None:
        sections.append(best_section(outcome.network, outcome.blocks, outcome.best))
    if outcome.written is not None and request.directory is not None:
        sections.append(split_section(outcome.written, request.directory))
    if outcome.comparison is not None:
        sections.append(verification_section(outcome.comparison))
    if outcome.effects is not None and outcome.after is not None:
        where = cut_name(outcome.network, outcome.blocks, outcome.after)
        sections.append(encoding_section(where, outcome.effects))
    if outcome.bundle is not None and request.bundle is not None:
        sections.append(bundle_section(outcome.bundle, outcome.blocks, request.bundle))
    return sections


def _document(outcome: PartitionOutcome) -> dict[str, Any]:
    network = outcome.network
    document: dict[str, Any] = {
        "model": {
            "name": network.name,
            "signature": network.signature,
            "sha256": network.sha256,
            "operators": len(network.operators),
            "inputs": _named(outcome, network.inputs),
            "outputs": _named(outcome, network.outputs),
        },
        "flop_convention": "tflite-2mac",
        "totals": {
            "flop": network.flop,
            "mac_flop": network.mac_flop,
            "parameters": network.parameters,
            "parameter_bytes": network.parameter_bytes,
        },
        "notes": network.notes,
        "unknown_operators": [
            {"kind": kind, "count": count} for kind, count in network.unknown_operators.items()
        ],
        "remarks": [
            {"operator": o.index, "kind": o.kind, "flop": o.flop, "remark": o.remark}
            for o in network.operators
            if o.remark
        ],
        "blocks": outcome.blocks,
        "cuts": _cuts(outcome),
        "regret": regret_document(outcome.regrets),
    }
    parts = {
        "best": outcome.best,
        "split": outcome.written,
        "verification": outcome.comparison,
        "encodings": outcome.effects,
        "bundle": outcome.bundle and {"splits": outcome.bundle.splits},
    }
    return document | {name: part for name, part in parts.items() if part is not None}


def _named(outcome: PartitionOutcome, indices: tuple[int, ...]) -> list[dict[str, Any]]:
    tensors = [outcome.network.tensors[index] for index in indices]
    return [{"name": t.name, "shape": t.shape, "dtype": t.dtype, "bits": t.bits} for t in tensors]


def _cuts(outcome: PartitionOutcome) -> list[dict[str, Any]]:
    from joulesplit.partition.cutting import prefix_cuts

    tensors = outcome.network.tensors
    hull = {entry.cut.after_operator: entry for entry in outcome.hull}
    documents = []
    for cut in prefix_cuts(outcome.network):
        entry = hull.get(cut.after_operator)
        documents.append(
            {
                "after_operator": cut.after_operator,
                "tensors": [tensors[index].name for index in cut.tensors],
                "bits": cut.bits,
                "obstacle": cut.obstacle or None,
                "dominated": entry is None and not cut.obstacle,
                "wins_from_flop_per_bit": entry and entry.from_flop_per_bit,
                "wins_to_flop_per_bit": entry and entry.to_flop_per_bit,
            }
        )
    return documents
