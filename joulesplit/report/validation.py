"""What running a split for real showed, beside what was predicted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from joulesplit.report.decision import energy_text
from joulesplit.report.page import Origin, Page, Section
from joulesplit.report.tables import Column, FittingTable
from joulesplit.report.units import quantity_text, si, uncertain

if TYPE_CHECKING:
    from joulesplit.measuring.validation import SplitValidation


def validation_page(
    validations: Sequence[SplitValidation], origin: Origin, network_name: str
) -> Page:
    """Return the report on validated splits.

    Args:
        validations: One per split.
        origin: Where the measured energies come from.
        network_name: File name of the network.
    """
    return Page(
        origin, f"Splits of {network_name}, run end to end", [validation_section(validations)]
    )


def validation_section(validations: Sequence[SplitValidation]) -> Section:
    """Return predicted beside measured energy per inference, and the results compared."""
    return Section(
        title="Predicted and measured energy per inference (net ± 95 %)",
        body=Group(_table(validations), *(_outputs(item) for item in validations)),
    )


def _table(validations: Sequence[SplitValidation]) -> RenderableType:
    return FittingTable(
        [
            Column(header="split", cells=[_name(v) for v in validations]),
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


def _name(validation: SplitValidation) -> str:
    predicted = validation.predicted
    where = {"server": "all on the server", "device": "all on the device"}
    return where.get(predicted.where, f"after block {predicted.block} ({predicted.name})")


def _verdict(validation: SplitValidation) -> Text:
    if validation.agrees:
        return Text("agrees", style="green")
    return Text("DIFFERS", style="bold red")


def _outputs(validation: SplitValidation) -> RenderableType:
    outputs = validation.outputs
    if outputs.bit_equal:
        result = "equal to the whole network's to the last bit"
    else:
        result = (
            f"within {outputs.relative_error:.1g} of the whole network's range, "
            f"top class {'the same' if outputs.same_top else 'DIFFERENT'}"
        )
    return Text(f" {_name(validation)}: result {result}.")
