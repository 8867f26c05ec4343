"""The readings that open windows need, and what is kept of windows that were left. Plain data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from joulesplit.calibrate._meter_energy import METERED_FIGURES, MeteredEnergy, metered
from joulesplit.calibrate.sampling import RECORD, Trace
from joulesplit.drivers.readings import SensorDescription

CHUNK = 4096
"""Windows per piece of what is kept of them, so that nothing has to be copied to grow."""


class ReadingHistory:
    """Consecutive readings that grow at their end and are dropped at their beginning.

    Adding to it costs what is added, however long it has become.

    Args:
        trace: The first readings.
    """

    def __init__(self, trace: Trace) -> None:
        self._restart(trace)

    def _restart(self, trace: Trace) -> None:
        self._start_ns = trace.start_ns
        self._records = np.array(trace.records, dtype=RECORD)
        self._first, self._end = 0, len(trace)

    def __len__(self) -> int:
        return self._end - self._first

    @property
    def end_ns(self) -> int:
        """Time of the last reading, ns."""
        return int(self._records["t_ns"][self._end - 1]) if len(self) else self._start_ns

    @property
    def last_begun_ns(self) -> int:
        """Time at which the last reading's conversion began, ns."""
        return int(self._records["t_ns"][self._end - 2]) if len(self) > 1 else self._start_ns

    def since(self, t_ns: int, before: int) -> Trace:
        """Return the readings that end at or after a time, and so many before them; no copy."""
        ends_ns = self._records["t_ns"][self._first : self._end]
        at = self._first + max(int(np.searchsorted(ends_ns, t_ns)) - before, 0)
        started_ns = int(self._records["t_ns"][at - 1]) if at > self._first else self._start_ns
        return Trace(start_ns=started_ns, records=self._records[at : self._end])

    def extend(self, trace: Trace) -> None:
        """Add readings; where they do not follow on, what was there before goes."""
        if trace.start_ns != self.end_ns:
            self._restart(trace)
            return
        needed = self._end + len(trace)
        if needed > len(self._records):
            kept = self._records[self._first : self._end]
            self._records = np.empty(2 * (len(kept) + len(trace)), dtype=RECORD)
            self._records[: len(kept)] = kept
            self._first, self._end = 0, len(kept)
        self._records[self._end : self._end + len(trace)] = trace.records
        self._end += len(trace)

    def forget_before(self, t_ns: int, before: int) -> None:
        """Drop readings that end before a time, but for so many."""
        kept = self.since(t_ns, before)
        self._start_ns, self._first = kept.start_ns, self._end - len(kept)


class MeterResults(Sequence[MeteredEnergy]):
    """The energies of all windows left so far, in that order; 91 bytes are kept of each.

    Args:
        description: The sensor.
    """

    def __init__(self, description: SensorDescription) -> None:
        self._description = description
        self._names: list[str] = []
        self._pieces: list[NDArray[np.void]] = []

    def __len__(self) -> int:
        return len(self._names)

    def append_all(self, figures: NDArray[np.void], names: Sequence[str]) -> None:
        """Add what is kept of windows.

        Args:
            figures: One for each, shape (m,), dtype ``METERED_FIGURES``.
            names: Of the windows.
        """
        at = 0
        while at < len(figures):
            room = len(self._names) % CHUNK
            if not room:
                self._pieces.append(np.empty(CHUNK, dtype=METERED_FIGURES))
            taken = min(CHUNK - room, len(figures) - at)
            self._pieces[-1][room : room + taken] = figures[at : at + taken]
            self._names.extend(names[at : at + taken])
            at += taken

    @overload
    def __getitem__(self, at: int) -> MeteredEnergy: ...

    @overload
    def __getitem__(self, at: slice) -> list[MeteredEnergy]: ...

    def __getitem__(self, at: int | slice) -> MeteredEnergy | list[MeteredEnergy]:
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        position = range(len(self))[at]
        figures = self._pieces[position // CHUNK][position % CHUNK]
        return metered(figures, self._names[position], self._description)

    def __iter__(self) -> Iterator[MeteredEnergy]:
        return (self[at] for at in range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # it grows, as a list does

    def __repr__(self) -> str:
        return f"<{len(self)} metered windows>"
