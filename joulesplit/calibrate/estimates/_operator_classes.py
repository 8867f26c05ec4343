"""Joules per FLOP by class of operator, from the blocks' measured energies. Pure.

Blocks scatter around the costs for two reasons: they were measured with some error, most of which
they share (the cost of a window), and a class is only a model of what a block does. The fit is by
generalised least squares with the covariance of the measured energies plus a variance of the
model, which is found as Paule and Mandel do (J. Res. NBS 87, 1982; for regressions DerSimonian
and Kacker, Contemp. Clin. Trials 28, 2007): as large as makes the scatter what it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates._stats import LinearFit, weighted_fit
from joulesplit.calibrate.estimates._uncertainty import Estimate, quantity
from joulesplit.calibrate.profile import BlockEnergy, ClassCost, ClassFit, OperatorClass, Quantity
from joulesplit.metrology import Array, SystematicBudget
from joulesplit.partition import Block, Operator

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

LEAST_ERROR = 1e-6
"""No block is known better than this, relative: it keeps the covariance of exact ones regular."""

BISECTIONS = 30
"""Halvings of the interval from 0 to 1 that the model's relative error is sought in."""


def class_flop(block: Block, operators: Sequence[Operator]) -> dict[OperatorClass, int]:
    """Return the work of a block by class, FLOP."""
    totals: dict[OperatorClass, int] = dict.fromkeys(CLASSES, 0)
    for operator in operators[block.first_operator : block.last_operator + 1]:
        totals[CLASS_OF.get(operator.kind, "other")] += operator.flop or 0
    return totals


@dataclass(frozen=True, slots=True, kw_only=True)
class _Blocks:
    """Blocks as rows of 1 = Σ_c j_c · N_lc / e_l, which all count alike.

    Attributes:
        flop: N_lc, FLOP, shape (n, classes), float64.
        energy_j: e_l, J, shape (n,), float64.
        covariance: Of the relative errors, shape (n, n), float64.
    """

    flop: Array
    energy_j: Array
    covariance: Array

    def fit(self) -> LinearFit:
        """Return the generalised least squares fit; its covariance is never below the known one.

        Raises:
            EstimateError: The blocks cannot tell the classes apart.
        """
        root, level = np.linalg.cholesky(self.covariance), np.ones(len(self.energy_j))
        rows, ones = self.flop / self.energy_j[:, None], np.ones(len(self.energy_j))
        fit = weighted_fit(np.linalg.solve(root, rows), np.linalg.solve(root, ones), level)
        known = fit.covariance / fit.scale**2 if fit.scale > 0 else fit.covariance
        return replace(fit, covariance=known * max(1.0, fit.scale**2))

    def in_classes(self, flop: Array) -> _Blocks:
        """Return the blocks with their work in other classes, and with the errors of that model.

        Raises:
            EstimateError: The blocks cannot tell the classes apart.
        """
        measured = replace(self, flop=flop)
        low, high = 0.0, 1.0
        for _ in range(BISECTIONS if measured.fit().scale > 1 else 0):
            middle = (low + high) / 2
            low, high = (middle, high) if measured.loose(middle).fit().scale > 1 else (low, middle)
        return measured.loose(low)

    def loose(self, standard_deviation: float) -> _Blocks:
        """Return the blocks with errors of the model added, each its own, relative."""
        added = standard_deviation**2 * np.eye(len(self.energy_j))
        return replace(self, covariance=self.covariance + added)

    def left_out_errors(self) -> Array:
        """Return (predicted − measured) / measured of each block from all the others."""
        numbers = np.arange(len(self.energy_j))
        return np.array([self._left_out_error(numbers != left_out) for left_out in numbers])

    def _left_out_error(self, others: NDArray[np.bool_]) -> float:
        rest = _Blocks(
            flop=self.flop[others],
            energy_j=self.energy_j[others],
            covariance=self.covariance[np.ix_(others, others)],
        )
        predicted_j = float(self.flop[~others][0] @ rest.fit().coefficients)
        return predicted_j / float(self.energy_j[~others][0]) - 1


def class_fit(
    blocks: Sequence[BlockEnergy],
    flop_by_class: Sequence[Mapping[OperatorClass, int]],
    covariance_j2: Array,
    budget: SystematicBudget,
) -> ClassFit | None:
    """Fit e_l = Σ_c N_lc · j_c to the blocks' net energies, in relative terms.

    Args:
        blocks: Measured blocks; those without net energy or without work are passed over.
        flop_by_class: Work of each block by class, FLOP.
        covariance_j2: Of the net energies, J², shape (blocks, blocks), float64.
        budget: The sensor's; its scale error is common to all costs.

    Returns:
        The fit; None if there are too few blocks to leave one out.
    """
    used = [
        row
        for row, (block, by_class) in enumerate(zip(blocks, flop_by_class, strict=True))
        if block.energy_j.net is not None and sum(by_class.values()) > 0
    ]
    if len(used) < 3:
        return None
    measured = _blocks(
        [blocks[row] for row in used],
        [[flop_by_class[row][name] for name in CLASSES] for row in used],
        covariance_j2[np.ix_(used, used)],
    )
    totals = measured.flop.sum(axis=1, keepdims=True)
    constant = measured.in_classes(totals).left_out_errors()
    costs, errors, advice = _fitted(measured, constant, budget)
    worst = int(np.argmax(np.abs(errors)))
    return ClassFit(
        classes=costs,
        leave_one_out_rms=_rms(errors),
        leave_one_out_worst=float(errors[worst]),
        worst_block=blocks[used[worst]].index,
        constant_e_d_rms=_rms(constant),
        advice=advice,
    )


def _blocks(
    blocks: Sequence[BlockEnergy], flop: Sequence[Sequence[int]], covariance_j2: Array
) -> _Blocks:
    energy_j = np.array([block.energy_j.net.value for block in blocks if block.energy_j.net])
    least = LEAST_ERROR**2 * np.eye(len(energy_j))
    return _Blocks(
        flop=np.array(flop, dtype=np.float64),
        energy_j=energy_j,
        covariance=covariance_j2 / np.outer(energy_j, energy_j) + least,
    )


def _fitted(
    measured: _Blocks, constant: Array, budget: SystematicBudget
) -> tuple[tuple[ClassCost, ...], Array, str]:
    """Return costs, errors of prediction and advice; those of one class if there is no telling."""
    names, merged = _merge_small(measured.flop, measured.flop.sum(axis=1, keepdims=True))
    try:
        blocks = measured.in_classes(merged)
        costs, errors = _costs(names, merged, blocks.fit(), budget), blocks.left_out_errors()
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
    names: Sequence[OperatorClass], table: Array, fit: LinearFit, budget: SystematicBudget
) -> tuple[ClassCost, ...]:
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
