"""Physics that the product's own simulated world leaves out, put into it by the proof alone.

What is here shares nothing with the estimators: powers and times stand in a world's setup, and
the board, the card and the clock do what they say whatever is measured meanwhile.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, cast

from joulesplit._simulation import SimulatedWorld, WorldSetup
from joulesplit.calibrate.campaign import CampaignListener
from joulesplit.calibrate.workloads import SimulatedBoard
from joulesplit.drivers.simulated import SimulatedClock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joulesplit.drivers.protocols import Clock, PowerSensor
    from joulesplit.drivers.readings import Reading
    from joulesplit.partition import Block

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Housekeeping:
    """What a journal's line and a line of progress cost: a card or a radio that they wake.

    Attributes:
        power_w: Above idle while awake, W.
        awake_s: How long it stays awake after each of them, s.
        takes_s: How long writing or drawing itself takes, s.
    """

    power_w: float
    awake_s: float
    takes_s: float = 0.004


@dataclass(frozen=True, slots=True, kw_only=True)
class Lateness:
    """What computing costs after it has ended: write-back, a fan, clocks that fall slowly.

    Attributes:
        share: Of the work's energy that is drawn late, relative; the sum stays what it was.
        late_s: How much later, s.
        tail_w: Power that lasts after the work, W; the work does not pay for it otherwise.
        tail_s: How long, s.
    """

    share: float = 0.0
    late_s: float = 0.0
    tail_w: float = 0.0
    tail_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DisturbedSetup(WorldSetup):
    """A world with more physics than the product's own; None leaves a part out.

    Attributes:
        housekeeping: Of our own writing and drawing.
        lateness: Of computing.
        slew: By how much the reader's clock runs fast, relative.
    """

    housekeeping: Housekeeping | None = None
    lateness: Lateness | None = None
    slew: float = 0.0


def disturbed(setup: WorldSetup, **physics: Any) -> DisturbedSetup:
    """Return a world with more physics.

    Args:
        setup: The world without.
        physics: Attributes of ``DisturbedSetup``.
    """
    return DisturbedSetup(**{f.name: getattr(setup, f.name) for f in fields(setup)}, **physics)


def world_of(setup: WorldSetup, buffer: Any, clock: Clock) -> SimulatedWorld:
    """Return the world of a setup, disturbed or not."""
    kind = DisturbedWorld if isinstance(setup, DisturbedSetup) else SimulatedWorld
    return kind(setup, buffer, clock)


def listener_of(world: object) -> CampaignListener:
    """Return who is told of a campaign in a world, and wakes what writing and drawing wake."""
    setup = getattr(world, "setup", None)
    if not isinstance(world, DisturbedWorld) or not isinstance(setup, DisturbedSetup):
        return CampaignListener()
    if setup.housekeeping is None:
        return CampaignListener()
    card = _Card(setup.housekeeping, world)
    return CampaignListener(start=card.wake, keep=card.wake, progress=card.wake)


class _Card:
    """Stays awake for a while after it was written to."""

    def __init__(self, parameters: Housekeeping, world: SimulatedWorld) -> None:
        self._parameters, self._world = parameters, world
        self._awake_until_ns = 0

    def wake(self, _what: object) -> None:
        parameters, clock = self._parameters, self._world.clock
        from_ns = max(clock.now_ns(), self._awake_until_ns)
        clock.sleep_until_ns(clock.now_ns() + round(parameters.takes_s * NS_PER_S))
        until_ns = clock.now_ns() + round(parameters.awake_s * NS_PER_S)
        if until_ns > from_ns:
            self._world.announce(from_ns, until_ns, parameters.power_w)
            self._awake_until_ns = until_ns


class DisturbedWorld(SimulatedWorld):
    """A simulated world in which more happens than its board is told to do."""

    setup: WorldSetup

    def activity(self, blocks: Sequence[Block]) -> SimulatedBoard:
        """Return the board that runs a network's blocks."""
        board = super().activity(blocks)
        return _DisturbedBoard(board, self)  # type: ignore[return-value]


