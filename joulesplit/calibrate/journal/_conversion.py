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
    beside.StoredAccuracyTerm: readings.AccuracyTerm,
    beside.StoredBlock: Block,
    beside.StoredCheck: profile.Check,
    beside.StoredCircumstances: Circumstances,
    beside.StoredConditions: environment.Conditions,
    beside.StoredDevice: profile.Device,
    beside.StoredFrequencyPolicy: profile.FrequencyPolicy,
    beside.StoredModelIdentity: profile.ModelIdentity,
    beside.StoredOperator: Operator,
    beside.StoredRuntime: profile.Runtime,
    beside.StoredSamplerStatistics: sampling.SamplerStatistics,
    beside.StoredSensorDescription: readings.SensorDescription,
    beside.StoredSimulatedTruth: profile.SimulatedTruth,
    beside.StoredTool: profile.Tool,
    beside.StoredTunedSetting: profile.TunedSetting,
    beside.StoredWifiLink: profile.WifiLink,
    stored.StoredBegun: entries.Begun,
    stored.StoredEnded: entries.Ended,
    stored.StoredHeader: entries.Header,
    stored.StoredKept: entries.WindowEntry,
    stored.StoredLimits: Limits,
    stored.StoredPlan: Plan,
    stored.StoredRest: windows.Rest,
    stored.StoredSamplerProbe: windows.SamplerProbe,
    stored.StoredStart: Start,
    stored.StoredStopOpinion: StopOpinion,
    stored.StoredStopPlan: StopPlan,
    stored.StoredWarmUp: WarmUp,
    stored.StoredWindowRecord: windows.WindowRecord,
    stored.StoredWindowTask: windows.WindowTask,
    stored.StoredWindowTiming: windows.WindowTiming,
    stored.StoredWindowTransfers: windows.WindowTransfers,
}
"""What the code has for each stored type."""

_STORED = {counterpart: kind for kind, counterpart in COUNTERPARTS.items()}

OF_THE_FILE: dict[type[msgspec.Struct], dict[str, Any]] = {
    stored.StoredHeader: {"format": stored.JOURNAL_FORMAT}
}
"""Stored fields that the code has no use for, and what is written there."""


def entry_to_store(entry: entries.Entry) -> stored.StoredEntry:
    """Return an entry as it is written."""
    written: stored.StoredEntry = _to_store(entry)
    return written


def entry_read(entry: stored.StoredEntry) -> entries.Entry:
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
