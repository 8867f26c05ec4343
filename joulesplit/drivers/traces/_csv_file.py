"""Recorded readings as text: ``# key: JSON`` lines about the sensor, then one row per reading.

A recording that is broken off keeps every reading until then.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Self, TextIO

from joulesplit.drivers.readings import Reading, SensorDescription
from joulesplit.drivers.traces._layout import (
    check_columns,
    columns_of,
    damaged,
    description_of,
    header_of,
    reading_of,
    row_of,
)


class CsvTraceWriter:
    """A CSV file of readings as they come; every row is flushed with its line.

    Args:
        path: File to make; one that is there is replaced.
        description: The sensor's.
        raw_words: Words in each reading's ``raw``.

    Raises:
        OSError: The file cannot be made.
    """

    def __init__(self, path: Path, description: SensorDescription, *, raw_words: int = 2) -> None:
        self._raw_words = raw_words
        self._file: TextIO = path.open("w", encoding="utf-8", newline="", buffering=1)
        for key, content in header_of(description).items():
            self._file.write(f"# {key}: {content}\n")
        self._rows = csv.writer(self._file, lineterminator="\n")
        self._rows.writerow(columns_of(raw_words))

    def __enter__(self) -> Self:
        """Return itself; the file is open already."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the file."""
        self.close()

    def write(self, reading: Reading) -> None:
        """Append one reading.

        Raises:
            ValueError: It has another number of raw words than announced.
            OSError: The disk is full or gone.
        """
        self._rows.writerow(row_of(reading, self._raw_words))

    def close(self) -> None:
        """Close the file; calling it again does nothing."""
        self._file.close()


def read_csv_trace(path: Path) -> tuple[SensorDescription, list[Reading]]:
    """Read a whole trace.

    Raises:
        TraceFormatError: The file is not a trace of this format, or is damaged.
        OSError: It cannot be read.
    """
    with path.open(encoding="utf-8", newline="") as file:
        numbered = enumerate(file, start=1)
        try:
            header, columns = _read_header(path, numbered)
            readings = [
                _parse_row(path, number, line, columns) for number, line in numbered if line.strip()
            ]
        except UnicodeDecodeError as error:
            raise damaged(path, "it is not text") from error
    return description_of(f"{path}, line 1", header), readings


def _read_header(
    path: Path, numbered: Iterator[tuple[int, str]]
) -> tuple[dict[str, str], list[str]]:
    header: dict[str, str] = {}
    for number, line in numbered:
        if not line.startswith("#"):
            columns = line.strip().split(",")
            check_columns(f"{path}, line {number}", columns)
            return header, columns
        key, _, content = line[1:].partition(":")
        header[key.strip()] = content.strip()
    raise damaged(f"{path}, line 1", "there is no line of column names")


def _parse_row(path: Path, number: int, line: str, columns: list[str]) -> Reading:
    cells = line.rstrip("\r\n").split(",")
    try:
        if len(cells) != len(columns):
            raise ValueError(f"{len(cells)} cells for {len(columns)} columns")
        return reading_of(cells)
    except ValueError as error:
        raise damaged(f"{path}, line {number}", str(error)) from error
