"""A recorded trace as a sensor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Self

from joulesplit.drivers.errors import SensorError, SensorUnavailableError, TraceEndedError
from joulesplit.drivers.protocols import Clock
from joulesplit.drivers.readings import REPLAY_KIND, Reading, SensorDescription
from joulesplit.drivers.traces import read_trace


class ReplaySensor:
    """Recorded readings at the pace they were recorded, moved to the present.

    Everything but the time is as recorded. The description keeps what the recording sensor said
    of itself, its ``simulated`` mark included, under the kind ``replay`` and marked ``replayed``.

    Args:
        path: Recording, CSV or Parquet, as ``joulesplit.drivers.traces`` writes it.
        clock: Time to replay against.

    Raises:
        SensorUnavailableError: The file cannot be read.
        TraceFormatError: It is not a trace.
        TraceLibraryError: It is Parquet and pyarrow is not installed.
    """

    def __init__(self, path: Path, *, clock: Clock) -> None:
        try:
            recorded, self._readings = read_trace(path)
        except OSError as error:
            raise SensorUnavailableError(
                f"the trace {path} cannot be read ({error.strerror}); record one with "
                "joulesplit monitor --record"
            ) from error
        self._path = path
        self._clock = clock
        self._position = 0
        self._shift_ns: int | None = None
        self._description = replace(
            recorded,
            kind=REPLAY_KIND,
            name=f"replay of {recorded.name}",
            replayed=True,
            settings={**recorded.settings, "trace": path.name, "recorded_kind": recorded.kind},
        )

    @property
    def description(self) -> SensorDescription:
        """What the recording sensor said of itself."""
        return self._description

    def __enter__(self) -> Self:
        """Begin at the first reading, one cycle from now."""
        self._position = 0
        first_ns = self._readings[0].t_ns if self._readings else 0
        cycle_ns = round(self._description.cycle_s * 1e9)
        self._shift_ns = self._clock.now_ns() + cycle_ns - first_ns
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop replaying."""
        self.close()

    def close(self) -> None:
        """Stop replaying; calling it again does nothing."""
        self._shift_ns = None

    def read(self) -> Reading:
        """Return the next recorded reading when its time has come.

        Raises:
            TraceEndedError: There is none left.
            SensorError: The sensor is not open.
        """
        if self._shift_ns is None:
            raise SensorError("the replay is not open; read it inside a with block")
        if self._position >= len(self._readings):
            raise TraceEndedError(
                f"the trace {self._path} has ended after {self._position} readings; "
                "record a longer one"
            )
        recorded = self._readings[self._position]
        self._position += 1
        t_ns = recorded.t_ns + self._shift_ns
        self._clock.sleep_until_ns(t_ns)
        return recorded._replace(t_ns=t_ns)
