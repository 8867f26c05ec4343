"""How the reports of the tools around a measurement end."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joulesplit.cli.report._sheet import Ending
from joulesplit.cli.report.tables import quantity_text
from joulesplit.drivers import SIMULATED_KINDS
from joulesplit.metrology import counted, percent, ratio, si

if TYPE_CHECKING:
    from joulesplit.cli._finding import Diagnosis, Finding
    from joulesplit.cli._watch import Summary
    from joulesplit.optimizer import PaperSplit
    from joulesplit.partition import Block, Network

MANY_LOST = 0.01
"""A share of readings lost that the ending tells."""

NOT_LIVE = (*SIMULATED_KINDS, "replay")
"""Sensors that are always there and measure nothing."""

FEW_NAMED = 3
"""Of more things the first are named and the others counted."""


def partition_ending(
    network: Network,
    blocks: Sequence[Block],
    *,
    cuts: int,
    model: Path,
    options: Sequence[str] = (),
    wrote: Sequence[Path] = (),
) -> Ending:
    """Return how the report on a network ends.

    Args:
        network: The network.
        blocks: Its blocks.
        cuts: How many cuts can win at some E_d/E_c.
        model: Its file.
        options: Words that say how it was read.
        wrote: Directories and files that have been written.
    """
    unknown = ", ".join(f"{n} × {kind}" for kind, n in network.unknown_operators.items())
    input_bits = si(network.input_bits, "bit")
    work = si(network.flop, "FLOP", 4)
    return Ending(
        verdict=f"CUT: {counted(len(blocks), 'block')}, {counted(cuts, 'cut')} can win",
        headline=f"{work} by tflite-2mac, {input_bits} of input",
        assumed=f"the work of {unknown} is not known" if unknown else None,
        wrote=_paths(wrote),
        next_step=shlex.join(["joulesplit", "calibrate", str(model), *options]),
    )


def summary_ending(
    summary: Summary,
    *,
    hint: str | None,
    wrote: Path | None = None,
    next_step: str | None = None,
) -> Ending:
    """Return how the report on a stretch of watching ends.

    Args:
        summary: Of the stretch.
        hint: What the readings say of the wiring; None for nothing.
        wrote: Recording that was written.
        next_step: What to type.
    """
    statistics = summary.statistics
    lost = statistics.lost / max(statistics.readings + statistics.lost, 1)
    power = summary.power_w
    mean = si(summary.mean_w, "W", 4) if power is None else quantity_text(power)
    short = "too short for an uncertainty: watch for longer" if power is None else None
    missing = f"{percent(lost)} of the readings were lost" if lost > MANY_LOST else None
    readings = counted(statistics.readings, "reading")
    return Ending(
        verdict=f"COMPLETE: {readings} in {si(summary.duration_s, 's')}",
        headline=f"{mean} on average (gross), {si(summary.energy_j, 'J', 4)}",
        assumed=hint or missing or short,
        wrote=str(wrote) if wrote else None,
        next_step=next_step,
    )


def study_ending(paper: PaperSplit, *, claimed_block: int) -> Ending:
    """Return how the report on the paper ends.

    Args:
        paper: Its model, recomputed.
        claimed_block: l* by the paper.
    """
    same = paper.best_block == claimed_block
    pixels_j = paper.offload_input_uint8_j
    cheaper = pixels_j is not None and pixels_j < paper.best_energy_j
    return Ending(
        verdict=f"{'REPRODUCED' if same else 'DIFFERS'}: l* = {paper.best_block}, "
        f"the paper says {claimed_block}",
        headline=f"{si(paper.best_energy_j, 'J', 4)} per inference (gross, its uncertainty not "
        f"stated), all on the device {ratio(paper.gain_over_device)} as much",
        assumed=f"the input as 8-bit pixels would cost only {si(pixels_j, 'J')}"
        if cheaper and pixels_j is not None
        else None,
        next_step="joulesplit demo",
    )


def doctor_ending(diagnosis: Diagnosis) -> Ending:
    """Return how the report on a machine ends."""
    troubled = [f for f in diagnosis.findings if f.state in ("error", "warn")]
    troubled.sort(key=lambda finding: finding.state != "error")
    usable = [name for name, here in diagnosis.ready_for.items() if here]
    ready = [name for name in usable if name not in NOT_LIVE]
    names = _named([finding.name for finding in troubled])
    sensors = f"--sensor {' or '.join(ready)}" if ready else "no sensor"
    return Ending(
        verdict=f"MEND: {names}" if troubled else "READY: nothing to mend",
        headline=f"{sensors} can be used here now",
        assumed=_fix(troubled[0]) if troubled else None,
        next_step="joulesplit init",
    )


def _fix(finding: Finding) -> str:
    return f"{finding.name}: {finding.fix or finding.found}"


def tuning_ending(document: Mapping[str, Any]) -> Ending:
    """Return how the report on a machine's settings ends.

    Args:
        document: As ``joulesplit tune --json`` prints it.
    """
    left, restored = document["to_restore"], document["restored"]
    verdict = "AS FOUND: nothing is to be set back"
    if left is not None:
        verdict = f"SET: {counted(len(left['settings']), 'setting')} to be set back afterwards"
    elif restored is not None:
        verdict = f"SET BACK: {counted(len(restored['settings']), 'setting')}"
    values = [
        f"{target} {'/'.join(sorted({value or 'unknown' for value in found.values()}))}"
        for target, found in document["settings"].items()
        if found
    ]
    return Ending(
        verdict=verdict,
        headline=", ".join(values) or "neither a governor nor a radio is shown by this system",
        wrote=document["state"] if left is not None else None,
        next_step=_set_back(document["state"])
        if left is not None and not document["owner_runs"]
        else None,
    )


def _set_back(state: str) -> str:
    """Return how settings are set back: by root where root has written them down."""
    return f"{'sudo ' * state.startswith('/run/')}joulesplit tune --restore"


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - FEW_NAMED} more" if len(names) > FEW_NAMED else ""
    return ", ".join(names[:FEW_NAMED]) + more


def _paths(paths: Sequence[Path]) -> str | None:
    return ", ".join(str(path) for path in paths) or None
