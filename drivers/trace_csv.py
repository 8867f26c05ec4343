"""Recorded readings as text: ``# key: JSON`` lines about the sensor, then one row per reading.

The columns are ``t_ns,voltage_v,current_a,raw0,raw1,…,flags``, units in their names; flags is the
number of ``ReadingFlag``. The header holds the whole description, so that a replay knows what the
sensor knew of itself.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from drivers.errors import TraceFormatError
from drivers.readings import AccuracyTerm, Reading, ReadingFlag, SensorDescription

FORMAT_KEY = "joulesplit_trace"
FORMAT_VERSION = 1
FIXED_COLUMNS = ("t_ns", "voltage_v", "current_a")
RAW_PREFIX = "raw"
FLAGS_COLUMN = "flags"


class TraceWriter:
    """Writes readings as they come; every row is flushed with its line.

    Args:
        path: File to make; one that is there is replaced.
        description: The sensor's.
        raw_words: Words in each reading's ``raw``.
    """

    def __init__(self, path: Path, description: SensorDescription, *, raw_words: int = 2) -> None:
        self._raw_words = raw_words
        self._file: TextIO = path.open("w", encoding="utf-8", newline="", buffering=1)
        header: dict[str, Any] = {FORMAT_KEY: FORMAT_VERSION, **asdict(description)}
        for key, content in header.items():
            self._file.write(f"# {key}: {json.dumps(content)}\n")
        self._rows = csv.writer(self._file, lineterminator="\n")
        raw_columns = (f"{RAW_PREFIX}{index}" for index in range(raw_words))
        self._rows.writerow((*FIXED_COLUMNS, *raw_columns, FLAGS_COLUMN))

    def __enter__(self) -> Self:
        """Return itself; the file is open already."""
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the file."""
        self.close()

    def write(self, reading: Reading) -> None:
        """Append one reading.

        Raises:
            ValueError: It has another number of raw words than announced.
        """
        if len(reading.raw) != self._raw_words:
            raise ValueError(
                f"this trace holds {self._raw_words} raw words, got {len(reading.raw)}"
            )
        self._rows.writerow(
            (
                reading.t_ns,
                repr(reading.voltage_v),
                repr(reading.current_a),
                *reading.raw,
                int(reading.flags),
            )
        )

    def close(self) -> None:
        """Close the file; calling it again does nothing."""
        self._file.close()


def read_trace(path: Path) -> tuple[SensorDescription, list[Reading]]:
    """Read a whole trace.

    Raises:
        TraceFormatError: The file is not a trace of this format, or is damaged.
        OSError: It cannot be read.
    """
    with path.open(encoding="utf-8", newline="") as file:
        numbered = enumerate(file, start=1)
        header, columns = _read_header(path, numbered)
        readings = [
            _parse_row(path, number, line, columns) for number, line in numbered if line.strip()
        ]
    return _parse_description(path, header), readings


def _read_header(
    path: Path, numbered: Iterator[tuple[int, str]]
) -> tuple[dict[str, Any], list[str]]:
    header: dict[str, Any] = {}
    for number, line in numbered:
        if not line.startswith("#"):
            return header, _check_columns(path, number, line.strip().split(","))
        key, _, content = line[1:].partition(":")
        try:
            header[key.strip()] = json.loads(content)
        except json.JSONDecodeError as error:
            raise _damaged(path, number, f"header {key.strip()} is not JSON") from error
    raise _damaged(path, 1, "there is no line of column names")


def _check_columns(path: Path, number: int, columns: list[str]) -> list[str]:
    raw_words = len(columns) - len(FIXED_COLUMNS) - 1
    expected = [
        *FIXED_COLUMNS,
        *(f"{RAW_PREFIX}{index}" for index in range(raw_words)),
        FLAGS_COLUMN,
    ]
    if columns != expected:
        raise _damaged(path, number, f"columns are not t_ns,voltage_v,current_a,…: {columns}")
    return columns


def _parse_row(path: Path, number: int, line: str, columns: list[str]) -> Reading:
    cells = line.rstrip("\r\n").split(",")
    try:
        if len(cells) != len(columns):
            raise ValueError(f"{len(cells)} cells for {len(columns)} columns")
        return Reading(
            t_ns=int(cells[0]),
            voltage_v=float(cells[1]),
            current_a=float(cells[2]),
            raw=tuple(int(cell) for cell in cells[3:-1]),
            flags=ReadingFlag(int(cells[-1])),
        )
    except ValueError as error:
        raise _damaged(path, number, str(error)) from error


def _parse_description(path: Path, header: dict[str, Any]) -> SensorDescription:
    if header.get(FORMAT_KEY) != FORMAT_VERSION:
        raise _damaged(path, 1, f"there is no header {FORMAT_KEY}: {FORMAT_VERSION}")
    known = {field.name for field in fields(SensorDescription)}
    content = {key: value for key, value in header.items() if key in known}
    try:
        terms = tuple(AccuracyTerm(**term) for term in content.pop("accuracy"))
        return SensorDescription(**content, accuracy=terms)
    except (KeyError, TypeError) as error:
        raise _damaged(path, 1, f"the sensor's description is incomplete ({error})") from error


def _damaged(path: Path, number: int, what: str) -> TraceFormatError:
    return TraceFormatError(
        f"{path}, line {number}: not a readable trace: {what}; record it again with "
        "joulesplit monitor --record"
    )
