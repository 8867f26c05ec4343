"""What is recorded about sensors, and the boards there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import RenderableType

from joulesplit.cli.report._sheet import Ending, Page, Section, paragraph
from joulesplit.cli.report.tables import Column, Facts, FittingTable
from joulesplit.drivers import Board
from joulesplit.drivers.ina2xx import Correction, MeanShunt, SensorRecords, SpanPoint
from joulesplit.metrology import counted, percent, si


def records_document(records: SensorRecords) -> dict[str, Any]:
    """Return records and what follows from them, JSON-compatible."""
    corrections = [_correction_at(records, gain) for gain in _gains(records)]
    return {
        "key": records.identity.key,
        **asdict(records),
        "corrections": [asdict(correction) for correction in corrections if correction],
    }


def records_page(records: SensorRecords, *, wrote: Path | None = None) -> Page:
    """Return the report on one sensor's records.

    Args:
        records: Of one sensor.
        wrote: File that they have been written to just now.
    """
    sections = [
        *(
            Section(title=f"Zero at gain /{zero.gain}, {zero.created}", body=_mean(zero))
            for zero in records.zeros
        ),
        *(
            Section(title=f"Span, point {number}, {point.mean.created}", body=_point(point))
            for number, point in enumerate(records.points, start=1)
        ),
    ]
    for gain in _gains(records):
        if correction := _correction_at(records, gain):
            body = _correction(correction)
            sections.append(Section(title=f"Applied at gain /{gain}", body=body))
    title = f"What is recorded about {records.identity.key}"
    return Page(None, title, sections, ending=records_ending(records, wrote=wrote))


def records_ending(records: SensorRecords, *, wrote: Path | None = None) -> Ending:
    """Return how the report on one sensor's records ends.

    Args:
        records: Of one sensor.
        wrote: File that they have been written to just now.
    """
    held = [*map(counted, (len(records.zeros), len(records.points)), ("zero", "point"))]
    applied = [found for gain in _gains(records) if (found := _correction_at(records, gain))]
    missing = None
    if not records.points:
        missing = "the scale is the data sheet's: `joulesplit sensor span` finds this one's"
    elif all(found.offset_v is None for found in applied):
        missing = "the offset is the data sheet's: `joulesplit sensor zero` finds this one's"
    return Ending(
        verdict=f"{'RECORDED' if wrote else 'ON RECORD'}: {' and '.join(held)}",
        headline="; ".join(map(_applied, applied)) or "nothing of it is applied",
        assumed=missing,
        wrote=str(wrote) if wrote else None,
        next_step=f"joulesplit sensor show {records.identity.key}" if wrote else None,
    )


def _applied(found: Correction) -> str:
    """Return a correction in a few words."""
    words = []
    if found.offset_v is not None:
        words.append(f"offset {_microvolt(found.offset_v)} ± {_microvolt(found.u_offset_v)}")
    if found.shunt_ohm is not None:
        words.append(f"shunt {found.shunt_ohm:.6g} Ω ± {percent(found.u_shunt_rel)}")
    if found.bus_factor is not None:
        words.append(f"voltage × {found.bus_factor:.5g} ± {percent(found.u_bus_rel)}")
    return f"gain /{found.gain}: {', '.join(words)} (standard)"


def sensors_page(everything: Sequence[SensorRecords], directory: Path) -> Page:
    """Return the list of the sensors that have records."""
    if not everything:
        body: RenderableType = paragraph("none: joulesplit sensor zero and span make some")
    else:
        body = FittingTable(
            [
                Column(header="sensor", cells=[each.identity.key for each in everything]),
                Column(
                    header="zeros at",
                    cells=[", ".join(f"/{m.gain}" for m in each.zeros) for each in everything],
                ),
                Column(
                    header="points",
                    cells=[str(len(each.points)) for each in everything],
                    right=True,
                ),
                Column(header="latest", cells=[_latest(each) for each in everything]),
            ]
        )
    return Page(None, f"Sensors with records in {directory}", [Section(title="Sensors", body=body)])


def boards_page(boards: Sequence[Board]) -> Page:
    """Return the boards that ``--board`` knows."""
    table = FittingTable(
        [
            Column(header="board", cells=[board.key for board in boards]),
            Column(
                header="addresses",
                cells=[", ".join(f"0x{a:02X}" for a in board.addresses) for board in boards],
                from_width=80,
            ),
            Column(header="shunt", cells=[si(b.shunt_ohm, "Ω") for b in boards], right=True),
            Column(
                header="tolerance", cells=[percent(b.shunt_tolerance) for b in boards], right=True
            ),
            Column(
                header="what it is",
                cells=[f"{board.name}. {board.note}{_doubt(board)}" for board in boards],
                flexible=True,
            ),
        ]
    )
    return Page(None, "Boards with an INA219 or INA226", [Section(title="--board", body=table)])


def _doubt(board: Board) -> str:
    return "" if board.confirmed else " Unconfirmed: read the marking on the shunt."


def _gains(records: SensorRecords) -> list[int]:
    means = (*records.zeros, *(point.mean for point in records.points))
    return sorted({mean.gain for mean in means})


def _correction_at(records: SensorRecords, gain: int) -> Correction | None:
    found = records.correction_at(gain)
    return found if found and found.gain == gain else None


def _latest(records: SensorRecords) -> str:
    means = (*records.zeros, *(point.mean for point in records.points))
    return max((mean.created for mean in means), default="")[:10]


def _mean(mean: MeanShunt) -> RenderableType:
    return Facts(
        [
            ("shunt", f"{_microvolt(mean.shunt_v)} ± {_microvolt(mean.u_shunt_v)} (standard)"),
            ("residual", f"{_microvolt(mean.residual_v)} from the first half to the second"),
            ("bus", f"{mean.bus_v:.3f} V ± {mean.u_bus_v * 1e3:.1f} mV (standard)"),
            ("readings", f"{mean.readings:,}"),
            ("board", _warmth(mean)),
        ]
    )


def _point(point: SpanPoint) -> RenderableType:
    voltage = "not compared"
    if point.voltage_v is not None:
        voltage = f"{point.voltage_v:g} V ± {percent(point.u_voltage_rel)} (standard)"
    return Facts(
        [
            ("reference", point.reference),
            ("current", f"{point.current_a:g} A ± {percent(point.u_current_rel)} (standard)"),
            ("voltage", voltage),
            ("shunt", f"{_microvolt(point.mean.shunt_v)} at gain /{point.mean.gain}"),
            ("residual", f"{_microvolt(point.mean.residual_v)} from the first half to the second"),
            ("board", _warmth(point.mean)),
        ]
    )


def _correction(found: Correction) -> RenderableType:
    rows: list[tuple[str, RenderableType]] = []
    if found.offset_v is not None:
        offset = f"{_microvolt(found.offset_v)} ± {_microvolt(found.u_offset_v)} (standard)"
        rows.append(("offset", f"{offset}, {found.offset_source}"))
    if found.shunt_ohm is not None:
        shunt = f"{found.shunt_ohm:.6g} Ω ± {percent(found.u_shunt_rel)} (standard)"
        rows.append(("shunt", f"{shunt}, {found.shunt_source}"))
    if found.bus_factor is not None:
        bus = f"× {found.bus_factor:.5f} ± {percent(found.u_bus_rel)} (standard)"
        rows.append(("voltage", f"{bus}, {found.bus_source}"))
    return Facts(rows)


def _warmth(mean: MeanShunt) -> str:
    if mean.temperature_c is None:
        return "temperature unknown"
    return f"{mean.temperature_c:.1f} °C at the processor"


def _microvolt(volts: float) -> str:
    """Return a shunt voltage to a hundredth of the chip's step of 10 µV, or nearly."""
    return f"{volts * 1e6:.2f} µV" if abs(volts) < 1e-3 else f"{volts * 1e3:.4f} mV"
