"""One campaign in virtual time, held against the truth of its world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from joulesplit._simulation import WorldSetup
from joulesplit.calibrate.campaign import (
    QUICK,
    CampaignResult,
    Plan,
    StopRule,
    crossing_bits,
    once,
    run_campaign,
    upload_subjects,
)
from joulesplit.calibrate.checks import Evidence, judge
from joulesplit.calibrate.estimates import (
    compute_of,
    idle_of,
    loads_of,
    rates_left_out,
    ratio_of_e_d_and_e_c,
    uplink_of,
)
from joulesplit.calibrate.profile import ModelIdentity, Quality, Runtime
from joulesplit.calibrate.windows import WindowRecord
from joulesplit.calibrate.workloads import truth_of
from joulesplit.metrology import SystematicBudget, budget_of
from joulesplit.partition import Block
from proof.disturbances import DisturbedSetup, listener_of
from proof.figures import Estimates, Figure, figures_of
from proof.stage import Stage, WorkStage, proof_network, stage_of

MODEL = ModelIdentity(name="proof", sha256="0" * 64, input_bits=1)
RUNTIME = Runtime(name="virtual", version="0", threads=1, xnnpack=True)
NO_SYSTEMATIC_ERROR = SystematicBudget(terms=(), scale_u_rel=0.0, offset_u_w=0.0)
"""Of a perfect sensor; what the campaign leaves open remains."""
SCATTER_ALONE = replace(NO_SYSTEMATIC_ERROR, counts_campaign=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a campaign gave.

    Attributes:
        figures: By name.
        quality: The checks and their verdict.
        windows: Windows run.
        duration_s: Of all windows, s.
        reason: The stop rule's last word.
    """

    figures: dict[str, Figure]
    quality: Quality
    windows: int
    duration_s: float
    reason: str


def run_world(
    setup: WorldSetup,
    plan: Plan = QUICK,
    *,
    exact_sensor: bool = False,
    counts_campaign: bool = True,
    rule: StopRule = once,
) -> Measured:
    """Run a whole campaign in a world and hold its figures against the truth.

    Args:
        setup: The world.
        plan: What is measured.
        exact_sensor: The chip has no systematic error, so its budget is left out; without physics
            beyond the product's, what the campaign leaves open is left out too.
        counts_campaign: What the campaign leaves open is in the intervals.
        rule: When it is enough.

    Raises:
        CalibrationError: The windows do not give the figures.
    """
    stage = stage_of(setup)
    outcome = run_on(stage, plan, rule=rule)
    records, rate = outcome.records, plan.stated_rate_bit_per_s
    budget = budget_of(stage.sampler.description.accuracy, loads_of(records))
    if not counts_campaign:
        budget = replace(budget, counts_campaign=False)
    if exact_sensor:
        budget = NO_SYSTEMATIC_ERROR if isinstance(setup, DisturbedSetup) else SCATTER_ALONE
    found = estimates_of(records, stage.blocks, rate, budget)
    leakage_w = mean_leakage_w(stage, records)
    sent = plan.sent_rate_bit_per_s(setup.link_rate_bit_per_s)
    truth = truth_of(setup.costs, stage.blocks, sent, leakage_w=leakage_w)
    return Measured(
        figures=figures_of(found, truth, setup),
        quality=judged(stage, records, found),
        windows=len(records),
        duration_s=sum(record.span_s for record in records),
        reason=outcome.opinion.reason,
    )


def run_on(stage: Stage, plan: Plan, *, rule: StopRule = once) -> CampaignResult:
    """Run a campaign on a stage, its windows in an order of the world's own.

    Windows that always stood at the same times would turn every common drift into a bias.
    """
    plan = msgspec.structs.replace(plan, order_seed=stage.setup.seed)
    uploads = upload_subjects(plan, crossing_bits(proof_network().input_bits, stage.blocks))
    told = listener_of(stage.device)
    return run_campaign(plan, stage.bench(uploads), uploads, rule=rule, told=told)


def mean_leakage_w(stage: Stage, records: Sequence[WindowRecord]) -> float:
    """Return the heat-driven power in the windows, averaged over them as P_0 is, W."""
    means = []
    for record in records:
        end_ns = record.started_ns + round(record.span_s * 1e9)
        leakage_j = stage.load.true_leakage_j(record.started_ns, end_ns)
        means.append(leakage_j / record.span_s)
    return sum(means) / len(means)


def estimates_of(
    records: Sequence[WindowRecord],
    blocks: tuple[Block, ...],
    rate: float,
    budget: SystematicBudget,
) -> Estimates:
    """Return what the windows of a campaign give."""
    return Estimates(
        compute=compute_of(records, blocks, budget, model=MODEL, runtime=RUNTIME),
        uplink=uplink_of(records, rate, budget),
        ratio=ratio_of_e_d_and_e_c(records, blocks, rate, budget),
        idle=idle_of(records, budget).power_w,
    )


def judged(stage: WorkStage, records: Sequence[WindowRecord], found: Estimates) -> Quality:
    """Return what the checks say of a campaign."""
    e_d, e_c = found.compute.e_d_flop_per_j, found.uplink.e_c_bit_per_j
    return judge(
        Evidence(
            records=records,
            sampling=stage.sampler.statistics(),
            throttled_bits=None,
            e_d=e_d.net or e_d.gross,
            e_c=e_c.net or e_c.gross,
            stated_rate_bit_per_s=found.uplink.rate_bit_per_s,
            rates_left_out_bit_per_s=rates_left_out(found.uplink, records),
            loopback=False,
            simulated=True,
            sensor=stage.sampler.description,
        )
    )
