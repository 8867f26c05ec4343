"""``joulesplit sensor``: how far a sensor can be trusted, measured and kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from joulesplit.cli._number_range import ABOVE_ZERO, NOT_BELOW_ZERO, OWN_WORDS
from joulesplit.cli._options import sensor_options, store_option
from joulesplit.cli._output import emit, json_option, note

if TYPE_CHECKING:
    from joulesplit.cli._choices import SensorChoice
    from joulesplit.drivers.ina2xx import MeanShunt, SensorRecords


@click.group("sensor")
def command() -> None:
    """Zero and span of an INA219: dated records, applied in software to all that it measures."""


def _enough(_context: click.Context, _option: click.Parameter, readings: int) -> int:
    """Refuse fewer readings than a record needs, before anything is read."""
    from joulesplit.drivers.ina2xx import MINIMUM_READINGS

    if readings < MINIMUM_READINGS:
        raise click.BadParameter(
            f"{readings} readings are too few for a record; take {MINIMUM_READINGS} or more"
        )
    return readings


def _measuring(function: Callable[..., Any]) -> Callable[..., Any]:
    function = click.option(
        "--readings",
        type=int,
        callback=_enough,
        default=256,
        show_default=True,
        help="Readings to average, 200 or more.",
    )(function)
    return sensor_options(json_option(function))


@command.command("zero")
@_measuring
def zero(*, choice: SensorChoice, readings: int, as_json: bool) -> None:
    """Measure the offset without current, at the voltage of the real supply.

    Join VIN+ and VIN- to the supply and take the load off VIN-, so that no current flows through
    the shunt while the supply stands at both of its ends. Removes offset and common-mode error.
    This machine must run meanwhile: where it is the load, feed it past the sensor, from the same
    supply to its own socket, or read the chip from another machine.
    """
    from joulesplit.drivers.ina2xx import check_zero

    mean, records = _average(choice, readings)
    check_zero(mean, records.identity)
    _keep(choice, records.with_zero(mean), mean.gain, as_json=as_json)


@command.command("span")
@_measuring
@click.option("--current-a", type=ABOVE_ZERO, help="Current that the reference shows, A.")
@click.option("--load-ohm", type=ABOVE_ZERO, help="A known load instead: its resistance, ohm.")
@click.option(
    "--current-u",
    type=ABOVE_ZERO,
    required=True,
    help="Relative standard uncertainty of the current or the load (0.001 for 0.1 %).",
)
@click.option(
    "--current-offset-a",
    type=NOT_BELOW_ZERO,
    help="Standard uncertainty of the meter's offset, A, if it is known apart (its last digits).",
)
@click.option("--voltage-v", type=ABOVE_ZERO, help="Voltage that the reference shows at VIN-, V.")
@click.option(
    "--voltage-u",
    type=ABOVE_ZERO,
    default=0.005,
    show_default=True,
    help="Its relative standard uncertainty.",
)
@click.option(
    "--reference",
    type=OWN_WORDS,
    required=True,
    help="What the reference is, and its certificate.",
)
@click.option("--add", is_flag=True, help="Add a second point to the span of before.")
def span(  # noqa: PLR0913 - one option per fact that only the user knows
    *,
    choice: SensorChoice,
    readings: int,
    current_a: float | None,
    load_ohm: float | None,
    current_u: float,
    current_offset_a: float | None,
    voltage_v: float | None,
    voltage_u: float,
    reference: str,
    add: bool,
    as_json: bool,
) -> None:
    """Compare with a reference: a multimeter in series, or a known load.

    One point gives the effective shunt, with the zero if there is one; a second (--add), at
    another current, gives the shunt by itself, and the offset where there is no zero.
    --voltage-v calibrates the voltage too. The current must be steady: take a resistor or an
    electronic load as the load, and feed this machine past the sensor meanwhile.
    """
    from joulesplit.drivers.ina2xx import SpanPoint, check_points, reference_current_a

    mean, records = _average(choice, readings)
    point = SpanPoint(
        mean=mean,
        current_a=reference_current_a(mean, current_a, load_ohm, voltage_v),
        u_current_rel=current_u if current_a is not None else _u_by_load(current_u, voltage_u),
        voltage_v=voltage_v,
        u_voltage_rel=voltage_u if voltage_v is not None else 0.0,
        reference=reference,
        u_current_a=current_offset_a,
    )
    points = (*records.points, point) if add else (point,)
    known = records.zero_at(mean.gain)
    check_points(points, records.identity, known.shunt_v if known else 0.0, known)
    spanned = records.with_points(points)
    _check_against_data_sheet(choice, spanned, mean)
    _keep(choice, spanned, mean.gain, as_json=as_json)


def _check_against_data_sheet(
    choice: SensorChoice, records: SensorRecords, mean: MeanShunt
) -> None:
    """Refuse a span that knows less than tolerance and data sheet; tell one that they exclude."""
    from joulesplit.drivers import wiring_of
    from joulesplit.drivers.ina2xx import check_worth, contradiction, uncorrected_terms

    correction = records.correction_at(mean.gain)
    if correction is None:
        return
    wiring = wiring_of(choice)
    terms = uncorrected_terms(wiring, mean.bus_v)
    check_worth(correction, terms)
    if (excluded := contradiction(correction, terms, wiring.shunt_ohm)) is not None:
        note(f"warning: {excluded}")


def _u_by_load(u_load: float, u_voltage: float) -> float:
    """Return the relative uncertainty of I = V / R."""
    from math import hypot

    return hypot(u_load, u_voltage)


def _average(choice: SensorChoice, readings: int) -> tuple[MeanShunt, SensorRecords]:
    """Return the mean of a steady current, and what is known of the sensor so far."""
    from datetime import UTC, datetime

    from joulesplit.cli import _sensor_care as sensor_care
    from joulesplit.cli._wiring import give_advice
    from joulesplit.drivers import identity_of, open_correctable
    from joulesplit.drivers.ina2xx import average

    sensor_care.check_corrected(choice.kind)
    give_advice(choice)
    with open_correctable(choice) as sensor:
        identity = identity_of(choice)
        records = sensor_care.open_store(choice.records).load(identity)
        note(f"averaging {readings} readings; keep the current steady")
        created = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
        mean = average(
            sensor,
            readings=readings,
            created=created,
            temperature_c=sensor_care.this_machine().temperature_c,
        )
        return mean, records


def _keep(choice: SensorChoice, records: SensorRecords, gain: int, *, as_json: bool) -> None:
    from joulesplit.cli._sensor_care import save_records
    from joulesplit.cli.report.terminal import records_document, records_page

    path = save_records(choice.records, records)
    emit(as_json, records_document(records), lambda: records_page(records, wrote=path))
    if as_json:
        note(f"wrote {path}; it holds at gain /{gain} of this sensor from now on")


@command.command("list")
@store_option
@json_option
def list_sensors(*, store: Path | None, as_json: bool) -> None:
    """List the sensors that have records."""
    from joulesplit.cli._sensor_care import open_store
    from joulesplit.cli.report.terminal import records_document, sensors_page

    found = open_store(store)
    everything = found.load_all()
    document = {
        "directory": str(found.directory),
        "sensors": [records_document(records) for records in everything],
    }
    emit(as_json, document, lambda: sensors_page(everything, found.directory))


@command.command("show")
@click.argument("key")
@store_option
@json_option
def show(*, key: str, store: Path | None, as_json: bool) -> None:
    """Show what is recorded about the sensor KEY, and what follows from it."""
    from joulesplit.cli._sensor_care import open_store
    from joulesplit.cli.report.terminal import records_document, records_page

    records = open_store(store).load_key(key)
    emit(as_json, records_document(records), lambda: records_page(records))


@command.command("forget")
@click.argument("key")
@store_option
@json_option
def forget(*, key: str, store: Path | None, as_json: bool) -> None:
    """Remove what is recorded about the sensor KEY."""
    from joulesplit.cli._sensor_care import open_store

    path = open_store(store).forget(key)
    emit(as_json, {"forgotten": str(path)}, lambda: f"removed {path}")


@command.command("boards")
@json_option
def boards(*, as_json: bool) -> None:
    """List the boards that --board knows."""
    from joulesplit.cli.report.terminal import boards_page
    from joulesplit.drivers import BOARDS

    emit(as_json, {"boards": BOARDS}, lambda: boards_page(BOARDS))
