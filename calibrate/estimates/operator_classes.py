"""Joules per FLOP by class of operator, from the blocks' measured energies. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from calibrate.errors import EstimateError
from calibrate.estimate_records import ClassCost, ClassFit, OperatorClass
from calibrate.estimates.stats import Array, LinearFit, weighted_fit
from calibrate.estimates.uncertainty import Estimate, SystematicBudget, quantity
from calibrate.profile import BlockEnergy
from calibrate.quantity import Quantity
from partition.network import Block, Operator

CLASS_OF: Mapping[str, OperatorClass] = {
    "CONV_2D": "convolution",
    "CONV_3D": "convolution",
    "TRANSPOSE_CONV": "convolution",
    "DEPTHWISE_CONV_2D": "depthwise",
    "FULLY_CONNECTED": "dense",
    "BATCH_MATMUL": "dense",
}
"""Operators that do the same kind of work; whatever is not named is ``other``."""

CLASSES: tuple[OperatorClass, ...] = ("convolution", "depthwise", "dense", "other")

LEAST_SHARE = 0.01
"""A class needs two blocks with more of it than this share of their work, so that one of them can
be left out; a rarer one is counted with the largest class."""

USABLE_RMS = 0.1
"""Larger errors of prediction speak against the costs."""


def class_flop(block: Block, operators: Sequence[Operator]) -> dict[OperatorClass, int]:
    """Return the work of a block by class, FLOP."""
    totals: dict[OperatorClass, int] = dict.fromkeys(CLASSES, 0)
    for operator in operators[block.first_operator : block.last_operator + 1]:
        totals[CLASS_OF.get(operator.kind, "other")] += operator.flop or 0
    return totals


def class_fit(
    blocks: Sequence[BlockEnergy],
    flop_by_class: Sequence[Mapping[OperatorClass, int]],
    budget: SystematicBudget,
) -> ClassFit | None:
    """Fit e_l = Σ_c N_lc · j_c to the blocks' net energies, in relative terms.

    Blocks differ by more than their windows scatter, because a class is only a model: the
    scatter that counts is that of the blocks around the fit.

    Args:
        blocks: Measured blocks; those without net energy are passed over.
        flop_by_class: Work of each block by class, FLOP.
        budget: The sensor's; its scale error is common to all costs.

    Returns:
        The fit; None if there are too few blocks to leave one out.
    """
    rows = [
        (block.index, block.energy_j.net.value, [by_class[name] for name in CLASSES])
        for block, by_class in zip(blocks, flop_by_class, strict=True)
        if block.energy_j.net is not None and sum(by_class.values()) > 0
    ]
    if len(rows) < 3:
        return None
    table = np.array([work for _, _, work in rows], dtype=np.float64)
    energy = np.array([energy_j for _, energy_j, _ in rows])
    constant = _leave_one_out(table.sum(axis=1, keepdims=True), energy)
    costs, errors, advice = _fitted(table, energy, constant, budget)
    worst = int(np.argmax(np.abs(errors)))
    return ClassFit(
        classes=costs,
        leave_one_out_rms=_rms(errors),
        leave_one_out_worst=float(errors[worst]),
        worst_block=rows[worst][0],
        constant_e_d_rms=_rms(constant),
        advice=advice,
    )


def _fitted(
    table: Array, energy: Array, constant: Array, budget: SystematicBudget
) -> tuple[tuple[ClassCost, ...], Array, str]:
    """Return costs, errors of prediction and advice; those of one class if there is no telling."""
    names, merged = _merge_small(table, table.sum(axis=1, keepdims=True))
    try:
        costs, errors = _costs(names, merged, energy, budget), _leave_one_out(merged, energy)
    except EstimateError as error:
        advice = f"the blocks cannot tell the classes apart ({error}); use the blocks' energies"
        return (), constant, advice
    return costs, errors, _advice(costs, _rms(errors))


def _merge_small(table: Array, totals: Array) -> tuple[list[OperatorClass], Array]:
    """Put classes that no block does much of into its largest one; drop empty ones."""
    largest = int(np.argmax(table.sum(axis=0)))
    kept = [
        column
        for column in range(len(CLASSES))
        if np.sum(table[:, column] / totals[:, 0] > LEAST_SHARE) >= 2 or column == largest
    ]
    merged = table[:, kept].copy()
    for column in set(range(len(CLASSES))) - set(kept):
        merged[:, kept.index(largest)] += table[:, column]
    return [CLASSES[column] for column in kept], merged


def _costs(
    names: Sequence[OperatorClass], table: Array, energy: Array, budget: SystematicBudget
) -> tuple[ClassCost, ...]:
    fit = weighted_fit(table, energy, energy)
    return tuple(
        ClassCost(
            operator_class=name,
            flop=int(table[:, column].sum()),
            energy_j_per_flop=_cost(fit, column, budget),
        )
        for column, name in enumerate(names)
    )


def _cost(fit: LinearFit, column: int, budget: SystematicBudget) -> Quantity:
    estimate = Estimate(
        value=float(fit.coefficients[column]),
        u_stat=float(np.sqrt(fit.covariance[column, column])),
        degrees_of_freedom=fit.degrees_of_freedom,
        n=len(fit.residuals),
    )
    return quantity(estimate, "J/FLOP", budget)


def _leave_one_out(table: Array, energy: Array) -> Array:
    """Return (predicted − measured) / measured of each block from all the others."""
    errors = []
    for left_out in range(len(energy)):
        rest = np.arange(len(energy)) != left_out
        fit = weighted_fit(table[rest], energy[rest], energy[rest])
        errors.append(float(table[left_out] @ fit.coefficients) / energy[left_out] - 1)
    return np.array(errors)


def _rms(errors: Array) -> float:
    return float(np.sqrt(np.mean(errors**2)))


def _advice(costs: Sequence[ClassCost], rms: float) -> str:
    negative = [c.operator_class for c in costs if c.energy_j_per_flop.value <= 0]
    if negative:
        return (
            f"the cost of {', '.join(negative)} comes out negative: the blocks do not follow the "
            "classes' work; use the blocks' own energies"
        )
    if rms > USABLE_RMS:
        return (
            f"a block's energy is predicted to {rms:.0%} only; use the blocks' own energies "
            "and the classes for nothing but a first guess at another network"
        )
    return ""
