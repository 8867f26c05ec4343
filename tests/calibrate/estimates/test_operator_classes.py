from __future__ import annotations

import numpy as np
import pytest

from joulesplit.calibrate.estimates._operator_classes import class_fit, class_flop
from joulesplit.calibrate.profile import BlockEnergy, GrossNet, Quantity
from joulesplit.metrology import SystematicBudget
from joulesplit.partition import Operator

BUDGET = SystematicBudget(terms=(), scale_u_rel=0.01, offset_u_w=0.0)
EXACT = np.zeros((4, 4))
NO_BUDGET = SystematicBudget(terms=(), scale_u_rel=0.0, offset_u_w=0.0)
CONVOLUTION_J, DEPTHWISE_J = 2e-10, 9e-10


def quantity(value: float, unit: str = "J") -> Quantity:
    return Quantity(value=value, unit=unit, ci95=(value, value), u_stat=0.0, u_sys=0.0, n=3)


def measured(index: int, energy_j: float, flop: int) -> BlockEnergy:
    return BlockEnergy(
        index=index,
        name=f"block_{index}",
        last_operator=index,
        flop=flop,
        output_bits=1,
        energy_j=GrossNet(gross=quantity(energy_j), net=quantity(energy_j)),
        latency_s=quantity(1.0, "s"),
    )


def mixed_blocks(energies=None):
    """Blocks with convolution and depthwise in changing shares."""
    table = [
        {"convolution": c, "depthwise": d, "dense": 0, "other": 1000}
        for c, d in ((10**7, 10**6), (2 * 10**7, 10**6), (10**7, 3 * 10**6), (5 * 10**6, 10**6))
    ]
    costs = {"convolution": CONVOLUTION_J, "depthwise": DEPTHWISE_J, "dense": 0, "other": 0}
    blocks = []
    for index, row in enumerate(table, start=1):
        energy_j = sum(costs[name] * flop for name, flop in row.items())
        energy_j *= (energies or {}).get(index, 1.0)
        blocks.append(measured(index, energy_j, sum(row.values())))
    return blocks, table


def test_costs_by_class_are_found_and_predict_blocks_that_were_left_out():
    blocks, table = mixed_blocks()

    fit = class_fit(blocks, table, EXACT, BUDGET)

    found = {cost.operator_class: cost.energy_j_per_flop for cost in fit.classes}
    assert found["convolution"].value == pytest.approx(CONVOLUTION_J, rel=1e-3)
    assert found["depthwise"].value == pytest.approx(DEPTHWISE_J, rel=1e-3)
    assert found["convolution"].u_sys == pytest.approx(0.01 * CONVOLUTION_J, rel=1e-3)
    assert fit.leave_one_out_rms < 1e-3
    assert fit.constant_e_d_rms > 0.1
    assert fit.advice == ""


def test_costs_cover_where_blocks_share_most_of_their_error():
    """Blocks measured together share the error of a window's cost, which their scatter hides."""
    random = np.random.default_rng(3)
    blocks, table = mixed_blocks()
    blocks, table = blocks * 5, table * 5
    energy = np.array([block.energy_j.net.value for block in blocks])
    relative = 0.004**2 * np.eye(20) + 0.006**2
    covariance = relative * np.outer(energy, energy)
    root = np.linalg.cholesky(relative)
    inside = {"convolution": 0, "depthwise": 0}
    truth = {"convolution": CONVOLUTION_J, "depthwise": DEPTHWISE_J}
    for _ in range(200):
        errors = root @ random.standard_normal(20)
        found = [
            measured(b.index, b.energy_j.net.value * (1 + e), b.flop)
            for b, e in zip(blocks, errors, strict=True)
        ]
        fit = class_fit(found, table, covariance, NO_BUDGET)
        for cost in fit.classes:
            low, high = cost.energy_j_per_flop.ci95
            inside[cost.operator_class] += low <= truth[cost.operator_class] <= high

    # Other operators are 1000 FLOP of millions and billed to convolution. Three standard errors
    # of chance are 4.6 %.
    assert all(0.9 <= held / 200 <= 0.99 for held in inside.values())


def test_blocks_that_scatter_by_more_than_they_were_measured_to_make_the_costs_less_certain():
    blocks, table = mixed_blocks({1: 1.05, 2: 0.95, 3: 1.04})

    exact, loose = (class_fit(b, table, EXACT, NO_BUDGET) for b in (mixed_blocks()[0], blocks))

    def width(fit):
        low, high = fit.classes[0].energy_j_per_flop.ci95
        return (high - low) / fit.classes[0].energy_j_per_flop.value

    assert width(exact) < 1e-3
    assert width(loose) > 0.05


def test_a_class_that_is_in_no_two_blocks_is_counted_with_the_largest():
    blocks, table = mixed_blocks()
    table[0] = table[0] | {"dense": 5 * 10**6}

    classes = {cost.operator_class for cost in class_fit(blocks, table, EXACT, BUDGET).classes}

    assert classes == {"convolution", "depthwise"}


def test_a_block_that_does_not_follow_is_named_and_the_advice_says_so():
    blocks, table = mixed_blocks({3: 2.0})

    fit = class_fit(blocks, table, EXACT, BUDGET)

    assert fit.leave_one_out_rms > 0.1
    assert abs(fit.leave_one_out_worst) > 0.3
    assert "own energies" in fit.advice


def test_blocks_alike_cannot_tell_classes_apart():
    blocks, table = mixed_blocks()

    fit = class_fit([blocks[0]] * 4, [table[0]] * 4, EXACT, BUDGET)

    assert fit.classes == ()
    assert "cannot tell" in fit.advice
    assert class_fit(blocks[:2], table[:2], EXACT, BUDGET) is None


def test_work_is_sorted_by_the_kind_of_operator(make_block):
    kinds = ("CONV_2D", "DEPTHWISE_CONV_2D", "ADD")
    operators = [
        Operator(index=i, kind=kind, inputs=(), outputs=(), flop=flop, mac_flop=0)
        for i, (kind, flop) in enumerate(zip(kinds, (50, 7, None), strict=True))
    ]

    from dataclasses import replace

    block = replace(make_block(1, 57, 1), first_operator=0, last_operator=2)

    assert class_flop(block, operators) == {
        "convolution": 50,
        "depthwise": 7,
        "dense": 0,
        "other": 0,
    }
