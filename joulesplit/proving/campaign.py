"""One campaign in virtual time, held against the truth of its world."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from calibrate.campaign.plan import QUICK, Plan
from calibrate.campaign.procedure import run_campaign
from calibrate.campaign.schedule import upload_subjects
from calibrate.campaign.stopping import StopRule, once
from calibrate.checks.evidence import Evidence
from calibrate.checks.run import judge
from calibrate.estimate_records import EstimateView
from calibrate.estimates.assemble import compute_of, idle_of, ratio_of_e_d_and_e_c
from calibrate.estimates.uncertainty import SystematicBudget, budget_of
from calibrate.estimates.uplink import uplink_of
from calibrate.profile import (
    Compute,
    GrossNet,
    ModelIdentity,
    Quality,
    Quantity,
    Runtime,
    SimulatedTruth,
    Uplink,
)
from calibrate.windows.window import WindowRecord
from calibrate.workloads.synthetic import truth_of
from joulesplit.proving.stage import Stage, stage_of
from joulesplit.simulation import WorldSetup
from partition.network import Block

MODEL = ModelIdentity(name="proof", sha256="0" * 64, input_bits=1)
RUNTIME = Runtime(name="virtual", version="0", threads=1, xnnpack=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """An estimate beside the truth.

    Attributes:
        value: As estimated.
        low, high: Its 95 % interval.
        truth: Of the simulated world, same unit.
    """

    value: float
    low: float
    high: float
    truth: float

    @property
    def error(self) -> float:
        """Relative error."""
        return self.value / self.truth - 1

    @property
    def inside(self) -> bool:
        """The interval holds the truth."""
        return self.low <= self.truth <= self.high


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
    setup: WorldSetup, plan: Plan = QUICK, *, exact_sensor: bool = False, rule: StopRule = once
) -> Measured:
    """Run a whole campaign in a world and hold its figures against the truth.

    Args:
        setup: The world.
        plan: What is measured; its upload rates are numbers.
        exact_sensor: The chip has no systematic error, so the budget is left out.
        rule: When it is enough.

    Raises:
        CalibrationError: The windows do not give the figures.
    """
    stage = stage_of(setup)
    # Windows that always stood at the same times would turn every common drift into a bias.
    plan = msgspec.structs.replace(plan, order_seed=setup.seed)
    uploads = upload_subjects(plan, [block.output_bits for block in stage.blocks])
    outcome = run_campaign(plan, stage.bench(uploads), uploads, rule=rule)
    records = outcome.records
    budget = budget_of(stage.sampler.description.accuracy)
    if exact_sensor:
        budget = SystematicBudget(terms=(), scale_u_rel=0.0, offset_u_w=0.0)
    rate = plan.stated_rate_bit_per_s
    leakage_w = mean_leakage_w(stage, records)
    estimates = _estimates(records, stage.blocks, rate, budget)
    return Measured(
        figures=_figures(estimates, truth_of(setup.costs, stage.blocks, rate, leakage_w=leakage_w)),
        quality=_judge(stage, records, estimates),
        windows=len(records),
        duration_s=sum(record.span_s for record in records),
        reason=outcome.opinion.reason,
    )


def mean_leakage_w(stage: Stage, records: Sequence[WindowRecord]) -> float:
    """Return the heat-driven power in the windows, averaged over them as P_0 is, W."""
    means = []
    for record in records:
        end_ns = record.started_ns + round(record.span_s * 1e9)
        leakage_j = stage.load.true_leakage_j(record.started_ns, end_ns)
        means.append(leakage_j / record.span_s)
    return sum(means) / len(means)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Estimates:
    compute: Compute
    uplink: Uplink
    ratio: GrossNet
    idle: Quantity


def _estimates(
    records: Sequence[WindowRecord],
    blocks: tuple[Block, ...],
    rate: float,
    budget: SystematicBudget,
) -> _Estimates:
    return _Estimates(
        compute=compute_of(records, blocks, budget, model=MODEL, runtime=RUNTIME),
        uplink=uplink_of(records, rate, budget),
        ratio=ratio_of_e_d_and_e_c(records, blocks, rate, budget),
        idle=idle_of(records, budget).power_w,
    )


def _figures(found: _Estimates, truth: SimulatedTruth) -> dict[str, Figure]:
    e_d, e_c = truth.e_d_flop_per_j, truth.e_c_bit_per_j
    ratio = {account: e_d[account] / e_c[account] for account in e_d}
    return {
        **_both("E_d", found.compute.e_d_flop_per_j, e_d),
        **_both("E_c", found.uplink.e_c_bit_per_j, e_c),
        **_both("E_d/E_c", found.ratio, ratio),
        "P_0": _figure(found.idle, truth.idle_power_w),
        **{
            f"e_{block.index}": _figure(block.energy_j.net, true_j)
            for block, true_j in zip(found.compute.blocks, truth.block_energy_j, strict=True)
            if block.energy_j.net is not None
        },
        **_views(found.compute.views, e_d),
    }


def _both(name: str, found: GrossNet, truth: Mapping[str, float]) -> dict[str, Figure]:
    both = {f"{name} gross": _figure(found.gross, truth["gross"])}
    if found.net is not None:
        both[f"{name} net"] = _figure(found.net, truth["net"])
    return both


def _figure(found: Quantity, truth: float) -> Figure:
    low, high = found.ci95 or (found.value, found.value)
    return Figure(value=found.value, low=low, high=high, truth=truth)


def _views(views: Sequence[EstimateView], truth: Mapping[str, float]) -> dict[str, Figure]:
    figures = {}
    for view in views:
        intervals = {"": view.ci95, ", bootstrap": view.bootstrap_ci95}
        for suffix, interval in intervals.items():
            if interval is not None:
                figures[f"{view.figure}, {view.method}{suffix}"] = Figure(
                    value=view.value,
                    low=interval[0],
                    high=interval[1],
                    truth=truth[view.figure.split()[-1]],
                )
    return figures


def _judge(stage: Stage, records: Sequence[WindowRecord], found: _Estimates) -> Quality:
    e_d, e_c = found.compute.e_d_flop_per_j, found.uplink.e_c_bit_per_j
    return judge(
        Evidence(
            records=records,
            sampling=stage.sampler.statistics(),
            throttled_bits=None,
            e_d=e_d.net or e_d.gross,
            e_c=e_c.net or e_c.gross,
            loopback=False,
            simulated=True,
            sensor=stage.sampler.description,
        )
    )
