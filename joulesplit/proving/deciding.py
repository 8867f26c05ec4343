"""Does measuring only for the decision choose what measuring everything chooses?

Each world is a device and a link of its own, so that the best split differs from world to world
and the two best are sometimes level. It is measured by the rigorous plan, and on another day (the
same device and chip, fresh noise, another order) by the plan for the decision. Both choices are
held against the truth.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from calibrate.campaign.plan import RIGOROUS, Plan, for_decision
from calibrate.campaign.produce import produce_profile
from calibrate.workloads.synthetic import BoardCosts, truth_of
from joulesplit.measuring.decision_stop import rule_of
from joulesplit.proving.agreement import Choice, Chosen
from joulesplit.proving.stage import proof_blocks, proof_network
from joulesplit.proving.worlds import device_world
from joulesplit.simulation import WorldSetup
from joulesplit.virtual import run_virtual, virtual_circumstances
from optimizer.cost import split_energies
from optimizer.decision import decide

ANOTHER_DAY = 1_000_000
"""Added to a world's seed for the noise of its second campaign."""


def choose(seed: int) -> Choice:
    """Measure one world by the rigorous plan and, another day, only for the decision."""
    setup, rate_bit_per_s = device_world(seed)
    plan = at_rate(RIGOROUS, rate_bit_per_s)
    energies_j = true_energies_j(setup.costs, rate_bit_per_s)
    another_day = replace(setup, seed=setup.seed + ANOTHER_DAY)
    best, second = np.argsort(energies_j)[:2]
    return Choice(
        best=int(best),
        gap=float(energies_j[second] / energies_j[best] - 1),
        rigorous=_chosen(setup, plan, energies_j),
        decided=_chosen(another_day, for_decision(plan), energies_j),
    )


def at_rate(plan: Plan, rate_bit_per_s: float) -> Plan:
    """Return a plan that states E_c at one of its rates."""
    others = [rate for rate in plan.rates_bit_per_s if rate != rate_bit_per_s]
    return msgspec.structs.replace(plan, rates_bit_per_s=(*others, rate_bit_per_s))


def true_energies_j(costs: BoardCosts, rate_bit_per_s: float) -> NDArray[np.float64]:
    """Return what every split truly costs by the net account, J; float64, shape (L + 1,)."""
    blocks = proof_blocks()
    truth = truth_of(costs, blocks, rate_bit_per_s)
    energies = split_energies(
        block_energy_j=truth.block_energy_j,
        output_bits=[block.output_bits for block in blocks],
        input_bits=proof_network().input_bits,
        bit_energy_j=1 / truth.e_c_bit_per_j["net"],
        upload_cost_j=costs.upload_cost_j,
    )
    return np.array([energy.total_j for energy in energies])


def _chosen(setup: WorldSetup, plan: Plan, energies_j: NDArray[np.float64]) -> Chosen:
    network, blocks = proof_network(), proof_blocks()
    plan = msgspec.structs.replace(plan, order_seed=setup.seed, phases=False, downloads=False)
    outcome, sensor, _ = run_virtual(
        plan,
        blocks,
        setup,
        rule_for=lambda found: rule_of(
            plan, network, virtual_circumstances(plan, network, blocks, setup, found)
        ),
    )
    around = virtual_circumstances(plan, network, blocks, setup, sensor)
    profile = produce_profile(outcome.records, around)
    decision = decide(network, blocks, profile, account="net", allow_rejected=True)
    return Chosen(
        block=decision.best.block,
        regret=float(energies_j[decision.best.block] / energies_j.min() - 1),
        duration_s=sum(record.span_s for record in outcome.records),
        windows=len(outcome.records),
        reached=outcome.opinion.reached,
    )
