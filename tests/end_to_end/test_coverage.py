"""The whole campaign in virtual time, many times: does the truth lie where we say?

Everything runs as on the bench but the clock: the real plan, procedure, windows, driver and
estimates, on a simulated chip with a fresh specimen, noise and conversion time in every world.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec
import numpy as np
import pytest

from campaign_counts import campaigns, fewest_inside
from joulesplit._simulation import draw_world, without_errors
from joulesplit.calibrate.campaign import QUICK
from joulesplit.calibrate.estimates import (
    compute_of,
    idle_of,
    loads_of,
    uplink_of,
)
from joulesplit.calibrate.profile import Quantity
from joulesplit.calibrate.workloads import truth_of
from joulesplit.cli._resources import paper_network
from joulesplit.metrology import budget_of
from joulesplit.partition.cutting import residual_blocks
from joulesplit.partition.reading import read_network
from proof.campaign import MODEL, RUNTIME, SCATTER_ALONE
from proof.virtual import run_virtual_campaign

CAMPAIGNS = campaigns(every=100, few=16)
PERFECT = campaigns(every=100, few=48)
HEADLINES = ("E_d net", "E_d gross", "E_c net", "E_c gross")

pytestmark = pytest.mark.campaign


@dataclass(frozen=True)
class Outcome:
    """One figure of one campaign, as relative error, and whether its interval held the truth."""

    error: float
    inside: bool


def outcome(quantity: Quantity, truth: float) -> Outcome:
    low, high = quantity.ci95
    return Outcome(quantity.value / truth - 1, low <= truth <= high)


def run_world(seed: int, blocks, *, perfect_sensor: bool) -> dict[str, Outcome]:
    setup, plan = draw_world(seed, origin_ns=10**9), QUICK
    if perfect_sensor:
        # What rests tell is in no scatter.
        setup = replace(setup, chip=without_errors(setup.chip))
        plan = msgspec.structs.replace(plan, rests=0)
    records, sensor, statistics = run_virtual_campaign(plan, blocks, setup)
    assert statistics.lost == 0
    budget = budget_of(sensor.accuracy, loads_of(records))
    if perfect_sensor:
        # What a campaign leaves open makes its intervals wider than its scatter alone.
        budget = SCATTER_ALONE
    compute = compute_of(records, blocks, budget, model=MODEL, runtime=RUNTIME)
    e_c = uplink_of(records, QUICK.stated_rate_bit_per_s, budget).e_c_bit_per_j
    truth = truth_of(setup.costs, blocks, QUICK.sent_rate_bit_per_s(setup.link_rate_bit_per_s))
    e_d = compute.e_d_flop_per_j
    return {
        "E_d net": outcome(e_d.net, truth.e_d_flop_per_j["net"]),
        "E_d gross": outcome(e_d.gross, truth.e_d_flop_per_j["gross"]),
        "E_c net": outcome(e_c.net, truth.e_c_bit_per_j["net"]),
        "E_c gross": outcome(e_c.gross, truth.e_c_bit_per_j["gross"]),
        "P_0": outcome(idle_of(records, budget).power_w, truth.idle_power_w),
        **{
            f"e_{block.index}": outcome(block.energy_j.net, true_j)
            for block, true_j in zip(compute.blocks, truth.block_energy_j, strict=True)
        },
    }


def run_worlds(count: int, *, perfect_sensor: bool) -> list[dict[str, Outcome]]:
    blocks = residual_blocks(read_network(paper_network()))
    return [run_world(seed, blocks, perfect_sensor=perfect_sensor) for seed in range(count)]


def coverage(worlds, names) -> float:
    return float(np.mean([world[name].inside for world in worlds for name in names]))


def test_with_a_perfect_sensor_the_statistics_alone_are_unbiased_and_cover():
    worlds = run_worlds(PERFECT, perfect_sensor=True)
    blocks = [name for name in worlds[0] if name.startswith("e_")]

    # Four standard errors around 95 %, were they independent: 2 % of 2000 intervals of e_l.
    assert abs(coverage(worlds, blocks) - 0.95) <= 4 * (0.95 * 0.05 / (20 * PERFECT)) ** 0.5
    for name in (*HEADLINES, "P_0"):
        assert coverage(worlds, [name]) >= fewest_inside(PERFECT) / PERFECT, name
    for name in worlds[0]:
        errors = np.array([world[name].error for world in worlds])
        assert abs(errors.mean()) <= 4 * errors.std(ddof=1) / PERFECT**0.5, name
        # So little that a hundred tell it; fewer tell what four of their standard errors are.
        error_u = errors.std(ddof=1) / PERFECT**0.5
        assert abs(errors.mean()) <= max(2e-3, 2 * error_u), name


def test_with_a_real_sensors_errors_the_truth_is_inside_in_at_least_nine_of_ten_campaigns():
    worlds = run_worlds(CAMPAIGNS, perfect_sensor=False)

    inside = sum(all(world[name].inside for name in HEADLINES) for world in worlds)
    assert inside >= fewest_inside(CAMPAIGNS)
    for name in worlds[0]:
        assert coverage(worlds, [name]) >= fewest_inside(CAMPAIGNS) / CAMPAIGNS, name
