"""The finished runs of a program in a file, each written as it ends, so that a kill loses none."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from joulesplit.calibrate.campaign._resume import TIMED_SETTINGS
from joulesplit.calibrate.errors import JournalError, OtherCampaignError
from joulesplit.calibrate.sampling import SamplerStatistics
from joulesplit.calibrate.windows import WindowRecord
from joulesplit.drivers.readings import SensorDescription

RUNS_SCHEMA, RUNS_VERSION = "joulesplit/command-runs", 1


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured: only runs of the same go together."""

    schema: str
    schema_version: int
    command: tuple[str, ...]
    idle_s: float
    settle_s: float
    sensor: str
    settings: dict[str, str | int | float | bool | None]


class KeptRun(msgspec.Struct, frozen=True, kw_only=True):
    """One finished run.

    Attributes:
        record: Its window.
        sampling: How the sampler had fared by then since it was opened.
        opened: How often a sampler had been opened before.
    """

    record: WindowRecord
    sampling: SamplerStatistics
    opened: int


class KeptRuns:
    """The file of finished runs.

    Args:
        path: Of the file; new, or that of an earlier process.
        resume: Go on with it.

    Raises:
        JournalError: It is to be gone on with, and cannot be read.
    """

    def __init__(self, path: Path, *, resume: bool = False) -> None:
        self.path = path
        self._head: _Head | None = None
        self._runs: list[KeptRun] = []
        if resume:
            self._head, self._runs = _read(path)

    @property
    def runs(self) -> tuple[KeptRun, ...]:
        """Those finished so far."""
        return tuple(self._runs)

    def begin(
        self, command: tuple[str, ...], times_s: tuple[float, float], sensor: SensorDescription
    ) -> None:
        """Write what is measured, or check that it is what was.

        Args:
            command: The program and what it is given.
            times_s: Idle on a side and settling, s.
            sensor: As opened.

        Raises:
            OtherCampaignError: The file holds runs of something else.
        """
        settings = {k: v for k, v in sensor.settings.items() if k not in TIMED_SETTINGS}
        head = _Head(
            schema=RUNS_SCHEMA,
            schema_version=RUNS_VERSION,
            command=command,
            idle_s=times_s[0],
            settle_s=times_s[1],
            sensor=sensor.name,
            settings=settings,
        )
        if self._head is None:
            self._head = head
            self._rewrite()
        elif self._head != head:
            differ = [
                n for n in head.__struct_fields__ if getattr(head, n) != getattr(self._head, n)
            ]
            raise OtherCampaignError(
                f"{self.path} holds runs of another measurement ({', '.join(differ)} differ): give "
                "the same command, idle, settling and sensor, or another --output"
            )
        else:
            self._rewrite()

    def _rewrite(self) -> None:
        """Write what is known anew: what a kill left half-written goes."""
        lines = [msgspec.json.encode(one) for one in (self._head, *self._runs)]
        self.path.write_bytes(b"".join(line + b"\n" for line in lines))

    def append(self, run: KeptRun) -> None:
        """Write one finished run, onto the disk itself."""
        self._runs.append(run)
        with self.path.open("ab") as file:
            file.write(msgspec.json.encode(run) + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def discard(self) -> None:
        """Remove the file: everything is in another one."""
        self.path.unlink(missing_ok=True)


def runs_beside(output: Path) -> Path:
    """Return where the finished runs are kept until a result is written."""
    return output.with_name(f"{output.name}.runs.jsonl")


def _read(path: Path) -> tuple[_Head, list[KeptRun]]:
    try:
        first, *others = path.read_bytes().split(b"\n")
        head = msgspec.json.decode(first, type=_Head)
        # A kill may have left the last line half-written; whole ones end in a line break.
        runs = [msgspec.json.decode(line, type=KeptRun) for line in others[:-1]]
    except (OSError, msgspec.MsgspecError) as error:
        raise JournalError(
            f"cannot go on with {path}: {error}; measure anew with another --output"
        ) from error
    if (head.schema, head.schema_version) != (RUNS_SCHEMA, RUNS_VERSION):
        raise JournalError(f"{path} holds no runs of a command that this version knows")
    return head, runs
