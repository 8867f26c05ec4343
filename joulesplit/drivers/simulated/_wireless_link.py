"""A Wi-Fi station, the way behind it and TCP over both, frame by frame in virtual time.

What is spent follows from what a station does, not from a schedule: it contends for the medium,
sends as many frames at once as wait for it, sends again what was not acknowledged, waits awake for
the window to open, stays awake for a while and sleeps. So a bit costs more where frames come one
by one than where they come in bundles, and an upload lasts until the last acknowledgement is back.

Sources: IEEE 802.11-2020, 10.3 (DCF), 10.12 (A-MPDU) and 11.2.3 (power save); RFC 6928 (initial
window), RFC 2861 (window after idle), RFC 9438 (decrease by 0.7).

What it leaves out of a real one: other stations that contend, the energy of receiving
acknowledgements, control frames and beacons, rate adaptation that follows losses, delayed
acknowledgements, the growth of cubic beyond the window that was lost, time-outs, a receiver whose
window grows with what arrives, the driver's own queue and its bus.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import ceil, inf

import numpy as np

from joulesplit.drivers.simulated._clock import S_PER_NS
from joulesplit.drivers.simulated._radio import Announce

SEGMENT_BITS = 8 * 1448
"""Payload of a full TCP segment over Ethernet frames of 1500 bytes, with time stamps."""

HEADER_BITS = 8 * (52 + 8 + 30)
"""TCP and IP with time stamps, LLC/SNAP, and the MAC header with its check and encryption."""

INITIAL_WINDOW = 10
LOSS_DECREASE = 0.7
CHUNK_S = 0.01
"""The client hands a paced payload over in pieces of so much of its schedule."""

NOTICED_STALL_S = 1.0
"""A client notices that nothing is acknowledged only after so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkParameters:
    """A link; every figure is an assumption of the simulation.

    Attributes:
        phy_bit_per_s: Rate on the air while a frame is sent, bit/s.
        access_s: Contention, preamble, gap and block acknowledgement of each access, s.
        aggregate_frames: Frames of one access at most.
        frame_error_share: Share of frames that are sent again by the station.
        round_trip_s: Without the queue, s.
        behind_bit_per_s: What the way behind the access point carries, headers included, bit/s.
        queue_bits: That wait before it at most; what comes on top is dropped, and TCP sends it
            again.
        receive_bits: That the receiver lets be on the way at once.
        idle_reset_s: After so long without a segment the window starts over, s.
        transmit_power_w: Above awake while frames are sent, W.
        awake_power_w: Above asleep, W.
        frame_j: Of driver and stack for each frame sent, J.
        wake_s: To wake up, s.
        tail_s: Awake after the last frame, s.
        outages: When nothing gets through: from and for how long, s after the world began.
        rate_steps: From when on the rate on the air is another one, s after the world began, and
            which, bit/s.
    """

    phy_bit_per_s: float = 65e6
    access_s: float = 220e-6
    aggregate_frames: int = 16
    frame_error_share: float = 0.0
    round_trip_s: float = 2e-3
    behind_bit_per_s: float = inf
    queue_bits: float = 8 * 300_000
    receive_bits: float = inf
    idle_reset_s: float = 0.2
    transmit_power_w: float = 0.9
    awake_power_w: float = 0.35
    frame_j: float = 25e-6
    wake_s: float = 5e-3
    tail_s: float = 0.1
    outages: tuple[tuple[float, float], ...] = ()
    rate_steps: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedUpload:
    """What the link did with one upload.

    Attributes:
        started_ns: The first byte was there to be sent, ns.
        ended_ns: The last byte's acknowledgement was back, ns.
        min_rtt_s, rtt_s: Shortest and last round trip of a segment, s.
        segments, retransmitted_segments: Sent by TCP, and sent again by it.
        stalled_s: Longest time without an acknowledgement that a client would notice, s.
        receiver_limited_s: Time in which nothing was sent as the receiver had no room, s.
    """

    started_ns: int
    ended_ns: int
    min_rtt_s: float
    rtt_s: float
    segments: int
    retransmitted_segments: int
    stalled_s: float
    receiver_limited_s: float = 0.0

    @property
    def transfer_s(self) -> float:
        """Transfer time, s."""
        return (self.ended_ns - self.started_ns) * S_PER_NS


