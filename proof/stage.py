"""A simulated world in virtual time with everything on it that a campaign works with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from joulesplit._simulation import (
    LOG_SEGMENTS,
    WorldSetup,
    load_of,
    open_simulated_sensor,
    virtual_sensor_clock,
)
from joulesplit.calibrate.campaign import Bench, Thermometer, UploadSubject, no_thermometer
from joulesplit.calibrate.instrument import DeviceUnderTest, pace_of
from joulesplit.calibrate.sampling._sampler import InlineSampler
from joulesplit.calibrate.workloads import BlockWorkload, DeviceActivity, UploadWorkload
from joulesplit.cli._resources import paper_network
from joulesplit.drivers.simulated import LoadLog, LoadModel, SimulatedClock
from joulesplit.edge import Pacer
from joulesplit.partition import Block, Network
from joulesplit.partition.cutting import residual_blocks
from joulesplit.partition.reading import read_network
from proof.disturbances import clock_and_sensor, world_of


@cache
def proof_network() -> Network:
    """Return the network whose blocks are measured."""
    return read_network(paper_network())


@cache
def proof_blocks() -> tuple[Block, ...]:
    """Return its blocks."""
    return residual_blocks(proof_network())


@dataclass(slots=True, kw_only=True)
class WorkStage:
    """A board in virtual time: inferences and uploads cost it, and not the host.

    Attributes:
        setup: The world.
        clock: Of the workloads.
        board: Does the work.
        sampler: Reads the real driver on the simulated chip.
        blocks: Of the network that is measured.
    """

    setup: WorldSetup
    clock: SimulatedClock
    board: DeviceActivity
    sampler: InlineSampler
    blocks: tuple[Block, ...]

    def inference(self, first_block: int, last_block: int) -> BlockWorkload:
        """Return a run of blocks as a workload."""
        return BlockWorkload(
            name=f"blocks {first_block} to {last_block}",
            first_block=first_block,
            last_block=last_block,
            invoke=_nothing,
            clock=self.clock,
            activity=self.board,
        )

    def send(self, payload: bytes, rate_bit_per_s: float | None) -> float:
        """Let an upload's time pass on the air; return it, s."""
        link_bit_per_s = self.setup.link_rate_bit_per_s
        rate = min(rate_bit_per_s or link_bit_per_s, link_bit_per_s)
        transfer = Pacer(rate, clock=self.clock, on_chunk=self.board.on_air).transfer(payload)
        for _ in transfer:
            pass
        return ((transfer.ended_ns or 0) - (transfer.started_ns or 0)) * 1e-9

    def bench(
        self,
        uploads: Sequence[UploadSubject],
        *,
        heads: Sequence[int] = (),
        thermometer: Thermometer = no_thermometer,
    ) -> Bench:
        """Return the bench that a campaign works with."""
        return Bench(
            clock=self.clock,
            sampler=self.sampler,
            blocks={b.index: self.inference(b.index, b.index) for b in self.blocks},
            heads={last: self.inference(1, last) for last in heads},
            uploads={
                upload.key: UploadWorkload(
                    name=upload.key,
                    payload=bytes(upload.payload_bits // 8),
                    rate_bit_per_s=pace_of(upload),
                    send=self.send,
                    clock=self.clock,
                    activity=self.board,
                )
                for upload in uploads
            },
            thermometer=thermometer,
        )


@dataclass(slots=True, kw_only=True)
class Stage(WorkStage):
    """A simulated world of the package with everything on it.

    Attributes:
        device: The same as whatever measures meets it.
        load: Its load, to ask for the truth.
    """

    device: DeviceUnderTest
    load: LoadModel


def _nothing() -> None:
    """Take no time of the host: the board decides how long an inference lasts."""


def stage_of(
    setup: WorldSetup,
    blocks: Sequence[Block] | None = None,
    *,
    costing: tuple[Block, ...] | None = None,
) -> Stage:
    """Return a world's stage; its sensor is open.

    Args:
        setup: The world.
        blocks: Of the network that is measured; None for those of the proof.
        costing: Blocks whose time and energy the board takes in place of the network's own;
            None for these.
    """
    blocks = tuple(proof_blocks() if blocks is None else blocks)
    buffer = bytearray(LoadLog.bytes_needed(LOG_SEGMENTS))
    load = load_of(setup, buffer)
    clock = SimulatedClock(start_ns=setup.origin_ns)
    device = world_of(setup, buffer, clock)
    sensor_clock = virtual_sensor_clock(setup)
    sensor = open_simulated_sensor(setup, buffer, sensor_clock, load=load)
    shown, sensor = clock_and_sensor(setup, clock, sensor.__enter__())
    sampler = InlineSampler(sensor)
    clock.sleep_until_ns(sensor_clock.now_ns())
    return Stage(
        setup=setup,
        device=device,
        load=load,
        clock=shown,
        board=device.activity(costing or blocks),
        sampler=sampler,
        blocks=blocks,
    )
