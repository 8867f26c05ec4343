"""Does stopping early spoil anything? Campaigns that end when their rule says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from calibrate.campaign.plan import QUICK, RIGOROUS, Plan, StopPlan, for_decision
from calibrate.campaign.precision import assess_e_d_and_e_c
from calibrate.campaign.produce import produce_profile
from calibrate.campaign.stopping import precision_rule
from joulesplit.measuring.decision_stop import rule_of
from joulesplit.proving.campaign import Measured, run_world
from joulesplit.proving.stage import proof_blocks, proof_network
from joulesplit.proving.worlds import perfect_sensor_world
from joulesplit.virtual import run_virtual, virtual_circumstances
from optimizer.decision import decide

STOPPED = msgspec.structs.replace(
    QUICK,
    name="quick, until known",
    stop=StopPlan(rule="precision", relative_half_width=0.006, looks=6),
)
"""Ends after one to six rounds: E_c of one quick round is known to about 1.3 %."""


def measure_stopped(seed: int) -> Measured:
    """Run a campaign that ends when E_d and E_c are known well enough."""
    rule = precision_rule(STOPPED.stop, assess_e_d_and_e_c(STOPPED, len(proof_blocks())))
    return run_world(perfect_sensor_world(seed), STOPPED, exact_sensor=True, rule=rule)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Where one world's network is to be split, by two plans.

    Attributes:
        rigorous, decided: l* by the rigorous plan, and by the one that stops once it is certain.
        rigorous_s, decided_s: Time of their windows, s.
    """

    rigorous: int
    decided: int
    rigorous_s: float
    decided_s: float


def choose(seed: int) -> Choice:
    """Measure one world by the rigorous plan and again only for the decision."""
    rigorous, rigorous_s = _split(seed, RIGOROUS)
    decided, decided_s = _split(seed, for_decision(RIGOROUS))
    return Choice(rigorous=rigorous, decided=decided, rigorous_s=rigorous_s, decided_s=decided_s)


def _split(seed: int, plan: Plan) -> tuple[int, float]:
    setup, network, blocks = perfect_sensor_world(seed), proof_network(), proof_blocks()
    plan = msgspec.structs.replace(plan, order_seed=seed, phases=False, downloads=False)
    outcome, sensor, _ = run_virtual(
        plan,
        blocks,
        setup,
        rule_for=lambda found: rule_of(
            plan, network, virtual_circumstances(plan, network, blocks, setup, found)
        ),
    )
    around = virtual_circumstances(plan, network, blocks, setup, sensor)
    decision = decide(network, blocks, produce_profile(outcome.records, around), account="net")
    return decision.best.block, sum(record.span_s for record in outcome.records)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How often the two plans agree, and what the shorter one saves.

    Attributes:
        campaigns: How many pairs.
        same: Share with the same l*.
        time_share: Median of the time for the decision over that of the rigorous plan.
    """

    campaigns: int
    same: float
    time_share: float


def agreement(choices: Sequence[Choice]) -> Agreement | None:
    """Return how the plans compare; None without campaigns."""
    if not choices:
        return None
    return Agreement(
        campaigns=len(choices),
        same=float(np.mean([c.rigorous == c.decided for c in choices])),
        time_share=float(np.median([c.decided_s / c.rigorous_s for c in choices])),
    )
