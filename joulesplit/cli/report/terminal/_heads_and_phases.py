"""What a profile knows beyond blocks and uplink: heads, phases, tail, downlink."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType

from joulesplit.calibrate.profile import (
    Compute,
    Downlink,
    EncodingEnergy,
    HeadEnergy,
    Link,
    PhaseEnergy,
    Quantity,
    RateCost,
    degrees_of_freedom_of,
)
from joulesplit.cli.report._sheet import Section
from joulesplit.cli.report.tables import Column, Facts, FittingTable, quantity_text
from joulesplit.metrology import coverage_factor, percent, si, uncertain


def beyond_sections(compute: Compute, link: Link | None) -> list[Section]:
    """Return a section for each thing the profile has."""
    sections = []
    if compute.heads:
        title = "Heads, each as one network"
        sections.append(Section(title=title, body=_heads(compute.heads)))
    if compute.phases:
        title = "Apart from inferences"
        sections.append(Section(title=title, body=_phases(compute.phases)))
    if compute.encodings:
        title = "Making the bytes that go up"
        sections.append(Section(title=title, body=_encodings(compute.encodings)))
    if link is not None and (rows := _link_rows(link)):
        sections.append(Section(title="After and beside the uploads", body=Facts(rows)))
    return sections


def _heads(heads: tuple[HeadEnergy, ...]) -> RenderableType:
    return FittingTable(
        [
            Column(header="blocks", cells=[f"1–{head.last_block}" for head in heads], right=True),
            Column(header="net", cells=[_text(head.energy_j.net) for head in heads], right=True),
            Column(
                header="gross",
                cells=[_text(head.energy_j.gross) for head in heads],
                right=True,
                from_width=90,
            ),
            Column(
                header="time", cells=[si(head.latency_s.value, "s") for head in heads], right=True,
                from_width=70,
            ),
            Column(
                header="net over its blocks' sum",
                cells=[_over_blocks(head) for head in heads],
                right=True,
            ),
        ]
    )  # fmt: skip


def _text(quantity: Quantity | None) -> str:
    return "?" if quantity is None else quantity_text(quantity)


def _over_blocks(head: HeadEnergy) -> str:
    """Return a head's share of its blocks' sum with its ±; the sensor's scale cancels in it."""
    if head.net_over_blocks_u is None:
        return percent(head.net_over_blocks)
    energy = head.energy_j.net or head.energy_j.gross
    factor = coverage_factor(degrees_of_freedom_of(energy))
    half_width = 100 * factor * head.net_over_blocks_u
    return f"{uncertain(100 * head.net_over_blocks, half_width, '')} %"


def _phases(phases: tuple[PhaseEnergy, ...]) -> RenderableType:
    return FittingTable(
        [
            Column(header="phase", cells=[phase.name for phase in phases], flexible=True),
            Column(
                header="time",
                cells=[quantity_text(phase.latency_s) for phase in phases],
                right=True,
            ),
            Column(header="net", cells=[_phase_energy(p) for p in phases], right=True),
            Column(
                header="gross", cells=[_phase_gross(p) for p in phases], right=True, from_width=110
            ),
        ]
    )


def _encodings(encodings: tuple[EncodingEnergy, ...]) -> RenderableType:
    return FittingTable(
        [
            Column(header="encoding", cells=[one.encoding for one in encodings]),
            Column(header="l", cells=[str(one.block) for one in encodings], right=True),
            Column(
                header="time", cells=[quantity_text(one.latency_s) for one in encodings], right=True
            ),
            Column(header="net", cells=[_text(one.energy_j.net) for one in encodings], right=True),
            Column(
                header="gross",
                cells=[_text(one.energy_j.gross) for one in encodings],
                right=True,
                from_width=90,
            ),
        ]
    )


def _phase_energy(phase: PhaseEnergy) -> str:
    if phase.energy_j is None or phase.energy_j.net is None:
        return f"below {si(phase.energy_bound_j, 'J')}"
    return quantity_text(phase.energy_j.net)


def _phase_gross(phase: PhaseEnergy) -> str:
    return "" if phase.energy_j is None else quantity_text(phase.energy_j.gross)


def _link_rows(link: Link) -> list[tuple[str, RenderableType]]:
    rows: list[tuple[str, RenderableType]] = []
    if link.uplink.tail is not None:
        tail = link.uplink.tail
        text = f"{quantity_text(tail.energy_j)} net in {si(tail.duration_s, 's')} after a burst"
        rows.append(("tail", text))
    if link.downlink is not None:
        rows += _downlink_rows(link.downlink)
    return rows


def _downlink_rows(downlink: Downlink) -> Iterator[tuple[str, RenderableType]]:
    """Yield E_c of receiving as fast as the link delivers, then at the slower rates."""
    reached = RateCost(rate_bit_per_s=downlink.rate_bit_per_s, e_c_bit_per_j=downlink.e_c_bit_per_j)
    for cost in (reached, *reversed(downlink.at_rates)):
        at = f"at {si(cost.rate_bit_per_s, 'bit/s')}"
        if cost.e_c_bit_per_j.net is not None:
            yield "downlink net", f"{quantity_text(cost.e_c_bit_per_j.net)} {at}"
        yield "downlink gross", f"{quantity_text(cost.e_c_bit_per_j.gross)} {at}"
