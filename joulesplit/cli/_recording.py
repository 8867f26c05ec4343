"""Readings to a file as they come, for replay."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from joulesplit.calibrate import OutputError
from joulesplit.calibrate.sampling import Trace
from joulesplit.cli._errors import CommandError
from joulesplit.drivers.errors import TraceLibraryError
from joulesplit.drivers.readings import Reading, ReadingFlag, SensorDescription
from joulesplit.drivers.traces import open_trace_writer

RAW_WORDS = 2
"""Register words that the sampler keeps of each reading."""


class Recording:
    """A trace file that grows by stretches of readings.

    Args:
        path: File to make, Parquet if it ends in .parquet, else CSV; one that is there is replaced.
        description: The sensor's.

    Raises:
        OutputError: The file cannot be made.
        CommandError: It is to be Parquet and pyarrow is not installed.
    """

    def __init__(self, path: Path, description: SensorDescription) -> None:
        try:
            self._writer = open_trace_writer(path, description, raw_words=RAW_WORDS)
        except TraceLibraryError as error:
            raise CommandError(f"--record {path}: {error}") from error
        except OSError as error:
            raise OutputError(
                f"cannot write {path}: {error.strerror}; choose a directory you may write to"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        try:
            self._writer.close()
        except OSError as error:
            raise OutputError(f"cannot finish the recording: {error.strerror}") from error

    def add(self, trace: Trace) -> None:
        """Append a stretch of readings.

        Raises:
            OutputError: The disk is full or gone.
        """
        try:
            for record in trace.records:
                self._writer.write(
                    Reading(
                        t_ns=int(record["t_ns"]),
                        raw=(int(record["raw0"]), int(record["raw1"])),
                        voltage_v=float(record["voltage_v"]),
                        current_a=float(record["current_a"]),
                        flags=ReadingFlag(int(record["flags"])),
                    )
                )
        except OSError as error:
            raise OutputError(f"cannot write the recording: {error.strerror}") from error
