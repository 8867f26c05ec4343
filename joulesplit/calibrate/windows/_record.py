"""A window that is to be run, and what a finished one gave. Plain data."""

from __future__ import annotations

from typing import Literal

import msgspec

from joulesplit.calibrate.windows._observation import Observation, Pace
from joulesplit.calibrate.windows._transfers import WindowTransfers

WindowKind = Literal["compute", "upload", "control", "head", "whole", "phase", "download"]
"""What runs in a window."""


class WindowTask(msgspec.Struct, frozen=True, kw_only=True):
    """A window still to be run.

    Attributes:
        kind: ``control`` windows repeat one and the same work to tell drift; ``head`` and
            ``whole`` run several blocks as one network; ``phase`` is what happens once.
        subject: Key of the workload.
        block: l for compute, control and the encoding of what crosses, the last block of a head,
            else 0.
        repetitions: Inferences, uploads, downloads or starts.
    """

    kind: WindowKind
    subject: str
    block: int
    repetitions: int


class SamplerProbe(msgspec.Struct, frozen=True, kw_only=True):
    """What reading the sensor costs: powers at work and at rest, as it is read and with more of it.

    Attributes:
        rehearsed: Whether more was done than to read, by part of the time.
        effort: What the sampler then did over what it does as usual; above 1.
        work_power_w: Mean power of each part of the work, W.
        idle_power_w: Mean power of each part of the rest, W; empty where it was not probed.
    """

    rehearsed: tuple[bool, ...]
    effort: float
    work_power_w: tuple[float, ...]
    idle_power_w: tuple[float, ...]


class Rest(msgspec.Struct, frozen=True, kw_only=True):
    """A block of work and the rest after it: what the device still draws, for far longer than idle.

    Attributes:
        work_s: Length of the work, s.
        work_power_w: Mean power during it, W.
        bin_s: Length of a bin, s; the first begins when the work has settled.
        power_w: Mean power of each bin, W, without what rehearsed readings took.
        foreign_cpu: Share of all processors that other programs took in the rest; None if unknown.
        work_ended_ns: When the work was over, CLOCK_MONOTONIC, ns; 0 where that was not kept.
        sampler: What reading cost meanwhile; None where the sensor cannot tell.
    """

    work_s: float
    work_power_w: float
    bin_s: float
    power_w: tuple[float, ...]
    foreign_cpu: float | None = None
    work_ended_ns: int = 0
    sampler: SamplerProbe | None = None


class WindowRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A finished window, as the journal keeps it; units are in the names.

    Attributes:
        resets: Times that the chip was found reset in it, or just after its last reading.
        clock_steps: Times that the clock was found to have jumped, likewise.
        tail_j: Net energy from the end of the work until it settled, part of ``net_j``, J; None
            if that was too short to tell.
        settle_s: How long that was, s.
        socket_bits: Handed to the socket, request heads included, bit.
        interface_tx_bits, interface_rx_bits: Counted on the interface, bit; None if unknown.
        temperature_c: Of the processor as the window began, °C; None if unknown.
        waited_s: Waited before the window for the device to cool down, s.
        tries: How often it was run until it gave an energy.
        quiet_s: Waited before the window for what writing and drawing leave behind, and after it
            for what came late, s; the block of work of ``rest`` and its rest are in it.
        late_j: Net energy that came after the settling, J; None if it was not watched for.
        clock_rate: How much faster CLOCK_MONOTONIC ran than CLOCK_MONOTONIC_RAW, relative: NTP
            slews it; None where the clock does not tell.
        hidden_w: What mean voltage times mean current made of the work's power too much, W; the
            energies are without it.
        foreign_cpu: Share of all processors that other programs took in it; None if unknown.
        foreign_programs: The busiest of these, for people; empty if none is worth a name.
        spoilt_tries: How often it was run before and given up because other programs took more
            than a share of the processors that is fixed beforehand, whatever it had measured.
        spoilt_s: How long these took, s.
        rest: A block of work and a rest that came before it, if any did.
        spoilt_rests: Rests before it that were given up because other programs took more of the
            processors than usual, whatever was measured; where ``rest`` is none, to no avail.
        paging: Pages that the system swapped in or out in it, and those that the measuring
            processes waited for from a disk; None if unknown.
        pace: Of its transfers; None for other work, and in windows of before it was kept.
        transfers: What the link did; None where it was not measured.
    """

    task: WindowTask
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
    rest: Rest | None = None
    spoilt_rests: int = 0
    paging: int | None = None
    pace: Pace | None = None
    transfers: WindowTransfers | None = None

    @property
    def span_s(self) -> float:
        """How long the window took with its idle parts, s."""
        return self.work_s + self.settle_s + self.idle_s

    @property
    def observation(self) -> Observation:
        """The window as the fits see it."""
        return Observation(
            block=self.task.block,
            repetitions=self.task.repetitions,
            airtime_s=self.airtime_s,
            payload_bits=self.payload_bits,
            gross_j=self.gross_j,
            net_j=self.net_j,
            work_s=self.work_s,
            settle_s=self.settle_s,
            idle_s=self.idle_s,
            pace=self.pace,
            begin_s=self.transfers.beginning_s if self.transfers else (),
        )
