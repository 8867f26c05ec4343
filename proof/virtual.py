"""A whole campaign in virtual time: real driver, real procedure, no waiting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from joulesplit._simulation import WorldSetup
from joulesplit.calibrate.campaign import (
    CampaignListener,
    CampaignResult,
    Circumstances,
    EarlierRun,
    Plan,
    StopRule,
    Thermometer,
    crossing_bits,
    head_blocks,
    no_thermometer,
    once,
    run_campaign,
    upload_subjects,
)
from joulesplit.calibrate.profile import Device, ModelIdentity, Runtime, Tool
from joulesplit.calibrate.sampling import SamplerStatistics
from joulesplit.calibrate.workloads import truth_of
from joulesplit.edge import LOOPBACK_INTERFACE
from proof.stage import stage_of

if TYPE_CHECKING:
    from joulesplit.calibrate.windows import WindowRecord
    from joulesplit.drivers.readings import SensorDescription
    from joulesplit.partition import Block, Network


def run_virtual(
    plan: Plan,
    blocks: Sequence[Block],
    setup: WorldSetup,
    *,
    rule_for: Callable[[SensorDescription], StopRule] = lambda _: once,
    past: EarlierRun | None = None,
    told: CampaignListener | None = None,
    thermometer: Thermometer = no_thermometer,
    input_bits: int = 0,
) -> tuple[CampaignResult, SensorDescription, SamplerStatistics]:
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
    stage = stage_of(setup, blocks)
    sensor = stage.sampler.description
    outcome = run_campaign(
        plan,
        stage.bench(uploads, heads=heads, thermometer=thermometer),
        uploads,
        rule=rule_for(sensor),
        past=past,
        told=told,
    )
    return outcome, sensor, stage.sampler.statistics()


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
    sent_bit_per_s = plan.sent_rate_bit_per_s(setup.link_rate_bit_per_s)
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
        truth=truth_of(setup.costs, tuple(blocks), sent_bit_per_s),
    )
