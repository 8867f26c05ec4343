"""A whole campaign in virtual time: real driver, real procedure, no waiting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from joulesplit.calibrate.campaign import (
    Bench,
    Circumstances,
    Outcome,
    Plan,
    StopRule,
    Told,
    UploadSubject,
    crossing_bits,
    head_blocks,
    no_thermometer,
    once,
    run_campaign,
    upload_subjects,
)
from joulesplit.calibrate.campaign._procedure import Past
from joulesplit.calibrate.campaign._warmup import Thermometer
from joulesplit.calibrate.instrument._link_bench import pace_of
from joulesplit.calibrate.profile import Device, ModelIdentity, Runtime, Tool
from joulesplit.calibrate.sampling import SamplerStatistics
from joulesplit.calibrate.sampling._sampler import InlineSampler
from joulesplit.calibrate.workloads import BlockWorkload, UploadWorkload, truth_of
from joulesplit.calibrate.workloads._upload import Send
from joulesplit.cli._simulation import (
    LINK_RATE_BIT_PER_S,
    LOG_SEGMENTS,
    SimulatedWorld,
    WorldSetup,
    open_simulated_sensor,
    virtual_sensor_clock,
)
from joulesplit.drivers.simulated import LoadLog, SimulatedClock
from joulesplit.edge import LOOPBACK_INTERFACE, Pacer

if TYPE_CHECKING:
    from joulesplit.calibrate.windows import WindowRecord
    from joulesplit.calibrate.workloads import DeviceActivity
    from joulesplit.drivers.readings import SensorDescription
    from joulesplit.partition import Block, Network


def paced_send(
    clock: SimulatedClock,
    activity: DeviceActivity,
    link_rate_bit_per_s: float = LINK_RATE_BIT_PER_S,
) -> Send:
    """Return a way to send that only lets time pass on the air.

    Args:
        clock: Time.
        activity: Spends the energy.
        link_rate_bit_per_s: What the link takes at most, bit/s.
    """

    def send(payload: bytes, rate_bit_per_s: float | None) -> float:
        rate = min(rate_bit_per_s or link_rate_bit_per_s, link_rate_bit_per_s)
        transfer = Pacer(rate, clock=clock, on_chunk=activity.on_air).transfer(payload)
        for _ in transfer:
            pass
        return ((transfer.ended_ns or 0) - (transfer.started_ns or 0)) * 1e-9

    return send


def virtual_bench(
    blocks: Sequence[Block],
    uploads: Sequence[UploadSubject],
    setup: WorldSetup,
    buffer: bytearray,
    *,
    heads: Sequence[int] = (),
    thermometer: Thermometer = no_thermometer,
) -> tuple[Bench, InlineSampler]:
    """Return a bench in virtual time: inferences and uploads cost the board, not the host."""
    clock = SimulatedClock(start_ns=setup.origin_ns)
    board = SimulatedWorld(setup, buffer, clock).board(tuple(blocks))
    sensor_clock = virtual_sensor_clock(setup)
    sampler = InlineSampler(open_simulated_sensor(setup, buffer, sensor_clock).__enter__())
    clock.sleep_until_ns(sensor_clock.now_ns())
    send = paced_send(clock, board, setup.link_rate_bit_per_s)

    def running(first: int, last: int) -> BlockWorkload:
        return BlockWorkload(
            name=f"blocks {first} to {last}",
            first_block=first,
            last_block=last,
            invoke=lambda: None,
            clock=clock,
            activity=board,
        )

    return Bench(
        clock=clock,
        sampler=sampler,
        blocks={block.index: running(block.index, block.index) for block in blocks},
        heads={last: running(1, last) for last in heads},
        uploads={
            upload.key: UploadWorkload(
                name=upload.key,
                payload=bytes(upload.payload_bits // 8),
                rate_bit_per_s=pace_of(upload),
                send=send,
                clock=clock,
                activity=board,
            )
            for upload in uploads
        },
        thermometer=thermometer,
    ), sampler


def run_virtual(
    plan: Plan,
    blocks: Sequence[Block],
    setup: WorldSetup,
    *,
    rule_for: Callable[[SensorDescription], StopRule] = lambda _: once,
    past: Past | None = None,
    told: Told | None = None,
    thermometer: Thermometer = no_thermometer,
    input_bits: int = 0,
) -> tuple[Outcome, SensorDescription, SamplerStatistics]:
    """Run a campaign in virtual time, of as many rounds as the rule wants.

    Args:
        plan: What to measure.
        blocks: Of the network.
        setup: The world.
        rule_for: Makes the rule that says when it is enough.
        past: What an earlier run left.
        told: Who is told what happens.
        thermometer: Of the simulated processor.
        input_bits: Size of the network's input, bit; 0 leaves it out of the uploads.

    Returns:
        What it gave, the sensor's description, and how the sampler fared.
    """
    uploads = upload_subjects(plan, crossing_bits(input_bits, blocks))
    heads = (*head_blocks(plan, blocks), *((len(blocks),) if plan.whole else ()))
    buffer = bytearray(LoadLog.bytes_needed(LOG_SEGMENTS))
    bench, sampler = virtual_bench(
        blocks,
        uploads,
        setup,
        buffer,
        heads=heads,
        thermometer=thermometer,
    )
    outcome = run_campaign(
        plan, bench, uploads, rule=rule_for(sampler.description), past=past, told=told
    )
    return outcome, sampler.description, sampler.statistics()


def run_virtual_campaign(
    plan: Plan, blocks: Sequence[Block], setup: WorldSetup
) -> tuple[tuple[WindowRecord, ...], SensorDescription, SamplerStatistics]:
    """Run one round of a plan in virtual time.

    Returns:
        Its windows, the sensor's description, and how the sampler fared.
    """
    outcome, sensor, statistics = run_virtual(plan, blocks, setup)
    return outcome.records, sensor, statistics


def virtual_circumstances(
    plan: Plan,
    network: Network,
    blocks: Sequence[Block],
    setup: WorldSetup,
    sensor: SensorDescription,
) -> Circumstances:
    """Return circumstances of a campaign in virtual time; what there is not is left open."""
    return Circumstances(
        created="1970-01-01T00:00:00+00:00",
        tool=Tool(name="joulesplit", version="virtual"),
        device=Device(
            board=None,
            machine="virtual",
            kernel="none",
            python="none",
            cpu_count=None,
            memory_bytes=None,
            governor=None,
            wifi_power_save=None,
        ),
        sensor=sensor,
        sampling=SamplerStatistics(readings=0, lost=0, clipped=0, cpu_fraction=None),
        model=ModelIdentity(
            name=network.name, sha256=network.sha256, input_bits=network.input_bits
        ),
        runtime=Runtime(name="virtual", version="0", threads=1, xnnpack=False),
        blocks=tuple(blocks),
        interface=LOOPBACK_INTERFACE,
        stated_rate_bit_per_s=plan.stated_rate_bit_per_s,
        throttled_bits=None,
        truth=truth_of(setup.costs, tuple(blocks), plan.stated_rate_bit_per_s),
    )
