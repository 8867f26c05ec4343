"""What a journal holds: how a campaign was begun, its windows, how each run ended."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from joulesplit.calibrate.campaign import Circumstances, Plan, Start, StopOpinion
from joulesplit.calibrate.environment import Conditions
from joulesplit.calibrate.profile import InterfaceKind
from joulesplit.calibrate.sampling import SamplerStatistics
from joulesplit.calibrate.windows import WindowRecord


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured, with what, where.

    Attributes:
        plan: As carried out, adapted to the sensor.
        around: Circumstances, as they were when the campaign began.
        link_kind: Of the interface that the uploads leave by; None if it cannot be told.
    """

    plan: Plan
    around: Circumstances
    link_kind: InterfaceKind | None


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A run begins, the first one or a resumed one.

    Attributes:
        start: How.
        conditions: The machine's state; None in a simulated world, which has another machine.
        boot_id: Of the machine's boot, whose clock its windows are timed by; None if it cannot
            be told.
        plan: What this run keeps to, where it was told to go on longer than the header's plan;
            None for that one.
    """

    start: Start
    conditions: Conditions | None
    boot_id: str | None = None
    plan: Plan | None = None


class WindowEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A finished window, how the sampler of its run had fared by then, and the machine.

    Attributes:
        conditions: The machine's state after the window, a cheap snapshot; None as in ``Begun``,
            and while there was no route to the server.
    """

    window: WindowRecord
    sampling: SamplerStatistics
    conditions: Conditions | None = None


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A run has ended in good order.

    Attributes:
        opinion: The stop rule's last word; None if the run was interrupted.
        throttled_bits: From the system; None where it cannot be known.
        conditions: The machine's state; None as in ``Begun``.
    """

    opinion: StopOpinion | None
    throttled_bits: int | None
    conditions: Conditions | None


Entry = Header | Begun | WindowEntry | Ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a campaign: from its beginning until it ended, was interrupted or killed.

    Attributes:
        begun: How it began.
        kept: Its windows.
        ended: How it ended; None if it was killed.
        clock_offset_ns: Already added to the times of its windows, so that those of all runs are
            on one clock, ns.
    """

    begun: Begun
    kept: tuple[WindowEntry, ...]
    ended: Ended | None
    clock_offset_ns: int = 0
