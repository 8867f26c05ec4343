"""Zeros and spans on disk: one JSON file per sensor, dated records in it.

A sensor is its kind, bus, address and nominal shunt: the same chip behind another shunt is another
sensor. The files are for people to read and to keep with their results.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from joulesplit.drivers.errors import CorrectionRecordError
from joulesplit.drivers.ina2xx._correction import (
    Correction,
    MeanShunt,
    SensorIdentity,
    SpanPoint,
    correction_of,
    offset_bound_v,
)
from joulesplit.drivers.ina2xx._data_sheets import OFFSET_BUS_V, limits_of

RECORDS_FORMAT_KEY = "joulesplit_sensor"
RECORDS_FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorRecords:
    """Everything that comparisons have found out about one sensor.

    Attributes:
        identity: The sensor.
        zeros: The latest zero of each gain.
        points: The points of the latest span, all at one gain.
    """

    identity: SensorIdentity
    zeros: tuple[MeanShunt, ...] = ()
    points: tuple[SpanPoint, ...] = ()

    def with_zero(self, zero: MeanShunt) -> SensorRecords:
        """Return the records with a zero in place of the last one at its gain."""
        others = tuple(mean for mean in self.zeros if mean.gain != zero.gain)
        return replace(self, zeros=(*others, zero))

    def with_points(self, points: tuple[SpanPoint, ...]) -> SensorRecords:
        """Return the records with a span in place of the last one."""
        return replace(self, points=points)

    def zero_at(self, gain: int) -> MeanShunt | None:
        """Return the zero at a gain."""
        return next((mean for mean in self.zeros if mean.gain == gain), None)

    def correction_at(self, gain: int) -> Correction | None:
        """Return what holds at a gain; what was found at another one if nothing does."""
        gains = [gain, *(mean.gain for mean in self.zeros), *(p.mean.gain for p in self.points)]
        return next((found for each in gains if (found := self._found_at(each))), None)

    def _found_at(self, gain: int) -> Correction | None:
        points = tuple(point for point in self.points if point.mean.gain == gain)
        bus_v = (points[0].mean.bus_v if points else 0.0) or OFFSET_BUS_V
        limits = limits_of(self.identity.kind, gain)
        return correction_of(
            self.zero_at(gain),
            points,
            unknown_offset_v=offset_bound_v(limits, bus_v),
            bus_error=limits.bus_bound(bus_v),
        )


class CorrectionStore:
    """A directory of records.

    Args:
        directory: Where; it is made when something is saved.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def load(self, identity: SensorIdentity) -> SensorRecords:
        """Return the records of a sensor; empty ones if there are none.

        Raises:
            CorrectionRecordError: They cannot be read.
        """
        path = self.path_of(identity.key)
        return _read(path) if path.exists() else SensorRecords(identity=identity)

    def load_key(self, key: str) -> SensorRecords:
        """Return the records of the sensor of this key.

        Raises:
            CorrectionRecordError: There are none, or they cannot be read.
        """
        return _read(self.path_of(key))

    def load_all(self) -> tuple[SensorRecords, ...]:
        """Return every sensor's records, by key.

        Raises:
            CorrectionRecordError: One cannot be read.
        """
        return tuple(_read(path) for path in sorted(self.directory.glob("*.json")))

    def save(self, records: SensorRecords) -> Path:
        """Write the records of a sensor in one step; return the file.

        Raises:
            CorrectionRecordError: The directory cannot be written.
        """
        path = self.path_of(records.identity.key)
        document = {RECORDS_FORMAT_KEY: RECORDS_FORMAT_VERSION, **asdict(records)}
        fresh = path.with_suffix(".json.new")
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            with fresh.open("w", encoding="utf-8") as file:
                file.write(json.dumps(document, indent=2) + "\n")
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        except OSError as error:
            raise CorrectionRecordError(
                f"cannot write {path} ({error.strerror}); choose another directory with --store"
            ) from error
        return path

    def forget(self, key: str) -> Path:
        """Remove the records of the sensor of this key; return the file that is gone.

        Raises:
            CorrectionRecordError: There are none.
        """
        path = self.path_of(key)
        try:
            path.unlink()
        except OSError as error:
            raise _missing(path, error) from error
        return path

    def path_of(self, key: str) -> Path:
        """Return where the records of a sensor are, or would be."""
        return self.directory / f"{Path(key).name}.json"


def _read(path: Path) -> SensorRecords:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return _parse(document)
    except OSError as error:
        raise _missing(path, error) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CorrectionRecordError(
            f"{path} holds no readable records of a sensor ({error}); measure them again with "
            "joulesplit sensor zero and span, or remove it with joulesplit sensor forget"
        ) from error


def _parse(document: dict[str, Any]) -> SensorRecords:
    if document[RECORDS_FORMAT_KEY] != RECORDS_FORMAT_VERSION:
        raise ValueError(
            f"format {document[RECORDS_FORMAT_KEY]} instead of {RECORDS_FORMAT_VERSION}"
        )
    return SensorRecords(
        identity=SensorIdentity(**document["identity"]),
        zeros=tuple(MeanShunt(**mean) for mean in document["zeros"]),
        points=tuple(
            SpanPoint(**{**point, "mean": MeanShunt(**point["mean"])})
            for point in document["points"]
        ),
    )


def _missing(path: Path, error: OSError) -> CorrectionRecordError:
    return CorrectionRecordError(
        f"no records at {path} ({error.strerror}); joulesplit sensor list shows those there are"
    )
