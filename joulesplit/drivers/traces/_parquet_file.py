"""Recorded readings as a Parquet file, a fifth of the CSV's size; the module of pyarrow.

Columns and header are those of the CSV; each column says its unit, and the header is the file's
metadata. A Parquet file can be read once it is closed: a recording that is killed is lost.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, BinaryIO, Self

from joulesplit.drivers.errors import TraceLibraryError
from joulesplit.drivers.readings import Reading, SensorDescription
from joulesplit.drivers.traces._layout import (
    FLAGS_COLUMN,
    check_columns,
    columns_of,
    damaged,
    description_of,
    header_of,
    reading_of,
    row_of,
)

GROUP_READINGS = 8192
"""Readings kept in memory until they are written, 74 s at 111 readings per second."""
COLUMN_UNITS = {
    "t_ns": "ns, CLOCK_MONOTONIC",
    "voltage_v": "V",
    "current_a": "A",
    FLAGS_COLUMN: "bits",
}
RAW_UNIT = "register word, or as the sensor documents"


class ParquetTraceWriter:
    """A Parquet file of readings, written in groups; close it, or the file cannot be read.

    Args:
        path: File to make; one that is there is replaced.
        description: The sensor's.
        raw_words: Words in each reading's ``raw``.

    Raises:
        TraceLibraryError: pyarrow is not installed.
        OSError: The file cannot be made.
    """

    def __init__(self, path: Path, description: SensorDescription, *, raw_words: int = 2) -> None:
        self._arrow, parquet = _load_pyarrow()
        self._raw_words = raw_words
        self._schema = self._schema_of(description)
        self._rows: list[tuple[int | float, ...]] = []
        self._file: BinaryIO = path.open("wb")
        self._table: Any = parquet.ParquetWriter(self._file, self._schema, compression="zstd")

    def __enter__(self) -> Self:
        """Return itself; the file is open already."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Write what is left and close the file."""
        self.close()

    def write(self, reading: Reading) -> None:
        """Append one reading.

        Raises:
            ValueError: It has another number of raw words than announced.
            OSError: The disk is full or gone.
        """
        self._rows.append(row_of(reading, self._raw_words))
        if len(self._rows) >= GROUP_READINGS:
            self._write_group()

    def close(self) -> None:
        """Write what is left and close the file; calling it again does nothing.

        Raises:
            OSError: The disk is full or gone.
        """
        if self._file.closed:
            return
        with self._file, self._table:
            self._write_group()

    def _write_group(self) -> None:
        rows, self._rows = self._rows, []
        if not rows:
            return
        arrays = [
            self._arrow.array(cells, type=field.type)
            for cells, field in zip(zip(*rows, strict=True), self._schema, strict=True)
        ]
        self._table.write_table(self._arrow.table(arrays, schema=self._schema))

    def _schema_of(self, description: SensorDescription) -> Any:
        arrow = self._arrow
        kinds = {"voltage_v": arrow.float64(), "current_a": arrow.float64()}
        kinds[FLAGS_COLUMN] = arrow.int32()
        columns = [
            arrow.field(
                name,
                kinds.get(name, arrow.int64()),
                nullable=False,
                metadata={"unit": COLUMN_UNITS.get(name, RAW_UNIT)},
            )
            for name in columns_of(self._raw_words)
        ]
        return arrow.schema(columns, metadata=header_of(description))


def read_parquet_trace(path: Path) -> tuple[SensorDescription, list[Reading]]:
    """Read a whole trace.

    Raises:
        TraceFormatError: The file is not a trace of this format, or is damaged.
        TraceLibraryError: pyarrow is not installed.
        OSError: It cannot be read.
    """
    header, columns = _read_table(path)
    check_columns(str(path), list(columns))
    description = description_of(str(path), header)
    try:
        return description, [reading_of(row) for row in zip(*columns.values(), strict=True)]
    except (TypeError, ValueError) as error:
        raise damaged(path, str(error)) from error


def _read_table(path: Path) -> tuple[dict[str, str], dict[str, list[Any]]]:
    """Return the metadata and the cells of each column."""
    arrow, parquet = _load_pyarrow()
    try:
        with path.open("rb") as file:
            table = parquet.read_table(file)
    except arrow.ArrowException as error:
        what = str(error).partition("\n")[0]
        raise damaged(path, f"{what} (was the recording ended?)") from error
    metadata = table.schema.metadata or {}
    header = {key.decode(): value.decode() for key, value in metadata.items()}
    return header, {name: table.column(name).to_pylist() for name in table.column_names}


def _load_pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise TraceLibraryError(
            "a Parquet recording needs the package pyarrow: install it with "
            f"{sys.executable} -m pip install pyarrow, or record to a name that ends in .csv"
        ) from error
    return pyarrow, parquet
