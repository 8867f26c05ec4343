"""What each way of pricing computing chooses, and how a split was taken to be used."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from joulesplit.cli.report.tables import Column, Facts, FittingTable
from joulesplit.metrology import interval_half_width, si, uncertain
from joulesplit.optimizer import Decision, ModelChoice

COMPUTE_MODEL_TITLES = {
    "heads": "heads as measured",
    "blocks": "sum of blocks",
    "constant": "constant E_d",
}
JUDGE = {"heads": "heads", "blocks": "blocks", "constant": "E_d"}


def models_table(decision: Decision) -> RenderableType:
    """Return what each way of pricing computing chooses, and two models beyond the profile."""
    choices = decision.models
    judge = JUDGE[decision.judged_by]
    beyond: list[tuple[str, RenderableType]] = [("the paper", _paper(decision))]
    if decision.input_as_uint8_j < decision.candidates[0].energy_j:
        pixels = f"{si(decision.input_as_uint8_j, 'J')} {decision.account} to upload at l = 0"
        beyond.append(("input as 8 bit", pixels))
    table = FittingTable(
        [
            Column(
                header="computing priced by", cells=[COMPUTE_MODEL_TITLES[c.model] for c in choices]
            ),
            Column(header="chooses", cells=[f"l = {c.block}" for c in choices], right=True),
            Column(
                header=f"and expects ({decision.account})",
                cells=[si(c.energy_j, "J", 4) for c in choices],
                right=True,
                from_width=70,
            ),
            Column(
                header=f"costs more by {judge}", cells=[_regret(c) for c in choices], right=True
            ),
        ],
        emphasised=[c.model for c in choices].index(decision.compute_model),
    )
    return Group(table, Text(""), Facts(beyond))


def _paper(decision: Decision) -> str:
    paper = decision.paper
    if paper is None:
        return "cannot choose: it prices all work by E_d, and that of an operator is unknown"
    energy = f"{si(paper.best_energy_j, 'J')} {decision.account}"
    return f"chooses l = {paper.best_block}, {energy} (l from 1, float32 outputs)"


def _regret(choice: ModelChoice) -> str:
    if choice.regret_j <= 0.0:
        return "nothing"
    half_width = interval_half_width(choice.regret_ci95_j)
    return uncertain(choice.regret_j, half_width, "J") if half_width else si(choice.regret_j, "J")


def usage_text(decision: Decision) -> str:
    """Tell how often what is not per upload was taken to fall on one."""
    usage = decision.usage
    burst = "a burst" if usage.uploads_per_burst == 1 else f"1/{usage.uploads_per_burst:g} burst"
    connection = "an open connection"
    if usage.uploads_per_connection is not None:
        connection = (
            "a new connection"
            if usage.uploads_per_connection == 1
            else f"1/{usage.uploads_per_connection:g} new connection"
        )
    wait = "waiting not known"
    if usage.server_wait_s is not None:
        wait = f"{si(usage.server_wait_s, 's')} of waiting"
    return f"takes {burst}, {connection}, {wait}"
