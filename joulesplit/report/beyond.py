"""What a profile knows beyond blocks and uplink: heads, phases, tail, downlink."""

from __future__ import annotations

from rich.console import RenderableType

from calibrate.profile import Compute, Link
from calibrate.work_records import HeadEnergy, PhaseEnergy
from joulesplit.report.page import Section
from joulesplit.report.tables import Column, FittingTable, facts
from joulesplit.report.units import percent, quantity_text, si


def beyond_sections(compute: Compute, link: Link | None) -> list[Section]:
    """Return a section for each thing the profile has."""
    sections = []
    if compute.heads:
        sections.append(
            Section(title="Heads, each run as one network (net)", body=_heads(compute.heads))
        )
    if compute.phases:
        sections.append(Section(title="Once per start", body=_phases(compute.phases)))
    if link is not None and (rows := _link_rows(link)):
        sections.append(Section(title="After and beside the uploads", body=facts(rows)))
    return sections


def _heads(heads: tuple[HeadEnergy, ...]) -> RenderableType:
    figures = [head.energy_j.net or head.energy_j.gross for head in heads]
    return FittingTable(
        [
            Column(header="blocks", cells=[f"1–{head.last_block}" for head in heads], right=True),
            Column(header="energy net", cells=[quantity_text(q) for q in figures], right=True),
            Column(
                header="time", cells=[si(head.latency_s.value, "s") for head in heads], right=True
            ),
            Column(
                header="of its blocks' sum",
                cells=[percent(head.net_over_blocks) for head in heads],
                right=True,
            ),
        ]
    )


def _phases(phases: tuple[PhaseEnergy, ...]) -> RenderableType:
    return FittingTable(
        [
            Column(header="phase", cells=[phase.name for phase in phases]),
            Column(
                header="time",
                cells=[quantity_text(phase.latency_s) for phase in phases],
                right=True,
            ),
            Column(header="energy net", cells=[_phase_energy(p) for p in phases], right=True),
        ]
    )


def _phase_energy(phase: PhaseEnergy) -> str:
    if phase.energy_j is None or phase.energy_j.net is None:
        return f"below {si(phase.energy_bound_j, 'J')}"
    return quantity_text(phase.energy_j.net)


def _link_rows(link: Link) -> list[tuple[str, RenderableType]]:
    rows: list[tuple[str, RenderableType]] = []
    if link.uplink.tail is not None:
        tail = link.uplink.tail
        text = f"{quantity_text(tail.energy_j)} net in {si(tail.duration_s, 's')} after a window"
        rows.append(("tail", text))
    if link.downlink is not None:
        down = link.downlink
        figure = down.e_c_bit_per_j.net or down.e_c_bit_per_j.gross
        label = "net" if down.e_c_bit_per_j.net else "gross"
        rows.append(
            ("downlink", f"{quantity_text(figure)} {label} at {si(down.rate_bit_per_s, 'bit/s')}")
        )
    return rows
