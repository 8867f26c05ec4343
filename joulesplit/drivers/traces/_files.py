"""A recording by its name: ``.parquet`` is Parquet, anything else CSV. Reading goes by content."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from joulesplit.drivers.readings import Reading, SensorDescription
from joulesplit.drivers.traces._csv_file import CsvTraceWriter, read_csv_trace
from joulesplit.drivers.traces._parquet_file import ParquetTraceWriter, read_parquet_trace

PARQUET_SUFFIX = ".parquet"
PARQUET_MAGIC = b"PAR1"


class TraceWriter(Protocol):
    """A writer of readings to a file as they come."""

    def write(self, reading: Reading) -> None:
        """Append one reading.

        Raises:
            ValueError: It has another number of raw words than announced.
            OSError: The disk is full or gone.
        """

    def close(self) -> None:
        """Finish the file; calling it again does nothing.

        Raises:
            OSError: The disk is full or gone.
        """


def open_trace_writer(
    path: Path, description: SensorDescription, *, raw_words: int = 2
) -> TraceWriter:
    """Return a writer of the kind that the name asks for.

    Args:
        path: File to make; one that is there is replaced.
        description: The sensor's.
        raw_words: Words in each reading's ``raw``.

    Raises:
        TraceLibraryError: Parquet is asked for and pyarrow is not installed.
        OSError: The file cannot be made.
    """
    if path.suffix.lower() == PARQUET_SUFFIX:
        return ParquetTraceWriter(path, description, raw_words=raw_words)
    return CsvTraceWriter(path, description, raw_words=raw_words)


def read_trace(path: Path) -> tuple[SensorDescription, list[Reading]]:
    """Read a whole recording of either kind.

    Raises:
        TraceFormatError: The file is not a trace, or is damaged.
        TraceLibraryError: It is Parquet and pyarrow is not installed.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        is_parquet = file.read(len(PARQUET_MAGIC)) == PARQUET_MAGIC
    return read_parquet_trace(path) if is_parquet else read_csv_trace(path)