class WirelessLink:
    """A link that carries uploads, one after the other.

    Args:
        parameters: The link.
        announce: Where load goes.
        seed: Of the frames that are lost.
        origin_ns: When the world began, ns.
    """

    def __init__(
        self, parameters: LinkParameters, announce: Announce, *, seed: int, origin_ns: int
    ) -> None:
        self.parameters = parameters
        self._announce, self._origin_ns = announce, origin_ns
        self._random = np.random.default_rng([seed, 8021])
        self._window = float(INITIAL_WINDOW)
        self._threshold = inf
        self._awake_until_ns = self._last_ns = -(10**18)

    def carry(self, now_ns: int, payload_bits: int, pace_bit_per_s: float | None) -> CarriedUpload:
        """Send a payload from now on; spend what that takes, all of it in advance.

        Args:
            now_ns: When the first byte is given to the kernel, ns.
            payload_bits: How much, bit.
            pace_bit_per_s: How fast it is handed over, bit/s; None for at once.
        """
        if (now_ns - self._last_ns) * S_PER_NS > self.parameters.idle_reset_s:
            self._window = min(self._window, float(INITIAL_WINDOW))
        asleep = now_ns >= self._awake_until_ns
        air = _Transfer(self, now_ns, payload_bits, pace_bit_per_s)
        air.run(self.parameters.wake_s if asleep else 0.0)
        ended_ns = now_ns + round(air.ended_s / S_PER_NS)
        self._stay_awake(now_ns, ended_ns)
        self._last_ns = ended_ns
        return CarriedUpload(
            started_ns=now_ns,
            ended_ns=ended_ns,
            min_rtt_s=air.min_rtt_s,
            rtt_s=air.rtt_s,
            segments=air.segments + air.again,
            retransmitted_segments=air.again,
            stalled_s=air.stalled_s if air.stalled_s >= NOTICED_STALL_S else 0.0,
            receiver_limited_s=air.receiver_limited_s,
        )

    def _stay_awake(self, start_ns: int, ended_ns: int) -> None:
        until_ns = ended_ns + round(self.parameters.tail_s / S_PER_NS)
        from_ns = max(start_ns, self._awake_until_ns)
        if until_ns > from_ns:
            self._announce(from_ns, until_ns, self.parameters.awake_power_w)
        self._awake_until_ns = max(until_ns, self._awake_until_ns)

    def transmit(self, start_ns: int, air_s: float, frames: int) -> int:
        """Spend one access to the medium; return how many of its frames were lost."""
        end_ns = start_ns + round(air_s / S_PER_NS)
        power_w = self.parameters.transmit_power_w + frames * self.parameters.frame_j / air_s
        self._announce(start_ns, end_ns, power_w)
        share = self.parameters.frame_error_share
        return int(self._random.binomial(frames, share)) if share else 0

    def phy_bit_per_s(self, t_ns: int) -> float:
        """Return the rate on the air at a time, bit/s."""
        rate = self.parameters.phy_bit_per_s
        for from_s, step_bit_per_s in self.parameters.rate_steps:
            if (t_ns - self._origin_ns) * S_PER_NS >= from_s:
                rate = step_bit_per_s
        return rate

    def outage_end_s(self, t_ns: int) -> float:
        """Return how long nothing gets through from now on, s; 0 if something does."""
        world_s = (t_ns - self._origin_ns) * S_PER_NS
        for from_s, lasts_s in self.parameters.outages:
            if from_s <= world_s < from_s + lasts_s:
                return from_s + lasts_s - world_s
        return 0.0

    @property
    def window(self) -> float:
        """TCP's congestion window, segments."""
        return self._window

    def acknowledged(self) -> None:
        """Let the window grow by what one acknowledgement adds."""
        self._window += 1.0 if self._window < self._threshold else 1.0 / self._window

    def dropped(self) -> None:
        """Let the window shrink as after a loss."""
        self._window = self._threshold = max(2.0, LOSS_DECREASE * self._window)


