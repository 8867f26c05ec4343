"""What running a split for real showed, beside what was predicted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from joulesplit.cli.report._sheet import Ending, Origin, Page, Section, paragraph
from joulesplit.cli.report.tables import Column, FittingTable, quantity_text
from joulesplit.cli.report.terminal._compute_models import COMPUTE_MODEL_TITLES
from joulesplit.metrology import percent, si, signed_percent, uncertain
from joulesplit.optimizer import energy_text

if TYPE_CHECKING:
    from joulesplit.calibrate.campaign import ComparedTime, SplitValidation
    from joulesplit.optimizer import Candidate


def validation_page(
    validations: Sequence[SplitValidation[Candidate]],
    origin: Origin,
    network_name: str,
    *,
    ending: Ending | None = None,
) -> Page:
    """Return the report on validated splits.

    Args:
        validations: One per split.
        origin: Where the measured energies come from.
        network_name: File name of the network.
        ending: Its last lines.
    """
    return Page(
        origin,
        f"Splits of {network_name}, run end to end",
        validation_sections(validations),
        ending=ending,
    )


def validation_sections(validations: Sequence[SplitValidation[Candidate]]) -> list[Section]:
    """Return predicted beside measured energy, the results compared, and each way of pricing."""
    runs = Group(
        _table(validations), _levels(validations), *(_outputs(item) for item in validations)
    )
    return [
        Section(title="Energy per inference, net ± 95 %", body=runs, glance=True),
        Section(title="What each way of pricing predicts", body=_models(validations)),
    ]


def _levels(validations: Sequence[SplitValidation[Candidate]]) -> RenderableType:
    """Say what ± is and what the verdict is, which are not of one level."""
    level = max(validation.agreement_level for validation in validations)
    one_in = round(1.0 / (1.0 - level))
    return paragraph(
        f"± is 95 %: chance alone goes beyond it in one run of 20. A run DIFFERS only if it is off "
        f"by more than chance alone makes in one of {one_in:,} ({percent(level, 3)})."
    )


def _models(validations: Sequence[SplitValidation[Candidate]]) -> RenderableType:
    """Return how near each way of pricing computing comes to what was measured."""
    rows = [(v, error) for v in validations for error in v.by_model]
    return FittingTable(
        [
            Column(header="split", cells=[f"l = {v.predicted.block}" for v, _ in rows]),
            Column(
                header="computing priced by", cells=[COMPUTE_MODEL_TITLES[e.model] for _, e in rows]
            ),
            Column(
                header="predicts",
                cells=[si(e.predicted_j, "J", 4) for _, e in rows],
                right=True,
            ),
            Column(
                header="measured is",
                cells=[_off(e.difference_j, e.predicted_j) for _, e in rows],
                right=True,
            ),
        ]
    )


def _off(difference_j: float, predicted_j: float) -> str:
    return f"{signed_percent(difference_j / predicted_j)} off"


def _table(validations: Sequence[SplitValidation[Candidate]]) -> RenderableType:
    return FittingTable(
        [
            Column(header="split", cells=[_name(v) for v in validations], yielding=True),
            Column(
                header="predicted",
                cells=[energy_text(v.predicted) for v in validations],
                right=True,
            ),
            Column(
                header="measured",
                cells=[quantity_text(v.measured.net_j) for v in validations],
                right=True,
            ),
            Column(
                header="difference",
                cells=[uncertain(v.difference_j, v.difference_bound_j, "J") for v in validations],
                right=True,
                from_width=75,
            ),
            Column(
                header="runs",
                cells=[str(v.measured.inferences) for v in validations],
                right=True,
                from_width=90,
            ),
            Column(
                header="latency",
                cells=[si(v.measured.latency_s, "s") for v in validations],
                right=True,
                from_width=90,
            ),
            Column(header="", cells=[_verdict(v) for v in validations]),
        ]
    )


def _name(validation: SplitValidation[Candidate]) -> str:
    predicted = validation.predicted
    where = predicted.name if predicted.where == "split" else predicted.where
    return f"l = {predicted.block}, {where}"


def _verdict(validation: SplitValidation[Candidate]) -> Text:
    if validation.passed:
        return Text("agrees", style="green")
    cost = "agrees" if validation.in_time else "TIME DIFFERS"
    energy = cost if validation.agrees else "DIFFERS"
    result = "" if validation.outputs.agree else ", RESULT DIFFERS"
    return Text(f"{energy}{result}", style="bold red")


def _outputs(validation: SplitValidation[Candidate]) -> RenderableType:
    wait = ""
    if validation.server_wait_s is not None:
        wait = f" The answer was there {si(validation.server_wait_s, 's')} after the last bit."
    result = f"{_name(validation)}: result {_result(validation)}."
    return paragraph(f"{result}{_encoded(validation)}{_times(validation)}{wait}")


def _encoded(validation: SplitValidation[Candidate]) -> str:
    """Tell how it was sent, and what that does to the result; nothing where it went as it is."""
    if validation.encoding is None:
        return ""
    sent = f" Sent as {validation.encoding}, {si(validation.sent_bits, 'bit')} an upload"
    changed = validation.encoded_outputs
    if changed is None:
        return f"{sent}."
    top = "the same" if changed.same_top else "another one"
    return (
        f"{sent}: that moves the result by {changed.relative_error:.1g} of its range, "
        f"top class {top}."
    )


def _times(validation: SplitValidation[Candidate]) -> str:
    """Tell how long the upload, and all until it was sent, took beside what was predicted."""
    told = (("upload", validation.transfer), ("until it was sent", validation.sent))
    parts = [_time(what, time) for what, time in told if time is not None]
    return f" Time: {'; '.join(parts)}." if parts else ""


def _time(what: str, time: ComparedTime) -> str:
    verdict = "agrees" if time.agrees else "DIFFERS: calibrate again on this link"
    return (
        f"{what} {si(time.predicted_s, 's')} predicted, {si(time.measured_s, 's')} measured, "
        f"{verdict}"
    )


def _result(validation: SplitValidation[Candidate]) -> str:
    """Tell how far a result is from the whole network's, and why if that is too far."""
    outputs = validation.outputs
    if validation.encoded_outputs is not None and outputs.agree:
        return "as it follows from what is sent"
    if outputs.bit_equal:
        return "equal to the whole network's to the last bit"
    top = f"top class {'the same' if outputs.same_top else 'DIFFERENT'}"
    if outputs.agree:
        return f"within {outputs.relative_error:.1g} of the whole network's range, {top}"
    why = validation.runtimes_differ or "both sides run the same runtime: report it"
    return (
        f"DIFFERS from the whole network's by up to {percent(outputs.relative_error)} of its "
        f"range, {top}; {why}"
    )
