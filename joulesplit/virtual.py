"""A whole campaign in virtual time: real driver, real procedure, no waiting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from calibrate.plan import Plan, UploadSubject, upload_subjects
from calibrate.procedure import Bench, run_campaign
from calibrate.sampling import InlineSampler
from calibrate.workloads.block import BlockWorkload
from calibrate.workloads.upload import Send, UploadWorkload
from drivers.simulated.clock import SimulatedClock
from drivers.simulated.load_log import LoadLog
from edge.pacing import Pacer
from joulesplit.simulation import LOG_SEGMENTS, SimulatedWorld, WorldSetup, open_simulated_sensor

if TYPE_CHECKING:
    from calibrate.sampling import SamplerStatistics
    from calibrate.window import WindowRecord
    from calibrate.workloads.protocol import DeviceActivity
    from drivers.readings import SensorDescription
    from partition.network import Block


def paced_send(clock: SimulatedClock, activity: DeviceActivity) -> Send:
    """Return a way to send that only lets time pass on the air."""

    def send(payload: bytes, rate_bit_per_s: float | None) -> float:
        transfer = Pacer(rate_bit_per_s, clock=clock, on_chunk=activity.on_air).transfer(payload)
        for _ in transfer:
            pass
        return ((transfer.ended_ns or 0) - (transfer.started_ns or 0)) * 1e-9

    return send


def virtual_bench(
    blocks: Sequence[Block], uploads: Sequence[UploadSubject], setup: WorldSetup, buffer: bytearray
) -> tuple[Bench, InlineSampler]:
    """Return a bench in virtual time: inferences and uploads cost the board, not the host."""
    clock = SimulatedClock(start_ns=setup.origin_ns)
    board = SimulatedWorld(setup, buffer, clock).board(tuple(blocks))
    sensor_clock = SimulatedClock(start_ns=setup.origin_ns)
    sampler = InlineSampler(open_simulated_sensor(setup, buffer, sensor_clock).__enter__())
    clock.sleep_until_ns(sensor_clock.now_ns())
    send = paced_send(clock, board)
    return Bench(
        clock=clock,
        sampler=sampler,
        blocks={
            block.index: BlockWorkload(
                name=block.name,
                first_block=block.index,
                last_block=block.index,
                invoke=lambda: None,
                clock=clock,
                activity=board,
            )
            for block in blocks
        },
        uploads={
            upload.key: UploadWorkload(
                name=upload.key,
                payload=bytes(upload.payload_bits // 8),
                rate_bit_per_s=upload.rate_bit_per_s,
                send=send,
                clock=clock,
                activity=board,
            )
            for upload in uploads
        },
    ), sampler


def run_virtual_campaign(
    plan: Plan, blocks: Sequence[Block], setup: WorldSetup
) -> tuple[tuple[WindowRecord, ...], SensorDescription, SamplerStatistics]:
    """Run a campaign in virtual time.

    Returns:
        Its windows, the sensor's description, and how the sampler fared.
    """
    uploads = upload_subjects(plan, [block.output_bits for block in blocks])
    buffer = bytearray(LoadLog.bytes_needed(LOG_SEGMENTS))
    bench, sampler = virtual_bench(blocks, uploads, setup, buffer)
    records = run_campaign(plan, bench, uploads, on_window=lambda _: None, keep=lambda _: None)
    return records, sampler.description, sampler.statistics()
