"""What a recording says besides its readings, the same in every kind of file.

The header is the sensor's whole description, one ``key: JSON`` for each of its fields, so that a
replay knows what the sensor knew of itself. The columns are ``t_ns,voltage_v,current_a,raw0,raw1,…,
flags``, units in their names; flags is the number of ``ReadingFlag``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from joulesplit.drivers.errors import TraceFormatError
from joulesplit.drivers.readings import AccuracyTerm, Reading, ReadingFlag, SensorDescription

TRACE_FORMAT_KEY = "joulesplit_trace"
TRACE_FORMAT_VERSION = 1
FIXED_COLUMNS = ("t_ns", "voltage_v", "current_a")
RAW_PREFIX = "raw"
FLAGS_COLUMN = "flags"


def columns_of(raw_words: int) -> tuple[str, ...]:
    """Return the names of the columns for readings of so many raw words."""
    return (
        *FIXED_COLUMNS,
        *(f"{RAW_PREFIX}{index}" for index in range(raw_words)),
        FLAGS_COLUMN,
    )


def check_columns(place: str, columns: list[str]) -> None:
    """Refuse columns that are not those of a trace.

    Raises:
        TraceFormatError: They are not.
    """
    if tuple(columns) != columns_of(len(columns) - len(FIXED_COLUMNS) - 1):
        raise damaged(place, f"columns are not t_ns,voltage_v,current_a,…: {columns}")


def row_of(reading: Reading, raw_words: int) -> tuple[int | float, ...]:
    """Return a reading as the cells of its row.

    Raises:
        ValueError: It has another number of raw words than announced.
    """
    if len(reading.raw) != raw_words:
        raise ValueError(f"this trace holds {raw_words} raw words, got {len(reading.raw)}")
    return (
        reading.t_ns,
        reading.voltage_v,
        reading.current_a,
        *reading.raw,
        int(reading.flags),
    )


def reading_of(cells: Sequence[Any]) -> Reading:
    """Return the reading in the cells of a row, which may be text.

    Raises:
        ValueError: A cell is no number.
        TypeError: A cell is empty.
    """
    return Reading(
        t_ns=int(cells[0]),
        voltage_v=float(cells[1]),
        current_a=float(cells[2]),
        raw=tuple(int(cell) for cell in cells[len(FIXED_COLUMNS) : -1]),
        flags=ReadingFlag(int(cells[-1])),
    )


def header_of(description: SensorDescription) -> dict[str, str]:
    """Return the header: each key with its JSON."""
    content: dict[str, Any] = {TRACE_FORMAT_KEY: TRACE_FORMAT_VERSION, **asdict(description)}
    return {key: json.dumps(value) for key, value in content.items()}


def description_of(place: str, header: Mapping[str, str]) -> SensorDescription:
    """Return the description in a header; keys of others are left alone.

    Raises:
        TraceFormatError: It is not the header of a trace, or is incomplete.
    """
    if header.get(TRACE_FORMAT_KEY) != str(TRACE_FORMAT_VERSION):
        raise damaged(place, f"there is no header {TRACE_FORMAT_KEY}: {TRACE_FORMAT_VERSION}")
    known = {field.name for field in fields(SensorDescription)}
    content = {key: _parse(place, key, text) for key, text in header.items() if key in known}
    try:
        terms = tuple(AccuracyTerm(**term) for term in content.pop("accuracy"))
        return SensorDescription(**content, accuracy=terms)
    except (KeyError, TypeError) as error:
        raise damaged(place, f"the sensor's description is incomplete ({error})") from error


def _parse(place: str, key: str, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise damaged(place, f"header {key} is not JSON") from error


def damaged(place: str | Path, what: str) -> TraceFormatError:
    """Return the error for a file that is no trace.

    Args:
        place: The file, and the line where there are lines.
        what: What is wrong there.
    """
    return TraceFormatError(
        f"{place}: not a readable trace: {what}; record it again with joulesplit monitor --record"
    )
