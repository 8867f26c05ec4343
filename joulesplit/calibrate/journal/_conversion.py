"""A journal's own types to those that the code measures with, and back. Pure.

Each stored type has its counterpart here, and what is stored under a name is the counterpart's
field of that name. Where the code comes to name or divide something otherwise, it is said here:
the file stays as it is.
"""

from __future__ import annotations

from typing import Any

import msgspec

from joulesplit.calibrate import environment, profile, sampling, windows
from joulesplit.calibrate.campaign import (
    Circumstances,
    Limits,
    Plan,
    Start,
    StopOpinion,
    StopPlan,
    WarmUp,
)
from joulesplit.calibrate.journal import _entries as entries
from joulesplit.calibrate.journal import _stored_circumstances as beside
from joulesplit.calibrate.journal import _stored_entries as stored
from joulesplit.drivers import readings
from joulesplit.partition import Block, Operator

COUNTERPARTS: dict[type[msgspec.Struct], type[Any]] = {
    beside.AccuracyTerm: readings.AccuracyTerm,
    beside.Block: Block,
    beside.Check: profile.Check,
    beside.Circumstances: Circumstances,
    beside.Conditions: environment.Conditions,
    beside.Device: profile.Device,
    beside.FrequencyPolicy: profile.FrequencyPolicy,
    beside.ModelIdentity: profile.ModelIdentity,
    beside.Operator: Operator,
    beside.Runtime: profile.Runtime,
    beside.SamplerStatistics: sampling.SamplerStatistics,
    beside.SensorDescription: readings.SensorDescription,
    beside.SimulatedTruth: profile.SimulatedTruth,
    beside.Tool: profile.Tool,
    beside.TunedSetting: profile.TunedSetting,
    beside.WifiLink: profile.WifiLink,
    stored.Begun: entries.Begun,
    stored.Ended: entries.Ended,
    stored.Header: entries.Header,
    stored.Kept: entries.Kept,
    stored.Limits: Limits,
    stored.Plan: Plan,
    stored.Start: Start,
    stored.StopOpinion: StopOpinion,
    stored.StopPlan: StopPlan,
    stored.WarmUp: WarmUp,
    stored.WindowRecord: windows.WindowRecord,
    stored.WindowTask: windows.WindowTask,
    stored.WindowTiming: windows.WindowTiming,
}
"""What the code has for each stored type."""

_STORED = {counterpart: kind for kind, counterpart in COUNTERPARTS.items()}

OF_THE_FILE: dict[type[msgspec.Struct], dict[str, Any]] = {
    stored.Header: {"format": stored.JOURNAL_FORMAT}
}
"""Stored fields that the code has no use for, and what is written there."""


def entry_to_store(entry: entries.Entry) -> stored.Entry:
    """Return an entry as it is written."""
    written: stored.Entry = _to_store(entry)
    return written


def entry_read(entry: stored.Entry) -> entries.Entry:
    """Return an entry as the code has it.

    Raises:
        PlanError: Its plan cannot give the figures.
    """
    read: entries.Entry = _read(entry)
    return read


def _to_store(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(_to_store(one) for one in value)
    kind = _STORED.get(type(value))
    if kind is None:
        return value
    own = OF_THE_FILE.get(kind, {})
    shared = [name for name in kind.__struct_fields__ if name not in own]
    return kind(**own, **{name: _to_store(getattr(value, name)) for name in shared})


def _read(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_read(one) for one in value)
    counterpart = COUNTERPARTS.get(type(value))
    if counterpart is None:
        return value
    own = OF_THE_FILE.get(type(value), {})
    shared = [name for name in value.__struct_fields__ if name not in own]
    return counterpart(**{name: _read(getattr(value, name)) for name in shared})
