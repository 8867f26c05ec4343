"""Does measuring only for the decision choose what measuring everything chooses?

Each world is a device and a link of its own, so that the best split differs from world to world
and the two best are sometimes level. It is measured by the rigorous plan, and on another day (the
same device and chip, fresh noise, another order) by the plan for the decision. Both choices are
held against the truth.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from joulesplit._decision_stop import rule_of
from joulesplit._simulation import WorldSetup
from joulesplit.calibrate.campaign import Completion, Plan, for_decision, profile_from_windows
from joulesplit.calibrate.campaign._plan import RIGOROUS, UNLIMITED
from joulesplit.calibrate.workloads import truth_of
from joulesplit.optimizer import Usage, decide
from joulesplit.optimizer._cost import upload_sizes
from proof.agreement import Choice, Chosen
from proof.stage import proof_blocks, proof_network
from proof.virtual import run_virtual, virtual_circumstances
from proof.worlds import device_world

PACED_SHARES = (0.05, 0.1, 0.25, 0.5, 1.0)
"""Of the rate of a world's link, at which uploads are paced; RIGOROUS has as many."""

ANOTHER_DAY = 1_000_000
"""Added to a world's seed for the noise of its second campaign."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SplitWorld:
    """A world in which a network is to be split.

    Attributes:
        setup: The device and its sensor.
        plan: The rigorous one, at rates that the device's link carries.
        energies_j: What every split truly costs by the net account, J; float64, shape (L + 1,).
    """

    setup: WorldSetup
    plan: Plan
    energies_j: NDArray[np.float64]

    @property
    def best(self) -> int:
        """l* in truth."""
        return int(self.energies_j.argmin())

    @property
    def gap(self) -> float:
        """What the second best split truly costs above the best one, relative."""
        best_j, second_j = np.sort(self.energies_j)[:2]
        return float(second_j / best_j - 1)


def split_world(seed: int) -> SplitWorld:
    """Return the world of a seed."""
    setup = device_world(seed)
    carried = [share * setup.link_rate_bit_per_s for share in PACED_SHARES]
    return SplitWorld(
        setup=setup,
        plan=msgspec.structs.replace(RIGOROUS, rates_bit_per_s=(*carried, UNLIMITED)),
        energies_j=_true_energies_j(setup),
    )


def unlike_world(seed: int) -> SplitWorld:
    """Return a world whose blocks cost inside a network what they do not cost alone.

    Each differs in its own way, by half a per cent to eight (standard deviation), beside what all
    have in common, and every run pays for its start, which blocks measured alone each count.
    """
    world = split_world(seed)
    random = np.random.default_rng([seed, 16])
    spread = float(0.005 * 16 ** random.uniform())
    costs = replace(
        world.setup.costs,
        cold_share=float(random.uniform(-0.05, 0.1)),
        inside_shares=tuple((spread * random.standard_t(5, len(proof_blocks()))).tolist()),
        invoke_s=float(random.uniform(0.0, 2e-4)),
    )
    setup = replace(world.setup, costs=costs)
    return replace(world, setup=setup, energies_j=_true_energies_j(setup))


def choose(seed: int) -> Choice:
    """Measure one world by the rigorous plan and, another day, only for the decision."""
    world = split_world(seed)
    return Choice(
        best=world.best,
        gap=world.gap,
        rigorous=chosen(world, world.plan),
        decided=chosen(on_another_day(world), for_decision(world.plan)),
    )


def on_another_day(world: SplitWorld) -> SplitWorld:
    """Return the same device and sensor with fresh noise."""
    return replace(world, setup=replace(world.setup, seed=world.setup.seed + ANOTHER_DAY))


def chosen(world: SplitWorld, plan: Plan) -> Chosen:
    """Measure a world by a plan, and choose where to split."""
    network, blocks, setup = proof_network(), proof_blocks(), world.setup
    plan = msgspec.structs.replace(plan, order_seed=setup.seed, phases=False, downloads=False)
    outcome, sensor, _ = run_virtual(
        plan,
        blocks,
        setup,
        input_bits=network.input_bits,
        rule_for=lambda found: rule_of(
            plan,
            network,
            virtual_circumstances(plan, network, blocks, setup, found),
            usage=Usage(),
        ),
    )
    opinion = outcome.opinion
    profile = profile_from_windows(
        outcome.records,
        virtual_circumstances(plan, network, blocks, setup, sensor),
        Completion(complete=True, reached=opinion.reached, reason=opinion.reason, warm=True),
    )
    best = decide(network, blocks, profile, account="net", allow_rejected=True).best.block
    return Chosen(
        block=best,
        regret=float(world.energies_j[best] / world.energies_j.min() - 1),
        duration_s=sum(record.span_s for record in outcome.records),
        windows=len(outcome.records),
        reached=opinion.reached,
    )


def _true_energies_j(setup: WorldSetup) -> NDArray[np.float64]:
    """Return what an inference now and then truly costs, which wakes the radio by itself.

    It uploads as fast as the link goes.
    """
    costs, blocks = setup.costs, proof_blocks()
    truth = truth_of(costs, blocks, setup.link_rate_bit_per_s)
    burst_j = setup.radio.burst_j if setup.radio else 0.0
    bits = upload_sizes(proof_network().input_bits, [block.output_bits for block in blocks])
    uploads_j = np.array(bits) / truth.e_c_bit_per_j["net"] + costs.upload_cost_j + burst_j
    uploads_j[-1] = 0.0
    return np.array([0.0, *truth.head_energy_j]) + uploads_j