class _DisturbedBoard:
    """A board that knows when it computes, and pays for that late or longer."""

    def __init__(self, board: SimulatedBoard, world: SimulatedWorld) -> None:
        assert isinstance(world.setup, DisturbedSetup)
        self._board, self._world = board, world
        self._late = world.setup.lateness or Lateness()
        self._tail_until_ns = 0
        board._announce = self._announce
        self._computing = False

    def window_begins(self) -> None:
        self._board.window_begins()

    @contextmanager
    def inference(self, first_block: int, last_block: int) -> Iterator[None]:
        run = self._board.inference(first_block, last_block)
        self._computing = True
        with run:
            self._computing = False
            yield

    @contextmanager
    def encoding(self, bits: int) -> Iterator[None]:
        with self._board.encoding(bits):
            yield

    def upload_begins(self) -> None:
        self._board.upload_begins()

    def on_air(self, bits: int, duration_s: float) -> None:
        self._board.on_air(bits, duration_s)

    def _announce(self, start_ns: int, end_ns: int, power_w: float) -> None:
        if not self._computing:
            self._world.announce(start_ns, end_ns, power_w)
            return
        late, late_ns = self._late, round(self._late.late_s * NS_PER_S)
        self._world.announce(start_ns, end_ns, power_w * (1 - late.share))
        if late.share:
            self._world.announce(start_ns + late_ns, end_ns + late_ns, power_w * late.share)
        if late.tail_w:
            self._outlast(start_ns, end_ns)

    def _outlast(self, start_ns: int, end_ns: int) -> None:
        """Let the tail follow, and end that of the inference before."""
        late = self._late
        if self._tail_until_ns > start_ns:
            self._world.announce(start_ns, self._tail_until_ns, -late.tail_w)
        self._tail_until_ns = end_ns + round(late.tail_s * NS_PER_S)
        self._world.announce(end_ns, self._tail_until_ns, late.tail_w)


class SlewedClock(SimulatedClock):
    """What a reader sees whose CLOCK_MONOTONIC is slewed; the world goes by the other one.

    Args:
        clock: The world's.
        slew: By how much it runs fast, relative.
        origin_ns: When both show the same, ns.
    """

    def __init__(self, clock: SimulatedClock, slew: float, *, origin_ns: int) -> None:
        super().__init__(start_ns=clock.now_ns())
        self._clock, self._slew, self._origin_ns = clock, slew, origin_ns

    def now_ns(self) -> int:
        """Return the slewed time, ns."""
        return self.shown_ns(self._clock.now_ns())

    def shown_ns(self, t_ns: int) -> int:
        """Return what it shows at a time of the world, ns."""
        return t_ns + round(self._slew * (t_ns - self._origin_ns))

    def raw_ns(self) -> int:
        """Return the world's time, ns."""
        return self._clock.now_ns()

    def sleep_until_ns(self, t_ns: int) -> None:
        """Return once it shows ``t_ns``."""
        left_ns = (t_ns - self._origin_ns) / (1 + self._slew)
        self._clock.sleep_until_ns(self._origin_ns + math.ceil(left_ns))

    def advance_ns(self, duration_ns: int) -> None:
        """Move the world forward by ``duration_ns`` of its own time, ns."""
        self._clock.advance_ns(duration_ns)


class SlewedSensor:
    """A sensor whose reader goes by a slewed clock.

    Args:
        sensor: By the world's.
        clock: The slewed one.
    """

    def __init__(self, sensor: PowerSensor, clock: SlewedClock) -> None:
        self._sensor, self._clock = sensor, clock
        self.description = sensor.description

    def read(self) -> Reading:
        """Return the next reading, timed by the slewed clock."""
        reading = self._sensor.read()
        return reading._replace(t_ns=self._clock.shown_ns(reading.t_ns))


def clock_and_sensor(
    setup: WorldSetup, clock: SimulatedClock, sensor: PowerSensor
) -> tuple[SimulatedClock, PowerSensor]:
    """Return clock and sensor as whoever measures has them."""
    if not isinstance(setup, DisturbedSetup) or not setup.slew:
        return clock, sensor
    slewed = SlewedClock(clock, setup.slew, origin_ns=setup.origin_ns)
    return slewed, cast("PowerSensor", SlewedSensor(sensor, slewed))
