"""What a command costs: means over its runs, each run, and whether they may be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from joulesplit.calibrate.profile import Quantity
from joulesplit.cli.report._sheet import Ending, Page, Section, paragraph
from joulesplit.cli.report.tables import Column, FittingTable, interval_text, quantity_text
from joulesplit.cli.report.terminal._endings import remedy, verdict_words
from joulesplit.cli.report.terminal._live import sensor_facts, sensor_origin
from joulesplit.cli.report.terminal._profile import checks_table, verdict_body
from joulesplit.metrology import counted, si

if TYPE_CHECKING:
    from joulesplit.calibrate.campaign import MeasuredProgram
    from joulesplit.calibrate.windows import WindowRecord

NOT_THE_COMMAND = (
    "The simulated board knows nothing of the command: its power goes on as if idle, so the net "
    "energy is scatter around zero and says nothing of what the command costs. Only the times are "
    "real."
)
"""What must be known of a command's energy on a simulated board."""

ONE_RUN = "One run has no scatter, so there is no interval: u_sys is what the sensor alone leaves."


def program_page(measured: MeasuredProgram, *, wrote: str | None = None) -> Page:
    """Return the report on a measured command.

    Args:
        measured: What it gave.
        wrote: The file that has been written just now; None if none has.
    """
    runs, idle = counted(len(measured.records), "run"), si(measured.plan.timing.idle_s, "s")
    sections = [
        Section(title="Verdict", body=verdict_body(measured.quality)),
        Section(title=f"Per run, mean of {runs}", body=_mean(measured), glance=True),
        Section(title=f"Runs, each between {idle} of idle", body=_each(measured.records)),
        Section(title="Checks", body=checks_table(measured.quality)),
        Section(title=f"Sensor: {measured.sensor.rail}", body=sensor_facts(measured.sensor)),
    ]
    title = f"What `{measured.plan.name}` costs"
    ending = Ending(
        verdict=verdict_words(measured.quality),
        headline=f"{quantity_text(measured.figures.net_j)} net, "
        f"{quantity_text(measured.figures.gross_j)} gross, mean of {runs}",
        assumed=remedy(measured.quality),
        wrote=wrote,
    )
    return Page(sensor_origin(measured.sensor), title, sections, ending=ending)


def run_line(record: WindowRecord, number: int, count: int, *, simulated: bool) -> str:
    """Return what a run gave as one line.

    Args:
        record: What it gave.
        number: Of this run, from 1.
        count: Runs there are to be.
        simulated: No physical power was measured.
    """
    mark = "SIMULATED " if simulated else ""
    return (
        f"{mark}run {number} of {count}: {si(record.net_j, 'J')} net, "
        f"{si(record.gross_j, 'J')} gross in {si(record.work_s, 's')}"
    )


def _mean(measured: MeasuredProgram) -> RenderableType:
    notes = [NOT_THE_COMMAND] if measured.sensor.simulated else []
    notes += [ONE_RUN] if len(measured.records) == 1 else []
    parts = [_figures(measured)]
    for text in notes:
        parts += [Text(""), paragraph(text)]
    return Group(*parts)


def _figures(measured: MeasuredProgram) -> RenderableType:
    figures = measured.figures
    rows = {
        "energy, net above idle": figures.net_j,
        "energy, gross": figures.gross_j,
        "mean power, gross": figures.power_w,
        "idle power P_0": figures.idle_power_w,
        "duration": figures.duration_s,
    }
    quantities = list(rows.values())
    return FittingTable(
        [
            Column(header="", cells=list(rows)),
            Column(header="± 95 %", cells=[quantity_text(q) for q in quantities], right=True),
            Column(
                header="95 % interval",
                cells=[interval_text(q) for q in quantities],
                right=True,
                from_width=100,
            ),
            Column(header="u_stat", cells=[_u(q, q.u_stat) for q in quantities], right=True),
            Column(header="u_sys", cells=[_u(q, q.u_sys) for q in quantities], right=True),
            Column(header="n", cells=[str(q.n) for q in quantities], right=True, from_width=75),
        ],
        emphasised=0,
    )


def _u(quantity: Quantity, u: float | None) -> str:
    return "–" if u is None else si(u, quantity.unit, 2)


def _each(records: tuple[WindowRecord, ...]) -> RenderableType:
    """Return every run; the step is the idle power after less that before."""
    powers_w = [record.gross_j / record.work_s for record in records]
    columns = {
        "net": [si(record.net_j, "J") for record in records],
        "gross": [si(record.gross_j, "J") for record in records],
        "duration": [si(record.work_s, "s") for record in records],
        "mean power": [si(power_w, "W", 4) for power_w in powers_w],
        "P_0": [si(record.idle_power_w, "W", 4) for record in records],
    }
    steps = [si(record.idle_step_w, "W", 2) for record in records]
    return FittingTable(
        [
            Column(header="run", cells=[str(n) for n in range(1, len(records) + 1)], right=True),
            *(Column(header=name, cells=cells, right=True) for name, cells in columns.items()),
            Column(header="idle step", cells=steps, right=True, from_width=75),
        ]
    )
