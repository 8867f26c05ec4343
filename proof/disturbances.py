"""Physics that the product's own simulated world leaves out, put into it by the proof alone.

What is here shares nothing with the estimators: powers and times stand in a world's setup, and
the board, the card and the clock do what they say whatever is measured meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from joulesplit.calibrate.campaign import CampaignListener
from joulesplit.calibrate.workloads import DeviceActivity, SimulatedBoard
from joulesplit.cli._simulation import SimulatedWorld, WorldSetup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joulesplit.drivers.protocols import Clock
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
    """

    housekeeping: Housekeeping | None = None
    lateness: Lateness | None = None


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
        board._announce = self._announce  # noqa: SLF001 (the world's side of the board)
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
