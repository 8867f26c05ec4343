"""A decision as pictures, for the page that carries it. SVG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from joulesplit.cli.report._sheet import Origin, origin
from joulesplit.cli.report.plots._figure import WIDTH_IN, Picture, finished
from joulesplit.cli.report.plots._style import (
    OUTPUT_COLOUR,
    SOFT_COLOUR,
    WORK_COLOUR,
    label_with_unit,
    new_figure,
)
from joulesplit.optimizer import Candidate, Decision

DECADES = 1.0
"""How far the price of a bit is drawn beyond what matters, either way."""


def decision_pictures(decision: Decision) -> Iterator[Picture]:
    """Yield what each split costs, and which one wins as bits become dearer or cheaper.

    Raises:
        CommandError: matplotlib is not installed.
    """
    came_from = origin(decision.source, simulated=decision.simulated)
    yield _splits(decision, came_from)
    if len(decision.sensitivity.hull) > 1:
        yield _winners(decision, came_from)


def _splits(decision: Decision, came_from: Origin) -> Picture:
    candidates = decision.candidates
    figure = new_figure(WIDTH_IN, 4.4, needed_by="--html")
    axes = figure.add_subplot()
    places = [candidate.block for candidate in candidates]
    computing_j = [candidate.compute_j + candidate.encode_j for candidate in candidates]
    link_j = [c.energy_j - own_j for c, own_j in zip(candidates, computing_j, strict=True)]
    axes.bar(places, computing_j, color=WORK_COLOUR, label="computing")
    axes.bar(places, link_j, bottom=computing_j, color=OUTPUT_COLOUR, label="link")
    _intervals(axes, candidates)
    names = [f"{candidate.block} {candidate.name}" for candidate in candidates]
    axes.set_xticks(places, names, rotation=60, ha="right", fontsize=7)
    for tick, candidate in zip(axes.get_xticklabels(), candidates, strict=True):
        tick.set_color(SOFT_COLOUR if candidate.violates else "black")
        tick.set_weight("bold" if candidate.block == decision.best.block else "normal")
    _point_at(axes, decision.best)
    axes.set(ylabel=f"{decision.account} energy per inference")
    label_with_unit(axes.yaxis, "J")
    axes.legend(frameon=False)
    return Picture(
        title="Energy of each split",
        caption=_about_splits(decision),
        svg=finished(figure, came_from),
    )


def _about_splits(decision: Decision) -> str:
    account = f"by the {decision.account} account"
    sentences = [
        f"What an inference costs the device if the network is split after block l, {account}."
    ]
    if decision.best.ci95_j is not None:
        sentences.append(
            "Much of the 95 % intervals is common to all splits and cancels between them: how "
            "sure the choice is says P(best)."
        )
    if any(candidate.violates for candidate in decision.candidates):
        sentences.append("Grey names break a limit.")
    return " ".join(sentences)


def _intervals(axes: Any, candidates: Sequence[Candidate]) -> None:
    known = [(c.block, c.energy_j, c.ci95_j) for c in candidates if c.ci95_j is not None]
    if not known:
        return
    reach = np.array([(energy_j - low, high - energy_j) for _, energy_j, (low, high) in known])
    axes.errorbar(
        [block for block, _, _ in known], [energy_j for _, energy_j, _ in known], yerr=reach.T,
        fmt="none", ecolor="black", capsize=2, lw=0.8, label="95 %",
    )  # fmt: skip


def _point_at(axes: Any, best: Candidate) -> None:
    top_j = best.ci95_j[1] if best.ci95_j else best.energy_j
    axes.annotate(
        f"l* = {best.block}", (best.block, top_j), xytext=(0, 22), textcoords="offset points",
        ha="center", weight="bold", arrowprops={"arrowstyle": "->"},
    )  # fmt: skip


def _winners(decision: Decision, came_from: Origin) -> Picture:
    figure = new_figure(WIDTH_IN, 4.2, needed_by="--html")
    axes = figure.add_subplot()
    e_c_bit_per_j = _range_bit_per_j(decision)
    least_j = np.full_like(e_c_bit_per_j, np.inf)
    for block in decision.sensitivity.hull:
        energies_j = _energies_j(decision.candidates[block], e_c_bit_per_j)
        least_j = np.minimum(least_j, energies_j)
        style = "-" if block == decision.best.block else "--"
        axes.plot(e_c_bit_per_j, energies_j, style, lw=1.4, label=f"l = {block}")
    axes.plot(e_c_bit_per_j, least_j, color="black", lw=3.5, alpha=0.25, label="the least")
    axes.axvline(decision.e_c_bit_per_j, color=SOFT_COLOUR, ls=":", label="this link")
    dearest_j = float(least_j.max())
    axes.set(xscale="log", xlabel="E_c", ylim=(0, 1.2 * dearest_j))
    axes.set(ylabel=f"{decision.account} energy per inference")
    label_with_unit(axes.xaxis, "bit/J")
    label_with_unit(axes.yaxis, "J")
    axes.legend(frameon=False, loc="lower left")
    return Picture(
        title="Which split wins at which price of a bit",
        caption="Every split that is the best at some E_c. Bits become cheaper to the right, and "
        "splits that send more of them win there; what an upload costs besides its bits stays. "
        "Drawn without uncertainty.",
        svg=finished(figure, came_from),
    )


def _range_bit_per_j(decision: Decision) -> np.ndarray:
    """Return values of E_c around this link's and all at which the winner changes, bit/J."""
    swaps = [swap.e_c_bit_per_j for swap in decision.sensitivity.breakpoints]
    exponents = np.log10([decision.e_c_bit_per_j, *swaps])
    return np.logspace(exponents.min() - DECADES, exponents.max() + DECADES, 400)


def _energies_j(candidate: Candidate, e_c_bit_per_j: np.ndarray) -> np.ndarray:
    besides_bits_j = candidate.energy_j - candidate.upload_j
    return np.asarray(besides_bits_j + candidate.upload_bits / e_c_bit_per_j)