class _Transfer:
    """One payload on its way; times are in seconds since it began."""

    def __init__(
        self, link: WirelessLink, start_ns: int, payload_bits: int, pace_bit_per_s: float | None
    ) -> None:
        self._link, self._start_ns, self._pace = link, start_ns, pace_bit_per_s
        self._chunk_bits = 8 * max(1, int((pace_bit_per_s or 0.0) * CHUNK_S / 8))
        self._frames = max(1, ceil(payload_bits / SEGMENT_BITS))
        self._last_bits = payload_bits - (self._frames - 1) * SEGMENT_BITS
        self._acknowledgements: deque[float] = deque()
        self._sent = self._acknowledged = self._waiting = 0
        self._lost_at_s: list[float] = []
        self._behind_free_s = self._moved_s = self._reduced_s = 0.0
        self.ended_s = self.stalled_s = self.rtt_s = self.receiver_limited_s = 0.0
        self.min_rtt_s = inf
        self.segments = self.again = 0

    def run(self, ready_s: float) -> None:
        """Send until everything is acknowledged; the station is ready after so long, s."""
        t_s = ready_s
        while self._acknowledged < self._frames:
            self._take(t_s)
            batch = self._batch(t_s)
            if batch:
                t_s = self._access(t_s, batch)
            elif self._acknowledged < self._frames:
                next_s = self._next_event_s(t_s)
                self.receiver_limited_s += (next_s - t_s) * self._is_receiver_full(t_s)
                t_s = next_s

    def _take(self, t_s: float) -> None:
        while self._acknowledgements and self._acknowledgements[0] <= t_s:
            self.ended_s = at_s = self._acknowledgements.popleft()
            self.stalled_s = max(self.stalled_s, at_s - self._moved_s)
            self._moved_s = at_s
            self._acknowledged += 1
            self._link.acknowledged()
        due = sum(at_s <= t_s for at_s in self._lost_at_s)
        if due:
            self._lost_at_s = [at_s for at_s in self._lost_at_s if at_s > t_s]
            self._waiting += due
            self.again += due

    def _batch(self, t_s: float) -> int:
        most = self._link.parameters.aggregate_frames
        fresh = min(self._released(t_s) - self._sent, self._room())
        return min(most, self._waiting + max(0, fresh))

    def _room(self) -> int:
        return int(min(self._link.window, self._receivable)) - (self._sent - self._acknowledged)

    @property
    def _receivable(self) -> float:
        """Frames that the receiver lets be on the way at once."""
        return self._link.parameters.receive_bits / SEGMENT_BITS

    def _is_receiver_full(self, t_s: float) -> bool:
        in_flight = self._sent - self._acknowledged
        return self._released(t_s) > self._sent and in_flight >= int(min(self._receivable, 1e9))

    def _released(self, t_s: float) -> int:
        """Return how many frames have been handed over: with a pace, chunk after chunk."""
        if self._pace is None:
            return self._frames
        handed_bits = self._chunks(t_s) * self._chunk_bits
        if handed_bits >= (self._frames - 1) * SEGMENT_BITS + self._last_bits:
            return self._frames
        return handed_bits // SEGMENT_BITS

    def _chunks(self, t_s: float) -> int:
        assert self._pace is not None
        # A time that is a chunk's own, but for rounding, is that chunk's.
        return int(t_s * self._pace / self._chunk_bits + 1e-9) + 1

    def _next_release_s(self, t_s: float) -> float:
        if self._pace is None or self._released(t_s) == self._frames or self._room() <= 0:
            return inf
        return self._chunks(t_s) * self._chunk_bits / self._pace

    def _next_event_s(self, t_s: float) -> float:
        first_s = self._acknowledgements[0] if self._acknowledgements else inf
        return max(t_s, min(first_s, self._next_release_s(t_s), *self._lost_at_s, inf))

    def _access(self, t_s: float, batch: int) -> float:
        """Send frames in one access to the medium; return when it is over, s."""
        t_s += self._link.outage_end_s(self._start_ns + round(t_s / S_PER_NS))
        parameters = self._link.parameters
        at_ns = self._start_ns + round(t_s / S_PER_NS)
        fresh = max(0, batch - self._waiting)
        bits = batch * (SEGMENT_BITS + HEADER_BITS)
        if self._sent + fresh == self._frames and fresh:
            bits -= SEGMENT_BITS - self._last_bits
        air_s = parameters.access_s + bits / self._link.phy_bit_per_s(at_ns)
        lost = self._link.transmit(at_ns, air_s, batch)
        self._waiting += fresh + lost - batch
        self._sent += fresh
        self.segments += fresh
        self._deliver(t_s, t_s + air_s, batch - lost)
        return t_s + air_s

    def _deliver(self, sent_s: float, t_s: float, frames: int) -> None:
        """Pass frames on to the way behind the access point, which may be slow, and full."""
        parameters = self._link.parameters
        behind_s = (SEGMENT_BITS + HEADER_BITS) / parameters.behind_bit_per_s
        for _ in range(frames):
            waits_s = max(0.0, self._behind_free_s - t_s)
            if waits_s and waits_s * parameters.behind_bit_per_s > parameters.queue_bits:
                self._lost_at_s.append(t_s + waits_s + parameters.round_trip_s)
                if t_s - self._reduced_s > parameters.round_trip_s + waits_s:
                    self._reduced_s = t_s
                    self._link.dropped()
                continue
            self._behind_free_s = max(self._behind_free_s, t_s) + behind_s
            back_s = self._behind_free_s + parameters.round_trip_s
            self._acknowledgements.append(back_s)
            self.rtt_s = back_s - sent_s
            self.min_rtt_s = min(self.min_rtt_s, self.rtt_s)
