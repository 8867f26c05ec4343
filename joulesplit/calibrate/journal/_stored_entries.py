"""A journal's own types: the lines of a file of format 1. Plain data.

Format history: 1 is the first format.

What is written and read is this, whatever becomes of the types that the code measures with:
``joulesplit.calibrate.journal._conversion`` carries one over to the other. A field's name holds
its unit, and its meaning is that of the code's field of the same name. A default is what a file
means that does not have the field, so it never changes; a new field needs one; a field that
changes or goes makes a new format, with a step from this one in ``_upgrade``.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from joulesplit.calibrate.journal._stored_circumstances import (
    StoredCircumstances,
    StoredConditions,
    StoredSamplerStatistics,
)
from joulesplit.calibrate.profile import schema_of

JOURNAL_SCHEMA = "joulesplit/campaign-journal"
JOURNAL_FORMAT = 1
"""Version of the format of a journal that is written."""


class StoredWindowTiming(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long the parts of every window last."""

    idle_s: float
    settle_s: float
    upload_settle_s: float | None = None


class StoredStopPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When enough has been measured."""

    rule: Literal["fixed", "precision", "decision"] = "fixed"
    relative_half_width: float = 0.01
    relative_regret: float = 0.01
    looks: int = 8


class StoredLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a campaign keeps to."""

    duration_s: float = 10800.0
    temperature_c: tuple[float, float] = (0.0, 75.0)
    warm_up_s: float = 120.0
    cool_down_s: float = 600.0
    edge_term: float = 0.005


class StoredPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A campaign's plan."""

    name: str
    timing: StoredWindowTiming
    work_s: tuple[float, ...]
    repeats: int
    rates_bit_per_s: tuple[float | Literal["unlimited"], ...]
    upload_sizes: int
    upload_s: float
    control_every: int
    order_seed: int
    blocks: Literal["residual", "every-cut"] | tuple[int, ...] = "residual"
    heads: Literal["candidates", "winner"] | tuple[int, ...] = ()
    whole: bool = False
    phases: bool = False
    encodings: tuple[str, ...] = ()
    downloads: bool = False
    upload_sizes_bits: tuple[int, ...] = ()
    upload_grid: int = 0
    upload_spread: float = 1.0
    layouts: int = 1
    rests: int = 0
    fit_rates: bool = False
    lone_uploads: bool = False
    stop: StoredStopPlan = StoredStopPlan()
    limits: StoredLimits = StoredLimits()


class StoredWarmUp(msgspec.Struct, frozen=True, kw_only=True):
    """How warming up went."""

    warm: bool
    duration_s: float
    runs: int
    temperature_c: float | None
    unsettled: Literal["pace", "temperature", "band"] | None = None


class StoredStart(msgspec.Struct, frozen=True, kw_only=True):
    """What a campaign found before its first window; the tasks follow from it."""

    unit_s: dict[str, float]
    warm_up: StoredWarmUp


class StoredWindowTask(msgspec.Struct, frozen=True, kw_only=True):
    """A window still to be run."""

    kind: Literal["compute", "upload", "control", "head", "whole", "phase", "download"]
    subject: str
    block: int
    repetitions: int


class StoredWindowTransfers(msgspec.Struct, frozen=True, kw_only=True):
    """What the link did in a window."""

    transfers: int
    methods: tuple[str, ...]
    transfer_s: float
    u_transfer_s: float
    times_s: tuple[float, ...]
    first_s: float | None = None
    begin_s: tuple[float, ...] = ()
    min_rtt_s: float | None = None
    rtt_s: float | None = None
    busy_s: float | None = None
    receiver_limited_s: float | None = None
    buffer_limited_s: float | None = None
    delivery_rate_bit_per_s: float | None = None
    sent_bytes: int | None = None
    retransmitted_bytes: int | None = None
    segments: int | None = None
    retransmitted_segments: int | None = None
    stalled_s: float = 0.0


class StoredSamplerProbe(msgspec.Struct, frozen=True, kw_only=True):
    """What reading the sensor costs."""

    rehearsed: tuple[bool, ...]
    effort: float
    work_power_w: tuple[float, ...]
    idle_power_w: tuple[float, ...]


class StoredRest(msgspec.Struct, frozen=True, kw_only=True):
    """A block of work and the rest after it."""

    work_s: float
    work_power_w: float
    bin_s: float
    power_w: tuple[float, ...]
    foreign_cpu: float | None = None
    work_ended_ns: int = 0
    sampler: StoredSamplerProbe | None = None


class StoredWindowRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A finished window."""

    task: StoredWindowTask
    started_ns: int
    work_s: float
    idle_s: float
    airtime_s: float
    payload_bits: int
    gross_j: float
    net_j: float
    idle_power_w: float
    idle_step_w: float
    peak_power_w: float
    minimum_voltage_v: float
    lost_s: float
    readings: int
    clipped: int
    resets: int
    clock_steps: int = 0
    tail_j: float | None = None
    settle_s: float = 0.0
    socket_bits: int = 0
    interface_tx_bits: int | None = None
    interface_rx_bits: int | None = None
    temperature_c: float | None = None
    waited_s: float = 0.0
    tries: int = 1
    quiet_s: float = 0.0
    late_j: float | None = None
    clock_rate: float | None = None
    hidden_w: float = 0.0
    foreign_cpu: float | None = None
    foreign_programs: str = ""
    spoilt_tries: int = 0
    spoilt_s: float = 0.0
    rest: StoredRest | None = None
    spoilt_rests: int = 0
    paging: int | None = None
    pace: float | Literal["unlimited"] | None = None
    transfers: StoredWindowTransfers | None = None


class StoredStopOpinion(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule thinks of the windows so far."""

    stop: bool
    reached: bool
    reason: str
    measure_next: tuple[str, ...] = ()
    windows_needed: int | None = None


class StoredHeader(msgspec.Struct, frozen=True, kw_only=True, tag="header"):
    """The first line: what is measured, with what, where.

    Attributes:
        format: Of the whole file; it is read, and checked, before anything else.
    """

    format: int
    plan: StoredPlan
    around: StoredCircumstances
    link_kind: Literal["wifi", "ethernet", "loopback", "other"] | None


class StoredBegun(msgspec.Struct, frozen=True, kw_only=True, tag="begun"):
    """A run begins, the first one or a resumed one."""

    start: StoredStart
    conditions: StoredConditions | None
    boot_id: str | None = None
    plan: StoredPlan | None = None


class StoredKept(msgspec.Struct, frozen=True, kw_only=True, tag="window"):
    """A finished window, how the sampler of its run had fared by then, and the machine."""

    window: StoredWindowRecord
    sampling: StoredSamplerStatistics
    conditions: StoredConditions | None = None


class StoredEnded(msgspec.Struct, frozen=True, kw_only=True, tag="ended"):
    """A run has ended in good order."""

    opinion: StoredStopOpinion | None
    throttled_bits: int | None
    conditions: StoredConditions | None


StoredEntry = StoredHeader | StoredBegun | StoredKept | StoredEnded


class StoredLine(msgspec.Struct, frozen=True):
    """A line of the file.

    Attributes:
        crc32: Of the entry's text as it stands in the line.
        after: CRC-32 of the line before this one, without its line feed: a line that is missing
            breaks the chain. None in the first line, and in files of before.
    """

    crc32: int
    entry: StoredEntry
    after: int | None = None


def schema_bytes() -> bytes:
    """Return the JSON Schema of a journal's line, as stored in ``data/schema``."""
    return schema_of(StoredLine, f"{JOURNAL_SCHEMA}/{JOURNAL_FORMAT}")
