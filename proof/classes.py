"""Costs by class of operator where there is a truth: a board that pays for classes, not blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from joulesplit.calibrate.campaign import QUICK
from joulesplit.calibrate.estimates import compute_of
from joulesplit.calibrate.estimates._operator_classes import class_flop
from joulesplit.calibrate.profile import OperatorClass
from joulesplit.partition import Block
from proof.campaign import MODEL, NO_SYSTEMATIC_ERROR, RUNTIME, run_on
from proof.figures import Figure, figure
from proof.stage import proof_blocks, proof_network, stage_of
from proof.worlds import COSTS, perfect_sensor_world

SLOWNESS: dict[OperatorClass, float] = {"depthwise": 3.0}
"""Time of a FLOP relative to one of convolution, where it is not the same: a depthwise
convolution waits for memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassCosts:
    """What a campaign says of the classes.

    Attributes:
        figures: J/FLOP by class.
        leave_one_out_rms: Error of predicting a block from the others, relative.
    """

    figures: dict[str, Figure]
    leave_one_out_rms: float


@cache
def _costing() -> tuple[Block, ...]:
    """Return the blocks as convolution alone would take as long for them."""
    operators = proof_network().operators
    return tuple(
        replace(
            block,
            flop=round(
                sum(
                    flop * SLOWNESS.get(name, 1.0)
                    for name, flop in class_flop(block, operators).items()
                )
            ),
            output_bits=0,
        )
        for block in proof_blocks()
    )


def measure_classes(seed: int) -> ClassCosts:
    """Run a campaign with a perfect sensor on a board that takes its time for FLOPs by class.

    Raises:
        CalibrationError: The windows do not give the figures.
    """
    stage = stage_of(perfect_sensor_world(seed), costing=_costing())
    records = run_on(stage, QUICK).records
    classes = compute_of(
        records,
        stage.blocks,
        NO_SYSTEMATIC_ERROR,
        model=MODEL,
        runtime=RUNTIME,
        operators=proof_network().operators,
    ).classes
    assert classes is not None
    convolution_j = COSTS.compute_power_w / COSTS.flop_rate_per_s
    return ClassCosts(
        figures={
            f"J/FLOP {cost.operator_class}": figure(
                cost.energy_j_per_flop, convolution_j * SLOWNESS.get(cost.operator_class, 1.0)
            )
            for cost in classes.classes
        },
        leave_one_out_rms=classes.leave_one_out_rms,
    )
