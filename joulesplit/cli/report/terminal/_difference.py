"""Two profiles side by side, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from joulesplit.calibrate.profile import DeviceProfile, FigureDifference, ProfileDifference
from joulesplit.cli.report._sheet import Origin, Page, Section, bullets, origin_of, paragraph
from joulesplit.cli.report.tables import Column, FittingTable
from joulesplit.metrology import percent, si, uncertain

SIGNIFICANCE_STYLE = {"differs": "bold yellow", "does not differ": "green", "no interval": "dim"}
HEADLINES = ("E_d", "E_c", "P_0")

CHANCE = 0.05
"""Share of 95 % intervals that miss by chance."""


def difference_page(
    found: ProfileDifference,
    profiles: tuple[DeviceProfile, DeviceProfile],
    names: tuple[str, str],
) -> Page:
    """Return the report on two profiles.

    Args:
        found: What they differ in.
        profiles: The first and the second.
        names: Of their files.
    """
    sections = [
        Section(title="First and second", body=_who(profiles, names)),
        Section(title="Figures: second minus first (± 95 %)", body=_figures(found)),
    ]
    if found.not_compared:
        sections.append(Section(title="Not compared", body=bullets(found.not_compared)))
    sections.append(Section(title="What else differs: first → second", body=_circumstances(found)))
    return Page(_origin(profiles), f"{names[0]} and {names[1]}", sections)


def _origin(profiles: tuple[DeviceProfile, DeviceProfile]) -> Origin:
    """Return the origin that warns most: one simulated profile makes the comparison simulated."""
    origins = {origin_of(profile) for profile in profiles}
    order: tuple[Origin, ...] = ("SIMULATED", "MODELLED", "LITERATURE", "MEASURED")
    return next(origin for origin in order if origin in origins)


def _who(profiles: Sequence[DeviceProfile], names: Sequence[str]) -> RenderableType:
    return FittingTable(
        [
            Column(header="", cells=["first", "second"]),
            Column(header="file", cells=list(names)),
            Column(header="created", cells=[profile.created for profile in profiles]),
            Column(header="verdict", cells=[p.quality.verdict for p in profiles], from_width=70),
            Column(
                header="device",
                cells=[p.device.board or "unknown" for p in profiles],
                from_width=100,
            ),
        ]
    )


def _figures(found: ProfileDifference) -> RenderableType:
    """Return the headline figures and those that differ; the others are counted below."""
    if not found.figures:
        return paragraph("The profiles have no figure in common that means the same in both.")
    rows = [row for row in found.figures if row.name.startswith(HEADLINES) or _notable(row)]
    table = FittingTable(
        [
            Column(header="", cells=[row.name for row in rows]),
            Column(header="first", cells=[si(row.first, row.unit, 4) for row in rows], right=True,
                   from_width=90),
            Column(header="second", cells=[si(row.second, row.unit, 4) for row in rows],
                   right=True, from_width=90),
            Column(header="difference", cells=[_difference(row) for row in rows], right=True),
            Column(header="relative", cells=[percent(row.relative) for row in rows], right=True,
                   from_width=70),
            Column(header="", cells=[_verdict(row) for row in rows]),
        ]
    )  # fmt: skip
    return Group(table, Text(""), paragraph(_summary(found)))


def _notable(row: FigureDifference) -> bool:
    return row.verdict == "differs"


def _summary(found: ProfileDifference) -> str:
    judged = sum(row.ci95 is not None for row in found.figures)
    sensor = f"Sensor: {found.sensor_reason}."
    if not judged:
        return f"Without uncertainties no figure can be called different. {sensor}"
    return (
        f"{found.differing} of {judged} figures differ; those of blocks, times and the link are "
        f"shown if they do, and all by --json. Of figures that do not differ, one in "
        f"{round(1 / CHANCE)} is called different by chance. {sensor}"
    )


def _difference(row: FigureDifference) -> str:
    if row.ci95 is None:
        return si(row.difference, row.unit, 4)
    return uncertain(row.difference, (row.ci95[1] - row.ci95[0]) / 2, row.unit)


def _verdict(row: FigureDifference) -> Text:
    return Text(row.verdict, style=SIGNIFICANCE_STYLE[row.verdict])


def _circumstances(found: ProfileDifference) -> RenderableType:
    items = found.circumstances.items()
    if not items:
        return paragraph("Nothing that the profiles record.")
    return Group(*(_circumstance(path, *values) for path, values in items))


def _circumstance(path: str, first: Any, second: Any) -> RenderableType:
    """Return one of them in two lines: paths and values are both too long for a table."""
    values = Text(f"{_text(first)} → {_text(second)}")
    return Group(paragraph(path, "dim"), Padding(values, (0, 0, 0, 3), expand=False))


def _text(value: Any) -> str:
    if value is None:
        return "not recorded"
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, list | tuple):
        return ", ".join(_text(item) for item in value) or "none"
    return str(value)
